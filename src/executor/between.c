/*
 * between.c
 *		The number of rows between two times, from their places in the list.
 *
 * A place is shown by one answer, and says how many rows are of its time or
 * newer.  If two answers are needed, the first is asked for again: it has to say
 * the same, and all of them that the list has as many rows, so that it did not move
 * between them.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

/* How often the list may move while it is counted, before its rows are read. */
#define MAX_MOVES 3

/* Rows between two times that are counted. */
typedef struct Between
{
	const CphCounting *counting;
	CphPagerOptions options;
} Between;

/*
 * Finds the place of a time, near a guess, with as many rows above it as a page
 * has room for.  Returns false if there is none to rely on: a row there is not
 * one that is to be counted.
 */
static bool
find(const Between *between, TimestampTz time, int64 guess, CphPlace *place)
{
	const CphPagerOptions *options = &between->options;

	if (!cph_place_find(cph_scan_client(between->counting->state), options, time,
						guess, cph_place_above(options, options->page_size),
						place))
		return false;
	for (int i = 0; i < place->page->nitems; i++)
	{
		if (!cph_match_item(between->counting->match, &place->page->items[i]))
			return false;
	}
	return true;
}

/* Returns how many rows of a page are of a time or newer. */
static int
rows_above(const CphPage *page, TimestampTz time)
{
	int			rows = 0;

	while (rows < page->nitems && page->items[rows].time >= time)
		rows++;
	return rows;
}

/* Returns how many rows a page says that the list has; -1: it does not. */
static int64
count_of(const CphPlace *place)
{
	return place->page->has_count ? place->page->count : -1;
}

/*
 * Finds the number of rows that a stream has between the bounds of its query, in
 * the current memory context.  Returns false if they have to be read.
 */
bool
cph_count_between(const CphCounting *counting, int64 *count)
{
	const CphQuery *query = counting->query;
	Between		between = {counting};
	/* rows are counted down to the first place, but those down to the second */
	TimestampTz oldest = query->has_oldest ? query->oldest : DT_NOBEGIN;
	TimestampTz newer = query->has_newest && !TIMESTAMP_NOT_FINITE(query->newest) ?
		query->newest + 1 : DT_NOEND;
	bool		found = true;

	cph_scan_pager_options(counting->state, query, &between.options);
	between.options.params = counting->params;
	between.options.nparams = counting->nparams;
	for (int moves = 0; found && moves < MAX_MOVES; moves++)
	{
		CphPlace	low = {0};
		CphPlace	high = {0};
		CphPlace	again = {0};
		int			above;

		found = find(&between, oldest, -1, &low);
		if (!found)
			break;
		*count = low.offset + low.rows;
		above = rows_above(low.page, newer);
		if (above > 0 || low.offset == 0 || TIMESTAMP_IS_NOEND(newer))
		{
			*count = TIMESTAMP_IS_NOEND(newer) ? *count : low.rows - above;
			return true;
		}
		/* the second place is somewhere above the first */
		found = find(&between, newer, low.offset / 2, &high) &&
			find(&between, oldest, *count, &again);
		*count -= high.offset + high.rows;
		if (found && again.offset + again.rows == low.offset + low.rows &&
			count_of(&high) == count_of(&low) &&
			count_of(&again) == count_of(&low))
			return true;
	}
	return false;
}
