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
 * Returns why the service does not return just the rows that some clauses
 * leave when the chosen ones are sent, or NULL if it does.
 */
static const char *
inexact_reason(List *restrictinfos, List *chosen)
{
	ListCell   *lc;

	foreach(lc, restrictinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		CphClause  *sent = NULL;
		ListCell   *lc2;

		/* A gate above the scan sees to these. */
		if (rinfo->pseudoconstant)
			continue;
		foreach(lc2, chosen)
		{
			CphClause  *clause = lfirst(lc2);

			if (clause->expr == rinfo->clause)
				sent = clause;
		}
		if (sent == NULL)
			return "a clause is not sent to the service";
		if (sent->class != CPH_EXACT)
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
no_limit_reason(PlannerInfo *root, const CphRelInfo *info, List *chosen)
{
	Query	   *parse = root->parse;

	if (!info->options->enable_limit_pushdown)
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
		return "the limit has to be looked at where no row is";
	return inexact_reason(info->rel->baserestrictinfo, chosen);
}

/* Returns how many rows a query with LIMIT or OFFSET is expected to return. */
static double
estimate_window(const CphRelInfo *info, const FinalPathExtraData *extra)
{
	double		rows = info->rel->rows;
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

/*
 * Adds a path in which the service does LIMIT and OFFSET, and its order any
 * ORDER BY.  Its parent is the table, so that the plan node scans it.
 */
static void
add_final_path(PlannerInfo *root, CphRelInfo *info, RelOptInfo *final_rel,
			   const FinalPathExtraData *extra)
{
	List	   *restrictinfos = info->rel->baserestrictinfo;
	CphPathKind kind = {0};
	List	   *chosen;
	double		rows;
	Cost		startup_cost;
	Cost		total_cost;

	kind.fan_out = true;
	kind.max_streams = cph_most_streams(info, root->sort_pathkeys != NIL);
	kind.window = true;
	kind.limit_count = root->parse->limitCount;
	kind.limit_offset = root->parse->limitOffset;
	chosen = cph_choose_clauses(root, info, restrictinfos, true);
	info->no_limit_reason = no_limit_reason(root, info, chosen);
	if (info->no_limit_reason == NULL &&
		cph_estimate_streams(root, chosen) > kind.max_streams)
		info->no_limit_reason = "a clause has too many values";
	if (info->no_limit_reason != NULL)
		return;
	rows = estimate_window(info, extra);
	cph_estimate_cost(root, info, chosen, rows, &startup_cost, &total_cost);
	add_path(final_rel, (Path *)
			 cph_create_foreign_upper_path(root, info->rel,
										   root->upper_targets[UPPERREL_FINAL],
										   rows,
										   startup_cost * UPPER_DISCOUNT,
										   total_cost * UPPER_DISCOUNT,
										   root->sort_pathkeys,
										   cph_path_kind_encode(&kind)));
	/* which is the reason if the planner does not choose that path */
	info->no_limit_reason = "reading without it is expected to be cheaper";
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
add_count_path(PlannerInfo *root, CphRelInfo *info, RelOptInfo *grouped_rel,
			   const GroupPathExtraData *extra)
{
	Query	   *parse = root->parse;
	List	   *restrictinfos = info->rel->baserestrictinfo;
	PathTarget *target = root->upper_targets[UPPERREL_GROUP_AGG];
	List	   *having = (List *) extra->havingQual;
	CphPathKind kind = {0};
	List	   *chosen;
	Cost		startup_cost;
	Cost		total_cost;

	kind.fan_out = true;
	kind.max_streams = cph_most_streams(info, false);
	kind.count = true;
	kind.having = having;
	chosen = cph_choose_clauses(root, info, restrictinfos, true);
	if (!info->options->enable_count_pushdown || !info->endpoint->has_count ||
		extra->patype == PARTITIONWISE_AGGREGATE_PARTIAL ||
		parse->groupClause != NIL || parse->groupingSets != NIL ||
		parse->hasTargetSRFs || root->hasPseudoConstantQuals ||
		inexact_reason(restrictinfos, chosen) != NULL ||
		cph_estimate_streams(root, chosen) > kind.max_streams ||
		!are_row_counts((Node *) list_concat_copy(target->exprs, having)) ||
		contain_volatile_functions((Node *) having) ||
		contain_subplans((Node *) having))
		return;
	cph_estimate_cost(root, info, chosen, 1, &startup_cost, &total_cost);
	grouped_rel->fdw_private = info;
	add_path(grouped_rel, (Path *)
			 cph_create_foreign_upper_path(root, grouped_rel, target, 1,
										   startup_cost * UPPER_DISCOUNT,
										   total_cost * UPPER_DISCOUNT, NIL,
										   cph_path_kind_encode(&kind)));
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
	CphRelInfo *info = input_rel->fdw_private;

	if (info == NULL)
		return;
	if (stage == UPPERREL_FINAL && input_rel == info->ordered_rel)
		input_rel = info->rel;
	if (input_rel->reloptkind != RELOPT_BASEREL ||
		output_rel->fdw_private != NULL)
		return;
	if (stage == UPPERREL_ORDERED && !root->parse->hasTargetSRFs &&
		pathkeys_contained_in(root->sort_pathkeys, info->pathkeys))
	{
		info->ordered_rel = output_rel;
		output_rel->fdw_private = info;
	}
	else if (stage == UPPERREL_GROUP_AGG)
		add_count_path(root, info, output_rel, extra);
	else if (stage == UPPERREL_FINAL &&
			 ((FinalPathExtraData *) extra)->limit_needed)
		add_final_path(root, info, output_rel, extra);
}
