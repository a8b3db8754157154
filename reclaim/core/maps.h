/*
 * Maps of policies: arrays, hash tables, LRU hash tables, Bloom filters.
 *
 * Here: their memory and their operations. Not here: the helpers' calling convention (helpers.c).
 *
 * One structure serves all four hash kinds: entries in an array, an index table of at most half
 * load that holds 24 bits of entry number and 8 bits of tag. An absent key is thus found absent by
 * one cache line; a ghost list lives mostly from that. Deletion shifts back, so there are no
 * tombstones and the table never degrades. The LRU kinds chain their entries by age.
 */
#ifndef RCL_MAPS_H
#define RCL_MAPS_H

#include "machine.h"

struct map_entry {
	uint64_t key;
	uint64_t value;
	uint32_t newer;			/* of a free entry: the next free one */
	uint32_t older;
};

/* One instance: of a lruvec, a memcg or the machine. */
struct map_table {
	uint64_t *words;		/* array values, or the bits of a Bloom filter */
	uint32_t *index;		/* (tag << 24 | entry), 0 is empty */
	struct map_entry *entries;
	uint32_t newest;
	uint32_t oldest;
	uint32_t free_head;
	uint32_t nr_used;		/* entries ever used */
	uint32_t nr_entries;
	bool is_made;			/* a Bloom filter that was cleared once */
};

struct map {
	struct map_table *tables;	/* by instance */
	uint64_t capacity;
	uint32_t index_mask;		/* of the index table, or of Bloom filter bits */
	uint32_t nr_instances;
	uint8_t kind;			/* enum rcl_map_kind */
	uint8_t scope;
};

/* Check a declaration; NULL or what is wrong with it. */
const char *map_check(const struct rcl_map_decl *decl);
void map_init(struct map *map, const struct rcl_map_decl *decl);
/* Allocate one instance (again: nothing happens); false without memory. */
bool map_add_instance(struct map *map, uint32_t instance);
void map_free(struct map *map);

/* Hash kinds. *value is set when found. `refresh` makes the entry the newest. */
bool map_get(const struct map *map, struct map_table *table, uint64_t key, bool refresh, uint64_t *value);
bool map_put(const struct map *map, struct map_table *table, uint64_t key, uint64_t value);
bool map_remove(const struct map *map, struct map_table *table, uint64_t key);

void bloom_add(const struct map *map, struct map_table *table, uint64_t key);
bool bloom_contains(const struct map *map, const struct map_table *table, uint64_t key);
void bloom_clear(const struct map *map, struct map_table *table);

/* A Bloom filter of page tables that a policy named; `map` is NULL where it named none. */
struct table_filter {
	const struct map *map;
	struct map_table *table;
};

/* Identity of a page table in filters: task and position. */
static inline uint64_t table_key(const struct task *task, uint32_t vpn)
{
	return (uint64_t)task->number << 32 | vpn / PTES_PER_TABLE;
}

/* The table behind a map value as policies hold it: number + 1 in the low half, instance above. */
static inline struct map_table *map_resolve(struct attachment *att, uint64_t value, struct map **map)
{
	*map = &att->maps[(uint32_t)value - 1];
	return &(*map)->tables[value >> 32];
}

#endif
