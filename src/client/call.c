/*
 * call.c
 *		A request, from its first try to its answer.
 *
 * Most calls ask for a page.  What the credential has to ask for first, a token
 * or the project, is a call too: the client's question, which goes the same way.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include "access/xact.h"
#include "utils/memutils.h"

/* What the statement has sent, and when it began. */
static int	statement_sent = 0;
static TimestampTz statement_began = 0;

/*
 * Ends a call, whatever its state; NULL is harmless.  A request in flight is
 * dropped without waiting for it.
 */
void
cph_call_drop(CphCall *call)
{
	if (call == NULL)
		return;
	call->client->counters->dropped += call->transfer != NULL;
	cph_call_end_trial(call);
	cph_call_end_turn(call);
	dlist_delete(&call->node);
	cph_call_release(call);
	if (call->request.path != NULL)
		pfree(call->request.path);
	if (call->filters != NULL)
		pfree(call->filters);
	if (call->id != NULL)
		pfree(call->id);
	pfree(call->request.query);
	pfree(call);
}

/*
 * Tells whether requests for pages can be logged in by now.  If not, what is
 * lacking is asked for, by this client's question or another's.
 */
bool
cph_client_may_log_in(CphClient *client)
{
	CphCommon  *common = client->common;
	CphLack		lack = cph_credential_lacks(client->credential);
	CphRequest	request = {0};
	MemoryContext caller;

	client->beaten = false;
	if (lack == CPH_LACK_NOTHING || common->trial != NULL)
		return lack == CPH_LACK_NOTHING;
	client->beaten = !cph_credential_claim(client->credential, client->ticket);
	if (client->beaten || lack == CPH_LACK_PROOF)
		return !client->beaten;
	request.question = lack == CPH_LACK_TOKEN ? CPH_ASK_TOKEN : CPH_ASK_PROJECT;
	caller = MemoryContextSwitchTo(client->context);
	cph_credential_question(client->credential, &request);
	client->question = palloc0(sizeof(CphCall));
	client->question->client = client;
	client->question->request = request;
	dlist_push_head(&client->calls, &client->question->node);
	common->trial = client->question;
	MemoryContextSwitchTo(caller);
	return false;
}

/*
 * Raises an error if the statement may send no more requests.  A statement is
 * known by the time at which it began.
 */
static void
check_budget(const CphClient *client)
{
	if (statement_began != GetCurrentStatementStartTimestamp())
	{
		statement_began = GetCurrentStatementStartTimestamp();
		statement_sent = 0;
	}
	if (cph_max_requests > 0 && statement_sent >= cph_max_requests)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg_plural("the statement would send more than %d request",
							   "the statement would send more than %d requests",
							   cph_max_requests, cph_max_requests),
				 errdetail("The last one would have been for server \"%s\".",
						   client->options->server_name),
				 errhint("Narrow the query, or raise the setting \"cph_fdw.max_requests\".")));
}

/* Tells whether the pace and the transport may have room for a call now. */
static bool
has_room(const CphCall *call)
{
	CphClient  *client = call->client;
	int64		now = cph_transport_now();

	return now >= call->not_before &&
		now >= client->common->pace.resume_at &&
		cph_client_in_flight(client) < cph_client_concurrency(client) &&
		cph_transport_has_room(client->transport);
}

/* Fills in the path of a page, once the client knows its project. */
static void
set_path(CphCall *call)
{
	CphClient  *client = call->client;
	MemoryContext caller = MemoryContextSwitchTo(client->context);

	if (call->request.path == NULL && cph_client_has_project(client))
		call->request.path = cph_request_path(call->endpoint,
											  client->project_id, call->id);
	call->request.project_id = client->project_id;
	MemoryContextSwitchTo(caller);
}

/*
 * Sends a request, unless what it would log in with was refused a short while
 * ago: then the call ends in that error.  Leaves pieces in the current context.
 */
static void
send_request(CphCall *call)
{
	CphClient  *client = call->client;
	CphRequest *request = &call->request;
	CphHttpRequest http = {0};
	CphFailure	refusal;

	http.url = psprintf("%s%s%s%s", request->base, request->path,
						*request->query ? "?" : "", request->query);
	http.fresh_after = call->fresh_after;
	if (!cph_credential_log_in(client->credential, request, &http,
							   &call->fingerprint, &refusal))
	{
		cph_credential_unclaim(client->credential, client->ticket);
		cph_call_end_turn(call);
		cph_call_fail(call, &refusal);
		return;
	}
	statement_sent++;
	cph_client_show(call);
	call->transfer = cph_transfer_start(client->transport, &http);
	if (cph_credential_lacks(client->credential) == CPH_LACK_PROOF)
		client->common->trial = call;
	client->counters->requests++;
	client->counters->retries += call->tries > 0;
	call->tries++;
}

/*
 * Takes a turn for a call, unless it has one from a try that an error kept from
 * being sent.  Returns false if it is not the client's yet.
 */
static bool
take_turn(CphCall *call)
{
	CphClient  *client = call->client;
	int64		look_at = 0;

	if (!call->turn)
		call->turn = cph_pace_take(client->connection, client->ticket,
								   client->options, &look_at);
	client->turn_at = call->turn ? 0 : look_at;
	return call->turn;
}

/* Tells whether a call can go on: its answer is there, or it may be sent. */
static bool
can_go_on(const CphCall *call)
{
	if (call->transfer != NULL)
		return cph_transfer_state(call->transfer) != CPH_TRANSFER_PENDING;
	return (call->endpoint != NULL && call->client->failure != NULL) ||
		has_room(call);
}

/*
 * Begins a try of a call that can go on.  Returns false if it has to wait.
 * Leaves pieces in the current context.
 */
static bool
start_try(CphCall *call)
{
	CphClient  *client = call->client;
	bool		page = call->endpoint != NULL;

	if (page && client->failure != NULL)
		cph_call_fail(call, client->failure);
	else if (page && !cph_client_may_log_in(client))
		return false;
	else
	{
		check_budget(client);
		if (!take_turn(call))
			return false;
		if (page)
			set_path(call);
		send_request(call);
	}
	return true;
}

/*
 * Goes on with one call as far as that is possible without waiting.  A try that
 * ends as soon as it is begun is followed by the next.
 */
static void
step_call(CphCall *call)
{
	MemoryContext scratch;
	MemoryContext caller;

	if (call->verdict != CPH_VERDICT_NONE || !can_go_on(call))
		return;
	scratch = AllocSetContextCreate(call->client->context, "cph_fdw call",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	while (call->verdict == CPH_VERDICT_NONE && can_go_on(call))
	{
		if (call->transfer != NULL)
			cph_call_finish(call);
		else if (!start_try(call))
			break;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/* Ends the client's question, if it is settled: its calls go on, or fail. */
static void
end_question(CphClient *client)
{
	CphCall    *question = client->question;

	if (question == NULL || !cph_call_ready(question))
		return;
	if (question->verdict == CPH_VERDICT_RAISE)
	{
		client->failure = MemoryContextAlloc(client->context,
											 sizeof(CphFailure));
		*client->failure = question->failure;
	}
	cph_call_release(question);
	cph_call_drop(question);
	client->question = NULL;
}

/*
 * Goes on with all calls of a client as far as that is possible without
 * waiting, and has its transport wake it for the rest.  Raises no error for
 * what the service answers, which waits for cph_call_page.
 */
void
cph_client_step(CphClient *client)
{
	cph_pace_look(client->connection, client->ticket);
	/* twice: one that ends may make room, or be what is lacked, for another */
	for (int pass = 0; pass < 2; pass++)
	{
		dlist_iter	iter;

		client->turn_at = 0;
		dlist_foreach(iter, &client->calls)
			step_call(dlist_container(CphCall, node, iter.cur));
		end_question(client);
	}
	if (client->turn_at == 0)
		cph_pace_leave(client->connection, client->ticket);
	cph_client_schedule(client);
}

/*
 * Adds a call, and sends it if that is possible now: for a page, or, if id is
 * not NULL, for where the item is.
 */
static CphCall *
send_call(CphClient *client, const CphEndpoint *endpoint, const char *id,
		  const CphParam *params, int nparams, int64 offset, int limit)
{
	MemoryContext caller = MemoryContextSwitchTo(client->context);
	CphCall    *call = palloc0(sizeof(CphCall));

	cph_client_borrow(client);
	call->client = client;
	call->endpoint = endpoint;
	call->id = id ? pstrdup(id) : NULL;
	call->limit = limit;
	call->filters = cph_request_query(params, nparams);
	call->request.method = "GET";
	call->request.base = client->base;
	call->request.query = id ? pstrdup("") :
		cph_request_page_query(params, nparams, offset, limit);
	dlist_push_tail(&client->calls, &call->node);
	cph_client_step(client);
	MemoryContextSwitchTo(caller);
	return call;
}

/*
 * Sends a request for a page and returns the call, which the caller drops.
 * Does not wait: where too many requests are in flight, the service asked for
 * patience, or there is no token yet, the request is sent later.
 */
CphCall *
cph_call_send(CphClient *client, const CphEndpoint *endpoint,
			  const CphParam *params, int nparams, int64 offset, int limit)
{
	return send_call(client, endpoint, NULL, params, nparams, offset, limit);
}

/*
 * Asks where in an endpoint's list the item with an id is, by its locator, as
 * cph_call_send asks for a page.  The id is of the documented form.
 */
CphCall *
cph_call_locate(CphClient *client, const CphEndpoint *endpoint, const char *id)
{
	return send_call(client, endpoint, id, NULL, 0, 0, 0);
}
