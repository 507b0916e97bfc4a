/*
 * recheck.c
 *		The clauses that a scan checks itself, before it counts a row or by what
 *		the request was made of.
 *
 * A clause stands in the plan's fdw_recheck_quals for one of two reasons.  Under
 * a window a row must pass before it is counted.  And the value of a function
 * that reads may be another one each time: rows must be compared with the value
 * that was asked for, which is known, and costs nothing.  So a value that is one
 * of the plan's fdw_exprs is not evaluated here: a parameter stands for it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

/* Clauses that are checked here. */
struct CphRecheck
{
	List	   *exprs;			/* of the plan */
	ExprState  *clauses;
	ExprContext *econtext;		/* its own: its parameters are the query's ... */
	int			nparams;		/* ... which are so many, and the values */
};

/* Replaces each of the plan's expressions by the parameter that is its value. */
static Node *
replace_exprs(Node *node, void *arg)
{
	const CphRecheck *recheck = arg;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, recheck->exprs)
	{
		Param	   *param;

		if (!equal(node, lfirst(lc)))
			continue;
		param = makeNode(Param);
		param->paramkind = PARAM_EXTERN;
		param->paramid = recheck->nparams + foreach_current_index(lc) + 1;
		param->paramtype = exprType(node);
		param->paramtypmod = exprTypmod(node);
		param->paramcollid = exprCollation(node);
		param->location = -1;
		return (Node *) param;
	}
	return expression_tree_mutator(node, replace_exprs, arg);
}

/* Returns a list of the query's parameters, with room for so many more. */
static ParamListInfo
copy_params(ParamListInfo params, int nparams, int more)
{
	ParamListInfo copy = makeParamList(nparams + more);

	for (int i = 0; i < nparams; i++)
	{
		if (params->paramFetch != NULL)
			copy->params[i] = *params->paramFetch(params, i + 1, false,
												  &copy->params[i]);
		else
			copy->params[i] = params->params[i];
	}
	return copy;
}

/* Returns what checks the clauses of a scan, or NULL if it has none to check. */
CphRecheck *
cph_recheck_create(ForeignScanState *node)
{
	ForeignScan *plan = castNode(ForeignScan, node->ss.ps.plan);
	ParamListInfo params = node->ss.ps.state->es_param_list_info;
	CphRecheck *recheck;
	Node	   *clauses;
	ListCell   *lc;

	if (plan->fdw_recheck_quals == NIL)
		return NULL;
	recheck = palloc0(sizeof(CphRecheck));
	recheck->exprs = plan->fdw_exprs;
	recheck->nparams = params ? params->numParams : 0;
	params = copy_params(params, recheck->nparams, list_length(plan->fdw_exprs));
	foreach(lc, plan->fdw_exprs)
		params->params[recheck->nparams + foreach_current_index(lc)].ptype =
		exprType(lfirst(lc));
	clauses = replace_exprs((Node *) make_ands_explicit(plan->fdw_recheck_quals),
							recheck);
	recheck->clauses = ExecInitExprWithParams((Expr *) clauses, params);
	recheck->econtext = CreateExprContext(node->ss.ps.state);
	recheck->econtext->ecxt_param_list_info = params;
	return recheck;
}

/*
 * Tells whether a row passes, with these values of the plan's expressions.
 * NULL checks nothing.
 */
bool
cph_recheck_row(CphRecheck *recheck, const NullableDatum *exprs,
				TupleTableSlot *slot)
{
	ParamExternData *params;
	bool		isnull;
	bool		result;

	if (recheck == NULL)
		return true;
	params = &recheck->econtext->ecxt_param_list_info->params[recheck->nparams];
	for (int i = 0; i < list_length(recheck->exprs); i++)
	{
		params[i].value = exprs[i].value;
		params[i].isnull = exprs[i].isnull;
	}
	recheck->econtext->ecxt_scantuple = slot;
	result = DatumGetBool(ExecEvalExprSwitchContext(recheck->clauses,
													recheck->econtext,
													&isnull));
	ResetExprContext(recheck->econtext);
	return result && !isnull;
}

/* Tells whether the same rows pass with two sets of values. */
bool
cph_recheck_same(const CphRecheck *recheck, const NullableDatum *a,
				 const NullableDatum *b)
{
	ListCell   *lc;

	if (recheck == NULL)
		return true;
	foreach(lc, recheck->exprs)
	{
		int			i = foreach_current_index(lc);
		int16		length;
		bool		by_value;

		get_typlenbyval(exprType(lfirst(lc)), &length, &by_value);
		if (a[i].isnull != b[i].isnull ||
			(!a[i].isnull &&
			 !datum_image_eq(a[i].value, b[i].value, by_value, length)))
			return false;
	}
	return true;
}
