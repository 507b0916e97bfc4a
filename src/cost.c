/*
 * cost.c
 *		Which clauses are sent, how many rows they leave, and what that costs.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "plan.h"

#include <math.h>

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "connection.h"
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
 * Returns the number of rows of the list as far as it is known: from the last
 * ANALYZE, which leaves less than 0 if there was none, from what this backend
 * has seen, or from nothing.
 */
double
cph_known_size(const CphRelInfo *info, double analyzed)
{
	int64		seen;

	if (analyzed > 0)
		return analyzed;
	seen = cph_connection_total(info->options->serverid, info->endpoint);
	return seen >= 0 ? seen : info->endpoint->default_rows;
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
	set_baserel_size_estimates(root, baserel);

	/*
	 * An estimate of one row makes the planner read a list again for each row
	 * of another; that is one request where the estimate holds, and the whole
	 * list each time where it does not.
	 */
	baserel->rows = Max(baserel->rows, 2);
}

/* Tells whether a bound of time can be put to use at all. */
static bool
serves_bound(const CphRelInfo *info, const CphClause *clause)
{
	return info->options->enable_order_pushdown || clause->filter >= 0;
}

/* Tells whether a parameter rather carries clause a than clause b. */
static bool
is_better(const CphClause *a, const CphClause *b)
{
	if (a->class != b->class)
		return a->class > b->class;
	if (a->fans_out != b->fans_out)
		return b->fans_out;
	if ((a->op == CPH_OP_EQUAL) != (b->op == CPH_OP_EQUAL))
		return a->op == CPH_OP_EQUAL;
	return IsA(linitial(a->values), Const) && !IsA(linitial(b->values), Const);
}

/*
 * Returns the clauses (CphClause *) among some RestrictInfos that are used:
 * for each filter at most one, and at most one that has several values, none
 * unless fan_out.  Bounds of time are used all.
 */
List *
cph_choose_clauses(PlannerInfo *root, const CphRelInfo *info,
				   List *restrictinfos, bool fan_out)
{
	List	   *chosen = NIL;
	CphClause **best = palloc0(sizeof(CphClause *) *
							   (info->endpoint->nfilters + 1));
	CphClause  *fanned = NULL;
	ListCell   *lc;

	foreach(lc, restrictinfos)
	{
		CphClause  *clause =
		cph_filter_clause(root, info->table,
						  lfirst_node(RestrictInfo, lc)->clause);

		if (clause == NULL || clause->class == CPH_LOCAL)
			continue;
		if (clause->op == CPH_OP_GATE ||
			(cph_clause_is_bound(clause) && serves_bound(info, clause)))
			chosen = lappend(chosen, clause);
		else if (cph_clause_is_bound(clause))
			continue;
		else if ((fan_out || !clause->fans_out) &&
				 (best[clause->filter] == NULL ||
				  is_better(clause, best[clause->filter])))
			best[clause->filter] = clause;
	}
	for (int i = 0; i < info->endpoint->nfilters; i++)
	{
		if (best[i] == NULL || (best[i]->fans_out && fanned != NULL))
			continue;
		if (best[i]->fans_out)
			fanned = best[i];
		chosen = lappend(chosen, best[i]);
	}
	return chosen;
}

/* Returns in how many streams the chosen clauses are expected to be read. */
double
cph_estimate_streams(PlannerInfo *root, List *chosen)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		CphClause  *clause = lfirst(lc);
		Node	   *value = linitial(clause->values);

		if (!clause->fans_out)
			continue;
		if (clause->nvalues > 0)
			return clause->nvalues;
		if (clause->op == CPH_OP_ANY || clause->op == CPH_OP_LABEL_ANY)
			return Max(cph_estimate_array_length(root, value), 1);
		return list_length(clause->values);
	}
	return 1;
}

/*
 * Estimates the cost of reading what the chosen clauses leave, or of as many
 * rows of it as are wanted, if that is not negative: each request has its
 * cost, whatever it returns, and each row.
 */
void
cph_estimate_cost(PlannerInfo *root, const CphRelInfo *info, List *chosen,
				  double wanted, Cost *startup_cost, Cost *total_cost)
{
	const CphOptions *options = info->options;
	int			page_size = cph_options_page_size(options, info->endpoint);
	double		streams = cph_estimate_streams(root, chosen);
	double		rows = info->tuples;
	List	   *exprs = NIL;
	double		requests;
	ListCell   *lc;

	foreach(lc, chosen)
	{
		CphClause  *clause = lfirst(lc);

		if (clause->op != CPH_OP_GATE)
			exprs = lappend(exprs, clause_for_estimate(root, info,
													   clause->expr));
	}
	rows *= clauselist_selectivity(root, exprs, info->rel->relid,
								   JOIN_INNER, NULL);
	if (wanted >= 0)
		rows = Min(rows, wanted * streams);
	/* a page shares a row with the page before */
	requests = streams * Max(ceil((rows / streams - 1) / (page_size - 1)), 1);
	/* the first pages of all streams are asked for at once */
	*startup_cost = streams * options->fdw_request_cost;
	*total_cost = requests * options->fdw_request_cost +
		rows * options->fdw_tuple_cost;
	if (wanted < 0)
		*total_cost += info->rel->baserestrictcost.startup +
			rows * (cpu_tuple_cost + info->rel->baserestrictcost.per_tuple);
}
