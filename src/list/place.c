/*
 * place.c
 *		Where in a list a time stands.
 *
 * One answer shows it: a page on which older rows follow those of the time, or
 * which is the last one.  All rows before the page are newer then, so that its
 * offset says how many they are, whatever changed before that answer or changes
 * after it.  To find that page, rows are asked for by halves of the list.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"

/*
 * Rows that may have come to the list since a place was expected somewhere; of
 * a page that is short, they are to take no more than this part.
 */
#define MAX_ROOM 16
#define ROOM_PART 8

/* How often a place is looked for before the list is found to change too fast. */
#define MAX_TRIES 8

/* What is looked for, and where. */
typedef struct Search
{
	CphFinder  *finder;
	TimestampTz time;
	CphPlace   *place;
} Search;

/* Begins to look for places in a list; nothing is asked yet. */
void
cph_finder_init(CphFinder *finder, CphClient *client,
				const CphPagerOptions *options)
{
	finder->client = client;
	finder->options = *options;
	finder->size = options->page_size;
	finder->nseen = 0;
}

/* Returns how many rows below a place a page is to have room for. */
static int
room_below(const CphFinder *finder)
{
	return Min(MAX_ROOM, finder->size / ROOM_PART + 1);
}

/* Returns how many rows above a place a page has room for, then. */
static int
room_above(const CphFinder *finder)
{
	return Max(finder->size - room_below(finder), 1);
}

/* Keeps a row of a page, by which other places may be narrowed down. */
static void
see(CphFinder *finder, const CphPage *page, int row, int64 offset)
{
	if (row < page->nitems && finder->nseen < CPH_MAX_SEEN)
		finder->seen[finder->nseen++] = (CphSeenRow)
	{
		offset + row, page->items[row].time
	};
}

/*
 * Asks for a page and waits for it.  A filter that no row can meet gives an empty
 * page; one that the service does not take gives NULL.
 */
static CphPage *
fetch(const Search *search, int64 offset, int limit)
{
	CphFinder  *finder = search->finder;
	const CphPagerOptions *options = &finder->options;
	CphPage    *page;
	CphCall    *call = cph_call_send(finder->client, options->endpoint,
									 options->params, options->nparams,
									 offset, limit);
	CphCallResult result = cph_call_page(call, &page, &search->place->invalid);

	if (result == CPH_CALL_NO_ROWS)
		page = palloc0(sizeof(CphPage));
	if (result != CPH_CALL_INVALID_FILTER)
		search->place->invalid = NULL;
	if (page == NULL)
		return NULL;
	cph_trust_order(finder->client, options, page);
	see(finder, page, 0, offset);
	if (page->nitems > 1)
		see(finder, page, page->nitems - 1, offset);
	return page;
}

/* Tells whether a row at an offset is of the time or newer. */
static bool
is_above(const Search *search, int64 offset)
{
	const CphPage *page = fetch(search, offset, 1);

	return page != NULL && page->nitems > 0 &&
		page->items[0].time >= search->time;
}

/*
 * Moves two ends between which the place is closer to it, by the rows that were
 * seen.
 */
static void
narrow_by_seen(const Search *search, int64 *low, int64 *high)
{
	const CphFinder *finder = search->finder;

	for (int i = 0; i < finder->nseen; i++)
	{
		const CphSeenRow *row = &finder->seen[i];

		if (row->time >= search->time)
			*low = Max(*low, row->offset);
		else
			*high = *high < 0 ? row->offset : Min(*high, row->offset);
	}
}

/*
 * Narrows down where the place is: behind a row at low, which is of the time or
 * newer, or is no row (-1), and at high or before, if that is not negative.
 * Returns an offset that it is at, or before by no more rows than a page has room
 * for.
 */
static int64
narrow(const Search *search, int64 low, int64 high)
{
	int64		step = search->finder->size;

	narrow_by_seen(search, &low, &high);
	while (high < 0)
	{
		if (!is_above(search, low + step))
			high = low + step;
		else
			low += step;
		step *= 2;
	}
	while (high - low > room_above(search->finder))
	{
		int64		middle = low + (high - low) / 2;

		if (is_above(search, middle))
			low = middle;
		else
			high = middle;
	}
	return high;
}

/*
 * Tells whether the list ends with the last row of a page.  A page that is short
 * does not show it, unless the number of rows agrees.
 */
static bool
is_end(const Search *search, const CphPage *page, int64 offset, int limit)
{
	const CphPage *last;

	if (page->nitems == 0)
		return offset == 0;
	if (page->nitems < limit && page->has_count &&
		offset + page->nitems == page->count)
		return true;
	last = fetch(search, offset + page->nitems - 1, 2);
	return last != NULL && last->nitems == 1 && last->items[0].id != NULL &&
		page->items[page->nitems - 1].id != NULL &&
		strcmp(last->items[0].id, page->items[page->nitems - 1].id) == 0;
}

/*
 * Looks at a page, and tells whether the place is on it.  One that is shorter
 * than asked, and is not the last one, is as long as pages are.
 */
static bool
look(Search *search, int64 offset, int limit)
{
	CphPlace   *place = search->place;
	CphPage    *page = fetch(search, offset, limit);

	place->page = page;
	place->offset = offset;
	place->rows = 0;
	if (page == NULL)
		return false;
	while (place->rows < page->nitems &&
		   page->items[place->rows].time >= search->time)
		place->rows++;
	if (place->rows < page->nitems)
		return offset == 0 || place->rows > 0;
	if (is_end(search, page, offset, limit))
		return true;
	if (page->nitems < limit && page->nitems >= 2)
		search->finder->size = page->nitems;
	return false;
}

/*
 * Returns where the place may be, for a start, if the list ends where it did when
 * it was last seen.
 */
static int64
first_guess(const Search *search)
{
	const CphPagerOptions *options = &search->finder->options;
	const CphFacts *facts = cph_client_facts(search->finder->client,
											 options->endpoint);
	int64		rows = cph_facts_rows(facts, options->params, options->nparams);
	const CphPage *page;

	if (rows >= 0 && TIMESTAMP_IS_NOBEGIN(search->time))
		return rows;
	if (rows >= 0 || search->finder->nseen > 0)
		return narrow(search, -1, rows);
	page = fetch(search, 0, 1);
	if (page == NULL || page->nitems == 0 ||
		page->items[0].time < search->time)
		return 0;
	if (TIMESTAMP_IS_NOBEGIN(search->time) && page->has_count)
		return page->count;
	return narrow(search, 0, page->has_count ? page->count : -1);
}

/*
 * Returns where the place may be, after a page that it is not on.  How many rows
 * the page says there are is believed once.
 */
static int64
next_guess(const Search *search, int64 guess, bool first)
{
	const CphPlace *place = search->place;
	const CphPage *page = place->page;
	int64		low = 0;
	int64		high = place->offset;

	if (first && TIMESTAMP_IS_NOBEGIN(search->time) && page->has_count &&
		page->count != guess)
		return page->count;
	if (place->rows > 0)
	{
		low = place->offset + place->rows - 1;
		high = first && page->has_count && page->count > low ? page->count : -1;
	}
	return narrow(search, low, high);
}

/*
 * Returns how many rows above a place to ask for, if so many are wanted: some more,
 * as far as a page has room for them, since rows of one time may go on above.
 */
int
cph_finder_above(const CphFinder *finder, int64 wanted)
{
	return Min(wanted + room_below(finder), room_above(finder));
}

/*
 * Finds where the rows of a time and newer ones end: a page, in the current
 * memory context, on which older ones follow, or nothing.  guess is where that
 * may be, -1 if nobody knows; above is how many rows before it are wanted on the
 * page, as far as there are.  Returns false if the list does not hold still for
 * it, or the service does not take a filter's value (place->invalid).
 */
bool
cph_finder_find(CphFinder *finder, TimestampTz time, int64 guess, int above,
				CphPlace *place)
{
	Search		search = {finder, time, place};
	bool		first = true;

	if (guess < 0)
	{
		guess = first_guess(&search);
		if (!TIMESTAMP_IS_NOBEGIN(time))
			above = room_above(finder);
	}
	for (int try = 0; try < MAX_TRIES; try++)
	{
		int			size = finder->size;
		int64		offset = Max(guess - Min(above, room_above(finder)), 0);

		if (look(&search, offset,
				 Min(guess - offset + room_below(finder), finder->options.page_size)))
			return true;
		if (place->invalid != NULL)
			return false;
		above = size;
		/* a page that was shorter than expected says nothing of the guess */
		if (finder->size < size)
			continue;
		finder->nseen = 0;
		guess = next_guess(&search, guess, first);
		first = false;
	}
	return false;
}
