/*
 * Demotion, see demote.h. Models can_demote(), demote_folio_list() and alloc_migrate_folio()
 * (mm/vmscan.c v6.12) and next_demotion_node() (mm/memory-tiers.c).
 *
 * A folio only ever goes to a slower tier, whoever chose the node, so that no chain of demotions can
 * come back to where it began.
 */
#include "demote.h"

#include "hooks.h"
#include "migrate.h"
#include "node.h"

/* node_random(): one of the nodes, all equally likely. */
static uint32_t random_node(struct rcl_machine *m, uint16_t nodes)
{
	uint32_t nr = (uint32_t)__builtin_popcount(nodes), turn;

	turn = nr > 1 ? (uint32_t)(machine_random(m) % nr) : 0;
	while (turn--)
		nodes &= (uint16_t)(nodes - 1);
	return (uint32_t)__builtin_ctz(nodes);
}

struct demotion demote_begin(struct rcl_machine *m, const struct lruvec *lruvec)
{
	struct demotion demotion = { .is_possible = demote_is_possible(m, lruvec->pub.nid) };

	if (demotion.is_possible)
		demotion.preferred_nid = (uint8_t)random_node(m, m->nodes[lruvec->pub.nid].demotion_preferred);
	return demotion;
}

static bool is_slower(const struct rcl_machine *m, uint32_t nid, const struct lruvec *lruvec)
{
	return m->nodes[lruvec->pub.nid].demotion_allowed >> nid & 1;
}

bool demote_set_aside(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint64_t verdict,
		      struct demotion *demotion)
{
	uint64_t target = (verdict & 0xff) == RCL_VERDICT_DEMOTE_TO
				  ? RCL_TARGET_DEMOTE_TO | (verdict & ~UINT64_C(0xff))
				  : ask_demotion_target(m, lruvec, folio, demotion->preferred_nid);
	uint64_t nid = target >> RCL_DEMOTE_TO_NID_SHIFT;

	if (target == RCL_TARGET_NOWHERE)
		return false;
	if ((target & 0xff) != RCL_TARGET_DEMOTE_TO || nid >= m->nr_nodes || !is_slower(m, (uint32_t)nid, lruvec)) {
		hook_refuse(m, lruvec, (verdict & 0xff) == RCL_VERDICT_DEMOTE_TO ? RCL_HOOK_RECLAIM_FOLIO
									   : RCL_HOOK_DEMOTION_TARGET);
		return false;
	}
	m->demotion_nid[demotion->nr] = (uint8_t)nid;
	m->isolated[demotion->nr++] = folio->pub.pfn;
	return true;
}

/* alloc_migrate_folio(): the target itself first, or memory would come from still slower nodes while the
 * target's own cold pages stay; then the nearest of all slower ones. Neither reclaims. */
static struct folio *alloc_target(struct rcl_machine *m, const struct lruvec *lruvec, uint32_t nid, uint32_t order)
{
	struct placement place = { .home = &m->nodes[nid], .allowed = (uint16_t)(1u << nid) };
	uint32_t cpu_nid = m->current ? m->current->nid : lruvec->pub.nid;
	struct memcg *memcg = memcg_of(lruvec->pub.memcg);
	struct folio *frame = node_alloc_nowait(m, memcg, cpu_nid, &place, order);

	if (frame)
		return frame;
	place.allowed = m->nodes[lruvec->pub.nid].demotion_allowed;
	return node_alloc_nowait(m, memcg, cpu_nid, &place, order);
}

enum demoted demote_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			  uint32_t nid, struct rcl_batch_result *result)
{
	bool may_move = migrate_is_possible(folio);
	struct folio *frame = may_move ? alloc_target(m, lruvec, nid, folio->pub.order) : NULL;
	uint64_t nr_pages = folio->pub.nr_pages;
	uint32_t type = folio->pub.type;

	if (!frame) {
		count(lruvec, RCL_PGMIGRATE_FAIL, nr_pages == 1);
		return may_move ? DEMOTED_NO_ROOM : DEMOTED_NOT;
	}
	migrate_folio(m, folio, frame, RCL_MIGRATED_DEMOTED);
	result->nr_demoted += nr_pages;
	result->nr_reclaimed += nr_pages;
	sc->pub.nr_reclaimed += nr_pages;
	count(lruvec, sc->is_kswapd ? RCL_PGDEMOTE_KSWAPD : RCL_PGDEMOTE_DIRECT, nr_pages);
	count(lruvec, sc->is_kswapd ? RCL_PGSTEAL_KSWAPD : RCL_PGSTEAL_DIRECT, nr_pages);
	lruvec->stat[RCL_PGSTEAL_ANON + type] += nr_pages;
	return DEMOTED;
}

uint32_t demote_folios(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct demotion *demotion,
		       struct rcl_batch_result *result)
{
	uint32_t nr_left = 0;

	/* migrate_pages_batch(), on a list that was filled at its head */
	for (uint32_t i = demotion->nr; i-- > 0 && !demotion->is_full;) {
		struct folio *folio = folio_at(m, m->isolated[i]);
		uint32_t nr_pages = folio->pub.nr_pages;
		enum demoted demoted = demote_folio(m, lruvec, sc, folio, m->demotion_nid[i], result);

		if (demoted == DEMOTED)
			m->isolated[i] = RCL_NIL;
		demotion->is_full = demoted == DEMOTED_NO_ROOM && nr_pages == 1;
	}
	for (uint32_t i = 0; i < demotion->nr; i++) {
		if (m->isolated[i] == RCL_NIL)
			continue;
		m->demotion_nid[nr_left] = m->demotion_nid[i];
		m->isolated[nr_left++] = m->isolated[i];
	}
	return nr_left;
}
