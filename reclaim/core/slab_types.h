/*
 * The record of a slab cache, for those who embed one; what is done with it is in slab.h.
 */
#ifndef RCL_SLAB_TYPES_H
#define RCL_SLAB_TYPES_H

#include <stdint.h>

/* Small objects of one kind, and the pages that they take. */
struct slab_cache {
	uint32_t nr_objects;
	uint32_t nr_held;		/* objects for which there is room */
	uint32_t nr_pages;
	uint32_t first_pfn;		/* the others are linked behind it */
	uint32_t per_slab;
	uint32_t slab_pages;
};

#endif
