/*
 * Free blocks, see buddy.h. Models __rmqueue_smallest(), expand() and __free_one_page()
 * (mm/page_alloc.c v6.12).
 */
#include "buddy.h"

#include "lists.h"

static void add_block(struct rcl_machine *m, struct node *node, uint32_t pfn, uint32_t order)
{
	struct folio *folio = folio_at(m, pfn);

	folio->pub.order = (uint8_t)order;
	folio->marks = MARK_BUDDY;
	list_link(m, &node->free_area[order], pfn, false);
	node->nr_buddy_pages += UINT64_C(1) << order;
}

static void del_block(struct rcl_machine *m, struct node *node, uint32_t pfn, uint32_t order)
{
	folio_at(m, pfn)->marks = 0;
	folio_at(m, pfn)->pub.order = 0;
	list_unlink(m, &node->free_area[order], pfn);
	node->nr_buddy_pages -= UINT64_C(1) << order;
}

/* The free block of this order beside another, RCL_NIL if there is none (find_buddy_page_pfn()). */
static uint32_t find_buddy(const struct rcl_machine *m, const struct node *node, uint32_t at, uint32_t order)
{
	uint32_t buddy = at ^ (UINT32_C(1) << order);
	const struct folio *folio;

	if (buddy + (UINT64_C(1) << order) > node->pub.nr_pages - node->nr_fresh)
		return RCL_NIL;
	folio = folio_at(m, node->first_pfn + buddy);
	if (folio->transit != RCL_TRANSIT_FREE || !(folio->marks & MARK_BUDDY) || folio->pub.order != order)
		return RCL_NIL;
	return buddy;
}

void buddy_free(struct rcl_machine *m, struct node *node, uint32_t pfn, uint32_t order)
{
	uint32_t at = pfn - node->first_pfn;

	for (uint32_t i = 0; i < UINT32_C(1) << order; i++) {
		folio_at(m, pfn + i)->transit = RCL_TRANSIT_FREE;
		folio_at(m, pfn + i)->marks = 0;
		folio_at(m, pfn + i)->pub.order = 0;
	}
	for (; order < RCL_MAX_ORDER; order++) {
		uint32_t buddy = find_buddy(m, node, at, order);

		if (buddy == RCL_NIL)
			break;
		del_block(m, node, node->first_pfn + buddy, order);
		at &= ~(UINT32_C(1) << order);
	}
	add_block(m, node, node->first_pfn + at, order);
}

/* Take the smallest block that is large enough, and return what is too much of it. */
static uint32_t take_smallest(struct rcl_machine *m, struct node *node, uint32_t order)
{
	for (uint32_t found = order; found <= RCL_MAX_ORDER; found++) {
		uint32_t pfn = node->free_area[found].head;

		if (pfn == RCL_NIL)
			continue;
		del_block(m, node, pfn, found);
		while (found-- > order)
			add_block(m, node, pfn + (UINT32_C(1) << found), found);
		return pfn;
	}
	return RCL_NIL;
}

static void init_frames(struct rcl_machine *m, const struct node *node, uint32_t pfn, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		folio_at(m, pfn + i)->pub.pfn = pfn + i;
		folio_at(m, pfn + i)->pub.nid = node->pub.nid;
		folio_at(m, pfn + i)->transit = RCL_TRANSIT_FREE;
		folio_at(m, pfn + i)->marks = 0;
	}
}

/* Take an aligned block of frames that were never used; frames left out before it become blocks. */
static uint32_t take_fresh(struct rcl_machine *m, struct node *node, uint32_t order)
{
	uint32_t nr = UINT32_C(1) << order, at = (uint32_t)node->pub.nr_pages - node->nr_fresh;
	uint32_t gap = -at & (nr - 1);

	if (node->nr_fresh < gap + nr)
		return RCL_NIL;
	node->nr_fresh -= gap + nr;
	init_frames(m, node, node->first_pfn + at, gap + nr);
	for (uint32_t i = 0; i < gap; i++)
		buddy_free(m, node, node->first_pfn + at + i, 0);
	return node->first_pfn + at + gap;
}

/* drain_all_pages() */
static void drain_single_frames(struct rcl_machine *m, struct node *node)
{
	while (node->free_head != RCL_NIL) {
		uint32_t pfn = node->free_head;

		node->free_head = link_at(m, pfn)->next;
		buddy_free(m, node, pfn, 0);
	}
}

uint32_t buddy_take(struct rcl_machine *m, struct node *node, uint32_t order)
{
	uint32_t pfn = take_smallest(m, node, order);

	if (pfn == RCL_NIL)
		pfn = take_fresh(m, node, order);
	if (pfn == RCL_NIL && node->free_head != RCL_NIL) {
		drain_single_frames(m, node);
		pfn = take_smallest(m, node, order);
	}
	return pfn;
}
