/*
 * Walking page tables for a policy's aging.
 *
 * Here: walk_mm() without the policy. Not here: what a young PTE means (pte_young).
 */
#ifndef RCL_WALK_H
#define RCL_WALK_H

#include "machine.h"
#include "maps.h"

/* What a policy asked for; filters may be NULL. */
struct walk {
	struct lruvec *lruvec;
	struct table_filter filter_in;
	struct table_filter filter_out;
	bool wants_type[2];		/* whether anonymous folios count, and those of files */
	bool young_tables;		/* test and clear the tables' own young bits first */
	uint64_t density;
	uint64_t max_ptes;
};

/* Walk on from where the last walk of this lruvec stopped. */
enum rcl_walk walk_page_tables(struct rcl_machine *m, const struct walk *walk);

#endif
