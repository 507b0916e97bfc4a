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
#include "check/check_private.h"
#include "lib/lib.h"
#include "http/http.h"
#include "user/user.h"

#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cph_fdw_check);

/* The service's descriptions for clients bound an offset to 8,096. */
#define DEEP_OFFSET 8097

/* Adds a row to the answer.  The item is of the list at hand, if there is one. */
void
cph_check_report(CphCheck *check, const char *item, const char *status,
				 const char *detail)
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
given_option(const CphCheck *check, const char *name)
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

/* Tells whether two values of an option are the same: "off" is "false". */
static bool
same_value(const char *a, const char *b)
{
	bool		of_a;
	bool		of_b;

	return strcmp(a, b) == 0 ||
		(parse_bool(a, &of_a) && parse_bool(b, &of_b) && of_a == of_b);
}

/*
 * Adds a row for an item that is otherwise than expected, with the command
 * that tells the wrapper so.  It is fine if the server has that option.
 */
void
cph_check_advise(CphCheck *check, const char *item, const char *status,
				 const char *finding, const char *option, const char *value)
{
	const char *given = given_option(check, option);

	if (given != NULL && same_value(given, value))
		cph_check_report(check, item, "ok",
						 psprintf("%s; the option \"%s\" says so.", finding, option));
	else
		cph_check_report(check, item, status,
						 psprintf("%s: ALTER SERVER %s OPTIONS (%s %s '%s').", finding,
								  quote_identifier(check->server->servername),
								  given ? "SET" : "ADD", option, value));
}

/*
 * Fetches a page of the list at hand under one parameter, or none.  Returns
 * NULL, and adds a row for the item, where that fails.
 */
CphPage *
cph_check_fetch(CphCheck *check, const char *item, const char *param,
				const char *value, int64 offset, int limit)
{
	CphParam	params[1] = {{param, value}};
	CphFailure	failure;
	CphPage    *page;

	if (!cph_client_try(check->client, check->endpoint, params, param != NULL,
						offset, limit, &page, &failure))
		cph_check_report(check, item, "failed",
						 psprintf("%s: %s", failure.message, failure.detail));
	else if (page == NULL)
		cph_check_report(check, item, "unknown",
						 psprintf("The service does not take %s=%s.", param,
								  cph_message_text(value)));
	return page;
}

/* Checks that the list can be read: its first page, as large as can be. */
static bool
check_list(CphCheck *check)
{
	int			size = check->endpoint->page_max;
	int64		begun = cph_transport_now();

	check->first = cph_check_fetch(check, "list", NULL, NULL, 0, size);
	if (check->first == NULL)
		return false;
	check->total = check->first->has_count ? check->first->count : -1;
	cph_check_report(check, "list", "ok",
					 psprintf("%d rows%s in %.0f ms.", check->first->nitems,
							  check->total < 0 ? "" :
							  psprintf(" of " INT64_FORMAT, check->total),
							  (cph_transport_now() - begun) / 1000.0));
	if (!check->endpoint->has_count)
		return check->first->nitems > 0;	/* nothing to compare it with */
	if (check->total < 0)
		cph_check_report(check, "count", "differs",
						 "The answers have no count.  count(*) reads the whole list.");
	else if (check->first->nitems < Min(check->total, size))
		cph_check_advise(check, "largest page", "differs",
						 psprintf("A page has %d rows though %d were asked for",
								  check->first->nitems, size),
						 "fetch_size", psprintf("%d", Max(check->first->nitems, 2)));
	else
		cph_check_report(check, "largest page", check->total < size ? "unknown" : "ok",
						 check->total < size ? "The list is shorter than a page." :
						 psprintf("%d rows.", size));
	return check->first->nitems > 0;
}

/* Checks that the first page is newest first, and finds its largest tie. */
static void
check_order(CphCheck *check)
{
	const CphPage *page = check->first;
	int			run = 1;
	int			longest = 1;

	for (int i = 1; i < page->nitems; i++)
	{
		if (!page->items[i].has_time || !page->items[i - 1].has_time ||
			page->items[i].time > page->items[i - 1].time)
		{
			cph_check_advise(check, "newest first", "differs",
							 psprintf("It is not at row %d", i + 1),
							 "enable_order_pushdown", "false");
			return;
		}
		run = page->items[i].time == page->items[i - 1].time ? run + 1 : 1;
		longest = Max(longest, run);
	}
	cph_check_report(check, "newest first", "ok",
					 psprintf("The largest group of rows of one time has %d rows.",
							  longest));
}

/*
 * Checks whether the first page has the same order when it is read again: rows
 * of one time, or all rows where the list has no order.
 */
static void
check_stable(CphCheck *check)
{
	bool		ordered = check->endpoint->time_field != NULL;
	const char *item = ordered ? "stable ties" : "stable order";
	CphPage    *again = cph_check_fetch(check, item, NULL, NULL, 0,
										check->endpoint->page_max);
	int			differ = 0;

	if (again == NULL)
		return;
	for (int i = 0; i < Min(again->nitems, check->first->nitems); i++)
		differ += again->items[i].id == NULL ||
			check->first->items[i].id == NULL ||
			strcmp(again->items[i].id, check->first->items[i].id) != 0;
	if (differ == 0)
		cph_check_report(check, item, "ok", "A page read twice was the same.");
	else if (again->count != check->first->count ||
			 again->nitems != check->first->nitems ||
			 again->items[0].time != check->first->items[0].time)
		cph_check_report(check, item, "unknown", "The list changed while it was read.");
	else if (!ordered)
		cph_check_report(check, item, "differs",
						 psprintf("%d rows changed places: a list longer than a page cannot be read reliably.",
								  differ));
	else
		cph_check_advise(check, item, "differs",
						 psprintf("%d rows changed places", differ), "stable_ties", "false");
}

/* Finds out what a deep offset and a page past the end give. */
static void
check_offsets(CphCheck *check)
{
	int64		past = Max(check->total, 0) + check->endpoint->page_max;
	CphPage    *page;

	if (check->total > DEEP_OFFSET)
	{
		page = cph_check_fetch(check, "deep offset", NULL, NULL, DEEP_OFFSET, 1);
		if (page != NULL)
			cph_check_report(check, "deep offset", page->nitems == 1 ? "ok" : "differs",
							 page->nitems == 1 ? psprintf("Offset %d is answered.", DEEP_OFFSET) :
							 psprintf("Offset %d gives no row: read the list in parts, by server_id.",
									  DEEP_OFFSET));
	}
	else
		cph_check_report(check, "deep offset", "unknown", "The list is too short.");
	page = cph_check_fetch(check, "past the end", NULL, NULL, past, 1);
	if (page != NULL)
		cph_check_report(check, "past the end", page->nitems == 0 ? "ok" : "differs",
						 page->nitems == 0 ? "An empty list." :
						 "There are more rows than count says.");
}

/* Checks one list, as far as the request budget of 25 goes for all. */
static void
check_endpoint(CphCheck *check, const CphEndpoint *endpoint, bool offsets)
{
	check->endpoint = endpoint;
	if (!check_list(check))
		return;
	if (endpoint->time_field != NULL)
		check_order(check);
	check_stable(check);
	for (int i = 0; i < endpoint->nfilters; i++)
		cph_check_filter(check, &endpoint->filters[i]);
	if (offsets)
		check_offsets(check);
}

/* Reports on what all answers told: who answered, and at what time. */
static void
report_peer(CphCheck *check)
{
	const CphPeer *peer = cph_client_peer(check->client);
	int64		ahead = peer->clock_ahead;
	int64		distance = ahead < 0 ? -ahead : ahead;

	check->endpoint = NULL;
	cph_check_report(check, "connection", peer->text ? "ok" : "failed",
					 peer->text ? psprintf("%s (%s)", cph_options_host(check->options),
										   peer->text) :
					 psprintf("%s does not answer.", cph_options_host(check->options)));
	cph_check_report(check, "project", "ok", cph_client_project(check->client));
	if (peer->text == NULL || !peer->has_clock)
		cph_check_report(check, "clock", "unknown", "The service does not tell the time.");
	else
		cph_check_report(check, "clock",
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
	CphCheck	check = {0};

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
