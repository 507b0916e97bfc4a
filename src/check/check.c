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
#include "http/http.h"

#include "catalog/pg_foreign_server.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"

PG_FUNCTION_INFO_V1(cph_fdw_check);

/* The service's descriptions for clients bound an offset to 8,096. */
#define DEEP_OFFSET 8097

/* Checks whether a page is as large, and counts as much, as is documented. */
static void
check_page(CphCheck *check, int size)
{
	int			rows = check->first->nitems;

	if (check->total < 0)
		cph_check_report(check, "count", "differs",
						 "The answers have no count.  count(*) reads the whole list.");
	else if (rows < Min(check->total, size))
		cph_check_advise(check, "largest page", "differs",
						 psprintf("A page has %d rows though %d were asked for",
								  rows, size),
						 "fetch_size", psprintf("%d", Max(rows, 2)));
	else if (check->total < size)
		cph_check_report(check, "largest page", "unknown",
						 "The list is shorter than a page.");
	else
		cph_check_report(check, "largest page", "ok", psprintf("%d rows.", size));
}

/*
 * Reads the first page of the list at hand, as large as can be.  Returns
 * whether it has any row.
 */
static bool
check_list(CphCheck *check)
{
	int			size = check->endpoint->page_max;
	int64		begun = cph_transport_now();
	CphPage    *page = cph_check_fetch(check, "list", NULL, NULL, 0, size);

	if (page == NULL)
		return false;
	check->first = page;
	check->total = page->has_count ? page->count : -1;
	cph_check_report(check, "list", "ok",
					 psprintf("%d rows%s in %.0f ms.", page->nitems,
							  check->total < 0 ? "" :
							  psprintf(" of " INT64_FORMAT, check->total),
							  (cph_transport_now() - begun) / 1000.0));
	if (check->endpoint->total_field != NULL)
		check_page(check, size);
	return page->nitems > 0;
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
	CphPage    *page = NULL;

	if (check->total <= DEEP_OFFSET)
		cph_check_report(check, "deep offset", "unknown", "The list is too short.");
	else
		page = cph_check_fetch(check, "deep offset", NULL, NULL, DEEP_OFFSET, 1);
	if (page != NULL)
		cph_check_report(check, "deep offset", page->nitems == 1 ? "ok" : "differs",
						 psprintf(page->nitems == 1 ? "Offset %d is answered." :
								  "Offset %d gives no row: read the list in parts, by server_id.",
								  DEEP_OFFSET));
	page = cph_check_fetch(check, "past the end", NULL, NULL, past, 1);
	if (page != NULL)
		cph_check_report(check, "past the end", page->nitems == 0 ? "ok" : "differs",
						 page->nitems == 0 ? "An empty list." :
						 "There are more rows than count says.");
}

/* Checks one list, as far as the budget of 40 requests goes for all. */
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

/*
 * Reports on what all answers told: who answered, and at what time; and on how
 * many requests that took.
 */
static void
report_peer(CphCheck *check, int64 requests)
{
	const CphPeer *peer = cph_client_peer(check->client);
	const char *host = cph_options_host(check->options);
	int64		ahead = peer->clock_ahead;
	int64		distance = ahead < 0 ? -ahead : ahead;

	check->endpoint = NULL;
	if (peer->text == NULL && requests == 0)
		cph_check_report(check, "connection", "unknown", psprintf("Nothing was sent to %s.", host));
	else if (peer->text == NULL)
		cph_check_report(check, "connection", "failed", psprintf("No answer came from %s.", host));
	else
		cph_check_report(check, "connection", "ok", psprintf("%s (%s)", host, peer->text));
	if (peer->text == NULL && check->options->project_id == NULL)
		cph_check_report(check, "project", "unknown", "It comes with the credential.");
	else
		cph_check_report(check, "project", "ok", cph_client_project(check->client));
	cph_check_report(check, "sessions", "ok", cph_shared_is() ? "shared" : "not shared");
	if (peer->text == NULL || !peer->has_clock)
		cph_check_report(check, "clock", "unknown", peer->text == NULL ?
						 "No answer told the time." :
						 "The service does not tell the time.");
	else
		cph_check_report(check, "clock",
						 distance > CPH_CLOCKS_DIFFER ? "differs" : "ok",
						 psprintf("The service's clock is " INT64_FORMAT " seconds %s this machine's.",
								  distance, ahead < 0 ? "behind" : "ahead of"));
}

/*
 * Tells whether there is a credential for the user to ask with; if not, adds the
 * row that says what can be done.
 */
static bool
has_credential(CphCheck *check)
{
	Oid			serverid = check->server->serverid;
	const char *hint = cph_client_no_mapping(GetUserId(), serverid);
	CphFailure	failure;

	if (hint != NULL)
		cph_check_report(check, "credential", "failed",
						 psprintf("You have no user mapping for the server.  %s", hint));
	else if (!cph_credential_is_readable(GetUserId(), serverid, &failure))
		cph_check_fail(check, "credential", &failure);
	else
		return true;
	return false;
}

/*
 * cph_fdw_check(server name) returns setof (item text, status text, detail
 * text): tests the connection and each thing that the documents leave open.
 * status is ok, advice, differs, unknown or failed.  Sends at most 40 requests,
 * beside those that have to be tried again.  Raises an error if the caller lacks
 * USAGE on the server, or the set-up names no endpoint or project.
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
	if (!has_credential(&check))
		return (Datum) 0;
	check.client = cph_client_open(check.options, GetUserId(), &counters);
	/* where nobody answers, or the credential is refused, once is enough */
	for (int i = 0; cph_endpoint_at(i) != NULL && !check.unreachable; i++)
		check_endpoint(&check, cph_endpoint_at(i), i == 0);
	report_peer(&check, counters.requests);
	cph_check_tables(&check);
	cph_client_close(check.client);
	return (Datum) 0;
}
