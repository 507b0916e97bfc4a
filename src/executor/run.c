/*
 * run.c
 *		Runs: a scan that is read again asks for nothing twice.
 *
 * A rescan is judged by what would be sent.  Where that has been read before,
 * its rows are returned again; where they were not read to their end, the run
 * goes on behind them.  Rows are kept from the first rescan on, which comes
 * before the first row of the inner side of a join and of a subquery.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * Runs that are kept at most.  A filter has a dozen documented values; each run
 * may have a file.
 */
#define MAX_RUNS 64

/*
 * The part of work_mem that the rows of one run may take; the rest goes to disk.
 * What all runs take, with the page at which each has stopped, is bounded as
 * the memory of a hash table is.  A MB is not worth a request: even runs whose
 * rows are on disk take 50 kB each.
 */
#define RUN_PART 8
#define MIN_MEMORY (1024 * 1024)

/* Drops a run and its requests. */
void
cph_run_drop(CphRun *run)
{
	cph_streams_close(run->streams);
	cph_parts_close(run->parts);
	cph_cover_close(run->cover);
	if (run->rows != NULL)
		tuplestore_end(run->rows);
	dlist_delete(&run->node);
	MemoryContextDelete(run->context);
}

/*
 * Drops runs that were not used for the longest time, as far as need be.  Answers
 * to what was asked ahead wait for runs that may go on: once they are more than
 * one scan may have under way, no run but the current one is to go on.
 */
static void
make_room(CphScanState *state)
{
	Size		most = Max(get_hash_memory_limit(), MIN_MEMORY);
	Size		taken = 0;
	int			unread = state->client ? cph_client_unread(state->client) : 0;
	int			n = 0;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &state->runs)
	{
		CphRun	   *run = dlist_container(CphRun, node, iter.cur);

		taken += MemoryContextMemAllocated(run->context, true);
		if (run == state->run)
			continue;
		if (++n >= MAX_RUNS || taken > most ||
			(unread > CPH_MAX_CONCURRENT && cph_run_is_open(run)))
			cph_run_drop(run);
	}
}

/*
 * Returns the run that asks for the same as another one does, and has the same
 * clauses to check, or NULL.
 */
static CphRun *
find_run(CphScanState *state, const CphRun *like)
{
	dlist_iter	iter;

	dlist_foreach(iter, &state->runs)
	{
		CphRun	   *run = dlist_container(CphRun, node, iter.cur);

		if (run != like && cph_query_equal(run->query, like->query) &&
			cph_recheck_same(state->recheck, run->exprs, like->exprs))
			return run;
	}
	return NULL;
}

/* Returns a run with the values that the plan's expressions have now. */
static CphRun *
create_run(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	MemoryContext context = AllocSetContextCreate(state->context, "cph_fdw run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CphRun	   *run = palloc0(sizeof(CphRun));

	run->context = context;
	dlist_push_head(&state->runs, &run->node);
	run->exprs = cph_scan_exprs(node);
	run->query = cph_scan_query(state, run->exprs, NULL);
	MemoryContextSwitchTo(caller);
	return run;
}

/* Begins to keep the rows of a run. */
static void
begin_keeping(ForeignScanState *node, CphRun *run)
{
	CphScanState *state = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	run->rows = tuplestore_begin_heap(false, false, work_mem / RUN_PART);
	MemoryContextSwitchTo(state->context);
	if (state->kept_slot == NULL)
		state->kept_slot =
			MakeSingleTupleTableSlot(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor,
									 &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(caller);
}

/* Returns the rows of the current run again from the first one on. */
void
cph_run_replay(CphScanState *state)
{
	tuplestore_rescan(state->run->rows);
	state->replaying = true;
}

/*
 * Has a run, the current one, that wants items by their ids find them.  Where
 * the list was read to its end, they are in there; where they cannot be located,
 * they are looked for in it.  Returns the run of the list, if there is one.
 */
static CphRun *
find_items(ForeignScanState *node, CphRun *run)
{
	CphScanState *state = node->fdw_state;
	List	   *ids = run->query->ids;
	CphRun	   *list;

	run->query->ids = NIL;
	list = find_run(state, run);
	if (list != NULL && list->whole)
		return list;
	begin_keeping(node, run);
	run->query->ids = ids;
	if (cph_locate_items(node, run))
	{
		cph_run_end(state);
		cph_run_replay(state);
		return NULL;
	}
	run->query->ids = NIL;
	tuplestore_end(run->rows);
	run->rows = NULL;
	return list;
}

/*
 * Evaluates the plan's expressions and makes the run that they ask for the
 * current one, a kept one if there is one.
 */
CphRun *
cph_run_choose(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	CphRun	   *run = create_run(node);
	CphRun	   *kept = find_run(state, run);

	state->run = run;
	state->replaying = false;
	if (kept == NULL && run->query->ids != NIL)
		kept = find_items(node, run);
	if (kept != NULL)
	{
		cph_run_drop(run);
		dlist_move_head(&state->runs, &kept->node);
		state->run = kept;
		cph_run_replay(state);
	}
	else if (state->rescanned && run->rows == NULL)
		begin_keeping(node, run);
	make_room(state);
	return state->run;
}

/*
 * Ends the current run: what is under way is dropped, and the transport is
 * another scan's to use, if no other run of this one is to go on with it.
 */
void
cph_run_end(CphScanState *state)
{
	bool		idle = true;
	dlist_iter	iter;

	cph_streams_close(state->run->streams);
	state->run->streams = NULL;
	cph_parts_close(state->run->parts);
	state->run->parts = NULL;
	cph_cover_close(state->run->cover);
	state->run->cover = NULL;
	state->run->whole = state->run->rows != NULL;
	dlist_foreach(iter, &state->runs)
		idle &= !cph_run_is_open(dlist_container(CphRun, node, iter.cur));
	if (idle && state->client != NULL)
		cph_client_rest(state->client);
}

/*
 * Leaves the current run.  One whose rows were not kept is of no more use; of
 * another, what it has read is not waited for while the scan reads something else.
 */
void
cph_run_leave(CphScanState *state)
{
	if (state->run != NULL && state->run->rows == NULL)
		cph_run_drop(state->run);
	else if (state->run != NULL)
		cph_streams_leave(state->run->streams);
	state->run = NULL;
	state->replaying = false;
}

/*
 * Returns the next row of those that were kept, or an empty slot.  A row from
 * disk is the kept slot's to free, later than the caller's context is reset.
 */
TupleTableSlot *
cph_run_next_kept(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot = ExecClearTuple(node->ss.ss_ScanTupleSlot);
	TupleTableSlot *kept = state->kept_slot;
	int			natts = slot->tts_tupleDescriptor->natts;
	MemoryContext caller = MemoryContextSwitchTo(kept->tts_mcxt);
	bool		found = tuplestore_gettupleslot(state->run->rows, true, false, kept);

	MemoryContextSwitchTo(caller);
	if (!found)
		return slot;
	slot_getallattrs(kept);
	memcpy(slot->tts_values, kept->tts_values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, kept->tts_isnull, sizeof(bool) * natts);
	return ExecStoreVirtualTuple(slot);
}
