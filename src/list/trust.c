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
 * that lead back to where it stepped back from, and those of a list that is
 * read once more.  As many pages in a row happen only if the list grows by a
 * page a request, or ignores the offset.
 */
#define MAX_PAGES_WITHOUT_ROWS 64

/* Raises the error for a promise that the service has broken. */
void
cph_trust_broken(CphClient *client, const CphPagerOptions *options,
				 const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the list \"%s\" of server \"%s\" cannot be read reliably",
					options->endpoint->resource,
					cph_client_server_name(client)),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/*
 * Returns a hint, palloc'd: the given one, and to read the list in parts where
 * there is a filter for it that is not used yet.
 */
char *
cph_trust_in_parts(const CphPagerOptions *options, const char *hint)
{
	const CphEndpoint *endpoint = options->endpoint;
	bool		in_part = false;

	for (int i = 0; i < options->nparams && endpoint->parts != NULL; i++)
		in_part |= strcmp(options->params[i].name, endpoint->part_param) == 0;
	if (endpoint->parts != NULL && !in_part)
		return psprintf("%s  Read it in parts: %s.", hint, endpoint->parts);
	return psprintf("%s%s", hint, endpoint->nfilters > options->nparams ?
					"  Read it in parts by a filter." : "");
}

/* Raises the error for an item that lacks what is needed of it. */
pg_noreturn static void
incomplete_item(CphClient *client, const CphPagerOptions *options, int number,
				const char *field)
{
	ereport(ERROR,
			(errcode(CPH_ERRCODE_ANSWER),
			 errmsg("an item in the answer of server \"%s\" has no valid \"%s\"",
					cph_client_server_name(client), field),
			 errdetail("It is item %d of a page of the list \"%s\", whose paging relies on this field.",
					   number + 1, options->endpoint->resource)));
}

/* Checks that a page is newest first, where that is relied on. */
void
cph_trust_order(CphClient *client, const CphPagerOptions *options,
				const CphPage *page)
{
	const CphItem *before = NULL;

	for (int i = 0; i < page->nitems && options->ordered; i++)
	{
		const CphItem *item = &page->items[i];

		if (!item->has_time && options->needs_time)
			incomplete_item(client, options, i, options->endpoint->time_field);
		if (!item->has_time)
			continue;
		if (before != NULL && item->time > before->time)
			cph_trust_broken(client, options,
							 psprintf("Item %d of a page is newer than the one before it.", i + 1),
							 "Set the option \"enable_order_pushdown\" of the server to false.");
		before = item;
	}
}

/* Gives up a scan that has not come forward for too long. */
void
cph_pager_check_progress(CphPager *pager)
{
	int64		read = pager->stepped + (pager->again ? pager->count : 0);

	if (++pager->pages_without_rows >
		MAX_PAGES_WITHOUT_ROWS + read / Max(pager->size - 1, 1))
		cph_trust_broken(pager->client, &pager->options,
						 "Page after page held only rows that were read before.",
						 cph_trust_in_parts(&pager->options,
											"The list changes too fast, or the service ignores the offset."));
}

/* Raises the error for rows of one time, in no order, that fill a page. */
void
cph_pager_group_too_large(const CphPager *pager)
{
	const CphPagerOptions *options = &pager->options;
	const char *hint = "Pages cannot be larger.";

	if (options->page_size < options->endpoint->page_max)
		hint = psprintf("Raise the option \"fetch_size\", which can be %d.",
						options->endpoint->page_max);
	cph_trust_broken(pager->client, options,
					 "More rows of one time follow each other than a page holds.",
					 cph_trust_in_parts(options, hint));
}

/*
 * Checks that rows stand as they stood before: those of one time, where that is
 * relied on; all of them, where there is no order, if rows are missing or no
 * number could show it.
 */
void
cph_pager_check_ties(const CphPager *pager, const CphPage *page)
{
	bool		ordered = pager->options.ordered;

	if ((ordered ? !pager->options.stable_ties :
		 page->has_count && !pager->again) ||
		cph_frontier_in_order(&pager->frontier, page))
		return;
	if (ordered)
		cph_trust_broken(pager->client, &pager->options,
						 "Rows of one time stand in another order on each page.",
						 "Set the option \"stable_ties\" of the server to false.");
	else
		cph_trust_broken(pager->client, &pager->options,
						 pager->again ?
						 psprintf("Only " INT64_FORMAT " of " INT64_FORMAT " rows were found, and they stand in another order when they are read again.",
								  pager->returned, pager->count) :
						 "Rows stand in another order on each page.",
						 cph_trust_in_parts(&pager->options, "Try again."));
}

/* Checks that the rows of a page can be told from those of another stream. */
void
cph_pager_check_ids(const CphPager *pager, const CphPage *page)
{
	for (int i = 0; i < page->nitems; i++)
	{
		if (page->items[i].id == NULL)
			incomplete_item(pager->client, &pager->options, i,
							pager->options.endpoint->id_field);
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
			incomplete_item(pager->client, &pager->options, i,
							pager->options.endpoint->time_field);
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
 * the row of the page before that was its last, or by several.
 */
bool
cph_pager_is_anchored(const CphPager *pager, const CphPage *page, int64 offset)
{
	const CphFrontier *frontier = &pager->frontier;
	const CphItem *first = &page->items[0];
	int			rows = Min(CPH_ROWS_IN_ORDER, pager->size / 2);

	if (offset == 0 || !frontier->set)
		return true;
	if (!pager->options.ordered)
		return cph_frontier_has_read(frontier, page);
	if (first->time != frontier->time)
		return first->time > frontier->time;
	return pager->options.stable_ties &&
		(is_last(pager, first) ||
		 (cph_frontier_goes_on(frontier, page) &&
		  cph_frontier_shows_order(frontier, page, rows)));
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
 * Tells whether a whole list without an order was read, and fewer rows were
 * returned than all of its pages said there are, and the place of its end says so
 * too.  Some may have come and others gone, or they have changed places between
 * two pages.  (Of a list with an order, the rows that a page shows again tell
 * that, before anything is lost.)
 */
bool
cph_pager_misses_rows(const CphPager *pager, const CphPage *page,
					  const CphAsked *asked)
{
	const CphPagerOptions *options = &pager->options;

	return !options->ordered && options->offset == 0 && pager->one_count &&
		pager->returned < pager->count &&
		asked->offset + page->nitems == pager->count;
}
