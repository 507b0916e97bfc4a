/*
 * client.c
 *		Requests to the service: send, classify, try again, slow down, raise.
 *
 * Which answer leads to what is outcome.c's to tell.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client.h"

#include "credential.h"
#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "outcome.h"
#include "portability/instr_time.h"
#include "transport.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* A user who waits that long for a throttled service is told why. */
#define NOTICE_AFTER_US		INT64CONST(5000000)

/* A request, from its first try to its answer. */
struct CphCall
{
	dlist_node	node;			/* in the client's calls */
	CphClient  *client;
	const CphEndpoint *endpoint;
	char	   *path;
	char	   *query;
	int			limit;
	int			tries;			/* begun */
	int			failures;		/* tries that failed in a way that may pass */
	bool		renewed;		/* the credential was renewed for it */
	int64		not_before;		/* next try; 0: at once */
	CphTransfer *transfer;		/* NULL: between tries */
	CphVerdict	verdict;		/* CPH_VERDICT_USE or _RAISE once it is
								 * settled */
	const CphOutcome *outcome;	/* of CPH_VERDICT_RAISE */
	CphServiceError error;		/* what the answer says of itself */
	uint64		print;			/* of what the last try logged in with */
};

struct CphClient
{
	MemoryContext context;
	const CphOptions *options;
	char	   *base;			/* URL */
	char	   *authority;		/* host and port */
	char	   *project_id;
	CphConnection *connection;
	CphCredential *credential;
	CphTransport *transport;
	CphCounters *counters;
	CphPeer		peer;
	dlist_head	calls;			/* every CphCall that was not dropped */
};

static void start_call(CphCall *call);
static void step_call(CphCall *call);

/* Returns the project to ask for; raises an error where none is named. */
static char *
project_of(const CphOptions *options, CphCredential *credential)
{
	const char *project_id = cph_credential_project(credential);

	if (project_id == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("server \"%s\" names no project", options->server_name),
				 errhint("Set the option \"project_id\" of the server or the foreign table.")));
	return pstrdup(project_id);
}

/*
 * Returns a client that asks a server as the given user, in a child of the
 * current memory context; deleting that one closes the client.  Raises an
 * error if an endpoint, a project or a credential is missing.  The options
 * and counters must live as long.
 */
CphClient *
cph_client_open(const CphOptions *options, Oid userid, CphCounters *counters)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "cph_fdw client",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	UserMapping *mapping = GetUserMapping(userid, options->serverid);
	CphClient  *client = palloc0(sizeof(CphClient));

	client->context = context;
	client->options = options;
	client->counters = counters;
	client->base = cph_options_endpoint(options);
	client->authority = cph_options_host(options);
	client->connection = cph_connection_open(mapping);
	client->credential = cph_credential_open(options, mapping,
											 client->connection);
	client->project_id = project_of(options, client->credential);
	client->transport = cph_transport_borrow(mapping->umid,
											 cph_credential_route(client->credential),
											 context);
	dlist_init(&client->calls);
	MemoryContextSwitchTo(caller);
	return client;
}

/* Closes a client and drops its calls.  NULL is allowed. */
void
cph_client_close(CphClient *client)
{
	if (client != NULL)
		MemoryContextDelete(client->context);
}

/* Returns the counters of a client, for reading and for counting repairs. */
CphCounters *
cph_client_counters(CphClient *client)
{
	return client->counters;
}

/* Returns the name of the client's server, for messages. */
const char *
cph_client_server_name(const CphClient *client)
{
	return client->options->server_name;
}

/* Returns the project that the client asks for. */
const char *
cph_client_project(const CphClient *client)
{
	return client->project_id;
}

/* Returns what the last answer told about the other end. */
const CphPeer *
cph_client_peer(const CphClient *client)
{
	return &client->peer;
}

/*
 * Returns what the service has shown of an endpoint and the client's project,
 * for reading and writing.
 */
CphFacts *
cph_client_facts(CphClient *client, const CphEndpoint *endpoint)
{
	return cph_connection_facts(client->connection, endpoint,
								client->project_id);
}

/* Returns how many requests may be in flight at once. */
int
cph_client_concurrency(const CphClient *client)
{
	return Min(client->options->max_concurrent_requests,
			   client->connection->limit);
}

/* Returns the number of the client's requests that are in flight. */
static int
in_flight(CphClient *client)
{
	int			result = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->calls)
	{
		CphCall    *call = dlist_container(CphCall, node, iter.cur);

		if (call->transfer != NULL && call->verdict == CPH_VERDICT_NONE)
			result++;
	}
	return result;
}

/*
 * Has the transport wake up when the next try is due, or when a user is to be
 * told about throttling.
 */
static void
schedule_wake(CphClient *client)
{
	CphConnection *connection = client->connection;
	int64		now = cph_transport_now();
	int64		at = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->calls)
	{
		CphCall    *call = dlist_container(CphCall, node, iter.cur);

		if (call->transfer == NULL && call->verdict == CPH_VERDICT_NONE)
		{
			int64		due = Max(call->not_before, connection->resume_at);

			due = Max(due, cph_credential_ready_at(client->credential));
			/* what is due waits for another to end, not for a time */
			if (due > now)
				at = at == 0 ? due : Min(at, due);
		}
	}
	if (at != 0 && connection->throttled_since != 0 && !connection->noticed &&
		connection->throttled_since + NOTICE_AFTER_US > now)
		at = Min(at, connection->throttled_since + NOTICE_AFTER_US);
	cph_transport_wake_at(client->transport, at);
}

/* Tells the user, once, that the service asks for patience. */
static void
notice_throttling(CphClient *client)
{
	CphConnection *connection = client->connection;
	int64		now = cph_transport_now();

	if (connection->throttled_since == 0 || connection->noticed ||
		connection->resume_at <= now ||
		now - connection->throttled_since < NOTICE_AFTER_US)
		return;
	connection->noticed = true;
	ereport(NOTICE,
			(errmsg("waiting for server \"%s\", which is throttling",
					client->options->server_name)));
}

/*
 * Goes on with all calls as far as that is possible without waiting.  Raises
 * no error for what the service does.
 */
void
cph_client_perform(CphClient *client)
{
	dlist_iter	iter;

	cph_transport_perform(client->transport);

	/* twice: one that ends may make room for one before it */
	dlist_foreach(iter, &client->calls)
		step_call(dlist_container(CphCall, node, iter.cur));
	dlist_foreach(iter, &client->calls)
		step_call(dlist_container(CphCall, node, iter.cur));
	notice_throttling(client);
	schedule_wake(client);
}

/*
 * Returns what pg_stat_activity shows while the client waits: for an answer,
 * for the next try, or for the service to be ready for more.
 */
static uint32
wait_event(CphClient *client)
{
	static uint32 request = 0;
	static uint32 backoff = 0;
	static uint32 throttle = 0;

	if (request == 0)
	{
		request = cph_wait_event_new("CphRequest");
		backoff = cph_wait_event_new("CphBackoff");
		throttle = cph_wait_event_new("CphThrottle");
	}
	if (in_flight(client) > 0)
		return request;
	return client->connection->resume_at > cph_transport_now() ? throttle : backoff;
}

/*
 * Waits until something has happened to one of the calls, and goes on with
 * them.  Serves interrupts.
 */
void
cph_client_wait(CphClient *client)
{
	int64		before = cph_transport_now();
	int64		after;

	cph_transport_wait(client->transport, wait_event(client));
	after = cph_transport_now();
	client->counters->waited_us += after - before;
	if (client->connection->resume_at > before)
		client->counters->throttled_us +=
			Min(after, client->connection->resume_at) - before;
	cph_client_perform(client);
}

/*
 * Returns a descriptor that is readable whenever the client can go on, or -1
 * where there is none.
 */
int
cph_client_fd(CphClient *client)
{
	return cph_transport_fd(client->transport);
}

/*
 * Sends a request for a page and returns the call, which the caller drops.
 * Does not wait: where too many requests are in flight, or the service asked
 * for patience, the request is sent later.
 */
CphCall *
cph_call_send(CphClient *client, const CphEndpoint *endpoint,
			  const CphParam *params, int nparams, int64 offset, int limit)
{
	MemoryContext caller = MemoryContextSwitchTo(client->context);
	CphCall    *call = palloc0(sizeof(CphCall));

	call->client = client;
	call->endpoint = endpoint;
	call->limit = limit;
	call->path = cph_request_path(endpoint, client->project_id);
	call->query = cph_request_page_query(params, nparams, offset, limit);
	dlist_push_tail(&client->calls, &call->node);
	MemoryContextSwitchTo(caller);
	step_call(call);
	schedule_wake(client);
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
				 errmsg("the statement would send more than %d requests",
						cph_max_requests),
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
		in_flight(client) >= cph_client_concurrency(client) ||
		!cph_credential_ready(client->credential, in_flight(client)))
		return;
	spend_request(client);
	scratch = AllocSetContextCreate(client->context, "cph_fdw request",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	request.url = psprintf("%s%s?%s", client->base, call->path, call->query);
	request.headers = cph_credential_headers(client->credential, &login,
											 &call->print);
	call->error = (CphServiceError) {0};
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
	int64		wait = cph_outcome_patience(call->transfer, &call->error,
											call->tries);
	int64		throttled;

	throttled = cph_connection_throttled(connection, cph_transport_now(), wait,
										 in_flight(client) + 1, timeout);
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
				cph_credential_renew(client->credential, call->print))
				return call->renewed = true;
			cph_credential_refused(client->credential, call->print,
								   call->transfer, &call->error,
								   call_detail(call, NULL));
			return false;
		case CPH_VERDICT_RETRY:
			if (++call->failures > client->options->max_retries)
				return false;
			call->not_before = cph_transport_now() +
				cph_outcome_backoff(call->transfer, call->failures);
			return true;
		default:
			return false;
	}
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
	{
		cph_transfer_release(call->transfer);
		call->transfer = NULL;
	}
	else
		call->verdict = CPH_VERDICT_RAISE;
}

/*
 * Goes on with one call as far as that is possible without waiting.  A try
 * that ends as soon as it is begun is followed by the next.
 */
static void
step_call(CphCall *call)
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
		return true;
	}
	if (call->verdict == CPH_VERDICT_USE)
	{
		body = cph_transfer_body(call->transfer, &length);
		*page = cph_json_page(call->endpoint, body, length, call->limit,
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
	cph_transfer_release(call->transfer);
	call->transfer = NULL;
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

/*
 * Sends a request for a page, waits for it, and decodes it in the current
 * memory context, as cph_call_send and cph_call_read do.
 */
CphCallResult
cph_client_fetch(CphClient *client, const CphEndpoint *endpoint,
				 const CphParam *params, int nparams, int64 offset, int limit,
				 CphPage **page)
{
	CphCall    *call = cph_call_send(client, endpoint, params, nparams,
									 offset, limit);
	const CphFilter *invalid;
	CphCallResult result;

	while (!cph_call_ready(call))
		cph_client_wait(client);
	result = cph_call_read(call, page, &invalid);
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
	CphCall    *call = cph_call_send(client, endpoint, params, nparams,
									 offset, limit);
	const CphFilter *invalid;
	bool		result;

	while (!cph_call_ready(call))
		cph_client_wait(client);
	result = read_call(call, page, &invalid, failure);
	cph_call_drop(call);
	return result;
}
