/*
 * call.c
 *		A request for a page: send, classify, try again, slow down, raise.
 *
 * Which answer leads to what is outcome.c's to tell.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include <time.h>

#include "access/xact.h"
#include "utils/memutils.h"

/*
 * Sends a request for a page and returns the call, which the caller drops.
 * Does not wait, but for a token (see cph_credential_headers): where too many
 * requests are in flight, or the service asked for patience, the request is
 * sent later.
 */
CphCall *
cph_call_send(CphClient *client, const CphEndpoint *endpoint,
			  const CphParam *params, int nparams, int64 offset, int limit)
{
	MemoryContext caller;
	CphCall    *call;

	cph_client_borrow(client);
	caller = MemoryContextSwitchTo(client->context);
	call = palloc0(sizeof(CphCall));
	call->client = client;
	call->endpoint = endpoint;
	call->limit = limit;
	call->path = cph_request_path(endpoint, client->project_id);
	call->query = cph_request_page_query(params, nparams, offset, limit);
	dlist_push_tail(&client->calls, &call->node);
	MemoryContextSwitchTo(caller);
	cph_call_step(call);
	cph_client_schedule(client);
	return call;
}

/* Tells whether a call can be read without waiting. */
bool
cph_call_ready(const CphCall *call)
{
	return call->verdict != CPH_VERDICT_NONE;
}

/* Returns how many bytes wait in a call to be read. */
Size
cph_call_size(const CphCall *call)
{
	Size		length = 0;

	if (call->transfer != NULL)
		cph_transfer_body(call->transfer, &length);
	return length;
}

/*
 * Ends a call, whatever its state.  A request in flight is dropped without
 * waiting for it.
 */
void
cph_call_drop(CphCall *call)
{
	if (call == NULL)
		return;
	if (call->transfer != NULL)
		call->client->counters->dropped++;
	if (call->transfer != NULL && call->verdict == CPH_VERDICT_NONE)
		cph_credential_answered(call->client->credential, NULL);
	dlist_delete(&call->node);
	cph_transfer_release(call->transfer);
	pfree(call->path);
	pfree(call->query);
	pfree(call);
}

/*
 * Counts a request of the statement, and raises an error for one too many.
 * A statement is known by the time at which it began.
 */
static void
spend_request(CphClient *client)
{
	static TimestampTz statement = 0;
	static int	spent = 0;

	if (statement != GetCurrentStatementStartTimestamp())
	{
		statement = GetCurrentStatementStartTimestamp();
		spent = 0;
	}
	if (cph_max_requests > 0 && spent >= cph_max_requests)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg_plural("the statement would send more than %d request",
							   "the statement would send more than %d requests",
							   cph_max_requests, cph_max_requests),
				 errdetail("The last one would have been for server \"%s\".",
						   client->options->server_name),
				 errhint("Narrow the query, or raise the setting \"cph_fdw.max_requests\".")));
	spent++;
}

/*
 * Begins a try of a call, if the pace allows it now.
 */
static void
start_call(CphCall *call)
{
	CphClient  *client = call->client;
	int64		now = cph_transport_now();
	MemoryContext scratch;
	MemoryContext caller;
	CphLoginRequest login = {"GET", client->authority, call->path, call->query};
	CphHttpRequest request = {0};

	if (now < call->not_before || now < client->connection->resume_at ||
		cph_client_in_flight(client) >= cph_client_concurrency(client) ||
		!cph_credential_ready(client->credential, cph_client_in_flight(client)) ||
		!cph_transport_has_room(client->transport))
		return;
	spend_request(client);
	scratch = AllocSetContextCreate(client->context, "cph_fdw request",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	request.url = psprintf("%s%s?%s", client->base, call->path, call->query);
	request.headers = cph_credential_headers(client->credential, &login,
											 &call->fingerprint);
	call->transfer = cph_transfer_start(client->transport, &request);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	client->counters->requests++;
	client->counters->retries += call->tries > 0;
	call->tries++;
}

/*
 * Returns the filter whose value the answer calls invalid, or NULL if it
 * complains of none that was sent.
 */
static const CphFilter *
invalid_filter(const CphCall *call)
{
	for (int i = 0; call->error.code && i < call->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &call->endpoint->filters[i];
		char	   *param = psprintf("%s=", filter->param);
		char	   *found = strstr(call->query, param);

		if (filter->invalid_code != NULL &&
			strcmp(filter->invalid_code, call->error.code) == 0 &&
			found != NULL && (found == call->query || found[-1] == '&'))
			return filter;
	}
	return NULL;
}

/*
 * Slows down after an answer that asked for patience.  Returns false if the
 * patience of throttle_timeout is at its end.
 */
static bool
throttle(CphCall *call)
{
	CphClient  *client = call->client;
	CphConnection *connection = client->connection;
	int64		timeout = client->options->throttle_timeout * USECS_PER_SEC;
	int64		wait = cph_outcome_throttle_wait(call->transfer, &call->error,
												 call->tries);
	int64		throttled;

	throttled = cph_connection_throttled(connection, cph_transport_now(), wait,
										 cph_client_in_flight(client), timeout);
	if (throttled <= timeout)
		return true;
	/* a later statement may ask whether it still is so */
	connection->throttled_since = 0;
	connection->resume_at = 0;
	return false;
}

/*
 * Returns what is known of a call for the detail of an error, palloc'd and
 * without secrets.  reason is added if not NULL.
 */
static char *
call_detail(const CphCall *call, const char *reason)
{
	CphClient  *client = call->client;
	char	   *request = psprintf("GET %s%s?%s", client->authority, call->path,
								   call->query);
	char	   *detail = cph_outcome_detail(call->transfer, &call->error, request,
											call->tries, reason);

	cph_credential_mask(client->credential, detail);
	return detail;
}

/*
 * Decides whether a call whose try has failed gets another one.
 */
static bool
may_retry(CphCall *call, const CphOutcome *outcome)
{
	CphClient  *client = call->client;

	switch (outcome->verdict)
	{
		case CPH_VERDICT_THROTTLE:
			return throttle(call);
		case CPH_VERDICT_RENEW:
			if (!call->renewed &&
				cph_credential_renew(client->credential, call->fingerprint))
				return call->renewed = true;
			cph_credential_refused(client->credential, call->fingerprint,
								   call->transfer, &call->error,
								   call_detail(call, NULL));
			return false;
		case CPH_VERDICT_RETRY:
			if (cph_transfer_neglected(call->transfer))
				return true;	/* no fault of the service's */
			if (!cph_outcome_may_retry(call->transfer, ++call->failures,
									   client->options->max_retries,
									   client->options->throttle_timeout))
				return false;
			call->not_before = cph_transport_now() +
				cph_outcome_backoff(call->transfer, call->failures);
			return true;
		default:
			return false;
	}
}

/* Lets go of what a try was answered. */
static void
release_answer(CphCall *call)
{
	cph_transfer_release(call->transfer);
	call->transfer = NULL;
}

/* Takes note of what an answer tells about the other end. */
static void
note_peer(CphClient *client, const CphTransfer *transfer)
{
	int64		date = cph_transfer_date(transfer);

	if (client->peer.text == NULL &&
		cph_transfer_state(transfer) == CPH_TRANSFER_ANSWERED)
		client->peer.text = cph_transfer_peer(transfer);
	client->peer.has_clock = date > 0;
	client->peer.clock_ahead = date - (int64) time(NULL);
}

/* Ends a try: the call is settled, or is to be tried again. */
static void
finish_try(CphCall *call)
{
	CphClient  *client = call->client;
	MemoryContext caller = MemoryContextSwitchTo(client->context);
	const CphOutcome *outcome = cph_outcome_find(call->transfer, &call->error);

	note_peer(client, call->transfer);
	MemoryContextSwitchTo(caller);
	cph_credential_mask_error(client->credential, &call->error);
	cph_credential_answered(client->credential, call->transfer);
	client->counters->bytes += cph_transfer_received(call->transfer);
	call->outcome = outcome;
	if (outcome->verdict == CPH_VERDICT_USE)
	{
		cph_connection_succeeded(client->connection);
		call->verdict = CPH_VERDICT_USE;
	}
	else if (outcome->verdict == CPH_VERDICT_RAISE && invalid_filter(call) != NULL)
		call->verdict = CPH_VERDICT_USE;
	else if (may_retry(call, outcome))
		release_answer(call);
	else
		call->verdict = CPH_VERDICT_RAISE;
}

/*
 * Goes on with one call as far as that is possible without waiting, but for a
 * token.  A try that ends as soon as it is begun is followed by the next.
 */
void
cph_call_step(CphCall *call)
{
	while (call->verdict == CPH_VERDICT_NONE)
	{
		if (call->transfer == NULL)
			start_call(call);
		if (call->transfer == NULL ||
			cph_transfer_state(call->transfer) == CPH_TRANSFER_PENDING)
			break;
		finish_try(call);
	}
}

/* Describes the error that a call has ended in, in the current context. */
static CphFailure
describe_failure(const CphCall *call, const char *reason)
{
	const CphOutcome *outcome = call->outcome;
	CphFailure	failure;

	failure.sqlstate = outcome->sqlstate;
	failure.message = psprintf(outcome->message,
							   call->client->options->server_name);
	failure.detail = call_detail(call, reason);
	failure.hint = outcome->hint;
	if (outcome->verdict == CPH_VERDICT_RENEW)
		failure.hint = cph_credential_hint(call->client->credential);
	return failure;
}

/*
 * Reads a call that is ready: decodes its page in the current memory context,
 * or says which filter's value was not taken.  Returns false, and the error,
 * where it ended in one.  A call can be read once.
 */
static bool
read_call(CphCall *call, CphPage **page, const CphFilter **invalid,
		  CphFailure *failure)
{
	const char *reason = NULL;
	const char *body;
	Size		length;

	Assert(cph_call_ready(call));
	*page = NULL;
	*invalid = NULL;
	if (call->verdict == CPH_VERDICT_USE &&
		cph_transfer_status(call->transfer) != 200)
	{
		*invalid = invalid_filter(call);
		release_answer(call);
		return true;
	}
	if (call->verdict == CPH_VERDICT_USE)
	{
		body = cph_transfer_body(call->transfer, &length);
		*page = cph_page_decode(call->endpoint, body, length, call->limit,
								&reason);
		if (*page == NULL)
			cph_transfer_distrust(call->transfer);
	}
	if (*page == NULL)
	{
		*failure = describe_failure(call, reason);
		return false;
	}
	call->client->counters->rows += (*page)->nitems;
	ereport(DEBUG1,
			(errmsg_internal("server \"%s\": GET %s?%s: %d rows",
							 call->client->options->server_name, call->path,
							 call->query, (*page)->nitems)));
	release_answer(call);
	return true;
}

/*
 * Reads a call that is ready as read_call does, but raises its error.
 */
CphCallResult
cph_call_read(CphCall *call, CphPage **page, const CphFilter **invalid)
{
	CphFailure	failure;

	if (!read_call(call, page, invalid, &failure))
		ereport(ERROR,
				(errcode(failure.sqlstate),
				 errmsg_internal("%s", failure.message),
				 errdetail_internal("%s", failure.detail),
				 failure.hint ? errhint("%s", failure.hint) : 0));
	if (*page != NULL)
		return CPH_CALL_PAGE;
	return (*invalid)->invalid_is_none ? CPH_CALL_NO_ROWS :
		CPH_CALL_INVALID_FILTER;
}

/* Sends a request for a page and waits until it is ready. */
static CphCall *
send_and_wait(CphClient *client, const CphEndpoint *endpoint,
			  const CphParam *params, int nparams, int64 offset, int limit)
{
	CphCall    *call = cph_call_send(client, endpoint, params, nparams,
									 offset, limit);

	while (!cph_call_ready(call))
		cph_client_wait(client);
	return call;
}

/*
 * Sends a request for a page, waits for it, and decodes it in the current
 * memory context, as cph_call_send and cph_call_read do.
 */
CphCallResult
cph_client_fetch(CphClient *client, const CphEndpoint *endpoint,
				 const CphParam *params, int nparams, int64 offset, int limit,
				 CphPage **page)
{
	CphCall    *call = send_and_wait(client, endpoint, params, nparams,
									 offset, limit);
	const CphFilter *invalid;
	CphCallResult result = cph_call_read(call, page, &invalid);

	cph_call_drop(call);
	return result;
}

/*
 * Fetches a page as cph_client_fetch does, but returns false and the error, in
 * the current memory context, where there is one.  A filter's value that is
 * not taken gives neither a page nor an error.
 */
bool
cph_client_try(CphClient *client, const CphEndpoint *endpoint,
			   const CphParam *params, int nparams, int64 offset, int limit,
			   CphPage **page, CphFailure *failure)
{
	CphCall    *call = send_and_wait(client, endpoint, params, nparams,
									 offset, limit);
	const CphFilter *invalid;
	bool		result = read_call(call, page, &invalid, failure);

	cph_call_drop(call);
	return result;
}
