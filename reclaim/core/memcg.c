/*
 * The memcg tree, see memcg.h. Models try_charge_memcg() (mm/memcontrol.c) and
 * page_counter_calculate_protection() (mm/page_counter.c) of v6.12.
 *
 * SIMPLIFIED: the charge stock hangs on the task, which stands for its CPU unless tasks take turns on one; effect: as
 * many stocks as tasks, where the kernel has one per CPU that it drains when another memcg charges there.
 */
#include "memcg.h"

#include <stdlib.h>
#include <string.h>

#include "direct.h"
#include "high.h"
#include "memcg_ring.h"
#include "oom.h"
#include "policy.h"
#include "psi.h"
#include "stats.h"

static uint64_t clamp_pages(uint64_t pages)
{
	return pages < RCL_MAX_PAGES ? pages : RCL_MAX_PAGES;
}

/* Walk up from a new memcg: every ancestor's subtree grows, every later memcg moves by one. */
static void insert_in_order(struct rcl_machine *m, struct memcg *memcg, const struct memcg *parent)
{
	uint32_t at = parent ? parent->order + parent->nr_subtree : 0;

	for (uint32_t i = m->nr_memcgs; i > at; i--) {
		m->memcg_order[i] = m->memcg_order[i - 1];
		m->memcgs[m->memcg_order[i]]->order = i;
	}
	m->memcg_order[at] = memcg->pub.id;
	memcg->order = at;
	memcg->nr_subtree = 1;
	for (struct memcg *up = memcg_parent(memcg); up; up = memcg_parent(up))
		up->nr_subtree++;
}

static bool init_lruvec(struct rcl_machine *m, struct memcg *memcg, uint32_t nid)
{
	struct lruvec *lruvec = &memcg->lruvecs[nid];
	struct memcg *parent = memcg_parent(memcg);

	lruvec->pub.id = memcg->pub.id * m->nr_nodes + nid;
	lruvec->pub.nid = (uint8_t)nid;
	lruvec->pub.memcg = &memcg->pub;
	lruvec->pub.node = &m->nodes[nid].pub;
	lruvec->pub.parent = parent ? &parent->lruvecs[nid].pub : NULL;
	lruvec->nr_lists = RCL_NR_STANDARD_LISTS;
	lruvec->unevictable.head = lruvec->unevictable.tail = RCL_NIL;
	return policy_grow_lists(lruvec, RCL_NR_STANDARD_LISTS);
}

static void free_memcg(struct rcl_machine *m, struct memcg *memcg)
{
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		free(memcg->lruvecs[nid].lists);
		free(memcg->lruvecs[nid].pub.list_pages);
	}
	free(memcg);
}

static struct memcg *alloc_memcg(struct rcl_machine *m, struct memcg *parent)
{
	struct memcg *memcg = calloc(1, sizeof(*memcg) + m->nr_nodes * sizeof(struct lruvec));

	if (!memcg)
		return NULL;
	memcg->m = m;
	memcg->pub.id = m->nr_memcgs;
	memcg->pub.parent = parent ? &parent->pub : NULL;
	memcg->pub.is_online = 1;
	memcg->deferred_split.head = memcg->deferred_split.tail = RCL_NIL;
	memcg->depth = parent ? parent->depth + 1 : 0;
	psi_init_group(memcg, m->setup_clock_ns);
	memset(memcg->resume, 0xff, sizeof(memcg->resume));
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		if (!init_lruvec(m, memcg, nid)) {
			free_memcg(m, memcg);
			return NULL;
		}
	}
	return memcg;
}

/* Limits that are set by their control files only. */
static void init_swap_limits(struct memcg *memcg)
{
	memcg->swap_high = RCL_MAX_PAGES;
	memcg->zswap_max = RCL_MAX_PAGES;
	memcg->zswap_writeback = true;
	memcg->zswap_oldest = RCL_NIL;
	memcg->zswap_newest = RCL_NIL;
}

int memcg_setup(struct rcl_machine *m)
{
	struct memcg *root;

	m->memcgs = calloc(RCL_MAX_MEMCGS, sizeof(*m->memcgs));
	m->memcg_order = calloc(RCL_MAX_MEMCGS, sizeof(*m->memcg_order));
	root = m->memcgs && m->memcg_order ? alloc_memcg(m, NULL) : NULL;
	if (!root)
		return machine_error(m, RCL_NO_MEMORY, "no memory for memcgs");
	root->pub.max = RCL_MAX_PAGES;
	root->pub.high = RCL_MAX_PAGES;
	root->pub.swap_max = RCL_MAX_PAGES;
	init_swap_limits(root);
	root->pub.swappiness = m->config.swappiness;
	insert_in_order(m, root, NULL);
	m->memcgs[0] = root;
	memcg_ring_add(m, root);
	m->nr_memcgs = 1;
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		m->nodes[nid].psi.memcg = root;
	return RCL_OK;
}

void memcg_teardown(struct rcl_machine *m)
{
	for (uint32_t i = 0; i < m->nr_memcgs; i++)
		free_memcg(m, m->memcgs[i]);
	free(m->memcgs);
	free(m->memcg_order);
}

static int check_memcg(struct rcl_machine *m, const struct rcl_memcg_config *config)
{
	uint32_t lruvecs = (m->nr_memcgs + 1) * m->nr_nodes;

	if (config->parent >= m->nr_memcgs || m->memcgs[config->parent]->is_offline)
		return machine_error(m, RCL_BAD_ARGUMENT, "parent memcg %u does not exist", config->parent);
	if (m->nr_memcgs >= RCL_MAX_MEMCGS || lruvecs > 1 << 16)
		return machine_error(m, RCL_BAD_ARGUMENT, "too many memcgs: at most %d, and %d with nodes multiplied",
				     RCL_MAX_MEMCGS, 1 << 16);
	if (m->memcgs[config->parent]->depth + 1 >= RCL_MAX_DEPTH)
		return machine_error(m, RCL_BAD_ARGUMENT, "memcg tree deeper than %d", RCL_MAX_DEPTH);
	if (config->max_pages == 0)
		return machine_error(m, RCL_BAD_ARGUMENT, "memory.max is 0 pages, at least 1 expected");
	return RCL_OK;
}

int rcl_memcg_create(struct rcl_machine *m, const struct rcl_memcg_config *config, uint32_t *memcg)
{
	int status = check_memcg(m, config);
	struct memcg *parent, *child;

	if (status != RCL_OK)
		return status;
	parent = m->memcgs[config->parent];
	child = alloc_memcg(m, parent);
	if (!child)
		return machine_error(m, RCL_NO_MEMORY, "no memory for a memcg");
	child->pub.max = clamp_pages(config->max_pages);
	child->pub.high = clamp_pages(config->high_pages);
	child->pub.low = clamp_pages(config->low_pages);
	child->pub.min = clamp_pages(config->min_pages);
	child->pub.swap_max = clamp_pages(config->swap_max_pages);
	init_swap_limits(child);
	child->oom_group = config->oom_group != 0;
	child->pub.swappiness = config->swappiness <= RCL_MAX_SWAPPINESS ? config->swappiness : parent->pub.swappiness;
	insert_in_order(m, child, parent);
	m->memcgs[child->pub.id] = child;
	m->nr_memcgs++;
	if (!policy_memcg_born(m, child)) {
		m->nr_memcgs--;
		for (uint32_t i = child->order; i < m->nr_memcgs; i++) {
			m->memcg_order[i] = m->memcg_order[i + 1];
			m->memcgs[m->memcg_order[i]]->order = i;
		}
		for (struct memcg *up = parent; up; up = memcg_parent(up))
			up->nr_subtree--;
		free_memcg(m, child);
		return machine_error(m, RCL_NO_MEMORY, "no memory for the policy's state of a memcg");
	}
	memcg_ring_add(m, child);
	*memcg = child->pub.id;
	return RCL_OK;
}

/* Writing memory.max below the usage reclaims, and kills when that is not enough (memory_max_write()). */
static void enforce_max(struct rcl_machine *m, struct memcg *memcg)
{
	uint32_t retries = MAX_RECLAIM_RETRIES;

	if (memcg->pub.usage > memcg->pub.max)
		memcg_drain_stocks(m, memcg);
	while (memcg->pub.usage > memcg->pub.max && !m->interrupted) {
		uint64_t nr = memcg->pub.usage - memcg->pub.max;

		if (retries > 0) {
			if (!direct_reclaim_memcg(m, memcg, nr, RCL_ORIGIN_MEMCG_LIMIT))
				retries--;
			continue;
		}
		memcg_count_event(memcg, RCL_MEMORY_EVENTS_OOM);
		if (!oom_kill(m, memcg, ALL_NODES))
			return;
	}
}

int rcl_memcg_set(struct rcl_machine *m, uint32_t memcg, uint32_t knob, uint64_t value)
{
	struct rcl_memcg *pub;

	if (memcg >= m->nr_memcgs || m->memcgs[memcg]->is_offline)
		return machine_error(m, RCL_BAD_ARGUMENT, "memcg %u does not exist", memcg);
	pub = &m->memcgs[memcg]->pub;
	if (knob > RCL_MEMCG_SWAP_HIGH || (knob == RCL_MEMCG_MAX && (value == 0 || memcg == 0)) ||
	    (knob == RCL_MEMCG_SWAPPINESS && value > RCL_MAX_SWAPPINESS))
		return machine_error(m, RCL_BAD_ARGUMENT, "memcg %u: knob %u cannot be set to %llu", memcg, knob,
				     (unsigned long long)value);
	if (knob == RCL_MEMCG_SWAPPINESS)
		pub->swappiness = (uint32_t)value;
	else if (knob == RCL_MEMCG_OOM_GROUP)
		m->memcgs[memcg]->oom_group = value != 0;
	else if (knob == RCL_MEMCG_HIGH) {
		pub->high = clamp_pages(value);
		if (m->has_default && memcg)
			high_enforce(m, m->memcgs[memcg]);
	} else if (knob == RCL_MEMCG_LOW)
		pub->low = clamp_pages(value);
	else if (knob == RCL_MEMCG_MIN)
		pub->min = clamp_pages(value);
	else if (knob == RCL_MEMCG_SWAP_MAX)
		pub->swap_max = clamp_pages(value);
	else if (knob == RCL_MEMCG_SWAP_HIGH)
		memcg_of(pub)->swap_high = clamp_pages(value);
	else if (knob == RCL_MEMCG_ZSWAP_MAX)
		memcg_of(pub)->zswap_max = clamp_pages(value);
	else if (knob == RCL_MEMCG_ZSWAP_WRITEBACK)
		memcg_of(pub)->zswap_writeback = value;
	else {
		pub->max = clamp_pages(value);
		if (m->has_default)
			enforce_max(m, m->memcgs[memcg]);
	}
	return RCL_OK;
}

void memcg_drain_stock(struct task *task)
{
	if (!task->stock_pages)
		return;
	memcg_uncharge(task->memcg, task->stock_pages);
	task->stock_pages = 0;
}

void memcg_drain_stocks(struct rcl_machine *m, struct memcg *memcg)
{
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		if (memcg_is_below(m->tasks[i]->memcg, memcg))
			memcg_drain_stock(m->tasks[i]);
	}
}

/* mem_cgroup_margin() */
static uint64_t margin_of(const struct memcg *memcg)
{
	return memcg->pub.max > memcg->pub.usage ? memcg->pub.max - memcg->pub.usage : 0;
}

/* The lowest memcg that has no room for a charge, NULL where all have (page_counter_try_charge()). */
static struct memcg *find_full(struct memcg *memcg, uint64_t nr_pages)
{
	while (memcg && margin_of(memcg) >= nr_pages)
		memcg = memcg_parent(memcg);
	return memcg;
}

static void charge_ancestors(struct memcg *memcg, uint64_t nr_pages)
{
	struct rcl_memcg *pub = &memcg->pub;

	do {
		pub->usage += nr_pages;
		pub = pub->parent;
	} while (pub);
}

/*
 * A memcg is full and reclaim has given all it has. The kernel goes on failing the fault where nobody
 * can be killed; here the task that asked ends.
 */
static bool kill_in(struct rcl_machine *m, struct memcg *limited, struct task *task)
{
	memcg_count_event(limited, RCL_MEMORY_EVENTS_OOM);
	if (!oom_kill(m, limited, ALL_NODES))
		oom_kill_task(m, task);
	return task->state != RCL_TASK_KILLED;
}

/* refill_stock(): what others left on the processor goes, and a stock above the batch is given back as a whole. */
static void refill_stock(struct rcl_machine *m, struct task *task, uint32_t nr_pages)
{
	if (nr_pages == 0)
		return;
	if (RCL_UNLIKELY(m->stock_left)) {
		if (m->stock_left != task)
			memcg_drain_stock(m->stock_left);
		m->stock_left = NULL;
	}
	task->stock_pages += nr_pages;
	if (task->stock_pages > m->config.charge_batch_pages)
		memcg_drain_stock(task);
}

void memcg_pass_stock(struct rcl_machine *m, struct task *from, struct task *to)
{
	if (from->stock_pages) {
		if (m->stock_left && m->stock_left != from)
			memcg_drain_stock(m->stock_left);
		m->stock_left = from;
	}
	if (!m->stock_left || m->stock_left->memcg != to->memcg)
		return;
	if (m->stock_left != to) {
		memcg_drain_stock(to);
		to->stock_pages = m->stock_left->stock_pages;
		m->stock_left->stock_pages = 0;
	}
	m->stock_left = NULL;
}

bool memcg_charge_slow(struct rcl_machine *m, struct task *task, uint32_t nr_pages)
{
	uint32_t retries = m->config.forced_release ? 0 : MAX_RECLAIM_RETRIES, left = retries;
	uint32_t batch = nr_pages > m->config.charge_batch_pages ? nr_pages : m->config.charge_batch_pages;
	bool drained = false;

	for (;;) {
		struct memcg *limited = find_full(task->memcg, batch);
		uint64_t nr_reclaimed;

		/* Once the batch has not fitted, this charge asks for its own pages alone. */
		if (limited && batch > nr_pages) {
			batch = nr_pages;
			limited = find_full(task->memcg, batch);
		}
		if (!limited) {
			charge_ancestors(task->memcg, batch);
			refill_stock(m, task, batch - nr_pages);
			high_note_charge(m, task, batch, true);
			return true;
		}
		memcg_count_event(limited, RCL_MEMORY_EVENTS_MAX);
		nr_reclaimed = direct_reclaim_memcg(m, limited, nr_pages, RCL_ORIGIN_MEMCG_LIMIT);
		if (m->interrupted || task->state == RCL_TASK_KILLED)
			return false;
		if (margin_of(limited) >= nr_pages)
			continue;
		if (!drained) {
			memcg_drain_stocks(m, limited);
			drained = true;
			continue;
		}
		if (m->no_retry)
			return false;
		if (nr_reclaimed > 0 || left-- > 0)
			continue;
		if (!kill_in(m, limited, task))
			return false;
		left = retries;
	}
}

bool memcg_try_charge(struct rcl_machine *m, struct task *task, uint32_t nr_pages)
{
	uint32_t batch = nr_pages > m->config.charge_batch_pages ? nr_pages : m->config.charge_batch_pages;

	if (task->stock_pages >= nr_pages) {
		task->stock_pages -= nr_pages;
		return true;
	}
	if (find_full(task->memcg, batch))
		batch = nr_pages;
	if (find_full(task->memcg, batch))
		return false;
	charge_ancestors(task->memcg, batch);
	refill_stock(m, task, batch - nr_pages);
	high_note_charge(m, task, batch, false);
	return true;
}

/* effective_protection(): the share of the parent's protection that this memcg can claim. */
static uint64_t effective_protection(const struct rcl_memcg *pub, uint64_t setting, uint64_t parent_effective,
				     uint64_t siblings)
{
	uint64_t protection = pub->usage < setting ? pub->usage : setting;
	uint64_t parent_usage = pub->parent->usage;

	if (siblings > parent_effective)
		return protection * parent_effective / siblings;
	/* Recursive protection (memory_recursiveprot): what nobody claims goes by usage. */
	if (parent_effective > siblings && parent_usage > siblings && pub->usage > protection)
		protection += (parent_effective - siblings) * (pub->usage - protection) / (parent_usage - siblings);
	return protection;
}

static uint64_t sum_children(const struct rcl_machine *m, const struct memcg *parent, bool is_low)
{
	uint64_t sum = 0;

	for (uint32_t i = parent->order + 1; i < parent->order + parent->nr_subtree;) {
		const struct memcg *child = m->memcgs[m->memcg_order[i]];
		uint64_t setting = is_low ? child->pub.low : child->pub.min;

		sum += child->pub.usage < setting ? child->pub.usage : setting;
		i += child->nr_subtree;
	}
	return sum;
}

/* SIMPLIFIED: a reclaim's target has no protection from then on, in the kernel it keeps, for others, what it had (the
 * target itself is passed by, mem_cgroup_unprotected()); effect: under mglru a memcg that is at its own limit may give
 * to kswapd's present round though it is below its min or low. */
void memcg_calculate_protection(struct memcg *root, struct memcg *memcg)
{
	struct memcg *parent = memcg_parent(memcg);

	memcg->pub.effective_min = 0;
	memcg->pub.effective_low = 0;
	if (memcg == root)
		return;
	if (parent == root) {
		memcg->pub.effective_min = memcg->pub.min;
		memcg->pub.effective_low = memcg->pub.low;
		return;
	}
	memcg->pub.effective_min = effective_protection(&memcg->pub, memcg->pub.min, parent->pub.effective_min,
							sum_children(memcg->m, parent, false));
	memcg->pub.effective_low = effective_protection(&memcg->pub, memcg->pub.low, parent->pub.effective_low,
							sum_children(memcg->m, parent, true));
}
