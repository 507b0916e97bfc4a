/*
 * createplan.c
 *		A path into a plan: what the executor is told.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include <limits.h>

#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"

/* Adds an expression to those of the plan and returns its number. */
static int
add_expr(List **exprs, Node *expr)
{
	*exprs = lappend(*exprs, expr);
	return list_length(*exprs) - 1;
}

/*
 * Returns the name of the column of another table that a value is, palloc'd,
 * or "": in the finished plan it is a parameter without a name.
 */
static char *
source_of_value(PlannerInfo *root, Node *value)
{
	RangeTblEntry *rte;

	while (IsA(value, RelabelType))
		value = (Node *) ((RelabelType *) value)->arg;
	if (!IsA(value, Var))
		return pstrdup("");
	rte = planner_rt_fetch(((Var *) value)->varno, root);
	return psprintf("%s.%s", rte->eref->aliasname,
					get_rte_attribute_name(rte, ((Var *) value)->varattno));
}

/* Adds a clause that is used to a specification, and its values to exprs. */
static void
add_clause(PlannerInfo *root, CphScanSpec *spec, List **exprs,
		   const CphClause *clause)
{
	CphSpecClause *added = palloc0(sizeof(CphSpecClause));
	ListCell   *lc;

	added->source = pstrdup("");
	if (clause->values != NIL)
		added->source = source_of_value(root, linitial(clause->values));
	added->filter = clause->filter;
	added->op = clause->op;
	foreach(lc, clause->values)
	{
		added->exprs = lappend_int(added->exprs, add_expr(exprs, lfirst(lc)));
		added->types = lappend_oid(added->types, exprType(lfirst(lc)));
	}
	spec->clauses = lappend(spec->clauses, added);
}

/* Returns the class of each clause, as it is put to use; for EXPLAIN. */
static List *
classes_of(List *clauses, List *chosen)
{
	List	   *classes = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		const CphClause *clause = cph_chosen_clause(chosen, lfirst(lc));

		classes = lappend_int(classes, clause ? clause->class : CPH_LOCAL);
	}
	return classes;
}

/*
 * Tells whether the rows that the planner expects to be fetched are known to
 * be so many: by a LIMIT of this query, or because one is enough (EXISTS).
 * What an outer query expects may be filtered before it counts.
 */
static bool
knows_rows(PlannerInfo *root)
{
	return root->tuple_fraction >= 1 && root->tuple_fraction <= INT_MAX &&
		(root->parse->limitCount != NULL || root->tuple_fraction == 1);
}

/*
 * Returns how many rows are known to be wanted, though LIMIT is not pushed;
 * 0: all, or no one knows.  It bounds the size of the first page only.
 */
static int
first_rows(PlannerInfo *root, const ForeignPath *path, List *classes)
{
	ListCell   *lc;

	if (bms_membership(root->all_baserels) != BMS_SINGLETON ||
		!knows_rows(root) ||
		!pathkeys_contained_in(root->query_pathkeys, path->path.pathkeys) ||
		root->parse->hasAggs || root->parse->groupClause != NIL ||
		root->parse->distinctClause != NIL || root->parse->hasWindowFuncs ||
		root->parse->hasTargetSRFs ||
		root->parse->limitOption == LIMIT_OPTION_WITH_TIES)
		return 0;
	foreach(lc, classes)
	{
		if (lfirst_int(lc) != CPH_EXACT)
			return 0;
	}
	return root->tuple_fraction;
}

/* Returns why a LIMIT stays above the scan, palloc'd, or NULL: none does. */
static char *
limit_reason(PlannerInfo *root, const CphTable *table)
{
	if (root->parse->limitCount == NULL && root->parse->limitOffset == NULL)
		return NULL;
	if (table->no_limit_reason != NULL)
		return pstrdup(table->no_limit_reason);
	return pstrdup("the rows are joined, grouped or sorted first");
}

/*
 * Returns why rows are read, palloc'd, of a query that does not return rows as
 * they are; NULL: they are not, or there is nothing to say.
 */
static char *
count_reason(PlannerInfo *root, const CphTable *table, const CphPath *path)
{
	const Query *parse = root->parse;

	if (path->counted || path->window || table->no_count_reason == NULL ||
		!(parse->hasAggs || parse->groupClause != NIL ||
		  parse->distinctClause != NIL))
		return NULL;
	return pstrdup(table->no_count_reason);
}

/* Sets what a path does of LIMIT, OFFSET and count in the specification. */
static void
fill_window(CphScanSpec *spec, List **exprs, const CphPath *path)
{
	spec->window = path->window;
	spec->count = path->count;
	spec->counted = path->counted;
	spec->limit_expr = CPH_NO_EXPR;
	spec->offset_expr = CPH_NO_EXPR;
	if (path->limit_count != NULL)
		spec->limit_expr = add_expr(exprs, path->limit_count);
	if (path->limit_offset != NULL)
		spec->offset_expr = add_expr(exprs, path->limit_offset);
}

/*
 * Returns the aggregates in some expressions as the tuple that a counting
 * scan returns.
 */
static List *
count_tlist(List *tlist, List *having)
{
	List	   *parts = pull_var_clause((Node *) list_concat_copy(tlist, having),
										PVC_INCLUDE_AGGREGATES |
										PVC_RECURSE_PLACEHOLDERS);

	return add_to_flat_tlist(NIL, parts);
}

/* check_functions_in_node_checker: tells whether a function is no built-in one. */
static bool
is_own_function(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId;
}

/* Tells whether an expression calls a function that is no built-in one. */
static bool
calls_own_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_own_function, context) ||
		expression_tree_walker(node, calls_own_function, context);
}

/*
 * Tells whether an expression depends on more than the row and the query's
 * parameters, so that a run cannot know its value from those it asks with.
 */
static bool
is_of_run(Node *node, void *arg)
{
	const CphTable *table = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno != table->rel->relid;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC;
	return IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) ||
		expression_tree_walker(node, is_of_run, arg);
}

/*
 * Tells whether all that a clause compares with is asked for, or stays as it is.
 * Of a comparison of rows only the first value is asked for.
 */
static bool
is_asked_whole(const CphTable *table, Expr *expr)
{
	RowCompareExpr *row = (RowCompareExpr *) expr;
	Node	   *rest;

	if (!IsA(expr, RowCompareExpr))
		return true;
	rest = (Node *) list_concat(list_copy_tail(row->largs, 1),
								list_copy_tail(row->rargs, 1));
	return !contain_volatile_functions(rest) &&
		!is_of_run(rest, unconstify(CphTable *, table));
}

/*
 * Takes out of a plan's clauses, and returns, those that the scan is to check
 * itself.  Under a window these are all.  Without one they are those whose
 * value is made by somebody's function: it is asked once for the request, and
 * rows are compared with what it said then.  Another time it may say something
 * else, if it reads, or take long.
 */
static List *
take_rechecked(const CphTable *table, const CphPath *path, List **clauses)
{
	List	   *taken = NIL;
	ListCell   *lc;

	foreach(lc, *clauses)
	{
		const CphClause *clause = cph_chosen_clause(path->chosen, lfirst(lc));

		if (!path->window &&
			(clause == NULL || !is_asked_whole(table, clause->expr) ||
			 !calls_own_function((Node *) clause->values, NULL)))
			continue;
		taken = lappend(taken, lfirst(lc));
		*clauses = foreach_delete_current(*clauses, lc);
	}
	return taken;
}

/*
 * GetForeignPlan: returns the plan node of a path.  All clauses stay with the
 * executor, but those that the scan is to check itself.
 */
ForeignScan *
cphGetForeignPlan(PlannerInfo *root, RelOptInfo *foreignrel,
				  Oid foreigntableid, ForeignPath *best_path, List *tlist,
				  List *scan_clauses, Plan *outer_plan)
{
	const CphTable *table = foreignrel->fdw_private;
	const CphPath *path = linitial(best_path->fdw_private);
	List	   *restrictinfos = path->count ? table->rel->baserestrictinfo :
		scan_clauses;
	List	   *clauses = extract_actual_clauses(restrictinfos, false);
	List	   *rechecked = take_rechecked(table, path, &clauses);
	List	   *all = list_concat_copy(clauses, rechecked);
	CphScanSpec spec = {0};
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, path->chosen)
		add_clause(root, &spec, &exprs, lfirst(lc));
	fill_window(&spec, &exprs, path);
	spec.relid = table->relid;
	spec.ordered = best_path->path.pathkeys != NIL;
	spec.from_end = path->from_end;
	spec.max_streams = path->max_streams;
	spec.classes = classes_of(all, path->chosen);
	if (path->count)
		return make_foreignscan(tlist, path->having, 0, exprs,
								cph_scanspec_encode(&spec),
								count_tlist(tlist, path->having), NIL, NULL);
	/* tlist may hold every column, whatever is wanted of them */
	spec.attnums = cph_table_columns(table,
									 list_concat_copy(table->rel->reltarget->exprs,
													  all));
	if (!path->window)
	{
		spec.first_rows = first_rows(root, best_path, spec.classes);
		spec.no_limit_reason = limit_reason(root, table);
		spec.no_count_reason = count_reason(root, table, path);
	}
	return make_foreignscan(tlist, clauses, table->rel->relid, exprs,
							cph_scanspec_encode(&spec), NIL, rechecked,
							outer_plan);
}
