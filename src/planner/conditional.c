/*
 * conditional.c
 *		Conditional counts: which values of a column a query tells apart.
 *
 * count(*) FILTER (WHERE status = 2) and sum(CASE WHEN status = 2 THEN 1 END)
 * ask of a row only whether its status is 2.  Where a query asks no more of a
 * column than whether it has one of some values, the others are as good as
 * null: where a condition decides, null and false are the same.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"
#include "lib/lib.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

/* What looking for the values needs and finds. */
typedef struct Telling
{
	const CphTable *table;
	int			filter;			/* of the column */
	List	   *values;			/* told apart, char * */
} Telling;

static bool asks_more(Node *node, void *arg);

/* Tells whether a clause is that a column has some of the EXACT values. */
static bool
tells_values(Telling *telling, Node *node)
{
	const CphClause *clause = cph_clause_read(telling->table, (Expr *) node);

	if (clause == NULL || clause->filter != telling->filter ||
		(clause->op != CPH_OP_EQUAL && clause->op != CPH_OP_LABEL) ||
		clause->binding == NULL || clause->binding->class != CPH_EXACT)
		return false;
	telling->values = list_concat(telling->values, clause->binding->values);
	return true;
}

/*
 * Tells whether a condition, where null is as good as false, asks more of the
 * column than whether it has some values.
 */
static bool
condition_asks_more(Telling *telling, Node *node)
{
	ListCell   *lc;

	if (node == NULL || tells_values(telling, node))
		return false;
	if (!is_andclause(node) && !is_orclause(node))
		return asks_more(node, telling);
	foreach(lc, ((BoolExpr *) node)->args)
	{
		if (condition_asks_more(telling, lfirst(lc)))
			return true;
	}
	return false;
}

/* Tells whether an expression asks more of the column, which is no condition. */
static bool
asks_more(Node *node, void *arg)
{
	Telling    *telling = arg;
	const CphTable *table = telling->table;
	const char *covered = table->endpoint->filters[telling->filter].field;
	const char *field;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		field = cph_table_field(table, node);
		return (field != NULL && strcmp(field, covered) == 0) ||
			((Var *) node)->varattno == 0;
	}
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;

		return condition_asks_more(telling, (Node *) aggref->aggfilter) ||
			expression_tree_walker((Node *) aggref->args, asks_more, arg);
	}
	if (IsA(node, CaseExpr) && ((CaseExpr *) node)->arg == NULL)
	{
		foreach(lc, ((CaseExpr *) node)->args)
		{
			CaseWhen   *when = lfirst(lc);

			if (condition_asks_more(telling, (Node *) when->expr) ||
				asks_more((Node *) when->result, arg))
				return true;
		}
		return asks_more((Node *) ((CaseExpr *) node)->defresult, arg);
	}
	return expression_tree_walker(node, asks_more, arg);
}

/*
 * Returns for each EXACT value of a filter, as a constant, whether the query
 * tells it apart from others; NIL if it asks more of the filter's column than
 * that, or the table is not the only one.
 */
List *
cph_conditional_values(const CphTable *table, int filter_number,
					   List *restrictinfos)
{
	const CphFilter *filter = &table->endpoint->filters[filter_number];
	PlannerInfo *root = table->root;
	Telling		telling = {table, filter_number};
	List	   *conditions = NIL;
	ListCell   *lc;

	if (!root->parse->hasAggs || table->rel->reloptkind != RELOPT_BASEREL ||
		bms_membership(root->all_baserels) != BMS_SINGLETON ||
		asks_more((Node *) root->processed_tlist, &telling) ||
		asks_more(root->parse->havingQual, &telling))
		return NIL;
	foreach(lc, restrictinfos)
	{
		if (asks_more((Node *) ((RestrictInfo *) lfirst(lc))->clause, &telling))
			return NIL;
	}
	for (int i = 0; i < filter->nvalues; i++)
	{
		if (filter->values[i].class == CPH_EXACT)
			conditions = lappend(conditions,
								 makeBoolConst(cph_has_text(telling.values,
															filter->values[i].value),
											   false));
	}
	return conditions;
}
