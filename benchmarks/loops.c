/*
 * The other sides of two ratios: the smallest loop that could stand for a page-table hit, and a loop that calls a
 * hook as the core does. Compiled when the benchmarks run, with the compiler and the optimisation of the core.
 */
#include <stdint.h>
#include <stdlib.h>

#define ACCESSED UINT32_C(2)
#define PAGE_MASK UINT32_C(0x1fffffff)

/* From the C library, as the core's own page tables are, and not from a caller that may ask for huge pages. */
uint32_t *new_ptes(uint64_t nr_pages)
{
	return calloc(nr_pages, sizeof(uint32_t));
}

void free_ptes(uint32_t *ptes)
{
	free(ptes);
}

void bare_hits(uint32_t *ptes, const uint32_t *trace, uint64_t nr_records)
{
	for (uint64_t i = 0; i < nr_records; i++)
		ptes[trace[i] & PAGE_MASK] |= ACCESSED;
}

/* The same with the index hidden between load and store, which some gcc need for full speed. */
void hidden_index_hits(uint32_t *ptes, const uint32_t *trace, uint64_t nr_records)
{
	for (uint64_t i = 0; i < nr_records; i++) {
		uint64_t page = trace[i] & PAGE_MASK;
		uint32_t pte = ptes[page];

		__asm__("" : "+r"(page));
		ptes[page] = pte | ACCESSED;
	}
}

struct ops {
	uint64_t (*hook)(void *ctx, void *lruvec, void *folio, uint64_t how);
};

uint64_t empty_hook(void *ctx, void *lruvec, void *folio, uint64_t how)
{
	(void)ctx;
	(void)lruvec;
	(void)folio;
	(void)how;
	return 0;
}

void call_hook(struct ops *ops, void *ctx, void *lruvec, void *folio, uint64_t nr_calls)
{
	for (uint64_t i = 0; i < nr_calls; i++) {
		ops->hook(ctx, lruvec, folio, i & 1);
		__asm__ volatile("" : : : "memory");
	}
}
