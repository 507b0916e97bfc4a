/*
 * between.c
 *		The number of rows between two times, from their places in the list.
 *
 * A place is shown by one answer, and says how many rows are of its time or
 * newer.  If two answers are needed, the first is asked for again: it has to say
 * the same, and all of them that the list has as many rows, so that it did not move
 * between them.  Of rows that no page has shown it is not seen whether they match
 * the filters: these have to be shown to filter.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

/* How often the list may move while it is counted, before its rows are read. */
#define MAX_MOVES 3

/* Rows between two times that are counted. */
typedef struct Between
{
	CphCounting counting;		/* of what is sent */
	CphFinder	finder;
	TimestampTz oldest;			/* rows are counted down to its place ... */
	TimestampTz newer;			/* ... but those down to the place of this */
	int64		low;			/* rows above each place, when it was last */
	int64		high;			/* seen; -1: nobody knows */
} Between;

/* What became of counting. */
typedef enum Outcome
{
	OUTCOME_COUNTED,
	OUTCOME_MOVED,				/* the list has changed meanwhile */
	OUTCOME_READ				/* the rows have to be read */
} Outcome;

/*
 * Leaves bounds of time out of what is sent beside other filters: what these
 * leave of the list would not show whether they filter.
 */
static void
drop_sent_bounds(CphCounting *counting)
{
	const CphEndpoint *endpoint = counting->state->endpoint;
	CphParam   *params = palloc(sizeof(CphParam) * (counting->nparams + 1));
	uint32		filters = 0;
	int			n = 0;

	for (int i = 0; i < endpoint->nfilters; i++)
	{
		const CphFilter *filter = &endpoint->filters[i];

		if (filter->kind == CPH_FILTER_SINCE || filter->kind == CPH_FILTER_UNTIL)
			continue;
		filters |= counting->filters & (1 << i);
		for (int j = 0; j < counting->nparams; j++)
		{
			if (strcmp(counting->params[j].name, filter->param) == 0)
				params[n++] = counting->params[j];
		}
	}
	counting->filters = filters;
	if (filters == 0)
		return;
	counting->params = params;
	counting->nparams = n;
}

/* Begins to count; nothing is asked yet. */
static void
begin(Between *between, const CphCounting *counting)
{
	const CphQuery *query = counting->query;
	CphPagerOptions options;

	between->counting = *counting;
	drop_sent_bounds(&between->counting);
	cph_scan_pager_options(counting->state, query, &options);
	options.params = between->counting.params;
	options.nparams = between->counting.nparams;
	cph_finder_init(&between->finder, cph_scan_client(counting->state), &options);
	between->oldest = query->has_oldest ? query->oldest : DT_NOBEGIN;
	between->newer = query->has_newest && !TIMESTAMP_IS_NOEND(query->newest) ?
		query->newest + 1 : DT_NOEND;
	between->low = between->high = -1;
}

/*
 * Finds the place of a time, near a guess, with as many rows above it as a page
 * has room for.  Returns false if there is none to rely on: a row there is not
 * one that is to be counted.
 */
static bool
find(Between *between, TimestampTz time, int64 guess, CphPlace *place)
{
	CphFinder  *finder = &between->finder;
	const CphPage *page;

	if (!cph_finder_find(finder, time, guess,
						 cph_finder_above(finder, finder->size), place))
		return false;
	page = place->page;
	for (int i = 0; i < page->nitems; i++)
	{
		if (!page->items[i].has_time ||
			!cph_match_item(between->counting.match, &page->items[i]))
			return false;
	}
	return true;
}

/* Returns how many rows the list has; -1: the page does not say, or it lies. */
static int64
count_of(const CphPlace *place)
{
	const CphPage *page = place->page;

	return page->has_count && page->count >= place->offset + page->nitems ?
		page->count : -1;
}

/* Returns how many rows are above a place. */
static int64
rows_above(const CphPlace *place)
{
	return place->offset + place->rows;
}

/* Returns how many rows of a page are of a time or newer. */
static int
rows_of_page(const CphPage *page, TimestampTz time)
{
	int			rows = 0;

	while (rows < page->nitems && page->items[rows].time >= time)
		rows++;
	return rows;
}

/*
 * Tells whether the list has not moved since the lower place was found: no row
 * has come or gone above it, or below it another one instead.
 */
static bool
has_stayed(Between *between, const CphPlace *low, const CphPlace *high)
{
	CphPlace	again = {0};

	return find(between, between->oldest, rows_above(low), &again) &&
		rows_above(&again) == rows_above(low) &&
		count_of(high) == count_of(low) &&
		count_of(&again) == count_of(low);
}

/* Counts the rows once. */
static Outcome
count_once(Between *between, int64 *count)
{
	CphPlace	low = {0};
	CphPlace	high = {0};
	int			newer;

	if (!find(between, between->oldest, between->low, &low))
		return OUTCOME_READ;
	newer = rows_of_page(low.page, between->newer);
	between->low = rows_above(&low);
	if (newer > 0 || low.offset == 0)
	{
		/* all of them are on the page, and match */
		*count = low.rows - newer;
		return OUTCOME_COUNTED;
	}
	*count = between->low;
	if (!TIMESTAMP_IS_NOEND(between->newer))
	{
		if (count_of(&low) < 0 ||
			!find(between, between->newer, between->high, &high))
			return OUTCOME_READ;
		between->high = rows_above(&high);
		*count -= between->high;
		if (!has_stayed(between, &low, &high))
			return OUTCOME_MOVED;
	}
	return cph_counting_filters(&between->counting, count_of(&low)) ?
		OUTCOME_COUNTED : OUTCOME_READ;
}

/*
 * Finds the number of rows that a stream has between the bounds of its query, in
 * the current memory context.  Returns false if they have to be read.
 */
bool
cph_count_between(const CphCounting *counting, int64 *count)
{
	Between		between;
	Outcome		outcome = OUTCOME_MOVED;

	begin(&between, counting);
	if (!cph_counting_prepare(&between.counting))
		return false;
	for (int moves = 0; outcome == OUTCOME_MOVED && moves < MAX_MOVES; moves++)
	{
		between.finder.nseen = 0;
		outcome = count_once(&between, count);
	}
	return outcome == OUTCOME_COUNTED;
}
