/*
 * analyze.c
 *		Sampling for ANALYZE.
 *
 * A list that is no longer than the sample is read whole, as a scan reads it.
 * Of a longer one pages at random places are read.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "lib/lib.h"
#include "list/list.h"

#include "access/htup_details.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

/* A sample while it is taken. */
typedef struct Sampling
{
	const CphOptions *options;
	const CphEndpoint *endpoint;
	CphClient  *client;
	CphCounters counters;
	CphTupleReader *reader;
	TupleTableSlot *slot;
	MemoryContext row_context;	/* of the values of a row; reset for each */
	CphIdSet   *ids;			/* of the sample */
	HeapTuple  *rows;
	int			nrows;
	int			target;			/* rows wanted */
	double		seen;			/* rows read, where the list is read whole */
	ReservoirStateData reservoir;
	double		skip;			/* rows to pass over before the next is kept */
} Sampling;

/* Opens what reading a foreign table as its owner needs. */
static void
open_sampling(Sampling *sampling, Relation relation, int target)
{
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *attnums = NIL;

	memset(sampling, 0, sizeof(Sampling));
	sampling->options = cph_table_options(RelationGetRelid(relation));
	sampling->endpoint = cph_options_resource(sampling->options);
	sampling->client = cph_client_open(sampling->options,
									   relation->rd_rel->relowner,
									   &sampling->counters);
	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			attnums = lappend_int(attnums, i + 1);
	}
	sampling->reader = cph_tuple_reader(relation, sampling->endpoint,
										sampling->options,
										cph_client_project(sampling->client),
										attnums);
	sampling->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sampling->row_context = AllocSetContextCreate(CurrentMemoryContext,
												  "cph_fdw sample row",
												  ALLOCSET_DEFAULT_SIZES);
	sampling->ids = cph_idset_create();
	sampling->target = target;
}

/* Closes it, and gives the transport back. */
static void
close_sampling(Sampling *sampling)
{
	ExecDropSingleTupleTableSlot(sampling->slot);
	cph_client_close(sampling->client);
}

/*
 * Asks for the number of rows of the list.  Returns -1 if the service does not
 * say; it is not asked where no document promises a count.
 */
static int64
ask_total(Sampling *sampling)
{
	return sampling->endpoint->total_field == NULL ? -1 :
		cph_client_total(sampling->client, sampling->endpoint);
}

/* Returns an item as a row of the table, in the current memory context. */
static HeapTuple
row_of_item(Sampling *sampling, const CphItem *item)
{
	MemoryContext caller = MemoryContextSwitchTo(sampling->row_context);
	HeapTuple	row;

	cph_tuple_store(sampling->reader, item, sampling->slot);
	MemoryContextSwitchTo(caller);
	row = heap_form_tuple(sampling->slot->tts_tupleDescriptor,
						  sampling->slot->tts_values,
						  sampling->slot->tts_isnull);
	ExecClearTuple(sampling->slot);
	MemoryContextReset(sampling->row_context);
	return row;
}

/*
 * Takes a row of a list that is read whole into the sample: the first ones
 * all, later ones at random in place of others (Vitter's algorithm).
 */
static void
sample_item(Sampling *sampling, const CphItem *item)
{
	int			place = sampling->nrows;

	if (sampling->nrows < sampling->target)
		sampling->nrows++;
	else
	{
		if (sampling->skip < 0)
			sampling->skip = reservoir_get_next_S(&sampling->reservoir,
												  sampling->seen,
												  sampling->target);
		place = -1;
		if (sampling->skip-- <= 0)
		{
			place = sampling->target *
				sampler_random_fract(&sampling->reservoir.randstate);
			heap_freetuple(sampling->rows[place]);
		}
	}
	sampling->seen++;
	if (place >= 0)
		sampling->rows[place] = row_of_item(sampling, item);
}

/* Reads the whole list, which may have so many rows, and samples it. */
static void
sample_whole(Sampling *sampling, int64 total)
{
	CphPagerOptions options = {0};
	CphStreams *streams;
	const CphItem *item;

	reservoir_init_selection_state(&sampling->reservoir, sampling->target);
	sampling->skip = -1;
	options.endpoint = sampling->endpoint;
	options.page_size = cph_options_page_size(sampling->options,
											  sampling->endpoint);
	options.wanted = -1;
	options.ordered = cph_options_ordered(sampling->options,
										  sampling->endpoint);
	options.stable_ties = sampling->options->stable_ties;
	pgstat_progress_update_param(PROGRESS_ANALYZE_BLOCKS_TOTAL,
								 total / options.page_size + 1);
	streams = cph_streams_create(sampling->client, &options, NULL, NIL);
	while (cph_streams_wait(streams, &item) == CPH_STEP_ROW)
	{
		sample_item(sampling, item);
		if ((int64) sampling->seen % options.page_size == 0)
			pgstat_progress_update_param(PROGRESS_ANALYZE_BLOCKS_DONE,
										 sampling->seen / options.page_size);
	}
	cph_streams_close(streams);
}

/* Adds the rows of a page to the sample, as far as there is room. */
static void
sample_page(Sampling *sampling, CphCall *call)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "cph_fdw sample page",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const CphFilter *invalid;
	CphPage    *page = NULL;

	(void) cph_call_page(call, &page, &invalid);
	MemoryContextSwitchTo(caller);
	for (int i = 0; page && i < page->nitems && sampling->nrows < sampling->target; i++)
	{
		const CphItem *item = &page->items[i];

		if (item->id == NULL || cph_idset_add(sampling->ids, item->id))
			sampling->rows[sampling->nrows++] = row_of_item(sampling, item);
	}
	MemoryContextDelete(context);
}

/*
 * Samples pages at random places of a list of total rows, in the order of the
 * list, as many as the sample needs.
 */
static void
sample_pages(Sampling *sampling, int64 total)
{
	int			size = cph_options_page_size(sampling->options,
											 sampling->endpoint);
	BlockSamplerData sampler;
	CphCall    *calls[CPH_MAX_CONCURRENT];
	int			ncalls = 0;
	int64		done = 0;
	BlockNumber pages;

	pages = BlockSampler_Init(&sampler, (total + size - 1) / size,
							  (sampling->target + size - 1) / size,
							  pg_prng_uint32(&pg_global_prng_state));
	pgstat_progress_update_param(PROGRESS_ANALYZE_BLOCKS_TOTAL, pages);
	while (ncalls > 0 || BlockSampler_HasMore(&sampler))
	{
		while (ncalls < cph_client_concurrency(sampling->client) &&
			   BlockSampler_HasMore(&sampler))
			calls[ncalls++] = cph_call_send(sampling->client,
											sampling->endpoint, NULL, 0,
											(int64) BlockSampler_Next(&sampler) * size,
											size);
		Assert(ncalls > 0);
		sample_page(sampling, calls[0]);
		pgstat_progress_update_param(PROGRESS_ANALYZE_BLOCKS_DONE, ++done);
		memmove(&calls[0], &calls[1], sizeof(CphCall *) * --ncalls);
	}
}

/*
 * AcquireSampleRowsFunc: fills rows with at most target rows of the list, in
 * its order where it is not read whole, and says how many rows the list has.
 */
static int
acquire_sample_rows(Relation relation, int elevel, HeapTuple *rows,
					int target, double *totalrows, double *totaldeadrows)
{
	Sampling	sampling;
	int64		total;

	open_sampling(&sampling, relation, target);
	sampling.rows = rows;
	total = ask_total(&sampling);
	if (total < 0 || total <= target)
	{
		sample_whole(&sampling, total);
		*totalrows = sampling.seen;
	}
	else
	{
		sample_pages(&sampling, total);
		*totalrows = total;
	}
	*totaldeadrows = 0;
	close_sampling(&sampling);
	ereport(elevel,
			(errmsg("\"%s\": list of %.0f rows, " INT64_FORMAT " requests, %d rows in sample",
					RelationGetRelationName(relation), *totalrows,
					sampling.counters.requests, sampling.nrows)));
	return sampling.nrows;
}

/*
 * AnalyzeForeignTable: the list can be sampled.  Its size in pages is told in
 * pages of the list.  Not by autovacuum, which comes here for a plain table that
 * the foreign one inherits from: nothing is sent that no user asked for.
 */
bool
cphAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
					   BlockNumber *totalpages)
{
	Sampling	sampling;
	int64		total;
	int			size;

	if (MyBackendType == B_AUTOVAC_WORKER)
		return false;
	open_sampling(&sampling, relation, 0);
	total = ask_total(&sampling);
	size = cph_options_page_size(sampling.options, sampling.endpoint);
	close_sampling(&sampling);
	*func = acquire_sample_rows;
	*totalpages = Min(Max(total, 1) / size + 1, (int64) MaxBlockNumber);
	return true;
}
