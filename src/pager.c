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
#include "pager.h"

#include "frontier.h"
#include "miscadmin.h"
#include "outcome.h"
#include "utils/memutils.h"

/*
 * Pages without an unread row after which a scan is given up, beside those
 * that lead back to where it stepped back from.  As many pages in a row
 * happen only if the list grows by a page a request, or ignores the offset.
 */
#define MAX_BARREN_PAGES 64

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

/* A request that was sent, and is to be read in its turn. */
typedef struct Asked
{
	CphCall    *call;
	int64		offset;
	int			limit;
} Asked;

struct CphPager
{
	CphClient  *client;
	CphPagerOptions options;
	MemoryContext context;		/* a pager's own, deleted by close */
	MemoryContext page_context; /* of the page; reset for each */

	/* The page that is being returned */
	CphPage    *page;
	int			row;			/* next of its items to look at */
	int			end_row;		/* the items before it are wanted */
	bool	   *unread;			/* of each item */
	int64		pages;			/* pages that were taken */
	bool		ended;			/* nothing follows the page */
	const CphFilter *invalid;

	/* What was read */
	CphFrontier frontier;
	char	   *last;			/* id of the last row of the last page */
	TimestampTz first_time;		/* of the first row returned */
	int64		returned;		/* unread rows so far */

	/* What to ask for next */
	Asked	   *ahead;			/* in the order of the list */
	int			nahead;
	int64		next_offset;
	int			size;			/* rows that a page of this service really has */
	int64		step_back;		/* of the last repair; 0: none under way */
	bool		missed;			/* that page had rows */
	int			calm;			/* pages since a repair, as far as it matters */
	bool		probing;		/* the request only asks whether the list ends */
	int			probes;			/* that it does not, since an unread row */
	int64		barren;			/* pages since an unread row */
	bool		has_reached;	/* while all rows so far are too new ... */
	TimestampTz reached;		/* ... the time of the oldest of them */
	int64		stepped;		/* rows stepped back since an unread row */
	int64		largest;		/* bytes of the largest page */

	/* Bisection for the newest row wanted: it lies within (low, high] */
	bool		seeking;
	int64		low;
	int64		high;

	/* What the pages say of their number */
	int64		count;			/* of the last page; -1: absent */
	bool		one_count;		/* all pages said the same */
	bool		doubtful;		/* rows of one time were read on another page
								 * than their first, and were not all on it */
};

static void check_identity(const CphPager *pager, const CphPage *page);
static CphStep take_page(CphPager *pager);

/*
 * Returns a pager in a child of the current memory context.  It sends nothing
 * before it is started or read.
 */
CphPager *
cph_pager_create(CphClient *client, const CphPagerOptions *options)
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
	pager->ahead = palloc(sizeof(Asked) * CPH_MAX_CONCURRENT);
	pager->size = options->page_size;
	pager->count = -1;
	pager->one_count = true;
	pager->calm = CPH_MAX_CONCURRENT;
	MemoryContextSwitchTo(caller);
	return pager;
}

/* Asks for a page, as the last of those asked for. */
static void
ask(CphPager *pager, int64 offset, int limit)
{
	Asked	   *asked = &pager->ahead[pager->nahead];

	asked->offset = offset;
	asked->limit = limit;
	asked->call = cph_call_send(pager->client, pager->options.endpoint,
								pager->options.params, pager->options.nparams,
								offset, limit);
	pager->nahead++;
	pager->next_offset = offset + pager->size - 1;
}

/* Sends the request for the first page, if that has not been done. */
void
cph_pager_start(CphPager *pager)
{
	const CphPagerOptions *options = &pager->options;

	if (pager->pages == 0 && pager->nahead == 0)
		ask(pager, options->offset,
			options->first_limit ? options->first_limit : options->page_size);
}

/* Drops what was asked for and not read. */
static void
drop_ahead(CphPager *pager)
{
	for (int i = 0; i < pager->nahead; i++)
		cph_call_drop(pager->ahead[i].call);
	pager->nahead = 0;
}

/* Ends a pager and its requests.  NULL is allowed. */
void
cph_pager_close(CphPager *pager)
{
	if (pager == NULL)
		return;
	drop_ahead(pager);
	MemoryContextDelete(pager->context);
}

/*
 * Returns how many rows to ask for from an offset: no more than are wanted,
 * but two at least, since one row can be the overlap.
 */
static int
limit_at(const CphPager *pager, int64 offset)
{
	const CphPagerOptions *options = &pager->options;
	int64		rest = options->offset + options->wanted - offset;

	if (options->wanted < 0 || rest < 2 || rest > options->page_size)
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

	if (options->wanted >= 0 && offset + 1 >= options->offset + options->wanted)
		return false;
	if (options->has_oldest && offset > guess_end(pager))
		return false;
	return pager->count > offset + 1;
}

/*
 * Returns how many requests may be under way at once.  With ties that are not
 * stable a page tells where the next one is to start.  After a repair the
 * number grows from one: what is asked ahead of the next one would be dropped.
 */
static int
window(const CphPager *pager)
{
	int			streams = Max(pager->options.streams, 1);
	int64		bytes = MAX_BYTES_AHEAD / streams / Max(pager->largest, 1);
	int			requests = Min(cph_client_concurrency(pager->client),
							   pager->calm + 1);

	if (pager->seeking ||
		(pager->options.ordered && !pager->options.stable_ties))
		return 1;
	return Max(Min(requests, bytes), 1);
}

/*
 * Asks for the next pages, as far as they are wanted; for one at least, if
 * the reader has come to the end of the page.  The requests are on their way
 * before the reader is busy with its rows.
 */
static void
fill_ahead(CphPager *pager, bool at_end)
{
	int			before = pager->nahead;

	while ((pager->nahead == 0 && at_end) ||
		   (pager->nahead < window(pager) &&
			is_wanted(pager, pager->next_offset)))
		ask(pager, pager->next_offset, limit_at(pager, pager->next_offset));
	if (pager->nahead > before)
		cph_client_perform(pager->client);
}

/* Sees to it that at least one request is under way. */
static void
request_next(CphPager *pager)
{
	if (pager->pages == 1 && pager->page != NULL)
		check_identity(pager, pager->page);
	if (pager->pages == 0)
		cph_pager_start(pager);
	else
		fill_ahead(pager, true);
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
		request_next(pager);
		if (!cph_call_ready(pager->ahead[0].call))
			return CPH_STEP_WAIT;
		if (take_page(pager) == CPH_STEP_PAST_END)
			return CPH_STEP_PAST_END;
	}
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

/* Returns the filter whose value the service did not take. */
const CphFilter *
cph_pager_invalid(const CphPager *pager)
{
	return pager->invalid;
}

/* Returns what the last page said of the number of rows; -1: nothing. */
int64
cph_pager_count(const CphPager *pager)
{
	return pager->count;
}

#define UNSTABLE_TIES_HINT \
	"Set the option \"stable_ties\" of the server to false."

/* Raises the error for a promise that the service has broken. */
static void
broken_promise(const CphPager *pager, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the list \"%s\" of server \"%s\" cannot be read reliably",
					pager->options.endpoint->resource,
					cph_client_server_name(pager->client)),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* Tells whether a row is the last one of the page before. */
static bool
is_last(const CphPager *pager, const CphItem *item)
{
	return item->id != NULL && pager->last != NULL &&
		strcmp(item->id, pager->last) == 0;
}

/*
 * Tells whether no unread row can stand before the page, which is not empty
 * and begins at an offset.  Where rows of one time have one order, what was
 * there before a row that was read has been read.  That they do is shown by
 * the row that was expected first, or, on a page from further up, by several.
 */
static bool
is_anchored(const CphPager *pager, const CphPage *page, int64 offset)
{
	const CphFrontier *frontier = &pager->frontier;
	const CphItem *first = &page->items[0];

	if (offset == 0 || !frontier->set)
		return true;
	if (!pager->options.ordered)
		return cph_frontier_has_read(frontier, page);
	if (first->time != frontier->time)
		return first->time > frontier->time;
	return pager->options.stable_ties &&
		(is_last(pager, first) ||
		 (pager->step_back > 0 && cph_frontier_goes_on(frontier, page)));
}

/* Gives up a scan that has not come forward for too long. */
static void
check_progress(CphPager *pager)
{
	int64		way_back = pager->stepped / Max(pager->size - 1, 1);

	if (++pager->barren > MAX_BARREN_PAGES + way_back)
		broken_promise(pager,
					   "Page after page held only rows that were read before.",
					   "The list changes too fast, or the service ignores the offset.  Read it in parts by a filter.");
}

/*
 * Asks again from further up the list, since the page at an offset may have
 * jumped over rows.
 */
static void
step_back(CphPager *pager, const CphPage *page, int64 offset)
{
	drop_ahead(pager);
	check_progress(pager);
	cph_client_counters(pager->client)->repairs++;
	pager->missed = page->nitems > 0;
	pager->calm = 0;
	pager->step_back = pager->step_back ? pager->step_back * 2 :
		Max(pager->size / 2, 1);
	pager->stepped += Min(pager->step_back, offset);
	pager->probing = false;
	ask(pager, Max(offset - pager->step_back, 0), pager->options.page_size);
}

/*
 * Raises the error for an item that lacks what is needed of it.
 */
static void
incomplete_item(const CphPager *pager, int number, const char *field)
{
	ereport(ERROR,
			(errcode(CPH_ERRCODE_ANSWER),
			 errmsg("an item in the answer of server \"%s\" has no valid \"%s\"",
					cph_client_server_name(pager->client), field),
			 errdetail("It is item %d of a page of the list \"%s\", whose pages and order rest on it.",
					   number + 1, pager->options.endpoint->resource)));
}

/* Checks that a page is newest first, where that is relied on. */
static void
check_order(const CphPager *pager, const CphPage *page)
{
	const CphItem *before = NULL;

	for (int i = 0; i < page->nitems && pager->options.ordered; i++)
	{
		const CphItem *item = &page->items[i];

		if (!item->has_time && pager->options.needs_time)
			incomplete_item(pager, i, pager->options.endpoint->time_field);
		if (!item->has_time)
			continue;
		if (before != NULL && item->time > before->time)
			broken_promise(pager,
						   psprintf("Item %d of a page is newer than the one before it.", i + 1),
						   "Set the option \"enable_order_pushdown\" of the server to false.");
		before = item;
	}
}

/* Checks that rows of one time have one order, where that is relied on. */
static void
check_ties(const CphPager *pager, const CphPage *page)
{
	if (pager->options.ordered && pager->options.stable_ties &&
		!cph_frontier_in_order(&pager->frontier, page))
		broken_promise(pager,
					   "Rows of one time stand in another order on each page.",
					   UNSTABLE_TIES_HINT);
}

/* Checks that a page can be matched with another one. */
static void
check_identity(const CphPager *pager, const CphPage *page)
{
	const CphEndpoint *endpoint = pager->options.endpoint;

	for (int i = 0; i < page->nitems; i++)
	{
		if (page->items[i].id == NULL)
			incomplete_item(pager, i, endpoint->id_field);
		if (!page->items[i].has_time && pager->options.ordered)
			incomplete_item(pager, i, endpoint->time_field);
	}
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
	pager->calm = Min(pager->calm + 1, CPH_MAX_CONCURRENT);
	if (unread > 0)
		pager->barren = pager->stepped = pager->probes = 0;
}

/*
 * Says whether the list ends with an anchored page.  A number of rows proves
 * nothing by itself, but may confirm what a short page suggests.
 */
static bool
is_last_page(const CphPager *pager, const CphPage *page, const Asked *asked,
			 int unread)
{
	if (page->nitems == 0)
		return true;
	/* what comes of rows further down must be seen before it is believed */
	if (page->nitems == 1 && unread == 0 && asked->limit >= 2 && !pager->missed)
		return true;
	return page->nitems < asked->limit && page->has_count &&
		asked->offset + page->nitems == page->count;
}

/*
 * Raises an error if a whole list was read and fewer rows were returned than
 * all of its pages said there are, and the place of its end says so too: rows
 * have changed places between two pages.  Rows that come and go change the
 * number.
 */
static void
check_whole(const CphPager *pager, const CphPage *page, const Asked *asked)
{
	const CphPagerOptions *options = &pager->options;

	if (options->offset > 0 || options->has_newest || options->has_oldest ||
		!pager->one_count || pager->returned >= pager->count ||
		asked->offset + page->nitems != pager->count)
		return;
	if (!options->ordered)
		broken_promise(pager,
					   psprintf("Only " INT64_FORMAT " of " INT64_FORMAT " rows were found, since they stand in another order on each page.",
								pager->returned, pager->count),
					   "Read the list in parts by a filter, as phones by their server_id.");
	if (options->stable_ties && pager->doubtful)
		broken_promise(pager,
					   psprintf("Only " INT64_FORMAT " of " INT64_FORMAT " rows were found, since rows of one time stand in another order on each page.",
								pager->returned, pager->count),
					   UNSTABLE_TIES_HINT);
}

/*
 * Returns where the page after an anchored one is to start, if rows of one
 * time have no order: with the last row that is newer than the last time, so
 * that the rows of that time are read whole.
 */
static int64
offset_before_ties(CphPager *pager, const CphPage *page, const Asked *asked)
{
	int			first = page->nitems - 1;

	while (first > 0 && page->items[first - 1].time == page->items[first].time)
		first--;
	if (first >= 2)
		return asked->offset + first - 1;
	/* a page that was to be small says nothing of what a page holds */
	if (asked->limit < pager->options.page_size)
		return Max(asked->offset + first - 1, 0);
	if (page->nitems >= asked->limit || pager->probes > MAX_PROBES)
		broken_promise(pager,
					   "More rows of one time follow each other than a page holds.",
					   "Read the list in parts by a filter, as phones by their server_id.");
	pager->probing = true;
	return asked->offset + page->nitems - 1;
}

/* Plans the request that follows an anchored page. */
static void
plan_next(CphPager *pager, const CphPage *page, const Asked *asked)
{
	int			expected = Min(asked->limit, pager->size);

	if (page->nitems > pager->size ||
		(page->nitems > 1 && page->nitems < expected))
	{
		pager->size = page->nitems;
		drop_ahead(pager);
	}
	if (!pager->options.stable_ties && pager->options.ordered)
		pager->next_offset = offset_before_ties(pager, page, asked);
	else if (pager->nahead == 0 && asked->limit == 1)
		pager->next_offset = asked->offset; /* no room for the overlap */
	else if (pager->nahead == 0)
		pager->next_offset = asked->offset + Max(page->nitems - 1, 1);
}

/*
 * Narrows down where the newest row wanted stands, by the one row of a page;
 * asks for the next row or, in the end, for the page.
 */
static void
seek(CphPager *pager, const CphPage *page, int64 offset)
{
	const CphItem *item = page->nitems > 0 ? &page->items[0] : NULL;

	if (item != NULL && item->time > pager->options.newest)
		pager->low = offset;
	else
		pager->high = offset;
	pager->seeking = pager->high - pager->low > pager->size / 2;
	if (pager->seeking)
		ask(pager, pager->low + (pager->high - pager->low) / 2, 1);
	else
		ask(pager, pager->low, pager->options.page_size);
}

/*
 * Begins to seek, after a first page of rows that are all too new, if that
 * takes fewer requests than reading on: one for each halving of the pages.
 */
static bool
begin_seek(CphPager *pager, const CphPage *page)
{
	int64		rest = page->count - page->nitems;

	if (!pager->options.has_newest || pager->pages > 1 || !page->has_count ||
		page->nitems < pager->size ||
		page->items[page->nitems - 1].time <= pager->options.newest ||
		rest / pager->size < 8)
		return false;
	pager->low = page->nitems - 1;
	pager->high = page->count;
	ask(pager, pager->low + (pager->high - pager->low) / 2, 1);
	pager->seeking = true;
	return true;
}

/* Takes note of a page's count. */
static void
note_count(CphPager *pager, const CphPage *page)
{
	int64		count = page->has_count ? page->count : -1;

	if (pager->pages > 1 && count != pager->count)
		pager->one_count = false;
	pager->count = count;
	if (pager->options.nparams == 0)
		cph_client_facts(pager->client, pager->options.endpoint)->total = count;
}

/*
 * Takes an answer with no rows at an offset beyond the list's beginning.  For
 * the first page of a window that is an end only if the count agrees.
 */
static CphStep
accept_empty(CphPager *pager, const CphPage *page, const Asked *asked)
{
	if (pager->frontier.set)
	{
		step_back(pager, page, asked->offset);
		return CPH_STEP_WAIT;
	}
	pager->ended = page->has_count && page->count <= asked->offset;
	return pager->ended ? CPH_STEP_END : CPH_STEP_PAST_END;
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
 * Tells whether a page goes on with rows of the frontier's time without
 * showing all of them, and without the row that was expected first.
 */
static bool
is_doubtful(const CphPager *pager, const CphPage *page, int64 offset)
{
	const CphFrontier *frontier = &pager->frontier;
	const CphItem *items = page->items;

	if (!frontier->set || page->nitems == 0 || is_last(pager, &items[0]))
		return false;
	return items[page->nitems - 1].time == frontier->time ||
		(offset > 0 && items[0].time <= frontier->time);
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
		(!pager->has_reached || oldest < pager->reached);

	pager->has_reached = true;
	pager->reached = oldest;
	return closer;
}

/*
 * Takes an anchored page: its unread rows are returned from then on, and what
 * follows is planned.
 */
static void
accept_anchored(CphPager *pager, CphPage *page, const Asked *asked)
{
	int			unread;

	pager->doubtful |= is_doubtful(pager, page, asked->offset);
	unread = mark_unread(pager, page);
	if (pager->ended)
		return;
	if (is_last_page(pager, page, asked, unread))
	{
		pager->ended = true;
		check_whole(pager, page, asked);
		return;
	}
	note_page(pager, page, unread);
	if (begin_seek(pager, page))
		return;
	if (unread == 0 && !comes_closer(pager, page))
		check_progress(pager);
	plan_next(pager, page, asked);
	if (pager->pages > 1)
		fill_ahead(pager, false);
}

/* Takes a page as what it turns out to be. */
static CphStep
accept_page(CphPager *pager, CphPage *page, const Asked *asked)
{
	pager->pages++;
	note_count(pager, page);
	check_order(pager, page);
	if (pager->pages > 1)
		check_identity(pager, page);
	check_ties(pager, page);
	if (pager->seeking)
		seek(pager, page, asked->offset);
	else if (page->nitems == 0 && asked->offset > 0)
		return accept_empty(pager, page, asked);
	else if (pager->probing && accept_probe(pager, page))
		return CPH_STEP_END;
	else if (page->nitems > 0 && !is_anchored(pager, page, asked->offset))
		step_back(pager, page, asked->offset);
	else
		accept_anchored(pager, page, asked);
	return CPH_STEP_WAIT;
}

/*
 * Takes the request that comes next, which is ready, out of those under way,
 * and asks for another one in its place: the answer can be on its way while
 * this one is decoded.  Where this one is to tell what to ask for, it waits.
 */
static Asked
take_asked(CphPager *pager)
{
	Asked		asked = pager->ahead[0];

	pager->nahead--;
	memmove(&pager->ahead[0], &pager->ahead[1], sizeof(Asked) * pager->nahead);
	pager->largest = Max(pager->largest, cph_call_size(asked.call));
	if (pager->pages > 0 && !pager->seeking && window(pager) > 1)
		fill_ahead(pager, false);
	return asked;
}

/* Reads the page that comes next, which is ready, and takes it. */
static CphStep
take_page(CphPager *pager)
{
	MemoryContext caller;
	Asked		asked;
	CphCallResult result;
	CphPage    *page = NULL;
	CphStep		step = CPH_STEP_WAIT;

	pager->page = NULL;
	pager->end_row = 0;
	MemoryContextReset(pager->page_context);
	caller = MemoryContextSwitchTo(pager->page_context);
	asked = take_asked(pager);
	result = cph_call_read(asked.call, &page, &pager->invalid);
	cph_call_drop(asked.call);
	if (result == CPH_CALL_NO_ROWS)
	{
		pager->invalid = NULL;
		pager->ended = true;
	}
	else if (result == CPH_CALL_PAGE)
		step = accept_page(pager, page, &asked);
	MemoryContextSwitchTo(caller);
	return step;
}
