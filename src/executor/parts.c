/*
 * parts.c
 *		A list that is read in parts, by a filter.
 *
 * Where rows of one time fill a page, and stand in another order on each, pages
 * may hide some of them.  Few are of one value of a filter, and the values are
 * the ids of another list.  That this list has them all is shown by numbers: the
 * parts have as many rows as the whole, before and after.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

struct CphParts
{
	CphCover   *cover;			/* to count the rows of the whole */
	CphStreams *whole;			/* as far as it was read */
	int64		total;			/* rows of the whole, before */
	int64		found;			/* rows of the parts */
};

/* Returns the filter that makes the parts of a list, or NULL. */
static const CphFilter *
part_filter(const CphEndpoint *endpoint)
{
	for (int i = 0; i < endpoint->nfilters && endpoint->part_param != NULL; i++)
	{
		if (strcmp(endpoint->filters[i].param, endpoint->part_param) == 0)
			return &endpoint->filters[i];
	}
	return NULL;
}

/*
 * Tells whether a run may go on in parts where the list cannot be read: these are
 * of any order, and are counted whole.
 */
bool
cph_parts_possible(const CphScanState *state, const CphRun *run,
				   const CphQuery *query)
{
	const CphFilter *filter = part_filter(state->endpoint);

	return filter != NULL && query->fan == NULL &&
		!(query->filters & (1 << (filter - state->endpoint->filters))) &&
		!query->has_newest && !query->has_oldest && !state->spec->ordered &&
		!state->spec->from_end && run->seen == NULL;
}

/*
 * Reads the values of the filter, whose list may be one of rows of one time too: in
 * pages as large as can be, whatever those of the list of parts are to be.
 */
static List *
read_values(CphScanState *state)
{
	const CphEndpoint *list = cph_endpoint_find(state->endpoint->part_list);
	CphPagerOptions options = {0};
	CphStreams *streams;
	const CphItem *item;
	List	   *values = NIL;

	options.endpoint = list;
	options.page_size = list->page_max;
	options.wanted = -1;
	options.ordered = cph_options_ordered(state->options, list);
	options.stable_ties = state->options->stable_ties;
	streams = cph_streams_create(cph_scan_client(state), &options, NULL, NIL);
	while (cph_streams_wait(streams, &item) == CPH_STEP_ROW)
	{
		if (item->id != NULL)
			values = lappend(values, pstrdup(item->id));
	}
	cph_streams_close(streams);
	return values;
}

/*
 * Has the current run, which has read some of the list, go on in parts.  Raises
 * the error that this is to save if it could not be told whether they are all.
 * Waits, also below Append.
 */
void
cph_parts_begin(CphScanState *state)
{
	CphRun	   *run = state->run;
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	const CphQuery *query = cph_scan_query(state, run->exprs, run->unsent);
	CphParts   *parts = palloc0(sizeof(CphParts));
	List	   *values;
	CphPagerOptions options;

	parts->cover = cph_cover_open(state, query);
	parts->total = cph_cover_total(parts->cover);
	values = parts->total < 0 ? NIL : read_values(state);
	if (values == NIL)
		cph_streams_give_up(run->streams);
	cph_streams_leave(run->streams);
	parts->whole = run->streams;
	run->parts = parts;
	state->nparts = list_length(values);
	cph_scan_pager_options(state, query, &options);
	options.first_limit = 0;
	run->streams = cph_streams_create(cph_scan_client(state), &options,
									  part_filter(state->endpoint), values);
	MemoryContextSwitchTo(caller);
}

/* Takes a row of a part, and tells whether it was not read before. */
bool
cph_parts_is_new(CphParts *parts, const CphItem *item)
{
	parts->found++;
	return !cph_streams_have_read(parts->whole, item);
}

/* Raises that error if parts that were read to their end are not the whole. */
void
cph_parts_end(const CphParts *parts)
{
	if (parts->found != parts->total ||
		cph_cover_total(parts->cover) != parts->total)
		cph_streams_give_up(parts->whole);
}

/* Ends what was read before the parts.  NULL is allowed. */
void
cph_parts_close(CphParts *parts)
{
	if (parts != NULL)
		cph_streams_close(parts->whole);
}
