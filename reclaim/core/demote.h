/*
 * Demotion: what reclaim takes from a fast node moves to a slower one instead of being freed.
 *
 * Here: whether a node can demote, and the second half of a batch, in which what was set aside moves.
 * Not here: which folios are set aside (shrink.c: those that the policy gave up), and the move (migrate.h).
 */
#ifndef RCL_DEMOTE_H
#define RCL_DEMOTE_H

#include "machine.h"

/* Folios of a batch that are to be demoted, collected in m->isolated and m->demotion_nid. */
struct demotion {
	uint32_t nr;
	uint8_t preferred_nid;		/* next_demotion_node(), drawn once per batch */
	bool is_possible;		/* do_demote_pass */
	bool is_full;			/* a page found no room, so that those after it were not tried */
};

enum demoted {
	DEMOTED,
	DEMOTED_NOT,			/* it cannot be moved now */
	DEMOTED_NO_ROOM,		/* on no slower node (-ENOMEM) */
};

/* can_demote(): demotion is switched on, and there is a slower tier below the node. */
static inline bool demote_is_possible(const struct rcl_machine *m, uint32_t nid)
{
	return m->config.demotion && m->nodes[nid].demotion_preferred;
}

struct demotion demote_begin(struct rcl_machine *m, const struct lruvec *lruvec);

/* Set a folio aside for the node that the policy names, `verdict` being its answer; false: it stays. */
bool demote_set_aside(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint64_t verdict,
		      struct demotion *demotion);

/* Move one folio, if there is room for it. A page that stays counts as failed; a large folio may go by pages. */
enum demoted demote_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			  uint32_t nid, struct rcl_batch_result *result);

/* Move what was set aside (demote_folio_list()): what came last goes first, until a page finds no room. Answers how many
 * remain at the front of m->isolated and of m->demotion_nid, in their order. */
uint32_t demote_folios(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct demotion *demotion,
		       struct rcl_batch_result *result);

#endif
