/*
 * pager.c
 *		One stream of rows, each returned once, from a list that moves.
 *
 * Each page but the first is asked to start at the last row of the page
 * before.  The frontier says which rows are unread.  A page is anchored if
 * nothing unread can stand between the frontier and its first row; one that is
 * not is thrown away, and the pager steps back until a page is.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"

#include "utils/memutils.h"

/*
 * Begins to read: returns a pager, in a child of the current memory context,
 * whose first request is on its way.  It begins with the answers of a reading,
 * those of the stream of that number, and adds to them; NULL: there is none.
 */
CphPager *
cph_pager_start(CphClient *client, const CphPagerOptions *options,
				CphReading *reading, int stream)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "cph_fdw pager",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CphPager   *pager = palloc0(sizeof(CphPager));

	pager->client = client;
	pager->options = *options;
	pager->context = context;
	pager->page_context = AllocSetContextCreate(context, "cph_fdw page",
												ALLOCSET_DEFAULT_SIZES);
	cph_frontier_init(&pager->frontier, options->ordered);
	pager->frontier.set = options->has_newest;
	pager->frontier.time = options->newest;
	pager->ahead = palloc(sizeof(CphAsked) * CPH_MAX_CONCURRENT);
	pager->reading = reading;
	pager->stream = stream;
	pager->replaying = cph_reading_is_found(reading);
	pager->size = options->page_size;
	pager->count = -1;
	pager->one_count = true;
	pager->pages_since_repair = CPH_MAX_CONCURRENT;
	pager->reached = DT_NOEND;
	MemoryContextSwitchTo(caller);
	cph_pager_ask(pager, options->offset,
				  options->first_limit ? options->first_limit : options->page_size);
	return pager;
}

/* Ends a pager and its requests.  NULL is allowed. */
void
cph_pager_close(CphPager *pager)
{
	if (pager == NULL)
		return;
	cph_pager_drop_ahead(pager);
	MemoryContextDelete(pager->context);
}

/*
 * Returns an unread row of the page that is being returned, without taking
 * it: 0 is the one that follows the last one returned.  NULL: there is none.
 */
const CphItem *
cph_pager_peek(const CphPager *pager, int ahead)
{
	for (int row = pager->row; row < pager->end_row; row++)
	{
		if (pager->unread[row] && ahead-- == 0)
			return &pager->page->items[row];
	}
	return NULL;
}

/*
 * Asks again from further up the list, since the page at an offset may have
 * jumped over rows.
 */
static void
step_back(CphPager *pager, const CphPage *page, int64 offset)
{
	cph_pager_drop_ahead(pager);
	cph_pager_check_progress(pager);
	cph_client_counters(pager->client)->repairs++;
	pager->missed = page->nitems > 0;
	pager->pages_since_repair = 0;
	pager->step_back = pager->step_back ? pager->step_back * 2 :
		Max(pager->size / 2, 1);
	pager->stepped += Min(pager->step_back, offset);
	pager->probing = false;
	cph_pager_ask(pager, Max(offset - pager->step_back, 0), pager->options.page_size);
}

/*
 * Marks the unread rows of an anchored page, moves the frontier over them,
 * and returns their number.  Ends the list at the first row that is too old.
 */
static int
mark_unread(CphPager *pager, CphPage *page)
{
	int			unread = 0;
	int			before = 0;

	pager->unread = palloc0(sizeof(bool) * Max(page->nitems, 1));
	pager->page = page;
	pager->row = 0;
	pager->end_row = page->nitems;
	for (int i = 0; i < page->nitems && !pager->ended; i++)
	{
		const CphItem *item = &page->items[i];

		if (pager->options.has_oldest && item->has_time &&
			item->time < pager->options.oldest)
		{
			pager->end_row = i;
			pager->ended = true;
		}
		else if (cph_frontier_pass(&pager->frontier, item, &before))
		{
			pager->unread[i] = true;
			unread++;
			if (pager->returned++ == 0)
				pager->first_time = item->time;
		}
	}
	cph_client_note_rows(pager->client, unread);
	return unread;
}

/* Takes note of what a page, of so many unread rows, leaves behind. */
static void
note_page(CphPager *pager, const CphPage *page, int unread)
{
	const CphItem *last = page->nitems > 0 ? &page->items[page->nitems - 1] : NULL;

	if (pager->last != NULL)
		pfree(pager->last);
	pager->last = last && last->id ?
		MemoryContextStrdup(pager->context, last->id) : NULL;
	pager->step_back = 0;
	pager->missed = false;
	pager->pages_since_repair = Min(pager->pages_since_repair + 1,
									CPH_MAX_CONCURRENT);
	if (unread > 0)
		pager->pages_without_rows = pager->stepped = pager->probes = 0;
}

/*
 * Takes note of a page's count.  It is a size to remember unless it may be the
 * number of the page's own rows, or of rows that the filters do not leave, or was
 * the number when an earlier scan asked.
 */
static void
note_count(CphPager *pager, const CphPage *page, const CphAsked *asked)
{
	const CphPagerOptions *options = &pager->options;
	CphFacts   *facts;
	int64		count = page->has_count ? page->count : -1;

	if (pager->pages > 1 && count != pager->count)
		pager->one_count = false;
	pager->count = count;
	if (asked->call == NULL)
		return;
	facts = cph_client_facts(pager->client, options->endpoint);
	if (asked->offset == 0 && count >= page->nitems && count != asked->limit &&
		(options->nparams == 0 || count != facts->total))
		cph_facts_note_rows(facts, options->params, options->nparams, count);
	if (options->nparams == 0)
		facts->total = count;
}

/*
 * Ends a list that was read to its end.  How many rows it had is noted where its
 * pages do not say: that is its size, if nothing else narrowed what was read, now.
 */
static void
end_list(CphPager *pager)
{
	const CphPagerOptions *options = &pager->options;

	pager->ended = true;
	if (pager->count < 0 && options->offset == 0 && pager->replayed == 0 &&
		!options->has_newest && !options->has_oldest)
		cph_facts_note_rows(cph_client_facts(pager->client, options->endpoint),
							options->params, options->nparams, pager->returned);
}

/*
 * Reads the list from its beginning once more, to see whether its rows stand
 * where they stood.
 */
static void
read_again(CphPager *pager)
{
	pager->again = true;
	cph_pager_drop_ahead(pager);
	cph_pager_ask(pager, 0, pager->options.page_size);
}

/*
 * Takes an answer with no rows at an offset beyond the list's beginning.  For
 * the first page of a window that is an end only if the count agrees; false:
 * the list may not have ended there.
 */
static bool
accept_empty(CphPager *pager, const CphPage *page, const CphAsked *asked)
{
	if (pager->frontier.set)
	{
		step_back(pager, page, asked->offset);
		return true;
	}
	pager->ended = page->has_count && page->count <= asked->offset;
	return pager->ended;
}

/*
 * Takes the answer to whether the list ends with the rows of one time that
 * were read last.  Returns false if it has to be taken as any other page.
 */
static bool
accept_probe(CphPager *pager, const CphPage *page)
{
	pager->probing = false;
	pager->ended = page->nitems == 1 &&
		page->items[0].time == pager->frontier.time &&
		!cph_frontier_is_unread(&pager->frontier, &page->items[0]);
	pager->probes += !pager->ended;
	return pager->ended;
}

/*
 * Tells whether a page of rows that are all too new leads on to those that are
 * wanted: it reaches further back than the one before.
 */
static bool
comes_closer(CphPager *pager, const CphPage *page)
{
	TimestampTz oldest = page->items[page->nitems - 1].time;
	bool		closer = pager->options.has_newest && pager->returned == 0 &&
		oldest < pager->reached;

	pager->reached = oldest;
	return closer;
}

/*
 * Takes an anchored page: its unread rows are returned from then on, and what
 * follows is planned.
 */
static void
accept_anchored(CphPager *pager, CphPage *page, const CphAsked *asked)
{
	int			unread;

	unread = mark_unread(pager, page);
	if (pager->ended)
		return;
	if (cph_pager_is_last_page(pager, page, asked, unread))
	{
		if (!pager->again && cph_pager_misses_rows(pager, page, asked))
			read_again(pager);
		else
			end_list(pager);
		return;
	}
	note_page(pager, page, unread);
	if (cph_pager_begin_seek(pager, page))
		return;
	if (unread == 0 && !comes_closer(pager, page))
		cph_pager_check_progress(pager);
	cph_pager_plan_next(pager, page, asked);
	/* the reader has wanted more than the rows of one page */
	if (pager->returned > unread)
		cph_pager_fill_ahead(pager, false);
}

/* Takes a page as what it turns out to be; false as accept_empty says. */
static bool
accept_page(CphPager *pager, CphPage *page, const CphAsked *asked)
{
	pager->pages++;
	note_count(pager, page, asked);
	cph_trust_order(pager->client, &pager->options, page);
	if (pager->pages > 1)
		cph_pager_check_identity(pager, page);
	else if (pager->options.needs_id)
		cph_pager_check_ids(pager, page);
	cph_pager_check_ties(pager, page);
	if (pager->seeking)
		cph_pager_seek(pager, page, asked->offset);
	else if (page->nitems == 0 && asked->offset > 0)
		return accept_empty(pager, page, asked);
	else if (pager->probing && accept_probe(pager, page))
		return true;
	else if (page->nitems > 0 && !cph_pager_is_anchored(pager, page, asked->offset))
		step_back(pager, page, asked->offset);
	else
		accept_anchored(pager, page, asked);
	return true;
}

/*
 * Reads the page that comes next, which is ready, and takes it; false as
 * accept_empty says.
 */
static bool
take_page(CphPager *pager)
{
	MemoryContext caller;
	CphAsked	asked;
	CphCallResult result;
	CphPage    *page = NULL;
	bool		taken = true;

	pager->page = NULL;
	pager->end_row = 0;
	MemoryContextReset(pager->page_context);
	caller = MemoryContextSwitchTo(pager->page_context);
	result = cph_pager_read(pager, &asked, &page);
	if (result == CPH_CALL_NO_ROWS)
	{
		pager->invalid = NULL;
		pager->ended = true;
	}
	else if (result == CPH_CALL_PAGE)
		taken = accept_page(pager, page, &asked);
	MemoryContextSwitchTo(caller);
	return taken;
}

/*
 * Returns the next unread row, or says why there is none.  The row is valid
 * until the next call.  Raises an error for an answer that cannot be used.
 */
CphStep
cph_pager_next(CphPager *pager, const CphItem **item)
{
	for (;;)
	{
		while (pager->page != NULL && pager->row < pager->end_row)
		{
			int			row = pager->row++;

			if (pager->unread[row])
			{
				*item = &pager->page->items[row];
				return CPH_STEP_ROW;
			}
		}
		if (pager->ended)
			return CPH_STEP_END;
		if (pager->invalid != NULL)
			return CPH_STEP_INVALID;
		if (pager->pages == 1 && pager->page != NULL)
			cph_pager_check_identity(pager, pager->page);
		if (pager->stuck)
			return CPH_STEP_PARTS;
		cph_pager_fill_ahead(pager, true);
		if (pager->ahead[0].call != NULL && !cph_call_ready(pager->ahead[0].call))
			return CPH_STEP_WAIT;
		if (!take_page(pager))
			return CPH_STEP_PAST_END;
	}
}
