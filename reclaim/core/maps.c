/*
 * Maps of policies, see maps.h.
 */
#include "maps.h"

#include <stdlib.h>
#include <string.h>

#define MAX_MAP_ENTRIES (UINT64_C(1) << 24)	/* MAX_MAP_ENTRIES, reclaim/abi/limits.py; entry numbers have 24 bits */
#define ENTRY_BITS 24
#define ENTRY_MASK ((1u << ENTRY_BITS) - 1)
#define MIN_TABLE 16			/* ours: smaller tables would only save bytes */

/* Finalizer of a multiply-xorshift hash (constants of Murmur3's fmix64, by Appleby, public domain);
 * all bits of the result depend on all of the key, which page numbers in sequence need. */
static inline uint64_t hash_key(uint64_t key)
{
	key ^= key >> 33;
	key *= UINT64_C(0xff51afd7ed558ccd);
	key ^= key >> 33;
	key *= UINT64_C(0xc4ceb9fe1a85ec53);
	return key ^ key >> 33;
}

/* Tags are 1 to 255, so that an occupied index word is never 0. */
static inline uint32_t hash_tag(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 56);

	return (tag ? tag : 1) << ENTRY_BITS;
}

static uint32_t power_of_two(uint64_t at_least)
{
	uint32_t size = MIN_TABLE;

	while (size < at_least)
		size *= 2;
	return size;
}

const char *map_check(const struct rcl_map_decl *decl)
{
	if (decl->kind > RCL_MAP_KIND_BLOOM_FILTER)
		return "unknown kind of map";
	if (decl->scope != RCL_SCOPE_LRUVEC && decl->scope != RCL_SCOPE_MEMCG && decl->scope != RCL_SCOPE_GLOBAL)
		return "a map belongs to a lruvec, a memcg or the machine";
	if (decl->capacity == 0 || decl->capacity > MAX_MAP_ENTRIES)
		return "a map holds 1 to 2^24 entries or bits";
	if (decl->count == 0 || decl->count > RCL_MAX_BATCH)
		return "an array of maps has 1 to 4096 elements";
	return NULL;
}

void map_init(struct map *map, const struct rcl_map_decl *decl)
{
	memset(map, 0, sizeof(*map));
	map->kind = (uint8_t)decl->kind;
	map->scope = (uint8_t)decl->scope;
	map->capacity = decl->capacity;
	if (decl->kind == RCL_MAP_KIND_BLOOM_FILTER)
		map->index_mask = power_of_two(decl->capacity < 64 ? 64 : decl->capacity) - 1;
	else
		map->index_mask = power_of_two(decl->capacity * 2) - 1;
}

static bool is_ready(const struct map *map, uint32_t instance)
{
	return instance < map->nr_instances && (map->tables[instance].words || map->tables[instance].index);
}

bool map_add_instance(struct map *map, uint32_t instance)
{
	struct map_table *table;

	if (is_ready(map, instance))
		return true;
	if (instance >= map->nr_instances) {
		if (!grow_array((void **)&map->tables, map->nr_instances, instance + UINT64_C(1), sizeof(*map->tables)))
			return false;
		map->nr_instances = instance + 1;
	}
	table = &map->tables[instance];
	table->newest = table->oldest = table->free_head = RCL_NIL;
	if (map->kind == RCL_MAP_KIND_ARRAY_MAP) {
		table->words = calloc(map->capacity, sizeof(*table->words));
		return table->words;
	}
	if (map->kind == RCL_MAP_KIND_BLOOM_FILTER) {
		table->words = calloc((map->index_mask + UINT64_C(1)) / 64, sizeof(*table->words));
		return table->words;
	}
	table->entries = calloc(map->capacity, sizeof(*table->entries));
	if (table->entries)
		table->index = calloc(map->index_mask + UINT64_C(1), sizeof(*table->index));
	if (table->index)
		return true;
	free(table->entries);
	table->entries = NULL;
	return false;
}

void map_free(struct map *map)
{
	for (uint32_t i = 0; i < map->nr_instances; i++) {
		free(map->tables[i].words);
		free(map->tables[i].index);
		free(map->tables[i].entries);
	}
	free(map->tables);
}

/* Find the index position of a key, or the empty one where it would go. */
static inline uint32_t find_position(const struct map *map, const struct map_table *table, uint64_t key,
				     uint64_t hash)
{
	uint32_t position = (uint32_t)hash & map->index_mask, tag = hash_tag(hash);

	for (;; position = (position + 1) & map->index_mask) {
		uint32_t word = table->index[position];

		if (word == 0)
			return position;
		if ((word & ~ENTRY_MASK) == tag && table->entries[word & ENTRY_MASK].key == key)
			return position;
	}
}

static inline bool is_lru(const struct map *map)
{
	return map->kind == RCL_MAP_KIND_LRU_HASH || map->kind == RCL_MAP_KIND_LRU_SET;
}

static void unchain(struct map_table *table, uint32_t number)
{
	struct map_entry *entry = &table->entries[number];

	if (entry->newer != RCL_NIL)
		table->entries[entry->newer].older = entry->older;
	else
		table->newest = entry->older;
	if (entry->older != RCL_NIL)
		table->entries[entry->older].newer = entry->newer;
	else
		table->oldest = entry->newer;
}

static void chain_newest(struct map_table *table, uint32_t number)
{
	struct map_entry *entry = &table->entries[number];

	entry->newer = RCL_NIL;
	entry->older = table->newest;
	if (table->newest != RCL_NIL)
		table->entries[table->newest].newer = number;
	else
		table->oldest = number;
	table->newest = number;
}

bool map_get(const struct map *map, struct map_table *table, uint64_t key, bool refresh, uint64_t *value)
{
	uint32_t word = table->index[find_position(map, table, key, hash_key(key))];

	if (word == 0)
		return false;
	*value = table->entries[word & ENTRY_MASK].value;
	if (refresh && table->newest != (word & ENTRY_MASK)) {
		unchain(table, word & ENTRY_MASK);
		chain_newest(table, word & ENTRY_MASK);
	}
	return true;
}

/* Empty an index position and close the gap behind it. */
static void shift_back(const struct map *map, struct map_table *table, uint32_t hole)
{
	uint32_t position = hole;

	for (;;) {
		uint32_t word, home;

		position = (position + 1) & map->index_mask;
		word = table->index[position];
		if (word == 0)
			break;
		home = (uint32_t)hash_key(table->entries[word & ENTRY_MASK].key) & map->index_mask;
		if (((position - home) & map->index_mask) >= ((position - hole) & map->index_mask)) {
			table->index[hole] = word;
			hole = position;
		}
	}
	table->index[hole] = 0;
}

static void remove_at(const struct map *map, struct map_table *table, uint32_t position)
{
	uint32_t number = table->index[position] & ENTRY_MASK;

	shift_back(map, table, position);
	if (is_lru(map))
		unchain(table, number);
	table->entries[number].newer = table->free_head;
	table->free_head = number;
	table->nr_entries--;
}

static uint32_t take_entry(struct map_table *table)
{
	uint32_t number = table->free_head;

	if (number == RCL_NIL)
		return table->nr_used++;
	table->free_head = table->entries[number].newer;
	return number;
}

bool map_put(const struct map *map, struct map_table *table, uint64_t key, uint64_t value)
{
	uint64_t hash = hash_key(key);
	uint32_t position = find_position(map, table, key, hash), number;

	if (table->index[position]) {
		number = table->index[position] & ENTRY_MASK;
		table->entries[number].value = value;
		if (is_lru(map)) {
			unchain(table, number);
			chain_newest(table, number);
		}
		return true;
	}
	if (table->nr_entries == map->capacity) {
		uint64_t oldest_key;

		if (!is_lru(map))
			return false;
		oldest_key = table->entries[table->oldest].key;
		remove_at(map, table, find_position(map, table, oldest_key, hash_key(oldest_key)));
		position = find_position(map, table, key, hash);
	}
	number = take_entry(table);
	table->entries[number].key = key;
	table->entries[number].value = value;
	table->index[position] = hash_tag(hash) | number;
	table->nr_entries++;
	if (is_lru(map))
		chain_newest(table, number);
	return true;
}

bool map_remove(const struct map *map, struct map_table *table, uint64_t key)
{
	uint32_t position = find_position(map, table, key, hash_key(key));

	if (table->index[position] == 0)
		return false;
	remove_at(map, table, position);
	return true;
}

/* Two hashes from one (Kirsch and Mitzenmacher 2006); the kernel takes two halves of one hash too
 * (get_item_key(), mm/vmscan.c v6.12). */
static inline void bloom_bits(const struct map *map, uint64_t key, uint32_t bits[2])
{
	uint64_t hash = hash_key(key);

	bits[0] = (uint32_t)hash & map->index_mask;
	bits[1] = (uint32_t)(hash >> 32) & map->index_mask;
}

void bloom_add(const struct map *map, struct map_table *table, uint64_t key)
{
	uint32_t bits[2];

	bloom_bits(map, key, bits);
	table->words[bits[0] / 64] |= UINT64_C(1) << (bits[0] % 64);
	table->words[bits[1] / 64] |= UINT64_C(1) << (bits[1] % 64);
}

bool bloom_contains(const struct map *map, const struct map_table *table, uint64_t key)
{
	uint32_t bits[2];

	bloom_bits(map, key, bits);
	return (table->words[bits[0] / 64] >> (bits[0] % 64) & 1) &&
	       (table->words[bits[1] / 64] >> (bits[1] % 64) & 1);
}

void bloom_clear(const struct map *map, struct map_table *table)
{
	memset(table->words, 0, (map->index_mask + UINT64_C(1)) / 8);
	table->is_made = true;
}
