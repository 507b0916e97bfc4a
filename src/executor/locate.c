/*
 * locate.c
 *		Items by their ids: asked where they are, then read there.
 *
 * An item's own address tells a value of a filter, and the list under that filter
 * gives the row: it is the list's, as any other.  What is not found that way is
 * left to the whole list.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "lib/lib.h"

#include "executor/tuptable.h"
#include "utils/memutils.h"

/* Items that are looked for. */
typedef struct Search
{
	ForeignScanState *node;
	CphRun	   *run;
	List	   *places;			/* values of the locator's filter, distinct */
	CphIdSet   *wanted;			/* ids of the items that are there ... */
	CphIdSet   *found;			/* ... and of those that were read there */
	int			missing;		/* so many were not yet */
} Search;

/* Takes note of what came of asking where an item is; false: it is not known. */
static bool
take_location(Search *search, const char *id, CphLocated located, char *place)
{
	CphScanState *state = search->node->fdw_state;

	if (located == CPH_LOCATED_DENIED)
		cph_client_facts(state->client, state->endpoint)->denies_details = true;
	if (located == CPH_LOCATED_NONE &&
		state->options->detail_not_found == CPH_NOT_FOUND_NONE)
		return true;
	if (located != CPH_LOCATED)
		return false;
	search->missing += cph_idset_add(search->wanted, id);
	if (!cph_has_text(search->places, place))
		search->places = lappend(search->places, place);
	return true;
}

/*
 * Asks where the items are, of several at once.  Returns false if it is not
 * known of one.
 */
static bool
locate(Search *search)
{
	CphScanState *state = search->node->fdw_state;
	List	   *ids = search->run->query->ids;
	CphCall   **calls = palloc0(sizeof(CphCall *) * list_length(ids));
	int			asked = 0;
	int			done = 0;
	bool		known = true;

	while (known && done < list_length(ids))
	{
		const char *id = list_nth(ids, done);
		CphLocated	located;
		char	   *place;

		while (asked < list_length(ids) &&
			   asked < done + cph_client_concurrency(state->client))
		{
			calls[asked] = cph_call_locate(state->client, state->endpoint,
										   list_nth(ids, asked));
			asked++;
		}
		located = cph_call_location(calls[done++], &place);
		known = take_location(search, id, located, place);
	}
	while (done < asked)
		cph_call_drop(calls[done++]);
	return known;
}

/* Returns the filter that the places are values of. */
static const CphFilter *
filter_of_places(const CphEndpoint *endpoint)
{
	int			i = 0;

	while (strcmp(endpoint->filters[i].param, endpoint->locator->param) != 0)
		i++;
	return &endpoint->filters[i];
}

/* Keeps the row of an item that is wanted. */
static void
take_item(Search *search, const CphItem *item)
{
	if (item->id == NULL || !cph_idset_has(search->wanted, item->id) ||
		!cph_idset_add(search->found, item->id))
		return;
	search->missing--;
	if (cph_scan_store(search->node, item))
		tuplestore_puttupleslot(search->run->rows,
								search->node->ss.ss_ScanTupleSlot);
}

/* Reads the list at the places, until all items have been read. */
static void
read_places(Search *search)
{
	CphScanState *state = search->node->fdw_state;
	CphQuery	query = {0};
	CphPagerOptions options;
	CphStreams *streams;
	const CphItem *item;

	cph_scan_pager_options(state, &query, &options);
	options.needs_time = false;
	options.first_limit = 0;
	streams = cph_streams_create(state->client, &options,
								 filter_of_places(state->endpoint),
								 search->places);
	while (search->missing > 0 &&
		   cph_streams_wait(streams, &item) == CPH_STEP_ROW)
		take_item(search, item);
	cph_streams_close(streams);
}

/*
 * Puts the rows of the items that a run, the current one, wants by their ids
 * among its rows.  Returns false if one was not found, so that the list has to
 * be read.  Waits, also below Append.
 */
bool
cph_locate_items(ForeignScanState *node, CphRun *run)
{
	CphScanState *state = node->fdw_state;
	CphClient  *client = cph_scan_client(state);
	MemoryContext scratch;
	MemoryContext caller;
	Search		search = {node, run};
	bool		found;

	if (cph_client_facts(client, state->endpoint)->denies_details)
		return false;
	scratch = AllocSetContextCreate(run->context, "cph_fdw locating",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	search.wanted = cph_idset_create();
	search.found = cph_idset_create();
	found = locate(&search);
	if (found && search.missing > 0)
		read_places(&search);
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return found && search.missing == 0;
}
