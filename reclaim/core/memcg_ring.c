/* The ring of memcgs, see memcg_ring.h. Models lru_gen_rotate_memcg() (mm/vmscan.c v6.12). */
#include "memcg_ring.h"

/* A generator of its own (splitmix64): walks must not change what policies draw. */
uint32_t memcg_ring_random_bin(struct rcl_machine *m)
{
	uint64_t z = m->ring_random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(z >> 32) % MEMCG_NR_BINS;
}

static void link_at_end(struct memcg_ring *ring, struct lruvec *lruvec, uint32_t gen, uint32_t bin, bool at_head)
{
	struct ring_bin *fifo = &ring->fifo[gen][bin];
	struct lruvec *head = fifo->head, *tail = fifo->tail;

	lruvec->ring_gen = (uint8_t)gen;
	lruvec->ring_bin = (uint8_t)bin;
	lruvec->ring_next = at_head ? head : NULL;
	lruvec->ring_prev = at_head ? NULL : tail;
	if (at_head && head)
		head->ring_prev = lruvec;
	if (!at_head && tail)
		tail->ring_next = lruvec;
	if (at_head || !head)
		fifo->head = lruvec;
	if (!at_head || !tail)
		fifo->tail = lruvec;
	ring->nr_memcgs[gen]++;
}

static void unlink_lruvec(struct memcg_ring *ring, struct lruvec *lruvec)
{
	struct ring_bin *fifo = &ring->fifo[lruvec->ring_gen][lruvec->ring_bin];

	if (lruvec->ring_prev)
		lruvec->ring_prev->ring_next = lruvec->ring_next;
	else
		fifo->head = lruvec->ring_next;
	if (lruvec->ring_next)
		lruvec->ring_next->ring_prev = lruvec->ring_prev;
	else
		fifo->tail = lruvec->ring_prev;
	ring->nr_memcgs[lruvec->ring_gen]--;
}

static uint32_t oldest_gen(const struct memcg_ring *ring)
{
	return ring->seq % MEMCG_NR_GENS;
}

void memcg_ring_add(struct rcl_machine *m, struct memcg *memcg)
{
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		struct memcg_ring *ring = &m->nodes[nid].ring;

		link_at_end(ring, &memcg->lruvecs[nid], oldest_gen(ring), memcg_ring_random_bin(m), false);
	}
}

void memcg_ring_rotate(struct rcl_machine *m, struct lruvec *lruvec, enum rcl_rotation rotation)
{
	struct memcg_ring *ring = &m->nodes[lruvec->pub.nid].ring;
	uint32_t old = lruvec->ring_gen, new = old;

	if (rotation == RCL_ROTATION_OLD)
		new = oldest_gen(ring);
	else if (rotation == RCL_ROTATION_YOUNG)
		new = (oldest_gen(ring) + 1) % MEMCG_NR_GENS;
	unlink_lruvec(ring, lruvec);
	link_at_end(ring, lruvec, new, memcg_ring_random_bin(m),
		    rotation == RCL_ROTATION_HEAD || rotation == RCL_ROTATION_OLD);
	lruvec->pub.is_at_tail = rotation == RCL_ROTATION_TAIL;
	if (ring->nr_memcgs[old] == 0 && old == oldest_gen(ring))
		ring->seq++;
}
