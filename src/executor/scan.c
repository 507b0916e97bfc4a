/*
 * scan.c
 *		The executor's callbacks: begin, iterate, rescan, end.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * BeginForeignScan: reads the plan and the options.  Nothing is sent before
 * the first row is asked for.
 */
void
cphBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	CphScanState *state = palloc0(sizeof(CphScanState));

	node->fdw_state = state;
	state->spec = cph_scanspec_decode(plan->fdw_private);
	state->options = cph_table_options(state->spec->relid);
	state->endpoint = cph_options_resource(state->options);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	cph_unlisted_warn(state->spec->relid, state->options);
	state->userid = cph_plan_userid(plan, node->ss.ps.state);
	if (!OidIsValid(state->userid))
		state->userid = GetUserId();
	state->exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	state->params = cph_scan_params(plan);
	state->recheck = cph_recheck_create(node);
	state->context = CurrentMemoryContext;
	dlist_init(&state->runs);
	if (state->spec->count || state->spec->counted)
		state->tally_context = AllocSetContextCreate(CurrentMemoryContext,
													 "cph_fdw counts",
													 ALLOCSET_DEFAULT_SIZES);
}

/*
 * Returns how many rows above a window its first page is to show.  Until the
 * service has shown that it filters by what is sent, as a count does, that is as
 * much as a page has room for, but a quarter of it at least: the rows that it
 * shows tell whether those that it skipped can be the right ones.
 */
static int64
rows_above(CphScanState *state, const CphQuery *query, int page_size)
{
	const CphFacts *facts = cph_client_facts(cph_scan_client(state),
											 state->endpoint);
	int64		below = page_size - page_size / 4;

	if (query->limit >= 0)
		below = Min(below, query->limit);
	if (query->filters == 0 || facts->counts_filter[query->filters])
		return 0;
	return Min(query->offset, page_size - below);
}

/*
 * Narrows the pager to a window, if the service can be left to do it.  An
 * offset beyond what it can count is skipped here.
 */
static void
set_window(CphScanState *state, CphRun *run, const CphQuery *query,
		   CphPagerOptions *pager)
{
	run->to_skip = query->offset;
	run->to_return = query->limit;
	run->unverified = false;
	if (!state->spec->window || !query->exact || run->window_failed ||
		query->offset > PG_INT32_MAX)
		return;
	if (query->fan == NULL)
	{
		run->to_skip = rows_above(state, query, pager->page_size);
		pager->offset = query->offset - run->to_skip;
		if (query->limit >= 0)
			pager->wanted = Min(query->limit, PG_INT64_MAX - run->to_skip) + run->to_skip;
		run->unverified = pager->offset > 0;
	}
	else if (query->limit >= 0 && query->limit <= PG_INT32_MAX)
		pager->wanted = query->offset + query->limit;
	if (pager->wanted > 0)
		pager->first_limit = Min(pager->wanted, pager->page_size);
}

/*
 * Starts the current run, or starts it anew: asks for the first pages.  An
 * asynchronous scan returns false instead if there are no descriptors for it:
 * those beside it will leave theirs.
 */
bool
cph_scan_start(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	CphRun	   *run = state->run ? state->run : cph_run_choose(node);
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	CphQuery   *query = run->unsent == NULL ? run->query :
		cph_scan_query(state, run->exprs, run->unsent);
	CphPagerOptions pager;

	run->started = query->none || !state->async ||
		cph_client_may_ask(cph_scan_client(state));
	run->to_return = -1;
	if (run->started && !query->none && run->seen == NULL && query->exact &&
		(query->cover != NULL || state->spec->counted))
		run->cover = cph_cover_open(state, query);
	else if (run->started && !query->none)
	{
		cph_scan_pager_options(state, query, &pager);
		set_window(state, run, query, &pager);
		pager.in_parts = pager.offset == 0 && cph_parts_possible(state, run, query);
		/* what goes on behind rows of now is not to be older */
		pager.cached = !run->fresh;
		run->streams = cph_streams_create(cph_scan_client(state), &pager,
										  query->fan, query->fan_values);
	}
	MemoryContextSwitchTo(caller);
	return run->started;
}

/* Has a run start anew.  Requests are dropped. */
static void
restart(CphRun *run)
{
	cph_streams_close(run->streams);
	run->streams = NULL;
	run->started = false;
}

/*
 * Has the run start anew without its cover: the list is read, but for the rows
 * that were returned.
 */
static void
restart_without_cover(CphRun *run)
{
	run->seen = run->cover->ids;
	run->fresh = run->cover->returned > 0;
	cph_cover_close(run->cover);
	run->cover = NULL;
	restart(run);
}

/*
 * Has the run start anew without the filter that the service does not take.  No
 * row can have been returned: the answer to a first request says so.
 */
static void
restart_without_filter(CphScanState *state, const CphFilter *filter)
{
	CphRun	   *run = state->run;
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	if (run->returned > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("server \"%s\" no longer takes the filter \"%s\"",
						state->options->server_name, filter->param),
				 errdetail("The filter was accepted for the first page of the list.")));
	run->unsent = bms_add_member(run->unsent,
								 filter - state->endpoint->filters);
	MemoryContextSwitchTo(caller);
	restart(run);
}

/* Has the run start anew, with LIMIT and OFFSET done here. */
static void
restart_without_window(CphRun *run)
{
	restart(run);
	run->window_failed = true;
}

/*
 * Checks the first page under an OFFSET that the service did, of which item
 * is the first row: if a row fails, what was skipped cannot be trusted either.
 */
static bool
check_first_page(ForeignScanState *node, const CphItem *item)
{
	CphRun	   *run = ((CphScanState *) node->fdw_state)->run;

	for (int i = 0; item != NULL; i++)
	{
		if (!cph_scan_store(node, item))
			return false;
		ResetExprContext(node->ss.ps.ps_ExprContext);
		item = cph_streams_peek(run->streams, i);
	}
	return true;
}

/* Tells whether a row was returned before the run went on in another way. */
static bool
was_returned(CphRun *run, const CphItem *item)
{
	if (run->parts != NULL)
		return !cph_parts_is_new(run->parts, item);
	return run->seen != NULL && item->id != NULL &&
		cph_idset_has(run->seen, item->id);
}

/*
 * Returns the next row of the service, or CPH_STEP_END, or CPH_STEP_WAIT if
 * the scan is not to wait.
 */
static CphStep
next_item(ForeignScanState *node, const CphItem **item)
{
	CphScanState *state = node->fdw_state;
	CphRun	   *run = state->run;
	bool		performed = false;

	for (;;)
	{
		CphStep		step;

		if (!run->started && !cph_scan_start(node))
			return CPH_STEP_WAIT;
		if (run->cover != NULL)
		{
			step = cph_cover_next(run->cover, item);
			if (step != CPH_STEP_INVALID)
				return step;
			restart_without_cover(run);
			continue;
		}
		if (run->streams == NULL)
			return CPH_STEP_END;
		step = cph_streams_next(run->streams, item);
		if (step == CPH_STEP_ROW && was_returned(run, *item))
			continue;
		if (step == CPH_STEP_END && run->parts != NULL)
			cph_parts_end(run->parts);
		if (step == CPH_STEP_INVALID)
			restart_without_filter(state, cph_streams_invalid(run->streams));
		else if (step == CPH_STEP_PAST_END)
			restart_without_window(run);
		else if (step == CPH_STEP_PARTS)
			cph_parts_begin(state);
		else if (step == CPH_STEP_WAIT && !state->async)
			cph_client_wait(state->client);
		else if (step == CPH_STEP_WAIT && !performed)
		{
			cph_client_perform(state->client);
			performed = true;
		}
		else
			return step;
	}
}

/*
 * Puts the next row that passes and is wanted into the slot.  Returns
 * CPH_STEP_ROW, _END or _WAIT as next_item does.
 */
static CphStep
next_row(ForeignScanState *node)
{
	CphRun	   *run = ((CphScanState *) node->fdw_state)->run;

	while (!run->started || run->to_return != 0)
	{
		const CphItem *item;
		CphStep		step = next_item(node, &item);

		if (step != CPH_STEP_ROW)
			return step;
		if (run->unverified && !check_first_page(node, item))
		{
			restart_without_window(run);
			continue;
		}
		run->unverified = false;
		if (cph_scan_store(node, item) && run->to_skip-- <= 0)
		{
			run->to_skip = 0;
			run->to_return -= run->to_return > 0;
			run->returned++;
			return CPH_STEP_ROW;
		}
		ResetExprContext(node->ss.ps.ps_ExprContext);
	}
	return CPH_STEP_END;
}

/*
 * Returns a row as the executor is to have it.  If the plan reads system columns,
 * it is a tuple whose transactions are none, as other wrappers have it.
 */
static TupleTableSlot *
finish_row(ForeignScanState *node, TupleTableSlot *slot)
{
	HeapTupleHeader header;

	if (TupIsNull(slot) || !castNode(ForeignScan, node->ss.ps.plan)->fsSystemCol)
		return slot;
	header = ExecFetchSlotHeapTuple(slot, true, NULL)->t_data;
	HeapTupleHeaderSetXmin(header, InvalidTransactionId);
	HeapTupleHeaderSetXmax(header, InvalidTransactionId);
	HeapTupleHeaderSetCmin(header, InvalidTransactionId);
	return slot;
}

/*
 * IterateForeignScan: returns the next row, or an empty slot at the end.  An
 * asynchronous scan also returns an empty slot, and sets waiting, when there
 * is none yet.
 */
TupleTableSlot *
cphIterateForeignScan(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot;
	CphRun	   *run;
	CphStep		step;

	if (state->spec->count)
		return cph_count_iterate(node);
	run = state->run ? state->run : cph_run_choose(node);
	if (state->replaying)
	{
		slot = cph_run_next_kept(node);
		if (!TupIsNull(slot) || run->whole)
			return finish_row(node, slot);
		state->replaying = false;
	}
	step = next_row(node);
	state->waiting = step == CPH_STEP_WAIT;
	if (step == CPH_STEP_ROW)
	{
		if (run->rows != NULL)
			tuplestore_puttupleslot(run->rows, node->ss.ss_ScanTupleSlot);
		return finish_row(node, node->ss.ss_ScanTupleSlot);
	}
	if (step == CPH_STEP_END)
		cph_run_end(state);
	return ExecClearTuple(node->ss.ss_ScanTupleSlot);
}

/*
 * ReScanForeignScan: starts anew.  With no parameter changed that the rows
 * depend on, the current run is read again; else the next row is of the run
 * that the values ask for then.
 */
void
cphReScanForeignScan(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	bool		changed = bms_overlap(node->ss.ps.chgParam, state->params);

	state->waiting = false;
	state->counted = false;
	state->rescanned = true;
	if (!changed && state->run != NULL && state->run->rows != NULL)
		cph_run_replay(state);
	else
		cph_run_leave(state);
}

/* EndForeignScan: drops what is under way and gives the transport back. */
void
cphEndForeignScan(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	dlist_mutable_iter iter;

	if (state == NULL)
		return;
	dlist_foreach_modify(iter, &state->runs)
		cph_run_drop(dlist_container(CphRun, node, iter.cur));
	if (state->kept_slot != NULL)
		ExecDropSingleTupleTableSlot(state->kept_slot);
	cph_client_close(state->client);
	state->client = NULL;
}
