/*
 * scan.c
 *		The executor's callbacks: begin, iterate, rescan, end.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

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
	state->userid = cph_plan_userid(plan, node->ss.ps.state);
	if (!OidIsValid(state->userid))
		state->userid = GetUserId();
	state->exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	state->params = cph_scan_params(plan);
	state->count = -1;
	state->context = CurrentMemoryContext;
	state->run_context = AllocSetContextCreate(CurrentMemoryContext,
											   "cph_fdw scan",
											   ALLOCSET_DEFAULT_SIZES);
}

/*
 * Narrows the pager to a window, if the service can be left to do it.  An
 * offset beyond what it can count is skipped here.
 */
static void
set_window(CphScanState *state, const CphQuery *query, CphPagerOptions *pager)
{
	bool		single = query->fan == NULL;

	state->to_skip = query->offset;
	state->to_return = query->limit;
	state->unverified = false;
	if (!state->spec->window || !query->exact || state->window_failed ||
		query->offset > PG_INT32_MAX)
		return;
	if (single)
	{
		pager->offset = query->offset;
		pager->wanted = query->limit;
		state->to_skip = 0;
		state->unverified = query->offset > 0;
	}
	else if (query->limit >= 0 && query->limit <= PG_INT32_MAX)
		pager->wanted = query->offset + query->limit;
	if (pager->wanted > 0)
		pager->first_limit = Min(pager->wanted, pager->page_size);
}

/*
 * Starts a run: evaluates the expressions and asks for the first pages.  An
 * asynchronous scan returns false instead if there are no descriptors for it:
 * those beside it will leave theirs.
 */
bool
cph_scan_start(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(state->run_context);
	CphQuery   *query = cph_scan_query(node);
	CphPagerOptions pager;

	state->started = query->none || !state->async ||
		cph_client_may_ask(cph_scan_client(state));
	state->to_return = -1;
	if (state->started && !query->none)
	{
		cph_scan_pager_options(state, query, &pager);
		set_window(state, query, &pager);
		state->streams = cph_streams_create(cph_scan_client(state), &pager,
											query->fan, query->fan_values);
	}
	MemoryContextSwitchTo(caller);
	if (!state->started)
		MemoryContextReset(state->run_context);
	return state->started;
}

/* Ends a run, so that another can be started.  Requests are dropped. */
static void
end_run(CphScanState *state)
{
	cph_streams_close(state->streams);
	state->streams = NULL;
	state->started = false;
	state->waiting = false;
	if (state->run_context != NULL)
		MemoryContextReset(state->run_context);
}

/*
 * Starts the run anew without the filter that the service does not take.  No
 * row can have been returned: the answer to a first request says so.
 */
static void
restart_without_filter(CphScanState *state, const CphFilter *filter)
{
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	if (state->returned > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("server \"%s\" no longer takes the filter \"%s\"",
						state->options->server_name, filter->param),
				 errdetail("The filter was accepted for the first page of the list.")));
	state->unsent = bms_add_member(state->unsent,
								   filter - state->endpoint->filters);
	MemoryContextSwitchTo(caller);
	end_run(state);
}

/* Starts the run anew, with LIMIT and OFFSET done here. */
static void
restart_without_window(CphScanState *state)
{
	end_run(state);
	state->window_failed = true;
}

/* Prepares the reading of items, once the client is there. */
static void
prepare_reader(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	state->reader = cph_tuple_reader(node->ss.ss_currentRelation,
									 state->endpoint, state->options,
									 cph_client_project(state->client),
									 state->spec->attnums);
	MemoryContextSwitchTo(caller);
}

/*
 * Stores an item in the scan's slot, and tells whether it passes the clauses
 * that are the scan's to check.
 */
static bool
store_item(ForeignScanState *node, const CphItem *item)
{
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;

	if (state->reader == NULL)
		prepare_reader(node);
	cph_tuple_store(state->reader, item, slot);
	if (!state->spec->window)
		return true;
	econtext->ecxt_scantuple = slot;
	return ExecQual(node->fdw_recheck_quals, econtext);
}

/*
 * Checks the first page under an OFFSET that the service did, of which item
 * is the first row: if a row fails, what was skipped cannot be trusted either.
 */
static bool
check_first_page(ForeignScanState *node, const CphItem *item)
{
	CphScanState *state = node->fdw_state;

	for (int i = 0; item != NULL; i++)
	{
		if (!store_item(node, item))
			return false;
		ResetExprContext(node->ss.ps.ps_ExprContext);
		item = cph_streams_peek(state->streams, i);
	}
	return true;
}

/*
 * Returns the next row of the service, or CPH_STEP_END, or CPH_STEP_WAIT if
 * the scan is not to wait.
 */
static CphStep
next_item(ForeignScanState *node, const CphItem **item)
{
	CphScanState *state = node->fdw_state;
	bool		performed = false;

	for (;;)
	{
		CphStep		step;

		if (!state->started && !cph_scan_start(node))
			return CPH_STEP_WAIT;
		if (state->streams == NULL)
			return CPH_STEP_END;
		step = cph_streams_next(state->streams, item);
		if (step == CPH_STEP_INVALID)
			restart_without_filter(state, cph_streams_invalid(state->streams));
		else if (step == CPH_STEP_PAST_END)
			restart_without_window(state);
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
	CphScanState *state = node->fdw_state;

	while (!state->started || state->to_return != 0)
	{
		const CphItem *item;
		CphStep		step = next_item(node, &item);

		if (step != CPH_STEP_ROW)
			return step;
		if (state->unverified && !check_first_page(node, item))
		{
			restart_without_window(state);
			continue;
		}
		state->unverified = false;
		if (store_item(node, item) && state->to_skip-- <= 0)
		{
			state->to_skip = 0;
			state->to_return -= state->to_return > 0;
			state->returned++;
			return CPH_STEP_ROW;
		}
		ResetExprContext(node->ss.ps.ps_ExprContext);
	}
	return CPH_STEP_END;
}

/*
 * Leaves the service until the next run: what is under way is dropped, and
 * the transport is another scan's to use.
 */
static void
leave_service(CphScanState *state)
{
	cph_streams_close(state->streams);
	state->streams = NULL;
	if (state->client != NULL)
		cph_client_rest(state->client);
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
	CphStep		step;

	if (state->spec->count)
	{
		slot = cph_count_iterate(node);
		leave_service(state);
		return slot;
	}
	if (state->replaying)
	{
		slot = cph_kept_next(node);
		if (!TupIsNull(slot) || state->kept_all)
			return slot;
		state->replaying = false;
	}
	step = next_row(node);
	state->waiting = step == CPH_STEP_WAIT;
	if (state->kept != NULL && step == CPH_STEP_ROW)
		tuplestore_puttupleslot(state->kept, node->ss.ss_ScanTupleSlot);
	if (step == CPH_STEP_ROW)
		return node->ss.ss_ScanTupleSlot;
	if (step == CPH_STEP_END)
		leave_service(state);
	state->kept_all |= state->kept != NULL && step == CPH_STEP_END;
	return ExecClearTuple(node->ss.ss_ScanTupleSlot);
}

/*
 * ReScanForeignScan: starts anew.  With no parameter changed that the rows
 * depend on, those of the first such run are kept, and read again by those that
 * follow; where one has ended early, the next goes on.  With a changed one, a
 * filter is tried that the service did not take: it may have been for its value;
 * and rows are kept at once if the scan has been read again before.
 */
void
cphReScanForeignScan(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	bool		changed = bms_overlap(node->ss.ps.chgParam, state->params);
	bool		again = state->kept != NULL;

	state->replaying = !changed && again;
	if (state->replaying)
	{
		state->waiting = false;
		tuplestore_rescan(state->kept);
		return;
	}
	end_run(state);
	state->window_failed = false;
	state->counted = false;
	state->returned = 0;
	if (changed)
	{
		bms_free(state->unsent);
		state->unsent = NULL;
		state->count = -1;
	}
	cph_kept_drop(state);
	if (!state->spec->count && (!changed || again))
		cph_kept_begin(node);
}

/* EndForeignScan: drops what is under way and gives the transport back. */
void
cphEndForeignScan(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;

	if (state == NULL)
		return;
	end_run(state);
	cph_kept_drop(state);
	cph_client_close(state->client);
	state->client = NULL;
}
