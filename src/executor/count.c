/*
 * count.c
 *		count(*) from the number of rows that a page reports.
 *
 * The documents call it the total number of phones or servers.  That it is
 * the number of a filter's rows they do not say: it is believed once the page
 * at its end shows that the list ends there, or the service has shown it
 * before.  Where it is not believed, the rows are read and counted, by all
 * that clauses may ask of them: what was read once is not read for another
 * value.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "http/http.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

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
		if (proved > 0 && proved != count && facts->total < 0)
			facts->total = fetch_total(counting);
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
static bool
ask_count(const CphCounting *counting, int64 *count)
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

/* Reads the rows of one stream, and counts them under a key by their values. */
static void
read_and_count(const CphCounting *counting, const char *key)
{
	CphScanState *state = counting->state;
	CphPagerOptions options;
	CphStreams *streams;
	const CphItem *item;
	CphStep		step;

	cph_scan_pager_options(state, counting->query, &options);
	options.params = counting->params;
	options.nparams = counting->nparams;
	options.first_limit = 0;
	streams = cph_streams_create(cph_scan_client(state), &options, NULL, NIL);
	while ((step = cph_streams_wait(streams, &item)) != CPH_STEP_END)
	{
		if (step == CPH_STEP_ROW)
			cph_tally_count(state->tally, key, item);
		else
		{
			/* The filter is not taken: read without any, from the start. */
			Assert(step == CPH_STEP_INVALID && options.nparams > 0);
			cph_streams_close(streams);
			options.nparams = 0;
			streams = cph_streams_create(cph_scan_client(state), &options,
										 NULL, NIL);
		}
	}
	cph_streams_close(streams);
}

/*
 * Returns the number of rows of one stream: as it is known of the request, or
 * of its rows, or as it is found out now.
 */
static int64
count_stream(const CphCounting *counting)
{
	const CphQuery *query = counting->query;
	CphTally   *tally = counting->state->tally;
	bool		bounded = query->has_oldest || query->has_newest;
	char	   *asked = psprintf("%s\n" INT64_FORMAT "/" INT64_FORMAT,
								 cph_request_query(counting->params, counting->nparams),
								 query->has_oldest ? query->oldest : DT_NOBEGIN,
								 query->has_newest ? query->newest : DT_NOEND);
	char	   *read = psprintf("%s\nrows", asked);
	int64		rows = query->exact_values ? cph_tally_get(tally, asked) : -1;

	if (rows >= 0)
		return rows;
	if (cph_tally_get(tally, read) < 0)
	{
		if (query->exact_values &&
			(bounded ? cph_count_between(counting, &rows) : ask_count(counting, &rows)))
		{
			cph_tally_add(tally, asked, rows);
			return rows;
		}
		read_and_count(counting, read);
		cph_tally_add(tally, read, 0);
	}
	return cph_tally_sum(tally, read, counting->values);
}

/*
 * Sees to it that there is a tally for the rows of a query.  What is known of
 * other values is forgotten where it takes more memory than a hash table may.
 */
static void
prepare_tally(CphScanState *state, const CphQuery *query)
{
	MemoryContext caller;

	if (state->tally != NULL &&
		MemoryContextMemAllocated(state->tally_context, true) > get_hash_memory_limit())
	{
		MemoryContextReset(state->tally_context);
		state->tally = NULL;
	}
	if (state->tally != NULL)
		return;
	caller = MemoryContextSwitchTo(state->tally_context);
	state->tally = cph_tally_create(query->fields);
	state->tally_begun_at = cph_transport_now();
	MemoryContextSwitchTo(caller);
}

/*
 * Returns the number of rows of that stream of a query which sends a value of
 * the filter that fans out; of the only one, if none does.
 */
int64
cph_count_value(CphScanState *state, const CphQuery *query, char *value)
{
	CphCounting counting = cph_counting(state, query, query->fan, value);

	prepare_tally(state, query);
	return count_stream(&counting);
}

/* Returns the number of rows of a query: the sum of its streams. */
static int64
count_query(CphScanState *state, const CphQuery *query)
{
	int64		count = 0;
	ListCell   *lc;

	if (query->fan == NULL)
		return cph_count_value(state, query, NULL);
	foreach(lc, query->fan_values)
		count += cph_count_value(state, query, lfirst(lc));
	return count;
}

/*
 * Returns the number of rows for the values that the plan's expressions have
 * now.
 */
static int64
count_now(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	MemoryContext scratch = AllocSetContextCreate(state->context,
												  "cph_fdw count",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	CphQuery   *query = cph_scan_query(state, cph_scan_exprs(node), NULL);
	int64		count;

	count = query->none ? 0 : cph_recall_count(state, query, count_query);
	if (state->client != NULL)
		cph_client_rest(state->client);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return count;
}

/*
 * Returns the one row of a counting scan, each of whose columns is the number
 * of rows; an empty slot after it.
 */
TupleTableSlot *
cph_count_iterate(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot = ExecClearTuple(node->ss.ss_ScanTupleSlot);
	int64		count;

	if (state->counted)
		return slot;
	count = count_now(node);
	state->counted = true;
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = Int64GetDatum(count);
		slot->tts_isnull[i] = false;
	}
	return ExecStoreVirtualTuple(slot);
}
