/*
 * Pools of compressed pages, see zspool.h. Models mm/zsmalloc.c v6.12.
 */
#include "zspool.h"

#include <stdlib.h>

#include "node.h"
#include "slab.h"

#define MIN_OBJECT_BYTES 32		/* ZS_MIN_ALLOC_SIZE, mm/zsmalloc.c v6.12 */
#define CLASS_STEP_BYTES 16		/* ZS_SIZE_CLASS_DELTA, the same */
#define HANDLE_BYTES 8			/* ZS_HANDLE_SIZE, the same: kept with each object */
#define HANDLES_PER_SLAB 512		/* of a page: ZS_HANDLE_SIZE, the same */
#define RECORDS_PER_SLAB 73		/* of a page: struct zspage, 56 bytes, x86-64 v6.12 */
#define MAX_CHAIN_PAGES 8		/* CONFIG_ZSMALLOC_CHAIN_SIZE, mm/Kconfig v6.12 */

_Static_assert(ZS_NR_CLASSES == (RCL_PAGE_BYTES - MIN_OBJECT_BYTES) / CLASS_STEP_BYTES + 1, "one class per step");

/* calculate_zspage_chain_size(): as many pages as waste the least at their end. */
static uint32_t chain_pages(uint32_t object_bytes)
{
	uint32_t least = UINT32_MAX, best = 1;

	if ((object_bytes & (object_bytes - 1)) == 0)
		return 1;
	for (uint32_t nr = 1; nr <= MAX_CHAIN_PAGES; nr++) {
		uint32_t waste = nr * RCL_PAGE_BYTES % object_bytes;

		if (waste < least) {
			least = waste;
			best = nr;
		}
	}
	return best;
}

/* Classes with equally many objects in equally many pages are one, that of the largest size. */
static void set_up_classes(struct zs_pool *pool)
{
	for (uint32_t i = ZS_NR_CLASSES; i-- > 0;) {
		uint32_t bytes = MIN_OBJECT_BYTES + i * CLASS_STEP_BYTES;
		struct zs_class *class = &pool->classes[i];

		class->nr_pages = (uint16_t)chain_pages(bytes);
		class->nr_objects = (uint16_t)(class->nr_pages * RCL_PAGE_BYTES / bytes);
		for (uint32_t group = 0; group < ZS_NR_GROUPS; group++)
			class->heads[group] = RCL_NIL;
		pool->merged[i] = (uint8_t)i;
		if (i + 1 < ZS_NR_CLASSES) {
			const struct zs_class *above = &pool->classes[pool->merged[i + 1]];

			if (above->nr_pages == class->nr_pages && above->nr_objects == class->nr_objects)
				pool->merged[i] = pool->merged[i + 1];
		}
	}
}

bool zspool_setup(struct zs_pool *pool, uint64_t nr_objects)
{
	pool->zspages = calloc(nr_objects + 1, sizeof(*pool->zspages));
	pool->free_head = RCL_NIL;
	pool->handles = slab_cache_of(1, HANDLES_PER_SLAB);
	pool->records = slab_cache_of(1, RECORDS_PER_SLAB);
	set_up_classes(pool);
	return pool->zspages;
}

void zspool_teardown(struct zs_pool *pool)
{
	free(pool->zspages);
}

bool zspool_is_huge(uint32_t nr_bytes)
{
	uint32_t bytes = nr_bytes + HANDLE_BYTES, chain;

	bytes = (bytes + CLASS_STEP_BYTES - 1) / CLASS_STEP_BYTES * CLASS_STEP_BYTES;
	if (bytes <= RCL_PAGE_BYTES / 2)
		return false;		/* each page of a chain holds two or more */
	if (bytes >= RCL_PAGE_BYTES)
		return true;
	chain = chain_pages(bytes);
	return chain * RCL_PAGE_BYTES / bytes == chain;
}

static uint32_t class_of(const struct zs_pool *pool, uint32_t nr_bytes)
{
	uint32_t bytes = nr_bytes + HANDLE_BYTES;

	if (bytes <= MIN_OBJECT_BYTES)
		return pool->merged[0];
	if (bytes >= RCL_PAGE_BYTES)
		return pool->merged[ZS_NR_CLASSES - 1];
	return pool->merged[(bytes - MIN_OBJECT_BYTES + CLASS_STEP_BYTES - 1) / CLASS_STEP_BYTES];
}

/* get_fullness_group(): tenths, rounded up; 0 for full ones, which are on no list. */
static uint32_t group_of(const struct zs_class *class, uint32_t nr_objects)
{
	return nr_objects == class->nr_objects ? 0 : 100 * nr_objects / class->nr_objects / 10 + 1;
}

static void unlink_zspage(struct zs_pool *pool, struct zs_class *class, uint32_t number)
{
	struct zspage *zspage = &pool->zspages[number];

	if (zspage->group == 0)
		return;
	if (zspage->prev != RCL_NIL)
		pool->zspages[zspage->prev].next = zspage->next;
	else
		class->heads[zspage->group] = zspage->next;
	if (class->heads[zspage->group] == RCL_NIL)
		class->filled_groups &= (uint16_t)~(1u << zspage->group);
	if (zspage->next != RCL_NIL)
		pool->zspages[zspage->next].prev = zspage->prev;
}

static void link_zspage(struct zs_pool *pool, struct zs_class *class, uint32_t number)
{
	struct zspage *zspage = &pool->zspages[number];
	uint32_t group = group_of(class, zspage->nr_objects);

	zspage->group = (uint8_t)group;
	if (group == 0)
		return;
	zspage->prev = RCL_NIL;
	zspage->next = class->heads[group];
	if (zspage->next != RCL_NIL)
		pool->zspages[zspage->next].prev = number;
	class->heads[group] = number;
	class->filled_groups |= (uint16_t)(1u << group);
}

/* A new, empty zspage that is on no list. */
static uint32_t add_zspage(struct rcl_machine *m, struct zs_pool *pool, uint32_t class)
{
	uint32_t number = pool->free_head != RCL_NIL ? pool->free_head : pool->nr_used;
	struct zspage *zspage = &pool->zspages[number];
	uint32_t next_free = zspage->next;

	if (!slab_alloc(m, &pool->records))
		return RCL_NIL;
	zspage->first_pfn = RCL_NIL;
	if (!node_take_chain(m, &zspage->first_pfn, pool->classes[class].nr_pages, RCL_TRANSIT_POOL)) {
		slab_free(m, &pool->records);
		return RCL_NIL;
	}
	pool->nr_pages += pool->classes[class].nr_pages;
	if (number == pool->free_head)
		pool->free_head = next_free;
	else
		pool->nr_used++;
	zspage->nr_objects = 0;
	zspage->class = (uint8_t)class;
	return number;
}

uint32_t zspool_alloc(struct rcl_machine *m, struct zs_pool *pool, uint32_t nr_bytes)
{
	uint32_t index = class_of(pool, nr_bytes);
	struct zs_class *class = &pool->classes[index];
	bool is_new = !class->filled_groups;
	struct zspage *zspage;
	uint32_t number;

	if (!slab_alloc(m, &pool->handles))
		return RCL_NIL;
	/* The fullest that has room (find_get_zspage()). */
	number = is_new ? add_zspage(m, pool, index) : class->heads[31 - __builtin_clz(class->filled_groups)];
	if (number == RCL_NIL) {
		slab_free(m, &pool->handles);
		return RCL_NIL;
	}
	zspage = &pool->zspages[number];
	zspage->nr_objects++;
	if (!is_new) {
		if (group_of(class, zspage->nr_objects) == zspage->group)
			return number;		/* still the first of its group */
		unlink_zspage(pool, class, number);
	}
	link_zspage(pool, class, number);
	return number;
}

void zspool_free(struct rcl_machine *m, struct zs_pool *pool, uint32_t number)
{
	struct zspage *zspage = &pool->zspages[number];
	struct zs_class *class = &pool->classes[zspage->class];

	slab_free(m, &pool->handles);
	unlink_zspage(pool, class, number);
	if (--zspage->nr_objects > 0) {
		link_zspage(pool, class, number);
		return;
	}
	node_free_chain(m, &zspage->first_pfn, class->nr_pages);
	pool->nr_pages -= class->nr_pages;
	slab_free(m, &pool->records);
	zspage->next = pool->free_head;
	pool->free_head = number;
}
