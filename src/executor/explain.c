/*
 * explain.c
 *		What EXPLAIN says of a scan: what is sent, what is not, and why.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/* What is needed to show an expression of the plan. */
typedef struct Shown
{
	ForeignScan *plan;
	const CphScanState *state;
	List	   *context;		/* for deparse_expression */
	bool		prefix;			/* columns with their table's name */
} Shown;

/* Returns an expression as SQL, palloc'd; a number without its type. */
static char *
expr_text(const Shown *shown, Node *expr)
{
	Const	   *value = (Const *) expr;

	if (IsA(value, Const) && value->consttype == INT8OID && !value->constisnull)
		return psprintf(INT64_FORMAT, DatumGetInt64(value->constvalue));
	return deparse_expression(expr, shown->context, shown->prefix, false);
}

/* Returns the expression of the plan with a number. */
static Node *
plan_expr(const Shown *shown, int number)
{
	return list_nth(shown->plan->fdw_exprs, number);
}

/*
 * Returns the value that a clause sends if it is a constant, palloc'd; NULL if
 * only the run shows it, and "" if it is not sent.
 */
static char *
constant_value(const Shown *shown, const CphSpecClause *clause)
{
	Const	   *value = (Const *) plan_expr(shown, linitial_int(clause->exprs));
	CphBinding *binding;

	if (!IsA(value, Const) || list_length(clause->exprs) != 1)
		return NULL;
	binding = cph_bind(shown->state->endpoint, clause->filter, clause->op,
					   shown->state->options->name_filter, clause->types,
					   &value->constvalue, &value->constisnull);
	if (list_length(binding->values) > 1 || binding->needs_substring)
		return NULL;
	if (binding->none || binding->class == CPH_LOCAL)
		return "";
	return linitial(binding->values);
}

/* Returns the expressions of a clause as SQL, palloc'd. */
static char *
values_text(const Shown *shown, const CphSpecClause *clause)
{
	StringInfoData buf;
	ListCell   *lc;

	if (*clause->source != '\0')
		return clause->source;
	initStringInfo(&buf);
	foreach(lc, clause->exprs)
		appendStringInfo(&buf, "%s%s", foreach_current_index(lc) ? ", " : "",
						 expr_text(shown, plan_expr(shown, lfirst_int(lc))));
	return buf.data;
}

/*
 * Appends what is sent for a clause: its value, if that is a constant, or where
 * it comes from.
 */
static void
show_value(const Shown *shown, const CphSpecClause *clause, const char *value,
		   StringInfo buf)
{
	char	   *text = values_text(shown, clause);

	if (value != NULL)
		cph_request_encode(buf, value);
	else if (clause->op == CPH_OP_EQUAL && list_length(clause->exprs) == 1 &&
			 !type_is_array_domain(linitial_oid(clause->types)))
		appendStringInfo(buf, "{%s}", text);
	else if (cph_op_is_bound(clause->op) || clause->op == CPH_OP_LIKE ||
			 clause->op == CPH_OP_PREFIX)
		appendStringInfo(buf, "{from %s}", text);
	else
		appendStringInfo(buf, "(one per value of %s)", text);
}

/* Appends the parameter that a clause is sent as, if it is. */
static void
show_param(const Shown *shown, const CphSpecClause *clause, StringInfo query)
{
	const CphFilter *filter = &shown->state->endpoint->filters[clause->filter];
	bool		bound = cph_op_is_bound(clause->op);
	bool		cover = clause->op == CPH_OP_COVER;
	CphTimeUnit unit = shown->state->options->time_unit;
	char	   *value = bound || cover ? NULL : constant_value(shown, clause);

	if (filter->kind == CPH_FILTER_ID || (value != NULL && *value == '\0') ||
		(bound && (unit == CPH_TIME_OFF ||
				   (unit == CPH_TIME_AUTO && filter->kind == CPH_FILTER_UNTIL))))
		return;
	appendStringInfo(query, "%c%s=", query->len == 0 ? '?' : '&',
					 filter->param);
	if (cover)
		appendStringInfoString(query, "(one per value)");
	else
		show_value(shown, clause, value, query);
}

/*
 * Shows the request of each page, without offset and limit, and before it that
 * which asks where an item is.
 */
static void
show_request(const Shown *shown, ExplainState *es)
{
	const CphEndpoint *endpoint = shown->state->endpoint;
	const char *project_id = shown->state->options->project_id;
	char	   *path = psprintf("GET /v1/%s/%s",
								project_id ? project_id : "{project_id}",
								endpoint->path);
	StringInfoData query;
	StringInfoData item;
	ListCell   *lc;

	initStringInfo(&query);
	initStringInfo(&item);
	foreach(lc, shown->state->spec->clauses)
	{
		const CphSpecClause *clause = lfirst(lc);

		if (clause->filter < 0)
			continue;
		show_param(shown, clause, &query);
		if (endpoint->filters[clause->filter].kind == CPH_FILTER_ID)
			show_value(shown, clause, constant_value(shown, clause), &item);
	}
	if (item.len > 0)
		ExplainPropertyText("CPH Locator",
							psprintf("%s/%s for %s", path, item.data,
									 endpoint->locator->field), es);
	ExplainPropertyText("CPH Request", psprintf("%s%s", path, query.data), es);
}

/* Returns the clause by which a filter covers all rows, or NULL. */
static const CphSpecClause *
cover_of(const CphScanSpec *spec)
{
	ListCell   *lc;

	foreach(lc, spec->clauses)
	{
		if (((CphSpecClause *) lfirst(lc))->op == CPH_OP_COVER)
			return lfirst(lc);
	}
	return NULL;
}

/* Tells whether a clause of a scan bounds the list's time. */
static bool
is_bounded(const CphScanSpec *spec)
{
	ListCell   *lc;

	foreach(lc, spec->clauses)
	{
		if (cph_op_is_bound(((CphSpecClause *) lfirst(lc))->op))
			return true;
	}
	return false;
}

/* Shows what is counted, and how that is proved. */
static void
show_counts(const Shown *shown, ExplainState *es)
{
	const CphScanSpec *spec = shown->state->spec;
	const CphSpecClause *cover = cover_of(spec);
	const char *text = "all rows";

	if (cover != NULL)
		text = psprintf(spec->counted && cover->exprs != NIL ?
						"the values of %s that are told apart, and the total" :
						"one per value of %s, proved by the total",
						shown->state->endpoint->filters[cover->filter].field);
	else if (spec->count && is_bounded(spec))
		text = psprintf("by the places of %s in the list",
						shown->state->endpoint->time_field);
	else if (!spec->counted)
		return;
	ExplainPropertyText("CPH Counts", text, es);
}

/* Shows what is left to the service beside filters. */
static void
show_pushed(const Shown *shown, ExplainState *es)
{
	const CphScanSpec *spec = shown->state->spec;

	if (spec->limit_expr != CPH_NO_EXPR)
		ExplainPropertyText("CPH Limit",
							expr_text(shown, plan_expr(shown, spec->limit_expr)),
							es);
	if (spec->offset_expr != CPH_NO_EXPR)
		ExplainPropertyText("CPH Offset",
							expr_text(shown, plan_expr(shown, spec->offset_expr)),
							es);
	if (spec->count)
		ExplainPropertyBool("CPH Count", true, es);
	show_counts(shown, es);
	if (spec->ordered)
		ExplainPropertyText("CPH Order",
							psprintf("%s %s", shown->state->endpoint->time_field,
									 spec->from_end ? "ASC" : "DESC"),
							es);
}

/* Returns a clause of a scan that counts, as SQL, palloc'd. */
static char *
clause_text(const Shown *shown, const CphSpecClause *clause)
{
	const CphEndpoint *endpoint = shown->state->endpoint;
	char	   *values = values_text(shown, clause);

	if (cph_op_is_bound(clause->op))
		return psprintf("%s %s %s", endpoint->time_field,
						cph_op_symbol(clause->op), values);
	if (clause->filter < 0)
		return values;
	return psprintf("%s = %s", endpoint->filters[clause->filter].field, values);
}

/*
 * Shows the class of each clause, columns that show no field that is known, and
 * why LIMIT was not pushed.
 */
static void
show_classes(const Shown *shown, ExplainState *es)
{
	static const char *const names[] = {"LOCAL", "SUPERSET", "EXACT"};
	const CphScanSpec *spec = shown->state->spec;
	List	   *clauses = list_concat_copy(shown->plan->scan.plan.qual,
										   shown->plan->fdw_recheck_quals);
	List	   *lines = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	if (spec->count)
	{
		foreach(lc, spec->clauses)
			lines = lappend(lines, psprintf("EXACT: %s",
											clause_text(shown, lfirst(lc))));
	}
	else
	{
		forboth(lc, clauses, lc2, spec->classes)
			lines = lappend(lines, psprintf("%s: %s", names[lfirst_int(lc2)],
											expr_text(shown, lfirst(lc))));
	}
	if (lines != NIL)
		ExplainPropertyList("CPH Clauses", lines, es);
	lines = cph_unlisted_columns(spec->relid, shown->state->options);
	if (lines != NIL)
		ExplainPropertyList("CPH Unknown Fields", lines, es);
	if (spec->no_limit_reason != NULL)
		ExplainPropertyText("CPH Limit Not Pushed", spec->no_limit_reason, es);
	if (spec->no_count_reason != NULL)
		ExplainPropertyText("CPH Not Counted", spec->no_count_reason, es);
}

/*
 * Shows what was done; what is rare only if it was, and the time spent waiting
 * where PostgreSQL is to measure such times.
 */
static void
show_counters(const CphScanState *state, ExplainState *es)
{
	const CphCounters *counters = &state->counters;
	int64		dropped = counters->dropped +
		(state->client ? cph_client_unread(state->client) : 0);

	ExplainPropertyInteger("CPH Requests", NULL, counters->requests, es);
	ExplainPropertyInteger("CPH Rows Received", NULL, counters->rows, es);
	ExplainPropertyInteger("CPH Bytes Received", NULL, counters->bytes, es);
	ExplainPropertyInteger("CPH Retries", NULL, counters->retries, es);
	ExplainPropertyInteger("CPH Page Repairs", NULL, counters->repairs, es);
	if (state->nparts > 0)
		ExplainPropertyText("CPH Parts", psprintf("%d values of %s", state->nparts,
												  state->endpoint->part_param), es);
	if (state->options->cache_ttl > 0)
		ExplainPropertyInteger("CPH Cached Pages", NULL, counters->cached, es);
	if (counters->cached > 0 && state->client != NULL)
		ExplainPropertyFloat("CPH Cached Age", "ms",
							 cph_client_recalled_age(state->client) / 1000.0, 3, es);
	if (dropped > 0)
		ExplainPropertyInteger("CPH Requests Dropped", NULL, dropped, es);
	if (counters->throttled_us > 0)
		ExplainPropertyFloat("CPH Throttled Time", "ms",
							 counters->throttled_us / 1000.0, 3, es);
	if (track_io_timing)
		ExplainPropertyFloat("CPH Waiting Time", "ms",
							 counters->waited_us / 1000.0, 3, es);
}

/* ExplainForeignScan: shows what is sent to the service. */
void
cphExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	const CphScanState *state = node->fdw_state;
	Shown		shown;

	shown.plan = castNode(ForeignScan, node->ss.ps.plan);
	shown.state = state;
	shown.context = set_deparse_context_plan(es->deparse_cxt,
											 (Plan *) shown.plan, NIL);
	shown.prefix = list_length(es->rtable) > 1 || es->verbose;
	ExplainPropertyText("CPH Server",
						psprintf("%s (%s)", state->options->server_name,
								 cph_options_host(state->options)), es);
	show_request(&shown, es);
	show_pushed(&shown, es);
	if (es->verbose)
		show_classes(&shown, es);
	if (es->analyze)
		show_counters(state, es);
}
