/*
 * check.c
 *		cph_fdw_check: is everything set up, and what does the service do that
 *		its documents leave open?
 *
 * Each question is a row of the answer, and costs a few requests; a failure is
 * a row, too.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client.h"

#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "isotime.h"
#include "login.h"
#include "jsonshape.h"
#include "miscadmin.h"
#include "servertext.h"
#include "transport.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cph_fdw_check);

/* The service's descriptions for clients bound an offset to 8,096. */
#define DEEP_OFFSET 8097

/* A check of a server, and of one list at a time. */
typedef struct Check
{
	ReturnSetInfo *result;
	const ForeignServer *server;
	const CphOptions *options;
	CphClient  *client;
	const CphEndpoint *endpoint;
	CphPage    *first;			/* its first page, as large as can be */
	int64		total;			/* rows that it is said to have */
} Check;

/* Adds a row to the answer.  The item is of the list at hand, if there is one. */
static void
report(Check *check, const char *item, const char *status, const char *detail)
{
	Datum		values[3];
	bool		nulls[3] = {false};
	char	   *whole = check->endpoint == NULL ? pstrdup(item) :
		psprintf("%s: %s", check->endpoint->resource, item);

	values[0] = CStringGetTextDatum(whole);
	values[1] = CStringGetTextDatum(status);
	values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc,
						 values, nulls);
}

/* Returns the value that an option of the server was given, or NULL. */
static const char *
given_option(const Check *check, const char *name)
{
	ListCell   *lc;

	foreach(lc, check->server->options)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/*
 * Adds a row for an item that is otherwise than expected, with the command
 * that tells the wrapper so.  It is fine if the server has that option.
 */
static void
advise(Check *check, const char *item, const char *status, const char *finding,
	   const char *option, const char *value)
{
	const char *given = given_option(check, option);

	if (given != NULL && strcmp(given, value) == 0)
		report(check, item, "ok",
			   psprintf("%s; the option \"%s\" says so.", finding, option));
	else
		report(check, item, status,
			   psprintf("%s: ALTER SERVER %s OPTIONS (%s %s '%s').", finding,
						quote_identifier(check->server->servername),
						given ? "SET" : "ADD", option, value));
}

/*
 * Fetches a page of the list at hand under one parameter, or none.  Returns
 * NULL, and adds a row for the item, where that fails.
 */
static CphPage *
fetch(Check *check, const char *item, const char *param, const char *value,
	  int64 offset, int limit)
{
	CphParam	params[1] = {{param, value}};
	CphFailure	failure;
	CphPage    *page;

	if (!cph_client_try(check->client, check->endpoint, params, param != NULL,
						offset, limit, &page, &failure))
		report(check, item, "failed",
			   psprintf("%s: %s", failure.message, failure.detail));
	else if (page == NULL)
		report(check, item, "unknown",
			   psprintf("The service does not take %s=%s.", param,
						cph_message_text(value)));
	return page;
}

/* Returns a field of an item as text, or NULL. */
static const char *
field_text(const CphItem *item, const char *field)
{
	CphShape   *shape = cph_json_shape(&field, 1);
	CphJsonValue value;

	cph_json_read(shape, &item->value, &value);
	if (value.kind == CPH_JSON_STRING)
		return value.string;
	return value.kind == CPH_JSON_INTEGER ?
		psprintf(INT64_FORMAT, value.integer) : NULL;
}

/* Checks that the list can be read: its first page, as large as can be. */
static bool
check_list(Check *check)
{
	int			size = check->endpoint->page_max;
	int64		begun = cph_transport_now();

	check->first = fetch(check, "list", NULL, NULL, 0, size);
	if (check->first == NULL)
		return false;
	check->total = check->first->has_count ? check->first->count : -1;
	report(check, "list", "ok",
		   psprintf("%d rows%s in %.0f ms.", check->first->nitems,
					check->total < 0 ? "" :
					psprintf(" of " INT64_FORMAT, check->total),
					(cph_transport_now() - begun) / 1000.0));
	if (!check->endpoint->has_count)
		return check->first->nitems > 0;	/* nothing to compare it with */
	if (check->total < 0)
		report(check, "count", "differs",
			   "The answers have no count.  count(*) reads the whole list.");
	else if (check->first->nitems < Min(check->total, size))
		advise(check, "largest page", "differs",
			   psprintf("A page has %d rows though %d were asked for",
						check->first->nitems, size),
			   "fetch_size", psprintf("%d", Max(check->first->nitems, 2)));
	else
		report(check, "largest page", check->total < size ? "unknown" : "ok",
			   check->total < size ? "The list is shorter than a page." :
			   psprintf("%d rows.", size));
	return check->first->nitems > 0;
}

/* Checks that the first page is newest first, and finds its largest tie. */
static void
check_order(Check *check)
{
	const CphPage *page = check->first;
	int			run = 1;
	int			longest = 1;

	for (int i = 1; i < page->nitems; i++)
	{
		if (!page->items[i].has_time || !page->items[i - 1].has_time ||
			page->items[i].time > page->items[i - 1].time)
		{
			advise(check, "newest first", "differs",
				   psprintf("It is not at row %d", i + 1),
				   "enable_order_pushdown", "false");
			return;
		}
		run = page->items[i].time == page->items[i - 1].time ? run + 1 : 1;
		longest = Max(longest, run);
	}
	report(check, "newest first", "ok",
		   psprintf("The largest group of rows of one time has %d rows.",
					longest));
}

/*
 * Checks whether the first page has the same order when it is read again: rows
 * of one time, or all rows where the list has no order.
 */
static void
check_stable(Check *check)
{
	bool		ordered = check->endpoint->time_field != NULL;
	const char *item = ordered ? "stable ties" : "stable order";
	CphPage    *again = fetch(check, item, NULL, NULL, 0,
							  check->endpoint->page_max);
	int			differ = 0;

	if (again == NULL)
		return;
	for (int i = 0; i < Min(again->nitems, check->first->nitems); i++)
		differ += again->items[i].id == NULL ||
			check->first->items[i].id == NULL ||
			strcmp(again->items[i].id, check->first->items[i].id) != 0;
	if (differ == 0)
		report(check, item, "ok", "A page read twice was the same.");
	else if (again->count != check->first->count ||
			 again->nitems != check->first->nitems ||
			 again->items[0].time != check->first->items[0].time)
		report(check, item, "unknown", "The list changed while it was read.");
	else if (!ordered)
		report(check, item, "differs",
			   psprintf("%d rows changed places: a list longer than a page cannot be read reliably.",
						differ));
	else
		advise(check, item, "differs",
			   psprintf("%d rows changed places", differ), "stable_ties", "false");
}

/* Tells whether each row of a page has a value in a field. */
static bool
all_have(const CphPage *page, const char *field, const char *value)
{
	for (int i = 0; i < page->nitems; i++)
	{
		const char *text = field_text(&page->items[i], field);

		if (text == NULL || strcmp(text, value) != 0)
			return false;
	}
	return true;
}

/*
 * Checks that an exact filter filters, and that count follows it, by a value
 * of the first page.
 */
static void
check_filter(Check *check, const CphFilter *filter)
{
	char	   *item = psprintf("filter %s", filter->param);
	const char *value = NULL;
	const char *shown;
	CphPage    *page;

	for (int i = 0; i < check->first->nitems && value == NULL; i++)
	{
		value = field_text(&check->first->items[i], filter->field);
		if (value != NULL && cph_filter_class(filter, value) == CPH_LOCAL)
			value = NULL;
	}
	if (value == NULL)
	{
		report(check, item, "unknown", "No row of the first page has a value for it.");
		return;
	}
	page = fetch(check, item, filter->param, value, 0,
				 check->endpoint->page_max);
	if (page == NULL)
		return;
	shown = cph_message_text(value);
	if (!all_have(page, filter->field, value))
		report(check, item, "differs",
			   psprintf("%s=%s returns other rows too; they are left out here.",
						filter->param, shown));
	else if (!check->endpoint->has_count)
		report(check, item, "ok",
			   psprintf("%s=%s returns matching rows.", filter->param, shown));
	else if (!page->has_count || page->count == check->total)
		report(check, item, "ok",
			   psprintf("%s=%s returns matching rows; whether count follows is not to be seen.",
						filter->param, shown));
	else if (page->nitems < check->endpoint->page_max &&
			 page->count != page->nitems)
		report(check, item, "differs",
			   psprintf("count is " INT64_FORMAT " for %d rows of %s=%s; count(*) finds out and reads them.",
						page->count, page->nitems, filter->param, shown));
	else
		report(check, item, "ok",
			   psprintf("%s=%s returns matching rows, and count follows: " INT64_FORMAT ".",
						filter->param, shown, page->count));
}

/* Returns whether a fuzzy filter finds any row: 1 or 0; -1: it failed. */
static int
fuzzy_finds(Check *check, const char *item, const CphFilter *filter,
			const char *value)
{
	CphPage    *page = fetch(check, item, filter->param, value, 0, 1);

	return page ? page->nitems : -1;
}

/* Finds out what a fuzzy filter finds, by parts of the newest name. */
static void
check_fuzzy(Check *check, const CphFilter *filter)
{
	char	   *item = psprintf("filter %s", filter->param);
	const char *name = field_text(&check->first->items[0], filter->field);
	int			length = name ? strlen(name) : 0;
	char	   *other;
	int			whole;
	int			prefix;
	int			inside;

	if (length < 4 || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != length)
	{
		report(check, item, "unknown", "The newest name is not a plain one.");
		return;
	}
	whole = fuzzy_finds(check, item, filter, name);
	prefix = fuzzy_finds(check, item, filter, pnstrdup(name, length - 1));
	inside = fuzzy_finds(check, item, filter, pnstrdup(name + 1, length - 2));
	if (whole < 0 || prefix < 0 || inside < 0)
		return;
	other = pstrdup(name);
	for (char *p = other; *p; p++)
		*p = islower((unsigned char) *p) ? pg_toupper(*p) : pg_tolower(*p);
	if (whole == 0)
		advise(check, item, "differs",
			   psprintf("It does not find \"%s\" by its whole name", name),
			   "name_filter", "off");
	else if (prefix == 0)
		advise(check, item, "differs", "It finds whole names only",
			   "name_filter", "exact");
	else
		report(check, item, "ok",
			   psprintf("It finds names by their %s, and %s between upper and lower case.",
						inside > 0 ? "inside" : "beginning",
						fuzzy_finds(check, item, filter, other) > 0 ?
						"does not distinguish" : "distinguishes"));
}

/* Finds out in which unit a filter takes a time. */
static void
check_since(Check *check, const CphFilter *filter)
{
	char	   *item = psprintf("filter %s", filter->param);
	CphPage    *page;

	if (!check->first->items[0].has_time || check->total < 0)
		return;
	/* a day after the newest row: in seconds nothing, in milliseconds all */
	page = fetch(check, item, filter->param,
				 psprintf(INT64_FORMAT, CPH_EPOCH_SECONDS + SECS_PER_DAY +
						  check->first->items[0].time / USECS_PER_SEC), 0, 1);
	if (page != NULL && page->nitems == 0)
		advise(check, item, "ok",
			   "It takes seconds, and both bounds can be sent", "time_unit", "s");
	else if (page != NULL)
		advise(check, item, "differs",
			   "It does not take seconds, but perhaps milliseconds",
			   "time_unit", "ms");
}

/* Finds out what a deep offset and a page past the end give. */
static void
check_offsets(Check *check)
{
	int64		past = Max(check->total, 0) + check->endpoint->page_max;
	CphPage    *page;

	if (check->total > DEEP_OFFSET)
	{
		page = fetch(check, "deep offset", NULL, NULL, DEEP_OFFSET, 1);
		if (page != NULL)
			report(check, "deep offset", page->nitems == 1 ? "ok" : "differs",
				   page->nitems == 1 ? psprintf("Offset %d is answered.", DEEP_OFFSET) :
				   psprintf("Offset %d gives no row: read the list in parts, by server_id.",
							DEEP_OFFSET));
	}
	else
		report(check, "deep offset", "unknown", "The list is too short.");
	page = fetch(check, "past the end", NULL, NULL, past, 1);
	if (page != NULL)
		report(check, "past the end", page->nitems == 0 ? "ok" : "differs",
			   page->nitems == 0 ? "An empty list." :
			   "There are more rows than count says.");
}

/* Checks one list, as far as the request budget of 25 goes for all. */
static void
check_endpoint(Check *check, const CphEndpoint *endpoint, bool offsets)
{
	check->endpoint = endpoint;
	if (!check_list(check))
		return;
	if (endpoint->time_field != NULL)
		check_order(check);
	check_stable(check);
	for (int i = 0; i < endpoint->nfilters; i++)
	{
		const CphFilter *filter = &endpoint->filters[i];

		if (filter->kind == CPH_FILTER_EQUAL && filter->class != CPH_SUPERSET)
			check_filter(check, filter);
		else if (filter->kind == CPH_FILTER_FUZZY)
			check_fuzzy(check, filter);
		else if (filter->kind == CPH_FILTER_SINCE)
			check_since(check, filter);
	}
	if (offsets)
		check_offsets(check);
}

/* Reports on what all answers told: who answered, and at what time. */
static void
report_peer(Check *check)
{
	const CphPeer *peer = cph_client_peer(check->client);
	int64		ahead = peer->clock_ahead;
	int64		distance = ahead < 0 ? -ahead : ahead;

	check->endpoint = NULL;
	report(check, "connection", peer->text ? "ok" : "failed",
		   peer->text ? psprintf("%s (%s)", cph_options_host(check->options),
								 peer->text) :
		   psprintf("%s does not answer.", cph_options_host(check->options)));
	report(check, "project", "ok", cph_client_project(check->client));
	if (peer->text == NULL || !peer->has_clock)
		report(check, "clock", "unknown", "The service does not tell the time.");
	else
		report(check, "clock",
			   distance > CPH_CLOCKS_DIFFER ? "differs" : "ok",
			   psprintf("The service's clock is " INT64_FORMAT " seconds %s this machine's.",
						distance, ahead < 0 ? "behind" : "ahead of"));
}

/*
 * cph_fdw_check(server name) returns setof (item text, status text, detail
 * text): tests the connection and each thing that the documents leave open.
 * status is ok, differs, unknown or failed.  Sends at most 25 requests, beside
 * those that have to be tried again.  Raises an error if the caller lacks
 * USAGE on the server, or the set-up names no endpoint, project or credential.
 */
Datum
cph_fdw_check(PG_FUNCTION_ARGS)
{
	ForeignServer *server =
		GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)), false);
	AclResult	permission = cph_server_aclcheck(server->serverid,
												 GetUserId(), ACL_USAGE);
	CphCounters counters = {0};
	Check		check = {0};

	if (permission != ACLCHECK_OK)
		aclcheck_error(permission, OBJECT_FOREIGN_SERVER, server->servername);
	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	check.server = server;
	check.options = cph_server_options(server->serverid);
	check.client = cph_client_open(check.options, GetUserId(), &counters);
	for (int i = 0; cph_endpoint_at(i) != NULL; i++)
		check_endpoint(&check, cph_endpoint_at(i), i == 0);
	report_peer(&check);
	cph_client_close(check.client);
	return (Datum) 0;
}
