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
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/selfuncs.h"

/* Tells whether a clause becomes a parameter whose rows are remembered. */
static bool
is_counted(const CphClause *clause)
{
	return clause->op != CPH_OP_GATE && !cph_op_is_bound(clause->op);
}

/*
 * Returns the sum of what is known of some parameters, for each value of one.
 * A filter that leaves all rows may be one that the service ignores: that
 * tells nothing.
 */
static double
sum_seen(const CphTable *table, CphParam *params, int nparams,
		 CphParam *fan, List *fan_values)
{
	int64		total = cph_connection_rows(table->options, table->rel->userid,
											table->endpoint, NULL, 0);
	double		sum = 0;
	ListCell   *lc;

	foreach(lc, fan_values)
	{
		int64		rows;

		fan->value = lfirst(lc);
		rows = cph_connection_rows(table->options, table->rel->userid,
								   table->endpoint, params, nparams);
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
seen_rows(const CphTable *table, List *chosen)
{
	CphParam   *params = palloc0(sizeof(CphParam) * (list_length(chosen) + 1));
	int			nparams = 0;
	CphParam   *fan = NULL;
	List	   *fan_values = list_make1(NULL);
	bool		known = true;
	ListCell   *lc;

	if (table->analyzed)
		return -1;
	foreach(lc, chosen)
	{
		const CphClause *clause = lfirst(lc);
		const CphBinding *binding = clause->binding;
		CphParam   *param = &params[nparams];

		if (!is_counted(clause))
			continue;
		param->name = table->endpoint->filters[clause->filter].param;
		nparams++;
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
		return sum_seen(table, params, nparams, fan, fan_values);
	for (int i = 0; i < nparams; i++)
		params[i].value = NULL;
	return cph_chosen_streams(table, chosen) *
		sum_seen(table, params, nparams, &params[0], list_make1(NULL));
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

/*
 * Returns a clause as it can be estimated.  There are no statistics of labels,
 * but of the numbers that they are of: a clause that is of the label alone
 * becomes one of the numbers whose label passes it.
 */
static Expr *
clause_for_estimate(const CphTable *table, Expr *expr, const CphClause *clause)
{
	const CphEndpoint *endpoint = table->endpoint;
	Labelling	labelling = {table};
	Datum	   *values = palloc(sizeof(Datum) * endpoint->nlabels);
	int			nvalues = 0;

	if (clause != NULL && clause->op != CPH_OP_LABEL)
		return expr;
	for (int i = 0; i < endpoint->nlabels; i++)
	{
		Const	   *passes;

		labelling.label = endpoint->labels[i].label;
		passes = (Const *) replace_label((Node *) expr, &labelling);
		if (labelling.number == NULL)
			return expr;
		passes = (Const *) estimate_expression_value(table->root, (Node *) passes);
		if (!IsA(passes, Const))
			return expr;
		if (!passes->constisnull && DatumGetBool(passes->constvalue))
			values[nvalues++] = Int32GetDatum(endpoint->labels[i].value);
	}
	if (endpoint->nlabels == 0)
		return expr;
	return make_any(labelling.number, values, nvalues);
}

/*
 * Leaves the selectivity of a clause where the planner itself leaves it once it
 * has estimated it, and looks for it whenever it estimates rows of this table,
 * as for a path that depends on others.  The clause is of this table and this
 * planning alone.
 */
static void
set_selectivity(RestrictInfo *rinfo, Selectivity selectivity)
{
	rinfo->norm_selec = selectivity;
}

/*
 * Estimates each clause.  What one says of a constant of the table, or of ids, is
 * not a matter of statistics: all rows pass it, or the scan finds out that none
 * does; there is a row of each id.
 */
static void
estimate_clauses(CphTable *table)
{
	ListCell   *lc;

	foreach(lc, table->rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst(lc);
		CphClause  *clause = cph_choose_read(table, rinfo);
		Expr	   *expr = clause_for_estimate(table, rinfo->clause, clause);

		if (clause != NULL && clause->op == CPH_OP_GATE)
			set_selectivity(rinfo, 1);
		else if (clause != NULL && cph_clause_is_of_ids(table, clause))
			set_selectivity(rinfo,
							Min(cph_clause_values(table, clause) /
								Max(table->tuples, 1), 1));
		else if (expr != rinfo->clause)
			set_selectivity(rinfo, clause_selectivity(table->root, (Node *) expr,
													  0, JOIN_INNER, NULL));
	}
}

/*
 * Leaves with the clauses that are sent what they were seen to leave together:
 * each bears an equal part, and one that the service answers with more rows
 * than match it leaves no more than that.
 */
static void
use_seen_rows(CphTable *table)
{
	List	   *restrictinfos = table->rel->baserestrictinfo;
	List	   *chosen = cph_choose_clauses(table, restrictinfos, true);
	double		rows = seen_rows(table, chosen);
	double		part;
	int			n = 0;
	ListCell   *lc;

	if (rows < 0)
		return;
	foreach(lc, chosen)
		n += is_counted(lfirst(lc));
	part = pow(Min(rows / Max(table->tuples, 1), 1), 1.0 / n);
	foreach(lc, restrictinfos)
	{
		RestrictInfo *rinfo = lfirst(lc);
		const CphClause *clause = cph_chosen_clause(chosen, rinfo->clause);

		if (clause == NULL || !is_counted(clause))
			continue;
		set_selectivity(rinfo, clause->class == CPH_EXACT ? part :
						Min(part, clause_selectivity(table->root, (Node *) rinfo,
													 0, JOIN_INNER, NULL)));
	}
}

/* Estimates the rows that the clauses leave. */
void
cph_estimate_size(CphTable *table)
{
	estimate_clauses(table);
	use_seen_rows(table);
	set_baserel_size_estimates(table->root, table->rel);

	/*
	 * An estimate of one row makes the planner read a list again for each row
	 * of another; that is one request where the estimate holds, and the whole
	 * list each time where it does not.
	 */
	table->rel->rows = Max(table->rel->rows, 2);
}

/*
 * Estimates how many rows the service returns for the chosen clauses; a bound
 * of time ends the reading, or begins it.
 */
double
cph_estimate_received(const CphTable *table, List *chosen)
{
	double		rows = seen_rows(table, chosen);
	bool		seen = rows >= 0;
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, chosen)
	{
		const CphClause *clause = lfirst(lc);

		if (clause->op != CPH_OP_GATE && !(seen && is_counted(clause)))
			exprs = lappend(exprs, clause_for_estimate(table, clause->expr,
													   clause));
	}
	return (seen ? rows : table->tuples) *
		clauselist_selectivity(table->root, exprs, table->rel->relid,
							   JOIN_INNER, NULL);
}
