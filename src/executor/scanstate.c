/*
 * scanstate.c
 *		A scan while it is executed: what reading and counting share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* Adds the executor's parameters in an expression to a set. */
static bool
add_params(Node *node, void *arg)
{
	Bitmapset **params = arg;
	Param	   *param = (Param *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && param->paramkind == PARAM_EXEC)
		*params = bms_add_member(*params, param->paramid);
	return expression_tree_walker(node, add_params, arg);
}

/*
 * Returns the executor's parameters that the rows of a scan depend on, before
 * the executor checks its own clauses.
 */
Bitmapset *
cph_scan_params(const ForeignScan *plan)
{
	Bitmapset  *params = NULL;

	(void) add_params((Node *) plan->fdw_exprs, &params);
	(void) add_params((Node *) plan->fdw_recheck_quals, &params);
	return params;
}

/* Returns the scan's client, which is opened by the first request. */
CphClient *
cph_scan_client(CphScanState *state)
{
	MemoryContext caller;

	if (state->client == NULL)
	{
		caller = MemoryContextSwitchTo(state->context);
		state->client = cph_client_open(state->options, state->userid,
										&state->counters);
		MemoryContextSwitchTo(caller);
	}
	return state->client;
}

/*
 * Returns the values that the plan's expressions have now, in the current
 * memory context.  Each is evaluated once a run: what is asked for and what
 * rows are compared with must be the same.
 */
NullableDatum *
cph_scan_exprs(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	NullableDatum *values = palloc(sizeof(NullableDatum) *
								   (list_length(state->exprs) + 1));
	ListCell   *lc;

	foreach(lc, state->exprs)
	{
		ExprState  *expr = lfirst(lc);
		NullableDatum *value = &values[foreach_current_index(lc)];
		int16		length;
		bool		by_value;

		value->value = ExecEvalExprSwitchContext(expr, econtext, &value->isnull);
		get_typlenbyval(exprType((Node *) expr->expr), &length, &by_value);
		if (!value->isnull)
			value->value = datumCopy(value->value, by_value, length);
	}
	return values;
}

/*
 * Returns what the scan asks for with these values of the plan's expressions,
 * without the filters in unsent, in the current memory context.
 */
CphQuery *
cph_scan_query(CphScanState *state, const NullableDatum *exprs,
			   Bitmapset *unsent)
{
	CphQuery   *query = cph_query_evaluate(state->spec, state->endpoint,
										   state->options,
										   state->options->name_filter,
										   exprs, unsent);

	if (query->needs_substring && !query->none &&
		cph_probe_substring(cph_scan_client(state), state->options,
							state->endpoint))
		query = cph_query_evaluate(state->spec, state->endpoint, state->options,
								   CPH_NAME_SUBSTRING, exprs, unsent);
	return query;
}

/*
 * Fills in what a pager is to read for a query.  Of several streams each has
 * to hold as many rows as are wanted of all.
 */
void
cph_scan_pager_options(CphScanState *state, const CphQuery *query,
					   CphPagerOptions *pager)
{
	const CphOptions *options = state->options;

	memset(pager, 0, sizeof(CphPagerOptions));
	pager->endpoint = state->endpoint;
	pager->params = query->params;
	pager->nparams = query->nparams;
	pager->page_size = cph_options_page_size(options, state->endpoint);
	pager->wanted = -1;
	pager->ordered = cph_options_ordered(options, state->endpoint);
	pager->needs_time = state->spec->ordered;
	pager->from_end = state->spec->from_end;
	pager->stable_ties = options->stable_ties;
	if (pager->ordered)
	{
		pager->has_oldest = query->has_oldest;
		pager->oldest = query->oldest;
		pager->has_newest = query->has_newest;
		pager->newest = query->newest;
	}
	pager->first_limit = Min(state->spec->first_rows, pager->page_size);
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
 * Stores an item of the current run in the scan's slot, and tells whether it
 * passes the clauses that are the scan's to check.
 */
bool
cph_scan_store(ForeignScanState *node, const CphItem *item)
{
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	if (state->reader == NULL)
		prepare_reader(node);
	cph_tuple_store(state->reader, item, slot);
	return cph_recheck_row(state->recheck, state->run->exprs, slot);
}
