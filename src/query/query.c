/*
 * query.c
 *		What a scan asks the service for, once its values are known.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "query/query.h"
#include "lib/lib.h"

/* What is needed to evaluate a specification. */
typedef struct Evaluation
{
	CphQuery   *query;
	const CphScanSpec *spec;
	const CphEndpoint *endpoint;
	const CphOptions *options;
	CphNameFilter names;
	const NullableDatum *exprs; /* values of the plan's expressions */
	Bitmapset  *unsent;			/* filters that are not to be sent */
} Evaluation;

/*
 * Puts the values of a clause into a query: as a parameter, as the filter
 * that fans out, or, where they must not be sent, for the executor alone.
 */
static void
add_binding(Evaluation *e, const CphSpecClause *clause,
			const CphBinding *binding)
{
	CphQuery   *query = e->query;
	const CphFilter *filter = &e->endpoint->filters[clause->filter];
	int			length = list_length(binding->values);

	query->none |= binding->none;
	query->needs_substring |= binding->needs_substring;
	query->exact &= binding->class == CPH_EXACT;
	if (filter->kind == CPH_FILTER_EQUAL)
	{
		query->fields = lappend(query->fields, unconstify(char *, filter->field));
		query->values = lappend(query->values, binding->values);
	}
	if (binding->none || binding->class == CPH_LOCAL)
		return;
	if (filter->kind == CPH_FILTER_ID)
	{
		if (length <= e->spec->max_streams)
			query->ids = binding->values;
		return;
	}
	if (bms_is_member(clause->filter, e->unsent) ||
		(length > 1 && (query->fan != NULL || length > e->spec->max_streams)))
	{
		query->exact = false;
		return;
	}
	query->filters |= 1 << clause->filter;
	if (length > 1)
	{
		query->fan = filter;
		query->fan_values = binding->values;
	}
	else
		query->params[query->nparams++] =
			cph_param(filter->param, linitial(binding->values));
}

/* Puts a clause that asks for certain values into a query. */
static void
add_values(Evaluation *e, const CphSpecClause *clause)
{
	int			length = list_length(clause->exprs);
	Datum	   *values = palloc(sizeof(Datum) * length);
	bool	   *nulls = palloc(sizeof(bool) * length);
	ListCell   *lc;

	foreach(lc, clause->exprs)
	{
		const NullableDatum *value = &e->exprs[lfirst_int(lc)];

		values[foreach_current_index(lc)] = value->value;
		nulls[foreach_current_index(lc)] = value->isnull;
	}
	add_binding(e, clause, cph_bind(e->endpoint, clause->filter, clause->op,
									e->names, clause->types, values, nulls));
}

/* Puts a clause that bounds the time into a query. */
static void
add_bound(Evaluation *e, const CphSpecClause *clause)
{
	CphQuery   *query = e->query;
	TimestampTz time;
	const NullableDatum *value = &e->exprs[linitial_int(clause->exprs)];

	query->none |= value->isnull;
	if (value->isnull ||
		!cph_bind_time(linitial_oid(clause->types), value->value, &time))
	{
		query->exact = false;
		return;
	}
	if (clause->op == CPH_OP_AFTER && !TIMESTAMP_NOT_FINITE(time))
		time++;
	if (clause->op == CPH_OP_BEFORE && !TIMESTAMP_NOT_FINITE(time))
		time--;
	if (cph_op_is_lower(clause->op))
	{
		query->oldest = query->has_oldest ? Max(query->oldest, time) : time;
		query->has_oldest = true;
	}
	if (cph_op_is_upper(clause->op))
	{
		query->newest = query->has_newest ? Min(query->newest, time) : time;
		query->has_newest = true;
	}
}

/* Asks for no row if a condition that is of no field does not hold. */
static void
add_gate(Evaluation *e, const CphSpecClause *clause)
{
	const NullableDatum *value = &e->exprs[linitial_int(clause->exprs)];

	e->query->none |= value->isnull || !DatumGetBool(value->value);
}

/*
 * Puts the filter that covers all rows into a query, with those of its values
 * that pass the conditions.  Without it the query is not exact.
 */
static void
add_cover(Evaluation *e, const CphSpecClause *clause)
{
	CphQuery   *query = e->query;
	const CphFilter *filter = &e->endpoint->filters[clause->filter];
	int			n = 0;

	query->exact &= !bms_is_member(clause->filter, e->unsent);
	query->cover = filter;
	query->some = clause->exprs != NIL;
	for (int i = 0; i < filter->nvalues; i++)
	{
		const NullableDatum *wanted = NULL;

		if (filter->values[i].class != CPH_EXACT)
			continue;
		if (clause->exprs != NIL)
			wanted = &e->exprs[list_nth_int(clause->exprs, n++)];
		if (wanted == NULL || (!wanted->isnull && DatumGetBool(wanted->value)))
			query->cover_values =
				lappend(query->cover_values,
						unconstify(char *, filter->values[i].value));
	}
}

/*
 * Returns a time as the service takes it, palloc'd, moved by a second so that
 * it bounds no less than is asked for, however the service rounds and
 * compares; NULL if it has no such form.
 */
static char *
epoch_text(TimestampTz time, int seconds, CphTimeUnit unit)
{
	int64		value;

	if (TIMESTAMP_NOT_FINITE(time))
		return NULL;
	value = time / USECS_PER_SEC + CPH_EPOCH_SECONDS + seconds;
	if (value < 0)
		return NULL;
	return psprintf(INT64_FORMAT,
					unit == CPH_TIME_MILLISECONDS ? value * 1000 : value);
}

/*
 * Sends the bounds of time, where the endpoint has filters for them.  While
 * the unit is not known only a lower bound is sent, in seconds: taken for
 * milliseconds it is a time long past, and loses no row.
 */
static void
send_bounds(Evaluation *e)
{
	CphQuery   *query = e->query;
	CphTimeUnit unit = e->options->time_unit;

	for (int i = 0; i < e->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &e->endpoint->filters[i];
		char	   *text = NULL;

		if (bms_is_member(i, e->unsent) || unit == CPH_TIME_OFF)
			continue;
		if (filter->kind == CPH_FILTER_SINCE && query->has_oldest)
			text = epoch_text(query->oldest, -1, unit);
		if (filter->kind == CPH_FILTER_UNTIL && query->has_newest &&
			unit != CPH_TIME_AUTO)
			text = epoch_text(query->newest, 1, unit);
		if (text == NULL)
			continue;
		query->params[query->nparams++] = cph_param(filter->param, text);
		query->filters |= 1 << i;
	}
}

/* Returns the value of LIMIT or OFFSET; none, if it is null or absent. */
static int64
evaluate_rows(const Evaluation *e, int number, int64 none, int sqlstate,
			  const char *message)
{
	int64		value;

	if (number == CPH_NO_EXPR || e->exprs[number].isnull)
		return none;
	value = DatumGetInt64(e->exprs[number].value);
	if (value < 0)
		ereport(ERROR, (errcode(sqlstate), errmsg("%s", message)));
	return value;
}

/*
 * Returns what a specification asks for with these values of the plan's
 * expressions, in the current memory context.  names says what a fuzzy filter
 * finds.  The filters in unsent are left to the executor.
 */
CphQuery *
cph_query_evaluate(const CphScanSpec *spec, const CphEndpoint *endpoint,
				   const CphOptions *options, CphNameFilter names,
				   const NullableDatum *exprs, Bitmapset *unsent)
{
	CphQuery   *query = palloc0(sizeof(CphQuery));
	Evaluation	e = {query, spec, endpoint, options, names, exprs, unsent};
	ListCell   *lc;

	query->exact = true;
	query->params = palloc(sizeof(CphParam) * endpoint->nfilters);
	query->offset = evaluate_rows(&e, spec->offset_expr, 0,
								  ERRCODE_INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
								  "OFFSET must not be negative");
	query->limit = evaluate_rows(&e, spec->limit_expr, -1,
								 ERRCODE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
								 "LIMIT must not be negative");
	foreach(lc, spec->clauses)
	{
		const CphSpecClause *clause = lfirst(lc);

		if (clause->op == CPH_OP_GATE)
			add_gate(&e, clause);
		else if (clause->op == CPH_OP_COVER)
			add_cover(&e, clause);
		else if (cph_op_is_bound(clause->op))
			add_bound(&e, clause);
		else
			add_values(&e, clause);
	}
	query->exact_values = query->exact;
	query->exact &= !query->has_oldest && !query->has_newest;
	send_bounds(&e);
	/* no row is of a time without end */
	query->none |= query->limit == 0 ||
		(query->has_oldest && TIMESTAMP_IS_NOEND(query->oldest)) ||
		(query->has_newest && TIMESTAMP_IS_NOBEGIN(query->newest)) ||
		(query->has_oldest && query->has_newest &&
		 query->oldest > query->newest);
	return query;
}

/* Tells whether two lists have the same texts in the same order. */
static bool
equal_texts(List *a, List *b)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (list_length(a) != list_length(b))
		return false;
	forboth(lc, a, lc2, b)
	{
		if (strcmp(lfirst(lc), lfirst(lc2)) != 0)
			return false;
	}
	return true;
}

/*
 * Tells whether two queries of one specification ask for the same rows, whatever
 * the executor makes of them.
 */
bool
cph_query_equal(const CphQuery *a, const CphQuery *b)
{
	if (a->none || b->none)
		return a->none && b->none;
	if (a->nparams != b->nparams || a->fan != b->fan || a->cover != b->cover ||
		!equal_texts(a->fan_values, b->fan_values) ||
		!equal_texts(a->cover_values, b->cover_values) ||
		a->has_oldest != b->has_oldest || a->oldest != b->oldest ||
		a->has_newest != b->has_newest || a->newest != b->newest ||
		a->limit != b->limit || a->offset != b->offset)
		return false;
	for (int i = 0; i < a->nparams; i++)
	{
		if (strcmp(a->params[i].name, b->params[i].name) != 0 ||
			strcmp(a->params[i].value, b->params[i].value) != 0)
			return false;
	}
	return equal_texts(a->ids, b->ids);
}
