/*
 * The lists of a lruvec: linking, unlinking, and who claims which list.
 *
 * Here: the only code that moves folios between lists, and sizes and the lruvec's sums. Not here: the choice
 * of a list (policies).
 *
 * Two notions of membership are kept apart because MGLRU needs it: a folio is linked into one
 * list (physical_list, lru_list.nr_folios) and claims one (pub.list, list_pages). They differ
 * after folio.retarget(), until somebody sorts the list. Everything is inline: adding and taking
 * a folio happen for every miss.
 */
#ifndef RCL_LISTS_H
#define RCL_LISTS_H

#include "rstat.h"

/* Count the folio's pages in (sign 1) or out (-1) of the list it claims and of the lruvec's sums. */
static inline void lru_account(struct lruvec *lruvec, const struct folio *folio, int sign)
{
	uint64_t nr = sign > 0 ? folio->pub.nr_pages : -(uint64_t)folio->pub.nr_pages;

	lruvec->pub.list_pages[folio->pub.list] += nr;
	lruvec->pub.nr_pages += nr;
	if (folio->pub.type == RCL_ANON)
		lruvec->pub.nr_anon_pages += nr;
	else
		lruvec->pub.nr_file_pages += nr;
	rstat_updated(lruvec);
}

static inline void list_link(struct rcl_machine *m, struct lru_list *lru, uint32_t pfn, bool at_tail)
{
	lru->nr_folios++;
	if (at_tail) {
		*link_at(m, pfn) = (struct folio_link){ .prev = lru->tail, .next = RCL_NIL };
		if (lru->tail != RCL_NIL)
			link_at(m, lru->tail)->next = pfn;
		else
			lru->head = pfn;
		lru->tail = pfn;
		return;
	}
	*link_at(m, pfn) = (struct folio_link){ .prev = RCL_NIL, .next = lru->head };
	if (lru->head != RCL_NIL)
		link_at(m, lru->head)->prev = pfn;
	else
		lru->tail = pfn;
	lru->head = pfn;
}

/* Link a frame on the younger side of one that is on the list. */
static inline void list_link_before(struct rcl_machine *m, struct lru_list *lru, uint32_t at, uint32_t pfn)
{
	uint32_t younger = link_at(m, at)->prev;

	lru->nr_folios++;
	*link_at(m, pfn) = (struct folio_link){ .prev = younger, .next = at };
	link_at(m, at)->prev = pfn;
	if (younger != RCL_NIL)
		link_at(m, younger)->next = pfn;
	else
		lru->head = pfn;
}

static inline void list_unlink(struct rcl_machine *m, struct lru_list *lru, uint32_t pfn)
{
	struct folio_link link = *link_at(m, pfn);

	if (link.prev != RCL_NIL)
		link_at(m, link.prev)->next = link.next;
	else
		lru->head = link.next;
	if (link.next != RCL_NIL)
		link_at(m, link.next)->prev = link.prev;
	else
		lru->tail = link.prev;
	lru->nr_folios--;
}

static inline void lru_link(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
			    uint32_t list, bool at_tail)
{
	folio->physical_list = (uint8_t)list;
	list_link(m, &lruvec->lists[list], folio->pub.pfn, at_tail);
}

static inline void lru_unlink(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio)
{
	list_unlink(m, &lruvec->lists[folio->physical_list], folio->pub.pfn);
	folio->physical_list = 0;
}

/* Put a folio that is on no list onto one; it claims that list from now on. */
static inline void lru_add_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
				 uint32_t list, bool at_tail)
{
	folio->pub.list = (uint8_t)list;
	folio->transit = RCL_TRANSIT_NONE;
	folio->pub.flags &= ~RCL_FOLIO_IS_ISOLATED;
	lru_link(m, lruvec, folio, list, at_tail);
	lru_account(lruvec, folio, 1);
}

/* A folio off its list is in the hands of reclaim from now on; policies can tell. */
static inline void lru_mark_isolated(struct folio *folio)
{
	folio->transit = RCL_TRANSIT_ISOLATED;
	folio->pub.flags |= RCL_FOLIO_IS_ISOLATED;
}

/* Take a folio off its list for good; pub.list keeps saying where it was. */
static inline void lru_del_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio)
{
	lru_unlink(m, lruvec, folio);
	lru_account(lruvec, folio, -1);
}

/* Move a folio that is on a list to another list or end. */
static inline void lru_move_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
				  uint32_t list, bool at_tail)
{
	lru_unlink(m, lruvec, folio);
	lruvec->pub.list_pages[folio->pub.list] -= folio->pub.nr_pages;
	lruvec->pub.list_pages[list] += folio->pub.nr_pages;
	rstat_updated(lruvec);
	folio->pub.list = (uint8_t)list;
	lru_link(m, lruvec, folio, list, at_tail);
}

/* Places as answers encode them (reclaim/abi/answers.py). */
static inline uint32_t place_list(uint64_t place)
{
	return (place >> RCL_ANSWER_LIST_SHIFT) & 0xff;
}

static inline bool place_at_tail(uint64_t place)
{
	return (place & 0xff) == RCL_PLACE_TAIL;
}

/* The unevictable list is the core's alone (mlock.h): no answer puts anything there. */
static inline bool place_is_valid(const struct lruvec *lruvec, uint64_t place)
{
	uint32_t kind = place & 0xff, list = place_list(place);

	return (kind == RCL_PLACE_HEAD || kind == RCL_PLACE_TAIL) && place < (1 << 16) && list > 0 &&
	       list < lruvec->nr_lists && list != RCL_STANDARD_LIST_UNEVICTABLE;
}

static inline uint64_t place_head_of(uint32_t list)
{
	return RCL_PLACE_HEAD | (uint64_t)list << RCL_ANSWER_LIST_SHIFT;
}

#endif
