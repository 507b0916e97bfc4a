/*
 * cost.c
 *		Which clauses are sent, and what that costs.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include <limits.h>
#include <math.h>

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"

/*
 * Returns how many streams may be read.  In the order of the list only as many
 * are merged as can be under way at once, twice over; without it there may be
 * as many as a plain scan has pages.
 */
int
cph_most_streams(const CphRelInfo *info, bool ordered)
{
	int			merged = 2 * info->options->max_concurrent_requests;
	double		pages = info->tuples /
		cph_options_page_size(info->options, info->endpoint);

	return ordered ? merged : Min(Max(ceil(pages), merged), INT_MAX / 2);
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
	double		rows = cph_estimate_received(root, info, chosen);
	double		requests;

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
