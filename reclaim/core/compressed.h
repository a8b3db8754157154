/*
 * The data of compressed memory: pools of zspages, and what zswap knows of each slot.
 *
 * Here: layouts, as in machine.h, which has the rest. Not here: what is done with them (zspool.h, zswap.h).
 */
#ifndef RCL_COMPRESSED_H
#define RCL_COMPRESSED_H

#include <stdbool.h>
#include <stdint.h>

#include "rcl.h"
#include "slab_types.h"

#define ZS_NR_CLASSES 255		/* sizes 32 to 4096 in steps of 16 (ZS_SIZE_CLASSES) */
#define ZS_NR_GROUPS 11			/* zspages with room, by tenths full; 0 unused (ZS_INUSE_RATIO_...) */

struct zspage {
	uint32_t next;			/* of its class and fullness; of a free record, the next free one */
	uint32_t prev;
	uint32_t first_pfn;		/* its pages, chained through their links */
	uint16_t nr_objects;
	uint8_t class;
	uint8_t group;			/* the list of its class that it is on, 0 for none */
};

struct zs_class {
	uint32_t heads[ZS_NR_GROUPS];
	uint16_t filled_groups;		/* a bit for each that has zspages */
	uint16_t nr_objects;		/* that fit into a zspage */
	uint16_t nr_pages;		/* of a zspage */
};

/* A pool of compressed pages (zspool.h). */
struct zs_pool {
	struct zspage *zspages;
	uint32_t nr_used;		/* records ever used */
	uint32_t free_head;
	uint64_t nr_pages;		/* taken from nodes */
	struct slab_cache handles;	/* one for each object */
	struct slab_cache records;	/* one for each zspage */
	uint8_t merged[ZS_NR_CLASSES];	/* size class to the one that stands for it */
	struct zs_class classes[ZS_NR_CLASSES];
};

/* What zswap keeps of a slot. */
struct zswap_entry {
	uint32_t next;			/* of its memcg, towards the newest */
	uint32_t prev;
	uint32_t zspage;
	uint16_t nr_bytes;		/* 0: nothing */
	uint16_t memcg : 15;
	uint16_t is_referenced : 1;	/* new: its second chance is to come */
};

_Static_assert(RCL_MAX_MEMCGS <= 1 << 15, "a memcg number fits into an entry");

struct zswap {
	struct zs_pool pool;
	struct zswap_entry *entries;	/* by slot; NULL where there is no zswap */
	uint64_t max_pages;
	uint64_t accept_pages;
	uint64_t clock_ns;		/* of the worker */
	uint32_t next_memcg;		/* in preorder, for the worker */
	bool is_full;
};

#endif
