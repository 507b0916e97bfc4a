/*
 * size.c
 *		How many rows a list has, and how many the clauses leave of it.
 *
 * Statistics tell, from ANALYZE.  Without them what this backend has seen is
 * the next best: the size of the list, and of what a filter left of it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"
#include "user/user.h"

#include <math.h>

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/selfuncs.h"

/*
 * Returns the number of rows of the list as far as it is known without
 * statistics: from what this backend has seen, or from nothing.
 */
double
cph_known_size(const CphRelInfo *info)
{
	int64		seen = cph_connection_rows(info->options->serverid,
										   info->endpoint, NULL, 0);

	return seen >= 0 ? seen : info->endpoint->default_rows;
}

/* Tells whether a clause becomes a parameter whose rows are remembered. */
static bool
is_counted(CphClause *clause)
{
	return clause->op != CPH_OP_GATE && !cph_clause_is_bound(clause);
}

/*
 * Returns the sum of what is known of some parameters, for each value of one.
 * A filter that leaves all rows may be one that the service ignores: that
 * tells nothing.
 */
static double
sum_seen(const CphRelInfo *info, CphParam *params, int nparams,
		 CphParam *fan, List *fan_values)
{
	int64		total = cph_connection_rows(info->options->serverid,
											info->endpoint, NULL, 0);
	double		sum = 0;
	ListCell   *lc;

	foreach(lc, fan_values)
	{
		int64		rows;

		fan->value = lfirst(lc);
		rows = cph_connection_rows(info->options->serverid, info->endpoint,
								   params, nparams);
		if (rows < 0 || rows == total)
			return -1;
		sum += rows;
	}
	return sum;
}

/*
 * Returns how many rows the parameters of the chosen clauses have left when
 * this backend saw them last; without their values, what such parameters leave
 * on the whole, for each stream.  -1: it has not, or there are statistics.
 */
static double
seen_rows(PlannerInfo *root, const CphRelInfo *info, List *chosen)
{
	CphParam   *params = palloc0(sizeof(CphParam) * (list_length(chosen) + 1));
	int			nparams = 0;
	CphParam   *fan = NULL;
	List	   *fan_values = list_make1(NULL);
	bool		known = true;
	ListCell   *lc;

	if (info->analyzed)
		return -1;
	foreach(lc, chosen)
	{
		CphClause  *clause = lfirst(lc);
		CphParam   *param = &params[nparams];
		CphBinding *binding;

		if (!is_counted(clause))
			continue;
		param->name = info->endpoint->filters[clause->filter].param;
		nparams++;
		binding = cph_clause_bind(info->table, clause);
		known &= binding != NULL;
		if (binding == NULL)
			continue;
		if (binding->values == NIL || binding->class == CPH_LOCAL)
			return -1;
		param->value = linitial(binding->values);
		if (list_length(binding->values) > 1 || fan == NULL)
		{
			fan = param;
			fan_values = binding->values;
		}
	}
	if (nparams == 0)
		return -1;
	if (known)
		return sum_seen(info, params, nparams, fan, fan_values);
	for (int i = 0; i < nparams; i++)
		params[i].value = NULL;
	return cph_estimate_streams(root, chosen) *
		sum_seen(info, params, nparams, &params[0], list_make1(NULL));
}

/* What replacing the label of a number by a text needs and finds. */
typedef struct Labelling
{
	const CphTable *table;
	const char *label;
	Node	   *number;			/* what the label is of, if it was found */
} Labelling;

/* Replaces the label of a number of the table by a text. */
static Node *
replace_label(Node *node, void *arg)
{
	Labelling  *labelling = arg;
	CphSubject	subject;

	if (node == NULL)
		return NULL;
	if (!IsA(node, FuncExpr) ||
		!cph_subject_read(labelling->table, node, &subject) || !subject.label)
		return expression_tree_mutator(node, replace_label, arg);
	labelling->number = linitial(((FuncExpr *) node)->args);
	return (Node *) makeConst(TEXTOID, -1, exprCollation(node), -1,
							  CStringGetTextDatum(labelling->label), false,
							  false);
}

/* Returns "number = ANY (values)". */
static Expr *
make_any(Node *number, Datum *values, int nvalues)
{
	ScalarArrayOpExpr *result = makeNode(ScalarArrayOpExpr);
	ArrayType  *array = construct_array(values, nvalues, INT4OID,
										sizeof(int32), true, TYPALIGN_INT);

	result->opno = Int4EqualOperator;
	result->opfuncid = F_INT4EQ;
	result->useOr = true;
	result->args = list_make2(number,
							  makeConst(INT4ARRAYOID, -1, InvalidOid, -1,
										PointerGetDatum(array), false, false));
	result->location = -1;
	return (Expr *) result;
}

/* Tells whether a clause says which labels a number has. */
static bool
is_of_labels(PlannerInfo *root, const CphRelInfo *info, Expr *expr)
{
	CphClause  *clause = cph_filter_clause(root, info->table, expr);

	return clause != NULL &&
		(clause->op == CPH_OP_LABEL || clause->op == CPH_OP_LABEL_ANY);
}

/*
 * Returns a clause as it can be estimated.  There are no statistics of labels,
 * but of the numbers that they are of: a clause that says which labels there
 * may be, or may not be, becomes one of the numbers that have such a label.
 */
static Expr *
clause_for_estimate(PlannerInfo *root, const CphRelInfo *info, Expr *expr)
{
	const CphEndpoint *endpoint = info->endpoint;
	Labelling	labelling = {info->table};
	Datum	   *values = palloc(sizeof(Datum) * endpoint->nlabels);
	int			nvalues = 0;

	if (!is_of_labels(root, info, expr) &&
		!is_of_labels(root, info, (Expr *) negate_clause((Node *) expr)))
		return expr;
	for (int i = 0; i < endpoint->nlabels; i++)
	{
		Node	   *node;

		labelling.label = endpoint->labels[i].label;
		node = replace_label((Node *) expr, &labelling);
		node = estimate_expression_value(root, node);
		if (!IsA(node, Const))
			return expr;
		if (!((Const *) node)->constisnull &&
			DatumGetBool(((Const *) node)->constvalue))
			values[nvalues++] = Int32GetDatum(endpoint->labels[i].value);
	}
	return make_any(labelling.number, values, nvalues);
}

/*
 * Leaves with the clauses that are sent what they were seen to leave together:
 * each bears an equal part, and one that the service answers with more rows
 * than match it leaves no more than that.
 */
static void
use_seen_rows(PlannerInfo *root, const CphRelInfo *info, List *restrictinfos)
{
	List	   *chosen = cph_choose_clauses(root, info, restrictinfos, true);
	double		rows = seen_rows(root, info, chosen);
	int			n = 0;
	ListCell   *lc;
	ListCell   *lc2;

	if (rows < 0)
		return;
	foreach(lc, chosen)
		n += is_counted(lfirst(lc));
	foreach(lc, chosen)
	{
		CphClause  *clause = lfirst(lc);

		foreach(lc2, restrictinfos)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc2);
			double		part = pow(Min(rows / Max(info->tuples, 1), 1), 1.0 / n);

			if (rinfo->clause != clause->expr || !is_counted(clause))
				continue;
			if (clause->class != CPH_EXACT)
				part = Min(part, clause_selectivity(root, (Node *) rinfo, 0,
													JOIN_INNER, NULL));
			rinfo->norm_selec = part;
		}
	}
}

/*
 * Estimates the rows that the clauses leave.  What a clause says of a constant
 * of the table is not a matter of statistics: all rows pass it, or the scan
 * finds out that none does.  Such estimates are left with the clause, for the
 * planner to use them whenever it estimates rows of this table.
 */
void
cph_estimate_size(PlannerInfo *root, RelOptInfo *baserel, const CphRelInfo *info)
{
	ListCell   *lc;

	foreach(lc, baserel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		CphClause  *clause = cph_filter_clause(root, info->table, rinfo->clause);
		Expr	   *expr = clause_for_estimate(root, info, rinfo->clause);

		if (clause != NULL && clause->op == CPH_OP_GATE)
			rinfo->norm_selec = 1;
		else if (expr != rinfo->clause)
			rinfo->norm_selec = clause_selectivity(root, (Node *) expr, 0,
												   JOIN_INNER, NULL);
	}
	use_seen_rows(root, info, baserel->baserestrictinfo);
	set_baserel_size_estimates(root, baserel);

	/*
	 * An estimate of one row makes the planner read a list again for each row
	 * of another; that is one request where the estimate holds, and the whole
	 * list each time where it does not.
	 */
	baserel->rows = Max(baserel->rows, 2);
}

/*
 * Estimates how many rows the service returns for the chosen clauses; a bound
 * of time ends the reading, or begins it.
 */
double
cph_estimate_received(PlannerInfo *root, const CphRelInfo *info, List *chosen)
{
	double		rows = seen_rows(root, info, chosen);
	bool		seen = rows >= 0;
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, chosen)
	{
		CphClause  *clause = lfirst(lc);

		if (clause->op != CPH_OP_GATE && !(seen && is_counted(clause)))
			exprs = lappend(exprs, clause_for_estimate(root, info,
													   clause->expr));
	}
	return (seen ? rows : info->tuples) *
		clauselist_selectivity(root, exprs, info->rel->relid, JOIN_INNER, NULL);
}
