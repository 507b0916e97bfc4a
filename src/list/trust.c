/*
 * trust.c
 *		What a pager relies on, checked while it is relied on.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"
#include "service/service.h"

/*
 * Pages without an unread row after which a scan is given up, beside those
 * that lead back to where it stepped back from.  As many pages in a row
 * happen only if the list grows by a page a request, or ignores the offset.
 */
#define MAX_PAGES_WITHOUT_ROWS 64

#define UNSTABLE_TIES_HINT \
	"Set the option \"stable_ties\" of the server to false."

/* Raises the error for a promise that the service has broken. */
void
cph_pager_broken_promise(const CphPager *pager, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the list \"%s\" of server \"%s\" cannot be read reliably",
					pager->options.endpoint->resource,
					cph_client_server_name(pager->client)),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* Gives up a scan that has not come forward for too long. */
void
cph_pager_check_progress(CphPager *pager)
{
	int64		way_back = pager->stepped / Max(pager->size - 1, 1);

	if (++pager->pages_without_rows > MAX_PAGES_WITHOUT_ROWS + way_back)
		cph_pager_broken_promise(pager,
								 "Page after page held only rows that were read before.",
								 "The list changes too fast, or the service ignores the offset.  Read it in parts by a filter.");
}

/*
 * Raises the error for an item that lacks what is needed of it.
 */
pg_noreturn static void
incomplete_item(const CphPager *pager, int number, const char *field)
{
	ereport(ERROR,
			(errcode(CPH_ERRCODE_ANSWER),
			 errmsg("an item in the answer of server \"%s\" has no valid \"%s\"",
					cph_client_server_name(pager->client), field),
			 errdetail("It is item %d of a page of the list \"%s\", whose paging relies on this field.",
					   number + 1, pager->options.endpoint->resource)));
}

/* Checks that a page is newest first, where that is relied on. */
void
cph_pager_check_order(const CphPager *pager, const CphPage *page)
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
			cph_pager_broken_promise(pager,
									 psprintf("Item %d of a page is newer than the one before it.", i + 1),
									 "Set the option \"enable_order_pushdown\" of the server to false.");
		before = item;
	}
}

/*
 * Checks that rows of one time have one order, where that is relied on; all
 * rows, where neither an order nor a count could show that some were lost.
 */
void
cph_pager_check_ties(const CphPager *pager, const CphPage *page)
{
	bool		ordered = pager->options.ordered;

	if ((ordered ? !pager->options.stable_ties : page->has_count) ||
		cph_frontier_in_order(&pager->frontier, page))
		return;
	if (!ordered)
		cph_pager_broken_promise(pager,
								 "Rows stand in another order on each page.",
								 "Try again, or read the list in parts by a filter.");
	else
		cph_pager_broken_promise(pager,
								 "Rows of one time stand in another order on each page.",
								 UNSTABLE_TIES_HINT);
}

/* Checks that the rows of a page can be told from those of another stream. */
void
cph_pager_check_ids(const CphPager *pager, const CphPage *page)
{
	for (int i = 0; i < page->nitems; i++)
	{
		if (page->items[i].id == NULL)
			incomplete_item(pager, i, pager->options.endpoint->id_field);
	}
}

/* Checks that a page can be matched with another one. */
void
cph_pager_check_identity(const CphPager *pager, const CphPage *page)
{
	cph_pager_check_ids(pager, page);
	for (int i = 0; i < page->nitems; i++)
	{
		if (!page->items[i].has_time && pager->options.ordered)
			incomplete_item(pager, i, pager->options.endpoint->time_field);
	}
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
bool
cph_pager_is_anchored(const CphPager *pager, const CphPage *page, int64 offset)
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

/*
 * Tells whether the list ends with an anchored page.  A number of rows proves
 * nothing by itself, but may confirm what a short page suggests.
 */
bool
cph_pager_is_last_page(const CphPager *pager, const CphPage *page,
					   const CphAsked *asked, int unread)
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
 * Tells whether a page goes on with rows of the frontier's time without
 * showing all of them, and without the row that was expected first.
 */
bool
cph_pager_is_doubtful(const CphPager *pager, const CphPage *page, int64 offset)
{
	const CphFrontier *frontier = &pager->frontier;
	const CphItem *items = page->items;

	if (!frontier->set || page->nitems == 0 || is_last(pager, &items[0]))
		return false;
	return items[page->nitems - 1].time == frontier->time ||
		(offset > 0 && items[0].time <= frontier->time);
}

/*
 * Raises an error if a whole list was read and fewer rows were returned than
 * all of its pages said there are, and the place of its end says so too: rows
 * have changed places between two pages.  Rows that come and go change the
 * number.
 */
void
cph_pager_check_whole(const CphPager *pager, const CphPage *page,
					  const CphAsked *asked)
{
	const CphPagerOptions *options = &pager->options;

	if (options->offset > 0 || options->has_newest || options->has_oldest ||
		!pager->one_count || pager->returned >= pager->count ||
		asked->offset + page->nitems != pager->count)
		return;
	if (!options->ordered)
		cph_pager_broken_promise(pager,
								 psprintf("Only " INT64_FORMAT " of " INT64_FORMAT " rows were found, since they stand in another order on each page.",
										  pager->returned, pager->count),
								 "Read the list in parts by a filter, as phones by their server_id.");
	if (options->stable_ties && pager->doubtful)
		cph_pager_broken_promise(pager,
								 psprintf("Only " INT64_FORMAT " of " INT64_FORMAT " rows were found, since rows of one time stand in another order on each page.",
										  pager->returned, pager->count),
								 UNSTABLE_TIES_HINT);
}
