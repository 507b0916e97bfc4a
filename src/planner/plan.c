/*
 * plan.c
 *		The planner's view of a foreign table: its size, and the ways to read
 *		it.
 *
 * Nothing here, in upper.c or createplan.c sends a request.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "access/stratnum.h"
#include "nodes/makefuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

/* timestamptz > timestamptz: it sorts newest first */
#define TIMESTAMPTZ_GREATER 1324

/*
 * GetForeignRelSize: reads the table's options and its clauses, and estimates
 * how many rows they leave.
 */
void
cphGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CphTable   *table = cph_table_open(root, baserel, foreigntableid);

	baserel->fdw_private = table;
	cph_estimate_size(table);
}

/* Returns the column that is the list's time, as a Var; NULL: there is none. */
static Var *
time_column(const CphTable *table, int attnum)
{
	Form_pg_attribute attr = TupleDescAttr(table->desc, attnum - 1);
	Var		   *var;
	CphSubject	subject;

	if (attr->attisdropped || attr->attlen != sizeof(TimestampTz))
		return NULL;
	var = makeVar(table->rel->relid, attnum, attr->atttypid, attr->atttypmod,
				  attr->attcollation, 0);
	if (!cph_subject_read(table, (Node *) var, &subject) ||
		!cph_subject_is_time(table, &subject))
		return NULL;
	return var;
}

/*
 * Returns the pathkeys of the list's order, newest first, if the query has a
 * use for it; NULLS FIRST or LAST as the query has it, since no null passes
 * through an ordered scan.
 */
static List *
pathkeys_of_order(const CphTable *table)
{
	PlannerInfo *root = table->root;

	if (!cph_options_ordered(table->options, table->endpoint))
		return NIL;
	for (int attnum = 1; attnum <= table->desc->natts; attnum++)
	{
		Var		   *var = time_column(table, attnum);
		List	   *pathkeys = NIL;

		if (var != NULL)
			pathkeys = cph_build_expression_pathkey(root, (Expr *) var,
													TIMESTAMPTZ_GREATER,
													table->rel->relids);
		if (pathkeys == NIL)
			continue;
		if (root->query_pathkeys != NIL)
		{
			PathKey    *first = linitial(root->query_pathkeys);

			if (first->pk_eclass == linitial_node(PathKey, pathkeys)->pk_eclass &&
				cph_pathkey_is_descending(first))
				return list_make1(first);
		}
		return pathkeys;
	}
	return NIL;
}

/*
 * Returns the pathkeys of the list's order from its end, oldest first, if the
 * query wants just that, and not all rows; those are sorted sooner.
 */
static List *
pathkeys_from_end(const CphTable *table)
{
	PlannerInfo *root = table->root;
	PathKey    *first;

	if (table->pathkeys == NIL || root->query_pathkeys == NIL ||
		root->tuple_fraction <= 0)
		return NIL;
	first = linitial(root->query_pathkeys);
	if (first->pk_eclass != linitial_node(PathKey, table->pathkeys)->pk_eclass ||
		cph_pathkey_is_descending(first))
		return NIL;
	return list_make1(first);
}

/* Adds a path, which param, if it is not NULL, depends on others for. */
static void
add_path_of(const CphTable *table, CphPath *path, Cost startup_cost,
			Cost total_cost, List *pathkeys, ParamPathInfo *param)
{
	add_path(table->rel, (Path *)
			 cph_create_foreignscan_path(table->root, table->rel, NULL,
										 param ? param->ppi_rows : table->rel->rows,
										 startup_cost, total_cost, pathkeys,
										 param ? param->ppi_req_outer : NULL,
										 list_make1(path)));
}

/* Adds a path that reads what the chosen clauses leave. */
static void
add_scan_path(const CphTable *table, List *chosen, int max_streams,
			  bool from_end, List *pathkeys, ParamPathInfo *param)
{
	CphPath    *path = palloc0(sizeof(CphPath));
	Cost		startup_cost;
	Cost		total_cost;

	path->chosen = chosen;
	path->max_streams = max_streams;
	path->from_end = from_end;
	cph_estimate_cost(table, chosen, -1, &startup_cost, &total_cost);
	if (from_end)
	{
		Cost		cost = cph_requests_to_end(table, chosen) *
			table->options->fdw_request_cost;

		startup_cost += cost;
		total_cost += cost;
	}
	add_path_of(table, path, startup_cost, total_cost, pathkeys, param);
}

/*
 * Adds the paths that count rows instead of reading them, or that read those
 * of some values of a filter.  They begin with requests for numbers.
 */
static void
add_cover_paths(CphTable *table, List *restrictinfos, ParamPathInfo *param)
{
	const QualCost *quals = &table->rel->baserestrictcost;
	double		rows = param ? param->ppi_rows : table->rel->rows;
	const char *reason;
	Cost		startup;
	Cost		cost;
	Cost		local = quals->startup +
		rows * (cpu_tuple_cost + quals->per_tuple);
	CphPath    *path = cph_path_by_counts(table, restrictinfos, &cost, &reason);

	if (param == NULL)
		table->no_count_reason = reason ? reason :
			"reading is expected to be cheaper";
	if (path != NULL)
		add_path_of(table, path, cost, cost + local, NIL, param);
	path = cph_path_by_values(table, restrictinfos, &startup, &cost);
	if (path != NULL)
		add_path_of(table, path, startup, cost + local, NIL, param);
}

/*
 * Adds the paths that put the chosen clauses to use, of which one may have
 * several values.
 */
static void
add_chosen_paths(const CphTable *table, List *chosen, ParamPathInfo *param)
{
	int			unordered = cph_most_streams(table, false);
	int			ordered = cph_most_streams(table, true);
	double		streams = cph_chosen_streams(table, chosen);
	const CphClause *ids = cph_chosen_ids(table, chosen);
	List	   *from_end = pathkeys_from_end(table);

	if (cph_chosen_fan(table, chosen) == NULL && !(ids != NULL && ids->fans_out))
	{
		add_scan_path(table, chosen, 1, false, table->pathkeys, param);
		if (from_end != NIL && ids == NULL)
			add_scan_path(table, chosen, 1, true, from_end, param);
		return;
	}
	if (ids != NULL)
		streams = Max(streams, cph_clause_values(table, ids));
	if (streams <= unordered)
		add_scan_path(table, chosen, unordered, false, NIL, param);
	if (table->pathkeys != NIL && streams <= ordered && ids == NULL)
		add_scan_path(table, chosen, ordered, false, table->pathkeys, param);
}

/*
 * Adds the paths that read the table by its own clauses and those that param,
 * which may be NULL, brings along: plainly, and, if a clause has several
 * values, a stream for each; and where items can be located by their ids, without
 * that as well, if the list is short.
 */
static void
add_scan_paths(CphTable *table, ParamPathInfo *param)
{
	List	   *restrictinfos = list_concat_copy(param ? param->ppi_clauses : NIL,
												 table->rel->baserestrictinfo);
	List	   *plain = cph_choose_clauses(table, restrictinfos, false);
	List	   *fanned = cph_choose_clauses(table, restrictinfos, true);
	const CphClause *ids = cph_chosen_ids(table, fanned);

	/* where items are not found, the list is read by all that is chosen */
	if (ids == NULL || cph_chosen_fan(table, fanned) == NULL ||
		cph_chosen_streams(table, fanned) > cph_most_streams(table, false))
		add_chosen_paths(table, plain, param);
	add_cover_paths(table, restrictinfos, param);
	if (cph_chosen_fan(table, fanned) != NULL || (ids != NULL && ids->fans_out))
		add_chosen_paths(table, fanned, param);
	if (ids != NULL && cph_locating_may_cost_more(table, ids))
		add_chosen_paths(table, list_delete_ptr(list_copy(plain), (void *) ids),
						 param);
}

/* Tells whether a parameterised path by a clause is worth having. */
static bool
is_parameter(CphTable *table, RestrictInfo *rinfo)
{
	const CphClause *clause;

	if (!join_clause_is_movable_to(rinfo, table->rel))
		return false;
	clause = cph_choose_read(table, rinfo);
	return clause != NULL && clause->filter >= 0 &&
		clause->class != CPH_LOCAL && !cph_op_is_bound(clause->op);
}

/* Tells whether a member of an equivalence class is column number *arg. */
static bool
ec_member_is_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
					EquivalenceMember *em, void *arg)
{
	int			attnum = *(int *) arg;
	Node	   *node = (Node *) em->em_expr;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var) && ((Var *) node)->varno == rel->relid &&
		((Var *) node)->varattno == attnum;
}

/* Returns the join clauses that the equivalence classes imply. */
static List *
implied_clauses(const CphTable *table)
{
	RelOptInfo *rel = table->rel;
	List	   *result = NIL;

	if (!rel->has_eclass_joins)
		return NIL;
	for (int attnum = 1; attnum <= table->desc->natts; attnum++)
	{
		if (!TupleDescAttr(table->desc, attnum - 1)->attisdropped)
			result = list_concat(result,
								 generate_implied_equalities_for_column(table->root,
																		rel,
																		ec_member_is_column,
																		&attnum,
																		rel->lateral_referencers));
	}
	return result;
}

/*
 * Adds paths that are told the value of a column by an outer relation.  A
 * path enforces all clauses that can be moved to it, as PostgreSQL demands.
 */
static void
add_parameterized_paths(CphTable *table)
{
	RelOptInfo *rel = table->rel;
	List	   *clauses = list_concat_copy(rel->joininfo, implied_clauses(table));
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst(lc);
		Relids		outer;
		ParamPathInfo *param;

		if (!is_parameter(table, rinfo))
			continue;
		outer = bms_union(rinfo->clause_relids, rel->lateral_relids);
		outer = bms_del_member(outer, rel->relid);
		if (bms_is_empty(outer))
			continue;
		/* of the same outer relations there is one */
		param = get_baserel_parampathinfo(table->root, rel, outer);
		if (list_member_ptr(seen, param))
			continue;
		seen = lappend(seen, param);
		add_scan_paths(table, param);
	}
}

/* GetForeignPaths: adds every way to read the table. */
void
cphGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CphTable   *table = baserel->fdw_private;
	ParamPathInfo *param = NULL;

	if (!bms_is_empty(baserel->lateral_relids))
		param = get_baserel_parampathinfo(root, baserel,
										  baserel->lateral_relids);
	table->pathkeys = pathkeys_of_order(table);
	add_scan_paths(table, param);
	add_parameterized_paths(table);
}

/*
 * ReparameterizeForeignPathByChild: returns what a path does once it depends on
 * a partition, in the place of the table that it depended on.
 */
List *
cphReparameterizeForeignPathByChild(PlannerInfo *root, List *fdw_private,
									RelOptInfo *child_rel)
{
	CphPath    *path = palloc(sizeof(CphPath));
	List	   *chosen = NIL;
	ListCell   *lc;

	*path = *(CphPath *) linitial(fdw_private);
	foreach(lc, path->chosen)
	{
		CphClause  *clause = palloc(sizeof(CphClause));

		*clause = *(CphClause *) lfirst(lc);
		clause->expr = cph_adjust_to_child(root, clause->expr, child_rel);
		clause->values = cph_adjust_to_child(root, clause->values, child_rel);
		chosen = lappend(chosen, clause);
	}
	path->chosen = chosen;
	return list_make1(path);
}

/*
 * IsForeignPathAsyncCapable: a scan of a table can be asked without waiting;
 * one that counts, locates items, or reads from the end, waits.
 */
bool
cphIsForeignPathAsyncCapable(ForeignPath *foreign_path)
{
	const CphTable *table = foreign_path->path.parent->fdw_private;
	const CphPath *path = linitial(foreign_path->fdw_private);

	return table->options->async_capable && cph_transport_has_fd() &&
		!path->from_end && !path->count && !path->counted && cph_path_cover(path) == NULL &&
		cph_chosen_ids(table, path->chosen) == NULL;
}
