/*
 * ahead.c
 *		What a pager asks for next, ahead of the page that is read, and where in
 *		the list.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"

#include "common/int.h"

/*
 * How often a list may go on after what looked like its end, without an unread
 * row there.  A row that comes to its beginning makes it do so once; a service
 * whose pages are shorter than asked, always.
 */
#define MAX_PROBES 8

/*
 * Bytes of answers that may wait, by the size of the largest page so far: four
 * times what 32 usual pages of 200 rows have.
 */
#define MAX_BYTES_AHEAD (16 * 1024 * 1024)

/*
 * Returns with how many rows of a full page the next one is asked to begin: one
 * or, while a list changes, as many as show that nothing was jumped over though
 * some of them have moved.
 */
static int
overlap(const CphPager *pager)
{
	if (pager->pages_since_repair >= CPH_MAX_CONCURRENT)
		return 1;
	return Min(2 * CPH_ROWS_IN_ORDER, pager->size / 2 + 1);
}

/*
 * Asks for a page, as the last of those asked for: the service, unless an earlier
 * scan has, whose next page is taken as it had asked for it.
 */
void
cph_pager_ask(CphPager *pager, int64 offset, int limit)
{
	CphAsked   *asked = &pager->ahead[pager->nahead];

	asked->offset = offset;
	asked->limit = limit;
	asked->call = NULL;
	pager->replaying = pager->replaying &&
		cph_reading_next(pager->reading, pager->stream, &pager->replayed, asked);
	if (!pager->replaying)
		asked->call = cph_call_send(pager->client, pager->options.endpoint,
									pager->options.params,
									pager->options.nparams, offset, limit);
	pager->nahead++;
	pager->next_offset = offset + Max(pager->size - overlap(pager), 1);
}

/* Drops what was asked for and not read. */
void
cph_pager_drop_ahead(CphPager *pager)
{
	for (int i = 0; i < pager->nahead; i++)
		cph_call_drop(pager->ahead[i].call);
	pager->nahead = 0;
}

/* Returns the offset at which the rows that are wanted end, or the largest. */
static int64
end_of_wanted(const CphPagerOptions *options)
{
	int64		end;

	if (options->wanted < 0 ||
		pg_add_s64_overflow(options->offset, options->wanted, &end))
		return PG_INT64_MAX;
	return end;
}

/*
 * Returns how many rows to ask for from an offset: no more than are wanted,
 * but two at least, since one row can be the overlap.  Where the overlap is
 * all rows of a time, a small page might hold no other.
 */
static int
limit_at(const CphPager *pager, int64 offset)
{
	const CphPagerOptions *options = &pager->options;
	int64		rest = end_of_wanted(options) - offset;

	if (rest < 2 || rest > options->page_size ||
		(options->ordered && !options->stable_ties))
		return options->page_size;
	return rest;
}

/*
 * Guesses at which offset the rows become older than is wanted, from how fast
 * those read so far go back in time.
 */
static double
guess_end(const CphPager *pager)
{
	double		passed = (double) pager->first_time - pager->frontier.time;
	double		wanted = (double) pager->first_time - pager->options.oldest;

	if (passed <= 0)
		return pager->count;
	return pager->options.offset + pager->returned * (wanted / passed);
}

/*
 * Tells whether anything at an offset can be wanted, as far as is known.  It
 * decides on reading ahead only.
 */
static bool
is_wanted(const CphPager *pager, int64 offset)
{
	const CphPagerOptions *options = &pager->options;

	if (pager->stuck || offset + 1 >= end_of_wanted(options))
		return false;
	if (options->has_oldest && offset > guess_end(pager))
		return false;
	return pager->count > offset + 1;
}

/*
 * Returns how many requests may be under way at once.  With ties that are not
 * stable a page tells where the next one is to start, as it does while the first
 * row is sought.  After a repair the number grows from one: what is asked ahead of
 * the next one would be dropped.  While an earlier scan's answers are read it is
 * none: who reads no further than that one asks for nothing.
 */
static int
window_of(const CphPager *pager)
{
	int			streams = Max(pager->options.streams, 1);
	int64		bytes = MAX_BYTES_AHEAD / streams / Max(pager->largest, 1);
	int			requests = Min(cph_client_concurrency(pager->client),
							   pager->pages_since_repair + 1);

	if (pager->replaying)
		return 0;
	if ((pager->high > 0 && pager->returned == 0) ||
		(pager->options.ordered && !pager->options.stable_ties))
		return 1;
	return Max(Min(requests, bytes), 1);
}

/*
 * Asks for the next pages, as far as they are wanted; for one at least, if
 * the reader has come to the end of the page.  The requests are on their way
 * before the reader is busy with its rows.
 */
void
cph_pager_fill_ahead(CphPager *pager, bool at_end)
{
	int			before = pager->nahead;

	while ((pager->nahead == 0 && at_end) ||
		   (pager->nahead < window_of(pager) &&
			is_wanted(pager, pager->next_offset)))
		cph_pager_ask(pager, pager->next_offset, limit_at(pager, pager->next_offset));
	if (pager->nahead > before && pager->ahead[pager->nahead - 1].call != NULL)
		cph_client_perform(pager->client);
}

/*
 * Takes what was asked for next, whose answer is there, out of what is under way,
 * and asks for more in its place: that can come while this is decoded.  Where this
 * is to tell what to ask for, it waits.
 */
static CphAsked
take_asked(CphPager *pager)
{
	CphAsked	asked = pager->ahead[0];

	pager->nahead--;
	memmove(&pager->ahead[0], &pager->ahead[1], sizeof(CphAsked) * pager->nahead);
	if (asked.call != NULL)
		pager->largest = Max(pager->largest, cph_call_size(asked.call));
	if (pager->returned > 0 && window_of(pager) > 1)
		cph_pager_fill_ahead(pager, false);
	return asked;
}

/*
 * Reads what was asked for next, whose answer is there, as cph_call_page does.
 * What the service answers becomes part of the reading.
 */
CphCallResult
cph_pager_read(CphPager *pager, CphAsked *asked, CphPage **page)
{
	*asked = take_asked(pager);
	if (asked->call == NULL)
	{
		*page = cph_reading_page(pager->reading, pager->options.endpoint,
								 asked->place);
		return CPH_CALL_PAGE;
	}
	if (pager->reading != NULL)
		cph_reading_add(pager->reading, pager->stream, asked->offset,
						asked->limit, asked->call);
	return cph_call_page(asked->call, page, &pager->invalid);
}

/*
 * Returns where the page after an anchored one is to start, if rows of one
 * time have no order: with the last row that is newer than the last time, so
 * that the rows of that time are read whole.
 */
static int64
offset_before_ties(CphPager *pager, const CphPage *page,
				   const CphAsked *asked)
{
	int			first = page->nitems - 1;

	while (first > 0 && page->items[first - 1].time == page->items[first].time)
		first--;
	if (first >= 2)
		return asked->offset + first - 1;
	/* a page that was to be small says nothing of what a page holds */
	if (asked->limit < pager->options.page_size)
		return Max(asked->offset + first - 1, 0);
	pager->stuck = page->nitems >= asked->limit || pager->probes > MAX_PROBES;
	if (pager->stuck && !pager->options.in_parts)
		cph_pager_group_too_large(pager);
	pager->probing = true;
	return asked->offset + page->nitems - 1;
}

/* Plans the request that follows an anchored page. */
void
cph_pager_plan_next(CphPager *pager, const CphPage *page,
					const CphAsked *asked)
{
	int			expected = Min(asked->limit, pager->size);
	int			shared = page->nitems < expected ? 1 : overlap(pager);

	if (page->nitems > pager->size ||
		(page->nitems > 1 && page->nitems < expected))
	{
		pager->size = page->nitems;
		cph_pager_drop_ahead(pager);
	}
	if (!pager->options.stable_ties && pager->options.ordered)
		pager->next_offset = offset_before_ties(pager, page, asked);
	else if (pager->nahead == 0 && asked->limit == 1)
		pager->next_offset = asked->offset; /* no room for the overlap */
	else if (pager->nahead == 0)
		pager->next_offset = asked->offset + Max(page->nitems - shared, 1);
}

/*
 * Narrows down where the newest row wanted stands, by the one row of a page;
 * asks for the next row or, in the end, for the page.
 */
void
cph_pager_seek(CphPager *pager, const CphPage *page, int64 offset)
{
	const CphItem *item = page->nitems > 0 ? &page->items[0] : NULL;

	if (item != NULL && item->time > pager->options.newest)
		pager->low = offset;
	else
		pager->high = offset;
	pager->seeking = pager->high - pager->low > pager->size / 2;
	if (pager->seeking)
		cph_pager_ask(pager, pager->low + (pager->high - pager->low) / 2, 1);
	else
		cph_pager_ask(pager, pager->low, pager->options.page_size);
}

/*
 * Begins to seek, after a first page of rows that are all too new, if that
 * takes fewer requests than reading on: one for each halving of the pages.
 */
bool
cph_pager_begin_seek(CphPager *pager, const CphPage *page)
{
	int64		rest = page->count - page->nitems;

	if (!pager->options.has_newest || pager->pages > 1 || !page->has_count ||
		page->nitems < pager->size ||
		page->items[page->nitems - 1].time <= pager->options.newest ||
		rest / pager->size < 8)
		return false;
	pager->low = page->nitems - 1;
	pager->high = page->count;
	cph_pager_ask(pager, pager->low + (pager->high - pager->low) / 2, 1);
	pager->seeking = true;
	return true;
}
