/*
 * cover.c
 *		Scans of which counts tell all, and scans by every value of a filter.
 *
 * A scan of which only columns are wanted whose values its filters tell needs
 * no row: their numbers are enough.  Where a column is missing of whose filter
 * the documents list all values, each value is counted; and where conditions on
 * such a column leave some of its values, the rows of those values are read.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

/* Requests for the number of all rows, before and after, and for a proof. */
#define COVER_REQUESTS	3

/* A column that cannot be told by filters. */
#define UNTOLD (-2)

/* Tells whether the chosen clauses are all sent, and are exact. */
static bool
are_exact(List *chosen)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		if (((CphClause *) lfirst(lc))->class != CPH_EXACT)
			return false;
	}
	return true;
}

/* Tells whether a chosen clause tells the value of a field. */
static bool
is_told(const CphTable *table, List *chosen, const char *field)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		const CphClause *clause = lfirst(lc);

		if (clause->filter >= 0 && clause->class == CPH_EXACT &&
			strcmp(table->endpoint->filters[clause->filter].field, field) == 0)
			return true;
	}
	return cph_field_is_constant(field);
}

/* Finds the filter of a field whose values the documents list all; UNTOLD. */
static int
complete_filter(const CphTable *table, const char *field)
{
	for (int i = 0; i < table->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &table->endpoint->filters[i];

		if (filter->complete && strcmp(filter->field, field) == 0)
			return i;
	}
	return UNTOLD;
}

/*
 * Finds the filter that has to cover all rows, so that the columns with these
 * numbers are told: -1 if there needs to be none, UNTOLD if none does.
 */
static int
filter_to_cover(const CphTable *table, List *chosen, List *attnums)
{
	int			cover = -1;
	ListCell   *lc;

	foreach(lc, attnums)
	{
		const char *field = cph_table_column(table, lfirst_int(lc));
		int			filter;

		if (is_told(table, chosen, field))
			continue;
		filter = complete_filter(table, field);
		if (filter == UNTOLD || (cover >= 0 && filter != cover))
			return UNTOLD;
		cover = filter;
	}
	return cover;
}

/* Returns the clause that a filter covers all rows; conditions as in CphOp. */
static CphClause *
make_cover(int filter, List *conditions)
{
	CphClause  *clause = palloc0(sizeof(CphClause));

	clause->filter = filter;
	clause->op = CPH_OP_COVER;
	clause->values = conditions;
	clause->class = CPH_SUPERSET;
	return clause;
}

/* Tells whether a column's type takes every value that a filter may have. */
static bool
takes_all_values(const CphTable *table, int attnum)
{
	Oid			type = TupleDescAttr(table->desc, attnum - 1)->atttypid;

	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == TEXTOID;
}

/* Tells the same of those columns, by their numbers, that show a filter's field. */
static bool
take_all_values(const CphTable *table, List *attnums, const CphFilter *filter)
{
	ListCell   *lc;

	foreach(lc, attnums)
	{
		if (strcmp(cph_table_column(table, lfirst_int(lc)), filter->field) == 0 &&
			!takes_all_values(table, lfirst_int(lc)))
			return false;
	}
	return true;
}

/* Tells whether a condition may hold. */
static bool
may_pass(const Const *condition)
{
	return !IsA(condition, Const) ||
		(!condition->constisnull && DatumGetBool(condition->constvalue));
}

/* Returns how many of some conditions may hold. */
static int
count_passing(List *conditions)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, conditions)
		n += may_pass(lfirst(lc));
	return n;
}

/*
 * Returns a path that counts the rows instead of reading them, palloc'd, and
 * what that costs; NULL, and why not, if filters do not tell what is wanted.
 */
CphPath *
cph_path_by_counts(CphTable *table, List *restrictinfos, Cost *cost,
				   const char **reason)
{
	const CphEndpoint *endpoint = table->endpoint;
	List	   *exprs = list_concat_copy(table->rel->reltarget->exprs,
										 extract_actual_clauses(restrictinfos,
																false));
	List	   *attnums = cph_table_columns(table, exprs);
	CphPath    *path = palloc0(sizeof(CphPath));
	List	   *conditions = NIL;
	double		requests;
	int			cover;

	*reason = NULL;
	path->max_streams = cph_most_streams(table, false);
	path->counted = true;
	path->chosen = cph_choose_clauses(table, restrictinfos, true);
	cover = filter_to_cover(table, path->chosen, attnums);
	requests = cph_chosen_streams(table, path->chosen);
	if (!table->options->enable_count_pushdown)
		*reason = "enable_count_pushdown is off";
	else if (endpoint->total_field == NULL)
		*reason = "the list has no count";
	else if (cover == UNTOLD)
		*reason = "a column is wanted that no filter tells";
	else if (!are_exact(path->chosen))
		*reason = "the service may return more rows than a clause leaves";
	else if (cover >= 0 && cph_chosen_fan(table, path->chosen) != NULL)
		*reason = "another filter has several values";
	else if (requests > path->max_streams)
		*reason = "a clause has too many values";
	if (*reason != NULL)
		return NULL;
	if (cover >= 0)
	{
		if (take_all_values(table, attnums, &endpoint->filters[cover]))
			conditions = cph_conditional_values(table, cover, restrictinfos);
		requests = (conditions ? count_passing(conditions) :
					endpoint->filters[cover].nvalues) + COVER_REQUESTS;
		path->chosen = lappend(path->chosen, make_cover(cover, conditions));
	}
	else
		requests *= 2;			/* each may have to be proved */
	*cost = requests * table->options->fdw_request_cost;
	return path;
}

/*
 * Returns those of some RestrictInfos that are of the column of a filter, and
 * of no other column of the table.  They are evaluated for each value, whether
 * or not a row has it: functions that may raise an error for one are left out,
 * which is all that are not leak-proof.
 */
static List *
clauses_of_filter(const CphTable *table, List *restrictinfos,
				  const CphFilter *filter)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, restrictinfos)
	{
		RestrictInfo *rinfo = lfirst(lc);
		List	   *attnums = cph_table_columns(table, list_make1(rinfo->clause));

		if (list_length(attnums) == 1 && table->desc->natts > 1 &&
			strcmp(cph_table_column(table, linitial_int(attnums)),
				   filter->field) == 0 &&
			takes_all_values(table, linitial_int(attnums)) &&
			!contain_leaked_vars((Node *) rinfo->clause) &&
			!contain_volatile_functions((Node *) rinfo->clause))
			result = lappend(result, rinfo);
	}
	return result;
}

/*
 * Returns for each EXACT value of a filter the condition that some clauses
 * come to.
 */
static List *
conditions_of(const CphTable *table, List *clauses, const CphFilter *filter)
{
	Expr	   *all = make_ands_explicit(get_actual_clauses(clauses));
	List	   *conditions = NIL;

	for (int i = 0; i < filter->nvalues; i++)
	{
		Node	   *condition;

		if (filter->values[i].class != CPH_EXACT)
			continue;
		condition = cph_table_replace(table, (Node *) all, filter->field,
									  filter->values[i].value);
		conditions = lappend(conditions,
							 eval_const_expressions(table->root, condition));
	}
	return conditions;
}

/*
 * Estimates how many of the rows that the chosen clauses leave have a value of a
 * filter that passes the clauses on its column.  Without statistics that is what
 * was seen, or half of them: no one knows, and to find out takes few requests.
 */
static double
rows_that_pass(const CphTable *table, List *chosen, const CphFilter *filter,
			   List *clauses, List *conditions)
{
	double		sum = 0;
	int			at = 0;

	if (table->analyzed || chosen != NIL)
		return cph_estimate_received(table, chosen) *
			clauselist_selectivity(table->root, clauses, table->rel->relid,
								   JOIN_INNER, NULL);
	for (int i = 0; i < filter->nvalues; i++)
	{
		CphParam	param = {filter->param, filter->values[i].value};
		int64		rows;

		if (filter->values[i].class != CPH_EXACT ||
			!may_pass(list_nth(conditions, at++)))
			continue;
		rows = cph_connection_rows(table->options, table->rel->userid, table->endpoint,
								   &param, 1);
		if (rows < 0)
			return table->tuples / 2;
		sum += rows;
	}
	return sum;
}

/*
 * Returns a path that reads the rows of those values of a filter that pass the
 * clauses on its column, palloc'd, and what that costs; NULL if there is no such
 * filter, or all of its values pass.
 */
CphPath *
cph_path_by_values(CphTable *table, List *restrictinfos, Cost *startup,
				   Cost *cost)
{
	const CphEndpoint *endpoint = table->endpoint;
	List	   *chosen = cph_choose_clauses(table, restrictinfos, false);
	double		page = cph_options_page_size(table->options, endpoint) - 1;

	if (!table->options->enable_count_pushdown || endpoint->total_field == NULL ||
		!are_exact(chosen))
		return NULL;
	for (int i = 0; i < endpoint->nfilters; i++)
	{
		const CphFilter *filter = &endpoint->filters[i];
		CphPath    *path;
		List	   *clauses;
		List	   *conditions;
		double		rows;

		if (!filter->complete || is_told(table, chosen, filter->field))
			continue;
		clauses = clauses_of_filter(table, restrictinfos, filter);
		if (clauses == NIL)
			continue;
		conditions = conditions_of(table, clauses, filter);
		if (count_passing(conditions) == list_length(conditions))
			continue;
		path = palloc0(sizeof(CphPath));
		path->max_streams = 1;
		rows = rows_that_pass(table, chosen, filter, clauses, conditions);
		*startup = (filter->nvalues + COVER_REQUESTS) *
			table->options->fdw_request_cost;
		*cost = *startup + floor(rows / page) * table->options->fdw_request_cost +
			rows * table->options->fdw_tuple_cost;
		path->chosen = lappend(chosen, make_cover(i, conditions));
		return path;
	}
	return NULL;
}
