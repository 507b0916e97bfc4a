/*
 * verdict.c
 *		The end of a try: use the answer, try again, slow down, or raise.
 *
 * Which answer leads to what is outcome.c's to tell.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include <time.h>


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

/* Returns the page that waits in a call to be read, as it came; NULL: none does. */
const char *
cph_call_body(const CphCall *call, Size *length)
{
	return call->verdict == CPH_VERDICT_USE && call->invalid == NULL ?
		cph_transfer_body(call->transfer, length) : NULL;
}

/* Lets go of what a try was answered. */
void
cph_call_release(CphCall *call)
{
	cph_transfer_release(call->transfer);
	call->transfer = NULL;
}

/* Gives the turn back that was taken for a try. */
void
cph_call_end_turn(CphCall *call)
{
	if (call->turn)
		cph_pace_give(call->client->connection, call->client->ticket);
	call->turn = false;
}

/* Has nobody wait any more for what a call finds out. */
void
cph_call_end_trial(CphCall *call)
{
	CphClient  *client = call->client;

	if (client->common->trial != call)
		return;
	client->common->trial = NULL;
	cph_credential_unclaim(client->credential, client->ticket);
}

/* Ends a call in an error, which is copied. */
void
cph_call_fail(CphCall *call, const CphFailure *failure)
{
	MemoryContext context = call->client->context;

	call->verdict = CPH_VERDICT_RAISE;
	call->failure.sqlstate = failure->sqlstate;
	call->failure.message = MemoryContextStrdup(context, failure->message);
	call->failure.detail = MemoryContextStrdup(context, failure->detail);
	if (failure->hint != NULL)
		call->failure.hint = MemoryContextStrdup(context, failure->hint);
}

/*
 * Returns the filter whose value the answer calls invalid, or NULL if it
 * complains of none that was sent.
 */
static const CphFilter *
invalid_filter(const CphCall *call, const char *code)
{
	for (int i = 0; code && call->endpoint && i < call->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &call->endpoint->filters[i];
		const char *query = call->request.query;
		char	   *param = psprintf("%s=", filter->param);
		const char *found = strstr(query, param);

		if (filter->invalid_code != NULL &&
			strcmp(filter->invalid_code, code) == 0 &&
			found != NULL && (found == query || found[-1] == '&'))
			return filter;
	}
	return NULL;
}

/*
 * Returns what is known of a call for the detail of an error, palloc'd and
 * without secrets.  reason is added if not NULL.
 */
static char *
call_detail(const CphCall *call, const CphServiceError *error,
			const char *reason)
{
	const CphRequest *request = &call->request;
	char	   *text = psprintf("%s %s%s%s%s", request->method,
								strstr(request->base, "://") + 3, request->path,
								*request->query ? "?" : "", request->query);
	char	   *detail = cph_outcome_detail(call->transfer, error, text,
											call->tries, reason);

	cph_credential_mask(call->client->credential, detail);
	return detail;
}

/* Ends a call in the error that its last try was. */
static void
fail_try(CphCall *call, const CphServiceError *error, const char *reason)
{
	CphClient  *client = call->client;
	const CphOutcome *outcome = &call->outcome;
	CphFailure	failure;

	client->counters->failed++;
	failure.sqlstate = outcome->sqlstate;
	failure.message = psprintf(outcome->message, client->options->server_name);
	failure.detail = call_detail(call, error, reason);
	failure.hint = cph_call_hint(call);
	cph_call_fail(call, &failure);
}

/* Decides whether a call whose try has failed gets another one. */
static bool
may_retry(CphCall *call, const CphServiceError *error)
{
	CphClient  *client = call->client;
	const CphOptions *options = client->options;

	switch (call->outcome.verdict)
	{
		case CPH_VERDICT_THROTTLE:
			return cph_pace_throttled(client->connection, client->ticket,
									  cph_outcome_throttle_wait(call->transfer,
																error, call->tries),
									  options->throttle_timeout * USECS_PER_SEC);
		case CPH_VERDICT_RENEW:
			if (!call->renewed &&
				cph_credential_renew(client->credential, &call->request,
									 call->fingerprint))
				return call->renewed = true;
			call->outcome.hint =
				cph_credential_refused(client->credential, &call->request,
									   call->fingerprint, call->transfer,
									   error, call_detail(call, error, NULL));
			return false;
		case CPH_VERDICT_RETRY:
			call->fresh_after = cph_transfer_fresh_after(call->transfer);
			if (cph_transfer_excused(call->transfer))
				return true;
			if (!cph_outcome_may_retry(call->transfer, ++call->failures,
									   options->max_retries,
									   options->throttle_timeout))
				return false;
			call->not_before = cph_transport_now() +
				cph_outcome_backoff(call->transfer, call->failures);
			return true;
		default:
			return false;
	}
}

/* Takes note of what the answer to a page tells about the other end. */
static void
note_peer(CphClient *client, const CphTransfer *transfer)
{
	int64		date = cph_transfer_date(transfer);

	if (client->peer.text == NULL &&
		cph_transfer_state(transfer) == CPH_TRANSFER_ANSWERED)
		client->peer.text = MemoryContextStrdup(client->context,
												cph_transfer_peer(transfer));
	client->peer.has_clock = date > 0;
	client->peer.clock_ahead = date - (int64) time(NULL);
}

/* Finds out what the end of a try leads to; error: what it says of itself. */
static void
classify(CphCall *call, CphServiceError *error)
{
	CphClient  *client = call->client;

	call->outcome = *cph_outcome_find(call->transfer, error);
	client->counters->bytes += cph_transfer_received(call->transfer);
	client->counters->connections += cph_transfer_connections(call->transfer);
	client->counters->timed_out +=
		cph_transfer_state(call->transfer) == CPH_TRANSFER_TIMED_OUT;
	client->counters->throttled +=
		call->outcome.verdict == CPH_VERDICT_THROTTLE;
	cph_credential_judge(client->credential, &call->request, call->transfer,
						 error, &call->outcome);
	if (call->endpoint != NULL)
		note_peer(client, call->transfer);
}

/*
 * Ends a try: the call is settled, or is to be tried again.  Leaves pieces in
 * the current context.
 */
void
cph_call_finish(CphCall *call)
{
	CphClient  *client = call->client;
	CphServiceError error;
	const char *reason = NULL;

	classify(call, &error);
	call->invalid = invalid_filter(call, error.code);
	if (call->id != NULL &&
		cph_transfer_state(call->transfer) == CPH_TRANSFER_ANSWERED)
		call->located = cph_outcome_locate(call->endpoint->locator,
										   cph_transfer_status(call->transfer),
										   error.code);
	if (call->outcome.verdict == CPH_VERDICT_USE)
	{
		client->settled++;
		cph_pace_succeeded(client->connection,
						   client->options->max_server_requests);
		call->verdict = CPH_VERDICT_USE;
		client->counters->tokens += call->request.question == CPH_ASK_TOKEN;
		if (call->endpoint == NULL)
			reason = cph_credential_learn(client->credential, &call->request,
										  call->transfer);
		if (reason != NULL)
			fail_try(call, &error, reason);
	}
	else if (call->outcome.verdict == CPH_VERDICT_RAISE &&
			 (call->invalid != NULL || call->located != CPH_LOCATED))
		call->verdict = CPH_VERDICT_USE;
	else if (may_retry(call, &error))
		cph_call_release(call);
	else
		fail_try(call, &error, NULL);
	/* others see what was found out, also a refusal, before they go on */
	if (call->endpoint != NULL)
		cph_call_end_trial(call);
	cph_call_end_turn(call);
}

/*
 * Makes sense of the answer to a call, if it is one to: a page, or where an item
 * is, in the current memory context.  A call whose answer has none fails.
 */
static void
read_answer(CphCall *call, CphPage **page, char **value)
{
	CphServiceError none = {0};
	const char *reason = NULL;
	const char *body;
	Size		length;

	Assert(cph_call_ready(call));
	*page = NULL;
	*value = NULL;
	if (call->verdict != CPH_VERDICT_USE || call->invalid != NULL ||
		call->located != CPH_LOCATED)
		return;
	body = cph_transfer_body(call->transfer, &length);
	if (call->id != NULL)
		*value = cph_page_locate(call->endpoint->locator, body, length, &reason);
	else
		*page = cph_page_decode(call->endpoint, body, length, call->limit,
								&reason);
	if (reason == NULL)
		return;
	cph_transfer_distrust(call->transfer);
	fail_try(call, &none, reason);
}

/*
 * Reads a call that is ready: decodes its page in the current memory context,
 * or returns none where a filter's value was not taken.  Returns false, and
 * the error, which lives as long as the client, where it ended in one.  A call
 * can be read once.
 */
bool
cph_call_take(CphCall *call, CphPage **page, CphFailure *failure)
{
	CphClient  *client = call->client;
	char	   *unused;

	read_answer(call, page, &unused);
	if (call->verdict == CPH_VERDICT_RAISE)
	{
		*failure = call->failure;
		return false;
	}
	if (*page != NULL)
	{
		cph_client_note_page(call, *page);
		ereport(DEBUG1,
				(errmsg_internal("server \"%s\": GET %s?%s: %d rows",
								 client->options->server_name,
								 call->request.path, call->request.query,
								 (*page)->nitems)));
	}
	cph_call_release(call);
	return true;
}

/*
 * Reads a call that is ready and asked where an item is: returns false where it
 * ended in an error, else what came of it, and value, palloc'd, where it is
 * located.  An answer that does not say where locates nothing.
 */
bool
cph_call_take_location(CphCall *call, CphLocated *located, char **value)
{
	CphPage    *unused;

	read_answer(call, &unused, value);
	*located = call->located;
	if (call->located == CPH_LOCATED && *value == NULL)
		*located = CPH_LOCATED_NOT;
	cph_call_release(call);
	return call->verdict != CPH_VERDICT_RAISE;
}
