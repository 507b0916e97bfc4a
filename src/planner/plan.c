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
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

/* timestamptz > timestamptz: it sorts newest first */
#define TIMESTAMPTZ_GREATER 1324

/*
 * GetForeignRelSize: estimates how many rows the clauses leave, and reads the
 * table's options.
 */
void
cphGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CphRelInfo *info = palloc0(sizeof(CphRelInfo));

	info->rel = baserel;
	info->relid = foreigntableid;
	info->options = cph_table_options(foreigntableid);
	info->endpoint = cph_options_resource(info->options);
	info->table = cph_table_open(foreigntableid, baserel->relid,
								 info->options, info->endpoint);
	baserel->fdw_private = info;

	/* without statistics it is 0 or negative */
	info->analyzed = baserel->tuples > 0;
	if (!info->analyzed)
		baserel->tuples = cph_known_size(info);
	info->tuples = baserel->tuples;
	cph_estimate_size(root, baserel, info);
}

/* Puts what a path does into a list that a path may hold. */
List *
cph_path_kind_encode(const CphPathKind *kind)
{
	return list_make5(makeInteger(kind->fan_out ? kind->max_streams : -1),
					  makeBoolean(kind->window),
					  list_make2(kind->limit_count, kind->limit_offset),
					  makeBoolean(kind->count), kind->having);
}

/* Returns what cph_path_kind_encode made a list of. */
CphPathKind
cph_path_kind_decode(List *encoded)
{
	CphPathKind kind = {0};
	int			max_streams = intVal(linitial(encoded));
	List	   *window = lthird(encoded);

	kind.fan_out = max_streams >= 0;
	kind.max_streams = Max(max_streams, 1);
	kind.window = boolVal(lsecond(encoded));
	kind.limit_count = linitial(window);
	kind.limit_offset = lsecond(window);
	kind.count = boolVal(lfourth(encoded));
	kind.having = list_nth(encoded, 4);
	return kind;
}

/*
 * Returns the pathkeys of the list's order, newest first, if the query has a
 * use for it; NULLS FIRST or LAST as the query has it, since no null passes
 * through an ordered scan.
 */
static List *
pathkeys_of_order(PlannerInfo *root, const CphRelInfo *info)
{
	Relids		relids = info->rel->relids;

	if (!cph_options_ordered(info->options, info->endpoint))
		return NIL;
	for (int attnum = 1; attnum <= info->table->ncolumns; attnum++)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;
		Var		   *var;
		List	   *pathkeys;

		if (info->table->fields[attnum - 1] == NULL)
			continue;
		get_atttypetypmodcoll(info->relid, attnum, &type, &typmod, &collation);
		var = makeVar(info->rel->relid, attnum, type, typmod, collation, 0);
		if (!cph_subject_is_time_column(info->table, var))
			continue;
		pathkeys = cph_build_expression_pathkey(root, (Expr *) var,
												TIMESTAMPTZ_GREATER, relids);
		if (pathkeys == NIL)
			continue;
		if (root->query_pathkeys != NIL)
		{
			PathKey    *first = linitial_node(PathKey, root->query_pathkeys);

			if (first->pk_eclass == linitial_node(PathKey, pathkeys)->pk_eclass &&
				cph_pathkey_is_descending(first))
				return list_make1(first);
		}
		return pathkeys;
	}
	return NIL;
}

/* Adds a path that sends the chosen clauses. */
static void
add_scan_path(PlannerInfo *root, const CphRelInfo *info, List *restrictinfos,
			  const CphPathKind *kind, List *pathkeys, Relids outer)
{
	RelOptInfo *rel = info->rel;
	List	   *chosen = cph_choose_clauses(root, info, restrictinfos,
											kind->fan_out);
	double		rows = rel->rows;
	Cost		startup_cost;
	Cost		total_cost;

	if (!bms_is_empty(outer))
		rows = get_baserel_parampathinfo(root, rel, outer)->ppi_rows;
	cph_estimate_cost(root, info, chosen, -1, &startup_cost, &total_cost);
	add_path(rel, (Path *)
			 cph_create_foreignscan_path(root, rel, NULL, rows, startup_cost,
										 total_cost, pathkeys, outer,
										 cph_path_kind_encode(kind)));
}

/* Tells whether one of the chosen clauses can have several values. */
static bool
fans_out(List *chosen)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		if (((CphClause *) lfirst(lc))->fans_out)
			return true;
	}
	return false;
}

/*
 * Adds the paths that read the table for some clauses: plainly, and, if a
 * clause has several values, a stream for each.
 */
static void
add_scan_paths(PlannerInfo *root, const CphRelInfo *info, List *restrictinfos,
			   Relids outer)
{
	CphPathKind kind = {0};
	List	   *chosen = cph_choose_clauses(root, info, restrictinfos, true);
	double		streams = cph_estimate_streams(root, chosen);

	add_scan_path(root, info, restrictinfos, &kind, info->pathkeys, outer);
	if (!fans_out(chosen))
		return;
	kind.fan_out = true;
	kind.max_streams = cph_most_streams(info, false);
	if (streams <= kind.max_streams)
		add_scan_path(root, info, restrictinfos, &kind, NIL, outer);
	kind.max_streams = cph_most_streams(info, true);
	if (info->pathkeys != NIL && streams <= kind.max_streams)
		add_scan_path(root, info, restrictinfos, &kind, info->pathkeys, outer);
}

/* Tells whether a parameterised path by a clause is worth having. */
static bool
is_parameter(PlannerInfo *root, const CphRelInfo *info, RestrictInfo *rinfo)
{
	CphClause  *clause;

	if (!join_clause_is_movable_to(rinfo, info->rel))
		return false;
	clause = cph_filter_clause(root, info->table, rinfo->clause);
	return clause != NULL && clause->filter >= 0 &&
		clause->class != CPH_LOCAL && !cph_clause_is_bound(clause);
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
implied_clauses(PlannerInfo *root, const CphRelInfo *info)
{
	RelOptInfo *rel = info->rel;
	List	   *result = NIL;

	if (!rel->has_eclass_joins)
		return NIL;
	for (int attnum = 1; attnum <= info->table->ncolumns; attnum++)
	{
		List	   *clauses;

		if (info->table->fields[attnum - 1] == NULL)
			continue;
		clauses = generate_implied_equalities_for_column(root, rel,
														 ec_member_is_column,
														 &attnum,
														 rel->lateral_referencers);
		result = list_concat(result, clauses);
	}
	return result;
}

/* Tells whether a list of Relids holds one. */
static bool
has_relids(List *list, Relids relids)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		if (bms_equal(lfirst(lc), relids))
			return true;
	}
	return false;
}

/*
 * Adds paths that are told the value of a column by an outer relation.  A
 * path enforces all clauses that can be moved to it, as PostgreSQL demands.
 */
static void
add_parameterized_paths(PlannerInfo *root, const CphRelInfo *info)
{
	List	   *clauses = list_concat_copy(info->rel->joininfo,
										   implied_clauses(root, info));
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		Relids		outer;
		ParamPathInfo *param;

		if (!is_parameter(root, info, rinfo))
			continue;
		outer = bms_union(rinfo->clause_relids, info->rel->lateral_relids);
		outer = bms_del_member(outer, info->rel->relid);
		if (bms_is_empty(outer) || has_relids(seen, outer))
			continue;
		seen = lappend(seen, outer);
		param = get_baserel_parampathinfo(root, info->rel, outer);
		add_scan_paths(root, info,
					   list_concat_copy(param->ppi_clauses,
										info->rel->baserestrictinfo),
					   param->ppi_req_outer);
	}
}

/* GetForeignPaths: adds every way to read the table. */
void
cphGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CphRelInfo *info = baserel->fdw_private;

	info->pathkeys = pathkeys_of_order(root, info);
	add_scan_paths(root, info, baserel->baserestrictinfo,
				   baserel->lateral_relids);
	add_parameterized_paths(root, info);
}

/*
 * IsForeignPathAsyncCapable: a scan of a table can be asked without waiting;
 * one that counts waits.
 */
bool
cphIsForeignPathAsyncCapable(ForeignPath *path)
{
	const CphRelInfo *info = path->path.parent->fdw_private;

	return info->options->async_capable && cph_transport_has_fd() &&
		!cph_path_kind_decode(path->fdw_private).count;
}
