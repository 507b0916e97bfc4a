/*
 * cost.c
 *		What it costs to read what the chosen clauses leave.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include <limits.h>
#include <math.h>

#include "catalog/pg_statistic.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/*
 * Returns how many streams may be read.  In the order of the list only as many
 * are merged as can be under way at once, twice over; without it there may be
 * as many as a plain scan has pages.
 */
int
cph_most_streams(const CphTable *table, bool ordered)
{
	int			merged = 2 * table->options->max_concurrent_requests;
	double		pages = table->tuples /
		cph_options_page_size(table->options, table->endpoint);

	return ordered ? merged : Min(Max(ceil(pages), merged), INT_MAX / 2);
}

/*
 * Returns how many requests it takes to locate the items that a clause names: one
 * asks where each is, one for the page that it is on.
 */
static double
locating_requests(const CphTable *table, const CphClause *ids)
{
	return 2 * cph_clause_values(table, ids);
}

/*
 * Tells whether to locate items may take more requests than to read the whole
 * list.  What other clauses leave of it is an estimate, which is not relied on.
 */
bool
cph_locating_may_cost_more(const CphTable *table, const CphClause *ids)
{
	return locating_requests(table, ids) *
		cph_options_page_size(table->options, table->endpoint) >= table->tuples;
}

/*
 * Returns how often the value of a clause will be one that is not sent, from 0
 * to 1, by the most common values of the column that it comes from.
 */
static double
share_unsent(const CphTable *table, const CphClause *clause)
{
	VariableStatData column;
	AttStatsSlot common;
	double		share = 0;

	if (clause->binding != NULL || clause->filter < 0 ||
		cph_op_is_bound(clause->op) || list_length(clause->values) != 1 ||
		table->endpoint->filters[clause->filter].values == NULL)
		return 0;
	examine_variable(table->root, linitial(clause->values), 0, &column);
	if (HeapTupleIsValid(column.statsTuple) && column.acl_ok &&
		get_attstatsslot(&common, column.statsTuple, STATISTIC_KIND_MCV,
						 InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < common.nvalues; i++)
		{
			bool		isnull = false;

			if (cph_bind(table->endpoint, clause->filter, clause->op,
						 table->options->name_filter,
						 list_make1_oid(common.valuetype), &common.values[i],
						 &isnull)->class == CPH_LOCAL)
				share += common.numbers[i];
		}
		free_attstatsslot(&common);
	}
	ReleaseVariableStats(column);
	return Min(share, 1);
}

/*
 * Returns the chosen clause whose value is least often sent, and how often it
 * is not; NULL where all are sent always.
 */
static CphClause *
least_sent(const CphTable *table, List *chosen, double *share)
{
	CphClause  *least = NULL;
	ListCell   *lc;

	*share = 0;
	foreach(lc, chosen)
	{
		double		unsent = share_unsent(table, lfirst(lc));

		if (unsent <= *share)
			continue;
		*share = unsent;
		least = lfirst(lc);
	}
	return least;
}

/* Estimates as cph_estimate_cost does, where all values are sent. */
static void
cost_of_sent(const CphTable *table, List *chosen, double wanted,
			 Cost *startup_cost, Cost *total_cost)
{
	const CphOptions *options = table->options;
	const QualCost *quals = &table->rel->baserestrictcost;
	int			page_size = cph_options_page_size(options, table->endpoint);
	double		streams = cph_chosen_streams(table, chosen);
	double		rows = cph_estimate_received(table, chosen);
	double		requests;
	const CphClause *ids = cph_chosen_ids(table, chosen);

	if (ids != NULL)
	{
		*startup_cost = locating_requests(table, ids) *
			options->fdw_request_cost;
		*total_cost = *startup_cost +
			cph_clause_values(table, ids) * Min(page_size, table->tuples) *
			(options->fdw_tuple_cost + cpu_tuple_cost);
		return;
	}
	if (wanted >= 0)
		rows = Min(rows, wanted * streams);
	/* a page shares a row with the page before */
	requests = streams * Max(ceil((rows / streams - 1) / (page_size - 1)), 1);
	/* the first pages of all streams are asked for at once */
	*startup_cost = streams * options->fdw_request_cost;
	*total_cost = requests * options->fdw_request_cost +
		rows * options->fdw_tuple_cost;
	if (wanted < 0)
		*total_cost += quals->startup +
			rows * (cpu_tuple_cost + quals->per_tuple);
}

/*
 * Estimates the cost of reading what the chosen clauses leave, or of as many
 * rows of it as are wanted, if that is not negative: each request has its
 * cost, whatever it returns, and each row.  A value that will not be sent costs
 * what is left of the list without it.
 */
void
cph_estimate_cost(const CphTable *table, List *chosen, double wanted,
				  Cost *startup_cost, Cost *total_cost)
{
	double		share;
	CphClause  *unsent = least_sent(table, chosen, &share);
	Cost		startup;
	Cost		total;

	cost_of_sent(table, chosen, wanted, startup_cost, total_cost);
	if (unsent == NULL)
		return;
	cost_of_sent(table, list_delete_ptr(list_copy(chosen), unsent), -1,
				 &startup, &total);
	*startup_cost += (startup - *startup_cost) * share;
	*total_cost += (total - *total_cost) * share;
}

/* Returns how many requests it takes to find a time in the list, by halves. */
static double
requests_to_place(const CphTable *table)
{
	double		pages = table->tuples /
		cph_options_page_size(table->options, table->endpoint);

	return 2 + ceil(log2(Max(pages, 1)));
}

/* Tells on which sides the chosen clauses bound the list's time. */
static void
find_bounds(List *chosen, bool *lower, bool *upper)
{
	ListCell   *lc;

	*lower = *upper = false;
	foreach(lc, chosen)
	{
		*lower |= cph_op_is_lower(((CphClause *) lfirst(lc))->op);
		*upper |= cph_op_is_upper(((CphClause *) lfirst(lc))->op);
	}
}

/*
 * Returns how many requests it takes to find where a scan of what the chosen
 * clauses leave is to begin, if it is oldest first: at the end of the list, or
 * where its rows become too old.
 */
double
cph_requests_to_end(const CphTable *table, List *chosen)
{
	bool		lower;
	bool		upper;

	find_bounds(chosen, &lower, &upper);
	return lower ? requests_to_place(table) : 1;
}

/*
 * Returns how many requests more a count takes for the bounds among the chosen
 * clauses: their places are found, or that of one and the end.  Without statistics
 * no one knows what reading would take, which may be the whole list: then these
 * count for nothing, if that takes more.
 */
double
cph_requests_to_count(const CphTable *table, List *chosen)
{
	bool		lower;
	bool		upper;
	double		requests;

	find_bounds(chosen, &lower, &upper);
	if (!lower && !upper)
		return 0;
	requests = requests_to_place(table) *
		cph_chosen_streams(table, chosen) * (lower && upper ? 2 : 1);
	if (!table->analyzed && requests <
		table->tuples / cph_options_page_size(table->options, table->endpoint))
		return 0;
	return requests;
}
