/*
 * upper.c
 *		LIMIT, OFFSET and count(*) as the service's to do.
 *
 * They go to the service only if it returns just the rows that the clauses
 * leave: every clause is exact, and is the one that is sent for its parameter.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "utils/fmgroids.h"

/*
 * A path that leaves work to the service asks for no more than the path that
 * does the work here, but where both are one request the planner would see
 * them as equal, and might keep the other one.
 */
#define UPPER_DISCOUNT 0.9

/* The rows of a LIMIT that the planner does not know, as a share of all. */
#define UNKNOWN_LIMIT_SHARE 0.1

/*
 * Tells whether a chosen clause bounds the time of the list, so that the place of
 * that time in the list tells how many rows meet it.
 */
static bool
bounds_place(const CphTable *table, const CphClause *clause)
{
	return cph_op_is_bound(clause->op) && IsA(clause->expr, OpExpr) &&
		cph_options_ordered(table->options, table->endpoint);
}

/*
 * Returns why the service does not return just the rows that some clauses
 * leave when the chosen ones are sent, or NULL if it does.  A count is as exact
 * where places in the list bound it.
 */
static const char *
inexact_reason(const CphTable *table, List *restrictinfos, const CphPath *path)
{
	ListCell   *lc;

	foreach(lc, restrictinfos)
	{
		const RestrictInfo *rinfo = lfirst(lc);
		const CphClause *sent = cph_chosen_clause(path->chosen, rinfo->clause);

		/* a gate above the scan sees to these */
		if (rinfo->pseudoconstant)
			continue;
		if (sent == NULL)
			return "a clause is not sent to the service";
		if (sent->class != CPH_EXACT &&
			!(path->count && bounds_place(table, sent)))
			return "the service may return more rows than a clause leaves";
	}
	return NULL;
}

/*
 * Tells whether an expression can be evaluated at the start of a scan, and
 * stands for one value then.
 */
static bool
is_run_time_constant(Node *node)
{
	return node == NULL ||
		(!contain_volatile_functions(node) && !contain_subplans(node));
}

/* Tells whether a LIMIT or OFFSET is known not to be negative. */
static bool
is_known_number(Node *node)
{
	Const	   *value = (Const *) node;

	return node == NULL ||
		(IsA(node, Const) &&
		 (value->constisnull || DatumGetInt64(value->constvalue) >= 0));
}

/*
 * Returns why LIMIT and OFFSET of a query that reads one table, and does no
 * more than sort what it reads, cannot be the service's; NULL: they can.
 */
static const char *
no_limit_reason(const CphTable *table, const CphPath *path)
{
	const PlannerInfo *root = table->root;
	Query	   *parse = root->parse;
	const char *reason;

	if (!table->options->enable_limit_pushdown)
		return "enable_limit_pushdown is off";
	if (parse->commandType != CMD_SELECT || parse->rowMarks != NIL)
		return "the rows are to be locked or changed";
	if (parse->hasTargetSRFs)
		return "the select list returns sets";
	if (parse->limitOption == LIMIT_OPTION_WITH_TIES)
		return "rows that tie with the last one are wanted too";
	if (!is_run_time_constant(parse->limitCount) ||
		!is_run_time_constant(parse->limitOffset))
		return "the limit is not known before the scan";
	if (root->hasPseudoConstantQuals &&
		!(is_known_number(parse->limitCount) &&
		  is_known_number(parse->limitOffset)))
		return "a constant condition must be checked before the limit";
	reason = inexact_reason(table, table->rel->baserestrictinfo, path);
	if (reason == NULL &&
		cph_chosen_streams(table, path->chosen) > path->max_streams)
		reason = "a clause has too many values";
	return reason;
}

/* Returns how many rows a query with LIMIT or OFFSET is expected to return. */
static double
estimate_window(const CphTable *table, const FinalPathExtraData *extra)
{
	double		rows = table->rel->rows;
	double		count = extra->count_est;
	double		offset = extra->offset_est;

	if (count < 0)
		count = rows * UNKNOWN_LIMIT_SHARE;
	else if (count == 0)
		count = rows;
	if (offset < 0)
		offset = rows * UNKNOWN_LIMIT_SHARE;
	return clamp_row_est(Min(count, rows - offset));
}

/* Adds a path of which the service does a part of the work that is above it. */
static void
add_upper_path(RelOptInfo *rel, RelOptInfo *parent, const CphTable *table,
			   PathTarget *target, double rows, List *pathkeys, CphPath *path)
{
	Cost		startup_cost;
	Cost		total_cost;

	cph_estimate_cost(table, path->chosen, rows, &startup_cost, &total_cost);
	if (path->count)
	{
		Cost		cost = cph_requests_to_count(table, path->chosen) *
			table->options->fdw_request_cost;

		startup_cost += cost;
		total_cost += cost;
	}
	add_path(rel, (Path *)
			 cph_create_foreign_upper_path(table->root, parent, target, rows,
										   startup_cost * UPPER_DISCOUNT,
										   total_cost * UPPER_DISCOUNT,
										   pathkeys, list_make1(path)));
}

/*
 * Adds a path in which the service does LIMIT and OFFSET, and its order any
 * ORDER BY.  Its parent is the table, so that the plan node scans it.
 */
static void
add_final_path(CphTable *table, RelOptInfo *final_rel,
			   const FinalPathExtraData *extra)
{
	PlannerInfo *root = table->root;
	CphPath    *path = palloc0(sizeof(CphPath));
	double		rows = estimate_window(table, extra);

	path->chosen = cph_choose_clauses(table, table->rel->baserestrictinfo, true);
	path->max_streams = cph_most_streams(table, root->sort_pathkeys != NIL);
	path->window = true;
	path->limit_count = root->parse->limitCount;
	path->limit_offset = root->parse->limitOffset;
	table->no_limit_reason = no_limit_reason(table, path);
	if (table->no_limit_reason != NULL)
		return;
	add_upper_path(final_rel, table->rel, table,
				   root->upper_targets[UPPERREL_FINAL], rows,
				   root->sort_pathkeys, path);
	/* which is the reason if the planner does not choose that path */
	table->no_limit_reason = "reading without it is expected to be cheaper";
}

/* Tells whether an aggregate is the number of rows. */
static bool
is_row_count(const Aggref *aggref)
{
	Node	   *arg;

	if ((aggref->aggfnoid != F_COUNT_ && aggref->aggfnoid != F_COUNT_ANY) ||
		aggref->aggfilter != NULL || aggref->aggdistinct != NIL ||
		aggref->aggorder != NIL || aggref->aggsplit != AGGSPLIT_SIMPLE ||
		aggref->agglevelsup != 0)
		return false;
	if (aggref->aggstar)
		return true;
	arg = (Node *) linitial_node(TargetEntry, aggref->args)->expr;
	return IsA(arg, Const) && !((Const *) arg)->constisnull;
}

/* Tells whether expressions are of row counts, and of at least one. */
static bool
are_row_counts(Node *exprs)
{
	List	   *parts = pull_var_clause(exprs, PVC_INCLUDE_AGGREGATES |
										PVC_RECURSE_PLACEHOLDERS);
	ListCell   *lc;

	foreach(lc, parts)
	{
		if (!IsA(lfirst(lc), Aggref) || !is_row_count(lfirst(lc)))
			return false;
	}
	return parts != NIL;
}

/*
 * Adds a path in which the service counts the rows.  There is no gate above
 * it, and no check of rows below it.
 */
static void
add_count_path(CphTable *table, RelOptInfo *grouped_rel,
			   const GroupPathExtraData *extra)
{
	PlannerInfo *root = table->root;
	Query	   *parse = root->parse;
	List	   *restrictinfos = table->rel->baserestrictinfo;
	PathTarget *target = root->upper_targets[UPPERREL_GROUP_AGG];
	List	   *having = (List *) extra->havingQual;
	CphPath    *path = palloc0(sizeof(CphPath));

	path->chosen = cph_choose_clauses(table, restrictinfos, true);
	path->max_streams = cph_most_streams(table, false);
	path->count = true;
	path->having = having;
	if (!table->options->enable_count_pushdown || table->endpoint->total_field == NULL ||
		extra->patype == PARTITIONWISE_AGGREGATE_PARTIAL ||
		parse->groupClause != NIL || parse->groupingSets != NIL ||
		parse->hasTargetSRFs || root->hasPseudoConstantQuals ||
		inexact_reason(table, restrictinfos, path) != NULL ||
		cph_chosen_streams(table, path->chosen) > path->max_streams ||
		!are_row_counts((Node *) list_concat_copy(target->exprs, having)) ||
		contain_volatile_functions((Node *) having) ||
		contain_subplans((Node *) having))
		return;
	grouped_rel->fdw_private = table;
	add_upper_path(grouped_rel, grouped_rel, table, target, 1, NIL, path);
	/* which is the reason if the planner does not choose that path */
	table->no_count_reason = "reading is expected to be cheaper";
}

/*
 * GetForeignUpperPaths: LIMIT and OFFSET over the bare table, or over its
 * order; count(*) over the bare table.  Anything between the table and the
 * step at hand, as a join or DISTINCT, has an input relation that is not ours.
 */
void
cphGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
						RelOptInfo *input_rel, RelOptInfo *output_rel,
						void *extra)
{
	CphTable   *table = input_rel->fdw_private;

	if (table == NULL)
		return;
	if (stage == UPPERREL_FINAL && input_rel == table->ordered_rel)
		input_rel = table->rel;
	if (input_rel->reloptkind != RELOPT_BASEREL ||
		output_rel->fdw_private != NULL)
		return;
	if (stage == UPPERREL_ORDERED && !root->parse->hasTargetSRFs &&
		pathkeys_contained_in(root->sort_pathkeys, table->pathkeys))
	{
		table->ordered_rel = output_rel;
		output_rel->fdw_private = table;
	}
	else if (stage == UPPERREL_GROUP_AGG)
		add_count_path(table, output_rel, extra);
	else if (stage == UPPERREL_FINAL &&
			 ((FinalPathExtraData *) extra)->limit_needed)
		add_final_path(table, output_rel, extra);
}
