/*
 * Protection over a tree: effective min and low against a computation of our own, and what reclaim takes from
 * siblings that are protected unequally.
 */
#include "harness.h"
#include "machine.h"
#include "memcg.h"

#define MAX_MEMCGS 12
#define NR_TREES 150

static uint64_t rng;

static uint64_t below(uint64_t n)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (rng >> 33) % n;
}

struct group {
	uint32_t parent;
	uint64_t settings[2];		/* min, low */
};

static uint32_t make_child(struct rcl_machine *m, const struct group *group)
{
	struct rcl_memcg_config config = { .parent = group->parent, .max_pages = UINT64_MAX, .high_pages = UINT64_MAX,
					   .swap_max_pages = UINT64_MAX, .swappiness = 60,
					   .min_pages = group->settings[0], .low_pages = group->settings[1] };
	uint32_t memcg = 0;

	CHECK_EQUAL(rcl_memcg_create(m, &config, &memcg), RCL_OK);
	return memcg;
}

/* A task that has written nr_pages of its own memory. */
static void use_pages(struct rcl_machine *m, uint32_t memcg, uint32_t nr_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages };

	touch_range(m, make_task(m, memcg, &mapping, NULL), 0, nr_pages, WRITE);
}

static uint64_t usage_of(const struct rcl_machine *m, uint32_t memcg)
{
	struct rcl_memcg_info info;

	CHECK_EQUAL(rcl_memcg_info(m, memcg, &info), RCL_OK);
	return info.usage_pages;
}

/* What of its usage a group claims. */
static uint64_t claim_of(const struct rcl_machine *m, const struct group *groups, uint32_t memcg, int which)
{
	uint64_t usage = usage_of(m, memcg);

	return usage < groups[memcg].settings[which] ? usage : groups[memcg].settings[which];
}

/*
 * From the documentation (cgroup-v2.rst, memory_recursiveprot): children share what their parent has. Where they
 * claim more than that, in proportion to their claims; what they do not claim goes to those who use more than they
 * claim, in proportion to the excess. The reclaim's root has nothing, its children have what is set.
 */
static uint64_t expected(const struct rcl_machine *m, const struct group *groups, uint32_t nr, uint32_t root, uint32_t memcg,
			 int which)
{
	uint64_t of_parent, claims = 0, own, rest;
	uint32_t parent = groups[memcg].parent;

	if (memcg == root)
		return 0;
	if (parent == root)
		return groups[memcg].settings[which];
	of_parent = expected(m, groups, nr, root, parent, which);
	own = claim_of(m, groups, memcg, which);
	for (uint32_t i = 1; i < nr; i++)
		claims += groups[i].parent == parent ? claim_of(m, groups, i, which) : 0;
	if (claims > of_parent)
		return own * of_parent / claims;
	rest = of_parent - claims;
	if (rest == 0 || usage_of(m, parent) <= claims)
		return own;
	return own + rest * (usage_of(m, memcg) - own) / (usage_of(m, parent) - claims);
}

static int is_below(const struct group *groups, uint32_t memcg, uint32_t root)
{
	while (memcg && memcg != root)
		memcg = groups[memcg].parent;
	return memcg == root;
}

static void check_tree(struct rcl_machine *m, const struct group *groups, uint32_t nr, uint32_t root)
{
	for (uint32_t i = 0; i < nr; i++) {	/* parents come first */
		const struct rcl_memcg *pub = &m->memcgs[i]->pub;

		if (!is_below(groups, i, root))
			continue;
		memcg_calculate_protection(m->memcgs[root], m->memcgs[i]);
		CHECK_EQUAL(pub->effective_min, expected(m, groups, nr, root, i, 0));
		CHECK_EQUAL(pub->effective_low, expected(m, groups, nr, root, i, 1));
	}
}

static void test_effective_protection_is_the_documented_one(void)
{
	for (uint64_t seed = 1; seed <= NR_TREES; seed++) {
		static struct rcl_node_config node;
		struct rcl_config config = exact_config(&node, 4000);
		struct group groups[MAX_MEMCGS] = { { 0 } };
		struct rcl_machine *m = build_machine(&config);
		uint32_t nr;

		rng = seed;
		nr = 2 + (uint32_t)below(MAX_MEMCGS - 2);
		for (uint32_t i = 1; i < nr; i++) {
			groups[i] = (struct group){ .parent = (uint32_t)below(i),
						    .settings = { below(2) ? below(80) : 0, below(3) ? below(150) : 0 } };
			CHECK_EQUAL(make_child(m, &groups[i]), i);
			if (below(4))
				use_pages(m, i, 1 + (uint32_t)below(100));
		}
		for (uint32_t root = 0; root < nr; root++)
			check_tree(m, groups, nr, root);
		rcl_machine_free(m);
	}
}

/* Who uses no more than its share of the parent's low keeps it while a sibling has something to give. */
static void test_sibling_within_its_share_keeps_it_under_pressure(void)
{
	static struct rcl_node_config node;
	static struct rcl_swap_config swap = { .nr_pages = 4096, .device = RCL_DEVICE_ZRAM };
	const struct group parent = { .settings = { 0, 300 } };
	struct group children[2] = { { .settings = { 0, 200 } } };
	struct rcl_config config = exact_config(&node, 4000);
	struct rcl_machine *m;
	uint32_t top, first, second;

	config.nr_swaps = 1;
	config.swaps = &swap;
	config.reclaim_batch_pages = 32;
	m = build_machine(&config);
	top = make_child(m, &parent);
	children[0].parent = children[1].parent = top;
	first = make_child(m, &children[0]);
	second = make_child(m, &children[1]);
	use_pages(m, first, 200);
	use_pages(m, second, 300);
	CHECK(reclaim_pages(m, 0, 150) >= 150);
	CHECK_EQUAL(usage_of(m, first), 200);
	CHECK(usage_of(m, second) <= 150);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 0);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(effective_protection_is_the_documented_one),
		TEST(sibling_within_its_share_keeps_it_under_pressure),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
