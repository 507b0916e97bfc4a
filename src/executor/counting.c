/*
 * counting.c
 *		The number of rows that a page reports, and what is believed of it.
 *
 * The documents call it the total number of phones or servers.  That it is
 * the number of a filter's rows they do not say: it is believed once the page
 * at its end shows that the list ends there, or the service has shown it
 * before.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

/*
 * Returns what counting those rows of a query needs that have a value of a
 * filter, in the current memory context; filter may be NULL.
 */
CphCounting
cph_counting(CphScanState *state, const CphQuery *query,
			 const CphFilter *filter, char *value)
{
	CphParam   *params = palloc(sizeof(CphParam) * (query->nparams + 1));
	CphCounting counting = {state, query, query->filters, params, query->nparams};
	List	   *fields = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	for (int i = 0; i < query->nparams; i++)
		params[i] = query->params[i];
	forboth(lc, query->fields, lc2, query->values)
	{
		bool		is_own = filter != NULL && strcmp(lfirst(lc), filter->field) == 0;

		fields = lappend(fields, lfirst(lc));
		counting.values = lappend(counting.values,
								  is_own ? list_make1(value) : lfirst(lc2));
	}
	if (filter != NULL)
	{
		params[counting.nparams++] = cph_param(filter->param, value);
		counting.filters |= 1 << (filter - state->endpoint->filters);
	}
	if (filter != NULL && filter == query->cover)
	{
		fields = lappend(fields, unconstify(char *, filter->field));
		counting.values = lappend(counting.values, list_make1(value));
	}
	counting.match = cph_match_create(fields, counting.values);
	return counting;
}

/* Tells whether every item of a page is one that is to be counted. */
static bool
page_matches(const CphCounting *counting, const CphPage *page)
{
	for (int i = 0; i < page->nitems; i++)
	{
		if (!cph_match_item(counting->match, &page->items[i]))
			return false;
	}
	return true;
}

/*
 * Tells whether a page may be one of what is counted: it has a count, which
 * fits its rows, and each of them is one that is to be counted.
 */
bool
cph_counting_fits(const CphCounting *counting, const CphPage *page)
{
	return page->has_count && page->count <= PG_INT32_MAX &&
		(page->nitems == 0) == (page->count == 0) &&
		page_matches(counting, page);
}

/* Fetches a page of what is counted. */
static CphCallResult
fetch_page(const CphCounting *counting, int64 offset, int limit, CphPage **page)
{
	return cph_client_fetch(cph_scan_client(counting->state),
							counting->state->endpoint, counting->params,
							counting->nparams, offset, limit, page);
}

/*
 * Fetches what should be the last rows of a list of that many, and tells
 * whether as many came, each one to be counted.  fewer: less came, which match.
 */
static bool
ends_with(const CphCounting *counting, int64 count, int rows, bool *fewer)
{
	CphPage    *page;

	*fewer = false;
	if (fetch_page(counting, count - rows, rows + 1, &page) != CPH_CALL_PAGE ||
		!page_matches(counting, page))
		return false;
	*fewer = page->nitems > 0 && page->nitems < rows;
	return page->nitems == rows;
}

/*
 * Tells whether the list has just that many rows, which is at least 1, by its
 * last page.  A whole page shows more of whether the filter filters than its
 * last row; a service with shorter pages is asked for that one row.
 */
bool
cph_counting_prove(const CphCounting *counting, int64 count)
{
	const CphScanState *state = counting->state;
	int			limit = cph_options_page_size(state->options, state->endpoint);
	bool		fewer;

	return ends_with(counting, count, Min(count, limit - 1), &fewer) ||
		(fewer && ends_with(counting, count, 1, &fewer));
}

/* Asks for the number of rows without a filter; -1: it is not told. */
static int64
fetch_total(const CphCounting *counting)
{
	return cph_client_total(cph_scan_client(counting->state),
							counting->state->endpoint);
}

/*
 * Tells whether a filter's count is another number than that of all rows, and
 * can be: a smaller one.  What is known of the latter may be old: it has to be
 * the same after the count as it was before.
 */
static bool
is_not_total(const CphCounting *counting, CphFacts *facts, int64 count)
{
	int64		before = facts->total;

	if (before <= count)
		return false;
	facts->total = fetch_total(counting);
	return facts->total == before;
}

/*
 * Returns how many rows there are without a filter, or have been before; -1: it
 * is not told.
 */
static int64
known_total(const CphCounting *counting, CphFacts *facts)
{
	if (facts->total < 0)
		facts->total = fetch_total(counting);
	return facts->total;
}

/*
 * Sees to it that a filter whose count is about to be seen can be shown to filter.
 * Returns false if it cannot.
 */
bool
cph_counting_prepare(const CphCounting *counting)
{
	CphFacts   *facts = cph_client_facts(cph_scan_client(counting->state),
										 counting->state->endpoint);

	return counting->filters == 0 || facts->counts_filter[counting->filters] ||
		known_total(counting, facts) >= 0;
}

/*
 * Tells whether the service has shown that a filter filters: now, by a count that
 * is smaller than that of all rows, which is the same before and after, or before.
 */
bool
cph_counting_filters(const CphCounting *counting, int64 count)
{
	CphFacts   *facts = cph_client_facts(cph_scan_client(counting->state),
										 counting->state->endpoint);
	uint32		filters = counting->filters;

	return filters == 0 || facts->counts_filter[filters] ||
		(count >= 0 && is_not_total(counting, facts, count));
}

/*
 * Tells whether a count is the number of rows.  Each one is proved, by a page
 * that has them all or by the last one, until the filter's count, which was
 * proved before, is another one than that of all rows; from then on it is
 * believed.  To find out the number of all rows is worth a request once the
 * filter is counted by one value after the other.
 */
static bool
is_believed(const CphCounting *counting, CphFacts *facts, const CphPage *page,
			int limit)
{
	uint32		filters = counting->filters;
	int64		proved = facts->proved_count[filters];
	int64		count = page->count;
	bool		whole = page->nitems == count && count < limit;

	if (filters == 0)
		facts->total = count;
	if (count > 1 && (filters == 0 || facts->counts_filter[filters]))
		return true;
	if (!whole)
	{
		if (proved > 0 && is_not_total(counting, facts, count))
			return facts->counts_filter[filters] = true;
		if (!cph_counting_prove(counting, count))
			return false;
		if (proved > 0 && proved != count)
			(void) known_total(counting, facts);
	}
	facts->proved_count[filters] = count;
	return true;
}

/*
 * Finds the number of rows from one page, or two if what it counts has to be
 * proved.  A page to prove it by is a whole one: it may have all rows, and the
 * more rows match, the less can they do so by chance.  Returns false if the
 * rows have to be read.
 */
bool
cph_counting_ask(const CphCounting *counting, int64 *count)
{
	CphScanState *state = counting->state;
	CphFacts   *facts = cph_client_facts(cph_scan_client(state),
										 state->endpoint);
	uint32		filters = counting->filters;
	int			limit = filters == 0 || facts->counts_filter[filters] ? 1 :
		cph_options_page_size(state->options, state->endpoint);
	CphPage    *page;
	CphCallResult result = fetch_page(counting, 0, limit, &page);

	*count = 0;
	if (result != CPH_CALL_PAGE)
		return result == CPH_CALL_NO_ROWS;
	if (!cph_counting_fits(counting, page))
		return false;
	*count = page->count;
	if (page->nitems > 0 && !is_believed(counting, facts, page, limit))
		return false;
	cph_facts_note_rows(facts, counting->params, counting->nparams, *count);
	return true;
}
