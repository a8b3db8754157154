/*
 * Ballast: memory that is taken away so that a guest is short of it.
 *
 * Here: how much is free, taking and giving back. Not here: who then runs short (replayer.c).
 */
#ifndef BALLAST_H
#define BALLAST_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guest_io.h"

#define BALLAST_PAGES UINT64_C(4096) /* taken at once: page tables and per-CPU lists count for little beside it */
#define BOOST_FACTOR 15000 /* watermark_boost_factor, mm/page_alloc.c v6.12 */

/* A mapping of its own, locked, in the root memcg. */
struct ballast {
	struct ballast *next;
	uint64_t bytes;
};

/* A number of the machine's only zone that counts: the first 16 MiB are reserved on the kernel's command line. */
static uint64_t zone_number(const char *name)
{
	static char text[1 << 16];
	char *at;

	text[read_whole("/proc/zoneinfo", text, sizeof(text) - 1)] = 0;
	at = strstr(text, "zone    DMA32");
	at = at ? strstr(at, name) : NULL;
	if (!at)
		give_up("find in zoneinfo", name);
	return strtoull(at + strlen(name), NULL, 10);
}

static void set_short(uint64_t pagelist_high_fraction, uint64_t boost_factor)
{
	write_number("/proc/sys/vm/", "percpu_pagelist_high_fraction", pagelist_high_fraction);
	write_number("/proc/sys/vm/", "watermark_boost_factor", boost_factor);
}

/*
 * Leave `room` pages above the high watermark, nearly. Free pages on the processor's own list count too; it is kept
 * short, as it is where memory has been short for long (it grows with what was freed, decay_pcp_high() and others).
 * Watermarks are not boosted: with so little that is free, nearly every page table and zspage would take a block of
 * other mobility, and kswapd would free half as much again as the high watermark says.
 */
static struct ballast *take_ballast(uint64_t room)
{
	struct ballast *last = NULL, *ballast;

	set_short(1000, 0);
	for (;;) {
		uint64_t wanted = room + zone_number("high"), bytes;
		uint64_t free = zone_number("pages free") + zone_number("count:");

		if (free <= wanted)
			return last;
		bytes = (free - wanted < BALLAST_PAGES ? free - wanted : BALLAST_PAGES) * PAGE_BYTES;
		ballast = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
		if (ballast == MAP_FAILED)
			give_up("mmap", "ballast");
		ballast->bytes = bytes;
		ballast->next = last;
		last = ballast;
	}
}

static void drop_ballast(struct ballast *ballast)
{
	set_short(0, BOOST_FACTOR);
	while (ballast) {
		struct ballast *next = ballast->next;

		munmap(ballast, ballast->bytes);
		ballast = next;
	}
}

#endif
