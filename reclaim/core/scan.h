/*
 * Scanning: one pass over a lruvec, and the walk over lruvecs that a reclaim makes.
 *
 * Here: shrink_node() and shrink_lruvec(), step by step. Not here: who starts a reclaim and how often it tries
 * (direct.c, kswapd.c), what becomes of isolated folios (shrink.c).
 */
#ifndef RCL_SCAN_H
#define RCL_SCAN_H

#include "machine.h"

#define SWAP_CLUSTER_MAX 32		/* include/linux/swap.h v6.12 */

/* Fill in a scan control for a reclaim and make it the running one; undone by scan_end(). */
void scan_begin(struct rcl_machine *m, struct scan *sc, struct memcg *target, enum rcl_origin origin,
		uint64_t nr_to_reclaim);
void scan_end(struct rcl_machine *m, struct scan *outer);

/* Walk all memcgs below the target on one node, one pass over each lruvec at sc's priority (shrink_node()). */
void scan_node(struct rcl_machine *m, struct scan *sc, uint32_t nid);

/*
 * The same for somebody beside whom others run: begin, step until a step says that there is no other, end.
 * A step is one batch, or a memcg that is not scanned.
 */
void scan_begin_node(struct rcl_machine *m, struct scan *sc, uint32_t nid);
bool scan_step(struct rcl_machine *m, struct scan *sc);
void scan_end_node(struct rcl_machine *m, struct scan *sc);

/* kswapd's cycle: let every lruvec of the node age; false where nothing is old enough to go. */
bool scan_age_node(struct rcl_machine *m, struct scan *sc, uint32_t nid);

/* Take from list tails without asking anyone; answers how many pages were freed. */
uint64_t scan_forced_release(struct rcl_machine *m, struct scan *sc);

#endif
