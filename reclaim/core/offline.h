/*
 * Memcgs that were removed: what stays of them, and until when.
 *
 * Here: removal, and whether anything is left. Not here: who reclaims what is left; walks of the
 * ancestors pass over it as over any memcg (scan.c).
 */
#ifndef RCL_OFFLINE_H
#define RCL_OFFLINE_H

#include "machine.h"

/* Whether nothing holds a removed memcg any more, so that the kernel would have freed it. */
static inline bool memcg_is_gone(const struct memcg *memcg)
{
	return memcg->is_offline && memcg->pub.usage == 0 && memcg->pub.swap_usage == 0;
}

#endif
