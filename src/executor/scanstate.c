/*
 * scanstate.c
 *		A scan while it is executed: what reading and counting share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "query/query.h"

#include "nodes/nodeFuncs.h"

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

/* Evaluates the specification; names says what a fuzzy filter finds. */
static CphQuery *
evaluate_query(ForeignScanState *node, CphNameFilter names)
{
	CphScanState *state = node->fdw_state;

	return cph_query_evaluate(state->spec, state->endpoint, state->options,
							  names, state->exprs,
							  node->ss.ps.ps_ExprContext, state->unsent);
}

/*
 * Returns what the scan asks for with the values that its expressions have
 * now, in the current memory context.
 */
CphQuery *
cph_scan_query(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	CphQuery   *query = evaluate_query(node, state->options->name_filter);

	if (query->needs_substring && !query->none &&
		cph_probe_substring(cph_scan_client(state), state->options,
							state->endpoint))
		query = evaluate_query(node, CPH_NAME_SUBSTRING);
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
