/*
 * Swap clusters: how slots are found when some are wanted in a row.
 *
 * Here: clusters of 512 slots and the lists of them. Not here: charges, devices by priority, and
 * textbook machines and disks, whose slots are a list of those freed last or found by looking on (swap.c).
 *
 * A cluster serves one order until it is empty again; so small swap-outs do not break up what large
 * ones need, until free clusters run out. Then single pages take from anybody's cluster, and large
 * ones find no slots in a row: swap is fragmented, and shrink.c splits.
 *
 * SIMPLIFIED: each device has one allocation point per order, the kernel one per CPU; effect: swap
 * fragments a little later here.
 */
#ifndef RCL_SWAP_CLUSTERS_H
#define RCL_SWAP_CLUSTERS_H

#include "machine.h"

/* Make clusters of all devices' slots; only for machines that need them (needs_clusters() in swap.c). */
int swap_clusters_setup(struct rcl_machine *m);

/* Take 2^order aligned slots of a device, RCL_NIL if there are none (cluster_alloc_swap_entry()). */
uint32_t swap_clusters_take(struct rcl_machine *m, struct swap_device *device, uint32_t order);

/* Note that a slot was freed. */
void swap_clusters_put(struct rcl_machine *m, struct swap_device *device, uint32_t slot);

#endif
