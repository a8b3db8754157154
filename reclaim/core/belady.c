/*
 * Belady's optimum: evict the page whose next use is furthest away.
 *
 * Here: the count of misses for one trace and capacity. Standing apart from the machine: no memcg,
 * no lists, so it is a bound for textbook caches, not for what charges and batches add.
 *
 * How: the time of each record's next use is computed backwards. Resident pages sit in a binary
 * heap by next use. A hit makes its old heap entry stale instead of moving it: a stale entry's time
 * has passed, so it is smaller than all live ones and never reaches the top before the heap is
 * full of them; the heap is rebuilt without stale entries when it has grown to twice the capacity.
 * O(n log capacity).
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define NEVER UINT32_MAX
#define POLL_MASK ((UINT64_C(1) << 20) - 1)

struct belady {
	uint32_t *next_use;		/* by record */
	uint32_t *last_seen;		/* by page, while next_use is computed: record + 1 */
	uint64_t *heap;			/* next use in the high half, page in the low */
	uint32_t *resident;		/* by page: its live entry's next use + 1, 0 if it is out */
	uint64_t nr_heap;
};

/* Pages of both spaces in one: mapped even, buffered odd. */
static inline uint32_t page_of(uint32_t record)
{
	return (record & REC_PAGE) << 1 | (record >> 30 & 1);
}

static void sift_down(uint64_t *heap, uint64_t nr, uint64_t i)
{
	uint64_t entry = heap[i];

	for (;;) {
		uint64_t child = 2 * i + 1;

		if (child >= nr)
			break;
		if (child + 1 < nr && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= entry)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = entry;
}

static void push(struct belady *b, uint64_t entry)
{
	uint64_t i = b->nr_heap++;

	while (i && b->heap[(i - 1) / 2] < entry) {
		b->heap[i] = b->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	b->heap[i] = entry;
}

static uint64_t pop(struct belady *b)
{
	uint64_t top = b->heap[0];

	b->heap[0] = b->heap[--b->nr_heap];
	if (b->nr_heap)
		sift_down(b->heap, b->nr_heap, 0);
	return top;
}

static bool is_live(const struct belady *b, uint64_t entry)
{
	return b->resident[(uint32_t)entry] == (uint32_t)(entry >> 32) + 1;
}

static void drop_stale(struct belady *b)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < b->nr_heap; i++) {
		if (is_live(b, b->heap[i]))
			b->heap[nr++] = b->heap[i];
	}
	b->nr_heap = nr;
	for (uint64_t i = nr / 2; i-- > 0;)
		sift_down(b->heap, nr, i);
}

static bool allocate(struct belady *b, uint64_t nr_records, uint64_t nr_pages, uint64_t capacity)
{
	b->next_use = malloc((nr_records + 1) * sizeof(*b->next_use));
	b->last_seen = calloc(nr_pages, sizeof(*b->last_seen));
	b->heap = malloc((2 * capacity + 2) * sizeof(*b->heap));
	return b->next_use && b->last_seen && b->heap;
}

static void find_next_uses(struct belady *b, const uint32_t *records, uint64_t nr_records, uint64_t nr_pages)
{
	for (uint64_t i = nr_records; i-- > 0;) {
		uint32_t *seen = &b->last_seen[page_of(records[i])];

		/* NEVER - 1 at most, so that next use + 1 still fits. */
		b->next_use[i] = *seen ? *seen - 1 : NEVER - 1;
		*seen = (uint32_t)i + 1;
	}
	b->resident = b->last_seen;
	memset(b->resident, 0, nr_pages * sizeof(*b->resident));
}

/* Run the cache; RCL_INTERRUPTED when asked to stop. */
static int count_misses(struct belady *b, const uint32_t *records, uint64_t nr_records, uint64_t capacity,
			volatile int *interrupt, uint64_t *nr_misses)
{
	uint64_t nr_resident = 0, misses = 0;

	for (uint64_t i = 0; i < nr_records; i++) {
		uint32_t page = page_of(records[i]);

		if ((i & POLL_MASK) == 0 && interrupt && *interrupt)
			return RCL_INTERRUPTED;
		if (!b->resident[page]) {
			misses++;
			while (nr_resident == capacity) {
				uint64_t victim = pop(b);

				if (!is_live(b, victim))
					continue;
				b->resident[(uint32_t)victim] = 0;
				nr_resident--;
			}
			nr_resident++;
		}
		b->resident[page] = b->next_use[i] + 1;
		push(b, (uint64_t)b->next_use[i] << 32 | page);
		if (b->nr_heap > 2 * capacity)
			drop_stale(b);
	}
	*nr_misses = misses;
	return RCL_OK;
}

int rcl_belady(const uint32_t *records, uint64_t nr_records, uint64_t capacity_pages, volatile int *interrupt,
	       uint64_t *nr_misses)
{
	uint64_t nr_pages = 2, capacity = capacity_pages < nr_records ? capacity_pages : nr_records;
	struct belady b = { 0 };
	int status = RCL_NO_MEMORY;

	if (capacity_pages == 0 || nr_records >= NEVER - 1)
		return RCL_BAD_ARGUMENT;
	for (uint64_t i = 0; i < nr_records; i++) {
		if (page_of(records[i]) >= nr_pages)
			nr_pages = page_of(records[i]) + UINT64_C(1);
	}
	if (allocate(&b, nr_records, nr_pages, capacity)) {
		find_next_uses(&b, records, nr_records, nr_pages);
		status = count_misses(&b, records, nr_records, capacity, interrupt, nr_misses);
	}
	free(b.next_use);
	free(b.last_seen);
	free(b.heap);
	return status;
}
