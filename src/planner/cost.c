/*
 * cost.c
 *		What it costs to read what the chosen clauses leave.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include <limits.h>
#include <math.h>

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"

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
 * Estimates the cost of reading what the chosen clauses leave, or of as many
 * rows of it as are wanted, if that is not negative: each request has its
 * cost, whatever it returns, and each row.
 */
void
cph_estimate_cost(const CphTable *table, List *chosen, double wanted,
				  Cost *startup_cost, Cost *total_cost)
{
	const CphOptions *options = table->options;
	const QualCost *quals = &table->rel->baserestrictcost;
	int			page_size = cph_options_page_size(options, table->endpoint);
	double		streams = cph_chosen_streams(table, chosen);
	double		rows = cph_estimate_received(table, chosen);
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
		*total_cost += quals->startup +
			rows * (cpu_tuple_cost + quals->per_tuple);
}
