/*
 * Batches by score, see scored.h.
 */
#include "scored.h"

#include <stdlib.h>

#include "hooks.h"
#include "mlock.h"

static int by_place(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

static int by_score(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return x->score == y->score ? by_place(a, b) : (x->score > y->score) - (x->score < y->score);
}

/* What is locked must not come back to the list: it is taken in any case, and culled. */
static void ask_scores(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr_isolated)
{
	for (uint32_t i = 0; i < nr_isolated; i++) {
		struct folio *folio = folio_at(m, m->isolated[i]);

		m->scored[i] = (struct scored){
			.score = folio_is_evictable(folio) ? ask_score_folio(m, lruvec, folio, sc) : INT64_MIN,
			.pfn = m->isolated[i],
			.place = i,
		};
	}
	spend(m, nr_isolated * m->config.costs.hook_ns);
}

uint32_t scored_choose(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr, uint32_t nr_isolated,
		       struct rcl_batch_result *result)
{
	uint32_t nr_chosen = 0;

	ask_scores(m, lruvec, sc, nr_isolated);
	qsort(m->scored, nr_isolated, sizeof(m->scored[0]), by_score);
	result->nr_taken = 0;
	for (; nr_chosen < nr_isolated && result->nr_taken < nr; nr_chosen++) {
		m->isolated[nr_chosen] = m->scored[nr_chosen].pfn;
		result->nr_taken += folio_at(m, m->scored[nr_chosen].pfn)->pub.nr_pages;
	}
	/* In their old order, so that who was older is met earlier. */
	qsort(&m->scored[nr_chosen], nr_isolated - nr_chosen, sizeof(m->scored[0]), by_place);
	for (uint32_t i = nr_chosen; i < nr_isolated; i++)
		lru_add_folio(m, lruvec, folio_at(m, m->scored[i].pfn), result->list, false);
	spend_locked(m, lruvec, (nr_isolated - nr_chosen) * m->config.costs.list_move_ns);
	return nr_chosen;
}
