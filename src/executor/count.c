/*
 * count.c
 *		count(*) from the number of rows that a page reports.
 *
 * Where that is not believed (counting), nor the places of bounds (between), the
 * rows are read and counted, by all that clauses may ask of them: what was read
 * once is not read for another value.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "http/http.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

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
			(bounded ? cph_count_between(counting, &rows) : cph_counting_ask(counting, &rows)))
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
