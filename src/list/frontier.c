/*
 * frontier.c
 *		How far a list was read: which rows were, and which were not.
 *
 * A row is unread if it is older than the frontier, or as old and not among
 * the ids returned with just that time.  Where no order may be relied on, all
 * ids take the place of the frontier, and all rows are taken as of one time.
 *
 * Rows of one time are numbered in chains: a row that is seen right behind the
 * end of a chain continues it, any other begins a chain of its own.  So two
 * rows of a chain have been seen one behind the other, and where they stand
 * the other way round, rows of one time have no one order, whatever came to the
 * list meanwhile and whatever went.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"

/*
 * A row's rank is its chain and its place there, from 1 on, in one number; 0:
 * it is in none.
 */
#define PLACES		(1 << 20)
#define CHAIN(rank) ((rank) / PLACES)
#define PLACE(rank) ((rank) % PLACES)

/* Makes a frontier that nothing has passed, in the current memory context. */
void
cph_frontier_init(CphFrontier *frontier, bool ordered)
{
	memset(frontier, 0, sizeof(CphFrontier));
	frontier->ordered = ordered;
	frontier->ids = cph_idset_create();
}

/* Tells whether a row has not been returned yet. */
bool
cph_frontier_is_unread(const CphFrontier *frontier, const CphItem *item)
{
	if (frontier->set && frontier->ordered && item->has_time &&
		item->time != frontier->time)
		return item->time < frontier->time;
	return item->id == NULL || !cph_idset_has(frontier->ids, item->id);
}

/* Returns the rank of a row of the frontier's time; 0: none, or another row. */
static int
rank_of(const CphFrontier *frontier, const CphItem *item)
{
	if (item->id == NULL ||
		(frontier->ordered &&
		 (!item->has_time || item->time != frontier->time)))
		return 0;
	return cph_idset_rank(frontier->ids, item->id);
}

/* Tells whether a rank is that of the last row of its chain. */
static bool
ends_chain(const CphFrontier *frontier, int rank)
{
	return rank != 0 && PLACE(rank) == frontier->lengths[CHAIN(rank)];
}

/* Returns the rank of a new row of the frontier's time, behind another one. */
static int
next_rank(CphFrontier *frontier, int before)
{
	int			chain = CHAIN(before);

	if (!ends_chain(frontier, before) || PLACE(before) == PLACES - 1)
	{
		if (frontier->nchains == CPH_MAX_CHAINS)
			return 0;
		chain = ++frontier->nchains;
		frontier->lengths[chain] = 0;
	}
	return chain * PLACES + ++frontier->lengths[chain];
}

/*
 * Passes a row of an anchored page, the rows of which are to be passed in
 * order, and tells whether it was unread.  A row without a time leaves the
 * frontier where it is.  before is the rank of the row before it on the page,
 * 0 for the first; the call makes it that of this row.
 */
bool
cph_frontier_pass(CphFrontier *frontier, const CphItem *item, int *before)
{
	if (!cph_frontier_is_unread(frontier, item))
	{
		*before = rank_of(frontier, item);
		return false;
	}
	if (item->has_time && frontier->ordered)
	{
		if (!frontier->set || item->time != frontier->time)
		{
			cph_idset_clear(frontier->ids);
			frontier->nchains = *before = 0;
		}
		frontier->time = item->time;
	}
	if (item->has_time || !frontier->ordered)
	{
		frontier->set = true;
		*before = next_rank(frontier, *before);
	}
	if (item->id != NULL)
		cph_idset_add_ranked(frontier->ids, item->id, *before);
	return true;
}

/* Tells whether a page has a row whose id was returned. */
bool
cph_frontier_has_read(const CphFrontier *frontier, const CphPage *page)
{
	for (int i = 0; i < page->nitems; i++)
	{
		if (page->items[i].id != NULL &&
			cph_idset_has(frontier->ids, page->items[i].id))
			return true;
	}
	return false;
}

/*
 * Tells whether a page begins with a row of the frontier's time that was
 * returned, and goes on with more than half of those that were returned behind
 * it in its chain: some may have gone.
 */
bool
cph_frontier_goes_on(const CphFrontier *frontier, const CphPage *page)
{
	int			first = page->nitems > 0 ? rank_of(frontier, &page->items[0]) : 0;
	int			last = first;
	int			found = 0;
	bool		others = false; /* so the page has passed the chain's end */

	for (int i = 0; i < page->nitems; i++)
	{
		int			rank = rank_of(frontier, &page->items[i]);

		others |= rank == 0;
		if (CHAIN(rank) != CHAIN(first))
			continue;
		last = rank;
		found++;
	}
	if (others)
		last = CHAIN(first) * PLACES + frontier->lengths[CHAIN(first)];
	return first != 0 && found > (last - first + 1) / 2;
}

/*
 * Tells whether the returned rows of a page, which stand as they stood before,
 * show an order as much as so many rows of one chain do, of which rows in no
 * order would stand so once in the factorial of their number.
 */
bool
cph_frontier_shows_order(const CphFrontier *frontier, const CphPage *page,
						 int rows)
{
	int		   *chains = palloc(sizeof(int) * Max(page->nitems, 1));
	int			needed = 1;
	int			odds = 1;

	Assert(rows <= CPH_ROWS_IN_ORDER);
	for (int i = 2; i <= rows; i++)
		needed *= i;
	for (int i = 0; i < page->nitems && odds < needed; i++)
	{
		int			place = 1;	/* among those of its chain */

		chains[i] = CHAIN(rank_of(frontier, &page->items[i]));
		for (int before = 0; before < i && chains[i] != 0; before++)
			place += chains[before] == chains[i];
		odds *= place;
	}
	pfree(chains);
	return odds >= needed;
}

/*
 * Tells whether the rows of the frontier's time that were returned stand on a
 * page as they stood when they were.
 */
bool
cph_frontier_in_order(const CphFrontier *frontier, const CphPage *page)
{
	int		   *ranks = palloc(sizeof(int) * Max(page->nitems, 1));

	for (int i = 0; i < page->nitems; i++)
	{
		int			before = i - 1;

		ranks[i] = rank_of(frontier, &page->items[i]);
		while (before >= 0 && CHAIN(ranks[before]) != CHAIN(ranks[i]))
			before--;
		if (before >= 0 && ranks[i] != 0 && ranks[before] > ranks[i])
			return false;
	}
	pfree(ranks);
	return true;
}
