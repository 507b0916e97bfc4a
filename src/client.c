/*
 * client.c
 *		Requests to the service: send, classify, try again, slow down, raise.
 *
 * Which answer leads to what is told by the tables transfer_outcomes,
 * status_outcomes and code_outcomes; sources are the service's and its
 * gateway's tables of error codes.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client.h"

#include "connection.h"
#include "credential.h"
#include "access/xact.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "transport.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* A try is repeated after 250 ms, 500 ms, ... 8 s, less a random part. */
#define BACKOFF_FIRST_US	INT64CONST(250000)
#define BACKOFF_MAX_US		INT64CONST(8000000)

/* Waits for an answer that asks for patience but does not say how much. */
#define THROTTLE_FIRST_US	INT64CONST(1000000)
#define THROTTLE_MAX_US		INT64CONST(30000000)

/* A user who waits that long for a throttled service is told why. */
#define NOTICE_AFTER_US		INT64CONST(5000000)

/* What to do about the end of a transfer. */
typedef enum Verdict
{
	VERDICT_NONE,				/* not ended */
	VERDICT_USE,				/* it is for cph_call_read to make sense of */
	VERDICT_RETRY,
	VERDICT_THROTTLE,
	VERDICT_RENEW,				/* the credential, and try again */
	VERDICT_RAISE
} Verdict;

/* What the end of a transfer, an HTTP status or an error code leads to. */
typedef struct Outcome
{
	int			key;			/* CphTransferState or HTTP status */
	const char *code;			/* error_code, or NULL */
	Verdict		verdict;
	int			sqlstate;
	const char *message;		/* with a %s for the server's name */
	const char *hint;			/* or NULL */
} Outcome;

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
	bool		renewed;		/* the credential was renewed for it */
	int64		not_before;		/* next try; 0: at once */
	CphTransfer *transfer;		/* NULL: between tries */
	Verdict		verdict;		/* VERDICT_USE or _RAISE once it is settled */
	const Outcome *outcome;		/* of VERDICT_RAISE */
	CphServiceError error;		/* what the answer says of itself */
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
	dlist_head	calls;			/* every CphCall that was not dropped */
};

static const Outcome transfer_outcomes[] = {
	{CPH_TRANSFER_NO_CONNECTION, NULL, VERDICT_RETRY,
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
	"could not connect to server \"%s\"", NULL},
	{CPH_TRANSFER_TLS_FAILED, NULL, VERDICT_RAISE,
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"could not establish a secure connection to server \"%s\"",
	"The option \"sslrootcert\" of the server names the authorities to trust."},
	{CPH_TRANSFER_TIMED_OUT, NULL, VERDICT_RETRY,
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"server \"%s\" did not answer in time",
	"The options \"connect_timeout\" and \"request_timeout\" of the server say how long to wait."},
	{CPH_TRANSFER_BROKEN, NULL, VERDICT_RETRY, ERRCODE_FDW_REPLY_HANDLE,
	"the answer of server \"%s\" broke off", NULL},
	{CPH_TRANSFER_TOO_LARGE, NULL, VERDICT_RAISE, ERRCODE_FDW_REPLY_HANDLE,
		"the answer of server \"%s\" is too large",
	"The option \"max_response_size\" of the server bounds it."},
	{CPH_TRANSFER_FAILED, NULL, VERDICT_RAISE, ERRCODE_FDW_ERROR,
	"could not send a request to server \"%s\"", NULL},
};

#define FORBIDDEN "server \"%s\" denied permission"
#define FAILED "server \"%s\" failed to answer"

/* By error code, which says more than the HTTP status. */
static const Outcome code_outcomes[] = {
	{0, "CPS.0001", VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The user needs permission to list phones and servers of the project."},
	{0, "CPS.0002", VERDICT_RAISE, ERRCODE_FDW_ERROR,
		"server \"%s\" refused the page",
	"If the list is too long to be read to its end, read it in parts by a filter on server_id."},
	{0, "CPS.0003", VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{0, "CPS.0006", VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The account is in arrears."},
	{0, "CPS.0007", VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The account is frozen."},
	{0, "CPS.0008", VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The account is not verified."},
	{0, "APIGW.0308", VERDICT_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
	"server \"%s\" is throttling", NULL},
	{0, "APIG.0308", VERDICT_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
	"server \"%s\" is throttling", NULL},
};

/* By HTTP status.  The last one stands for every other. */
static const Outcome status_outcomes[] = {
	{200, NULL, VERDICT_USE, ERRCODE_FDW_REPLY_HANDLE,
	"the answer of server \"%s\" is not a page of the list", NULL},
	{401, NULL, VERDICT_RENEW, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
	"server \"%s\" refused the credential", NULL},
	{403, NULL, VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	NULL},
	{404, NULL, VERDICT_RAISE, ERRCODE_FDW_ERROR,
		"server \"%s\" does not know the list",
	"The option \"endpoint\" of the server may name another service."},
	{429, NULL, VERDICT_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"server \"%s\" is throttling",
	"The option \"throttle_timeout\" of the server says for how long to wait."},
	{500, NULL, VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{502, NULL, VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{503, NULL, VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{504, NULL, VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{301, NULL, VERDICT_RAISE, ERRCODE_FDW_ERROR, "server \"%s\" redirects to another place",
	"Redirects are not followed, since a credential would go with them."},
	{302, NULL, VERDICT_RAISE, ERRCODE_FDW_ERROR, "server \"%s\" redirects to another place",
	"Redirects are not followed, since a credential would go with them."},
	{0, NULL, VERDICT_RAISE, ERRCODE_FDW_ERROR,
	"server \"%s\" answered with an error", NULL},
};

static void start_call(CphCall *call);
static void step_call(CphCall *call);

/* Copies the options of the transport out of those of the server. */
static CphTransportOptions
transport_options(const CphOptions *options)
{
	CphTransportOptions result = {0};

	result.connect_timeout_ms = options->connect_timeout * 1000;
	result.request_timeout_ms = options->request_timeout * 1000;
	result.max_body = (Size) options->max_response_size * 1024;
	result.ca_file = options->sslrootcert;
	return result;
}

/* Returns the project to ask for; raises an error where none is named. */
static char *
project_of(const CphOptions *options, const CphCredential *credential)
{
	const char *project_id = options->project_id;

	if (project_id == NULL)
		project_id = cph_credential_project(credential);
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
	CphTransportOptions transport = transport_options(options);
	UserMapping *mapping = GetUserMapping(userid, options->serverid);
	CphClient  *client = palloc0(sizeof(CphClient));

	client->context = context;
	client->options = options;
	client->counters = counters;
	client->base = cph_options_endpoint(options);
	client->authority = cph_options_host(options);
	client->connection = cph_connection_open(mapping);
	client->credential = cph_credential_open(options, mapping);
	client->project_id = project_of(options, client->credential);
	client->transport = cph_transport_borrow(mapping->umid, &transport, context);
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

/* Returns the client's connection, for what the service has shown. */
CphConnection *
cph_client_connection(CphClient *client)
{
	return client->connection;
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

		if (call->transfer != NULL && call->verdict == VERDICT_NONE)
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

		if (call->transfer == NULL && call->verdict == VERDICT_NONE)
		{
			int64		due = Max(call->not_before, connection->resume_at);

			/* what is due waits for another to end, not for a time */
			if (due > now)
				at = at == 0 ? due : Min(at, due);
		}
	}
	if (at != 0 && connection->throttled_since != 0 && !connection->noticed)
		at = Min(at, connection->throttled_since + NOTICE_AFTER_US);
	cph_transport_wake_at(client->transport, at);
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
	dlist_foreach(iter, &client->calls)
		step_call(dlist_container(CphCall, node, iter.cur));
	schedule_wake(client);
}

/* Tells the user, once, that the service asks for patience. */
static void
notice_throttling(CphClient *client)
{
	CphConnection *connection = client->connection;
	int64		now = cph_transport_now();

	if (connection->throttled_since == 0 || connection->noticed ||
		now - connection->throttled_since < NOTICE_AFTER_US)
		return;
	connection->noticed = true;
	ereport(NOTICE,
			(errmsg("waiting for server \"%s\", which is throttling",
					client->options->server_name)));
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
	notice_throttling(client);
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
	return call->verdict != VERDICT_NONE;
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
	CphHttpRequest request = {0};

	if (now < call->not_before || now < client->connection->resume_at ||
		in_flight(client) >= cph_client_concurrency(client))
		return;
	spend_request(client);
	scratch = AllocSetContextCreate(client->context, "cph_fdw request",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	request.url = psprintf("%s%s?%s", client->base, call->path, call->query);
	request.headers = cph_credential_headers(client->credential, "GET",
											 client->authority, call->path,
											 call->query);
	call->error = (CphServiceError) {0};
	call->transfer = cph_transfer_start(client->transport, &request);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	client->counters->requests++;
	client->counters->retries += call->tries > 0;
	call->tries++;
}

/* Finds the outcome that an answer with an error code has, or NULL. */
static const Outcome *
outcome_of_code(const char *code)
{
	for (int i = 0; code != NULL && i < lengthof(code_outcomes); i++)
	{
		if (strcmp(code_outcomes[i].code, code) == 0)
			return &code_outcomes[i];
	}
	return NULL;
}

/* Finds the outcome of a key in a table whose last entry is any other's. */
static const Outcome *
outcome_of_key(const Outcome *table, int length, int key)
{
	int			i = 0;

	while (i < length - 1 && table[i].key != key)
		i++;
	return &table[i];
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

/* Finds what the end of a call's transfer leads to. */
static const Outcome *
outcome_of_call(CphCall *call)
{
	CphTransferState state = cph_transfer_state(call->transfer);
	int			status = cph_transfer_status(call->transfer);
	const Outcome *outcome;
	const char *body;
	Size		length;

	if (state != CPH_TRANSFER_ANSWERED)
		return outcome_of_key(transfer_outcomes, lengthof(transfer_outcomes),
							  state);
	if (status != 200)
	{
		MemoryContext caller = MemoryContextSwitchTo(call->client->context);

		body = cph_transfer_body(call->transfer, &length);
		cph_json_error(body, length, &call->error);
		MemoryContextSwitchTo(caller);
	}
	outcome = outcome_of_code(call->error.code);
	return outcome ? outcome :
		outcome_of_key(status_outcomes, lengthof(status_outcomes), status);
}

/* Returns a number of microseconds between half of a time and all of it. */
static int64
with_jitter(int64 us)
{
	return us / 2 + random() % (us / 2 + 1);
}

/* Returns first doubled a number of times, but not above max. */
static int64
doubled(int64 first, int times, int64 max)
{
	return times >= 16 ? max : Min(first << times, max);
}

/*
 * Reads how long the service's limit lasts out of the text of a 429 such as
 * "... limit:60,time:1 minute".  Returns 0 if it does not say so.
 */
static int64
window_of_text(const char *text)
{
	const char *found = text ? strstr(text, ",time:") : NULL;
	char	   *unit;
	long		number;

	if (found == NULL)
		return 0;
	number = strtol(found + strlen(",time:"), &unit, 10);
	if (number < 1 || number > 3600)
		return 0;
	while (*unit == ' ')
		unit++;
	if (strncmp(unit, "second", 6) == 0)
		return number * USECS_PER_SEC;
	if (strncmp(unit, "minute", 6) == 0)
		return number * USECS_PER_MINUTE;
	if (strncmp(unit, "hour", 4) == 0)
		return number * USECS_PER_HOUR;
	return 0;
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
	int64		wait = cph_transfer_retry_after(call->transfer) * USECS_PER_SEC;
	int64		throttled;

	if (wait == 0)
		wait = window_of_text(call->error.message);
	if (wait == 0)
		wait = with_jitter(doubled(THROTTLE_FIRST_US, call->tries - 1,
								   THROTTLE_MAX_US));
	throttled = cph_connection_throttled(connection, cph_transport_now(), wait,
										 in_flight(client) + 1, timeout);
	if (throttled <= timeout)
		return true;
	connection->throttled_since = 0;
	return false;
}

/*
 * Decides whether a call whose try has failed gets another one.
 */
static bool
may_retry(CphCall *call, const Outcome *outcome)
{
	CphClient  *client = call->client;
	int64		wait;

	switch (outcome->verdict)
	{
		case VERDICT_THROTTLE:
			return throttle(call);
		case VERDICT_RENEW:
			if (call->renewed || !cph_credential_renew(client->credential))
				return false;
			call->renewed = true;
			return true;
		case VERDICT_RETRY:
			if (call->tries > client->options->max_retries)
				return false;
			wait = with_jitter(doubled(BACKOFF_FIRST_US, call->tries - 1,
									   BACKOFF_MAX_US));
			wait = Max(wait, cph_transfer_retry_after(call->transfer) * USECS_PER_SEC);
			call->not_before = cph_transport_now() + wait;
			return true;
		default:
			return false;
	}
}

/* Ends a try: the call is settled, or is to be tried again. */
static void
finish_try(CphCall *call)
{
	CphClient  *client = call->client;
	const Outcome *outcome = outcome_of_call(call);

	client->counters->bytes += cph_transfer_received(call->transfer);
	call->outcome = outcome;
	if (outcome->verdict == VERDICT_USE)
	{
		cph_connection_succeeded(client->connection);
		call->verdict = VERDICT_USE;
	}
	else if (outcome->verdict == VERDICT_RAISE && invalid_filter(call) != NULL)
		call->verdict = VERDICT_USE;
	else if (may_retry(call, outcome))
	{
		cph_transfer_release(call->transfer);
		call->transfer = NULL;
	}
	else
		call->verdict = VERDICT_RAISE;
}

/*
 * Goes on with one call as far as that is possible without waiting.  A try
 * that ends as soon as it is begun is followed by the next.
 */
static void
step_call(CphCall *call)
{
	while (call->verdict == VERDICT_NONE)
	{
		if (call->transfer == NULL)
			start_call(call);
		if (call->transfer == NULL ||
			cph_transfer_state(call->transfer) == CPH_TRANSFER_PENDING)
			break;
		finish_try(call);
	}
}

/*
 * Returns a text of the service in the database's encoding, palloc'd.  A
 * character that has no place in it becomes a question mark: a message about
 * an error must not raise another.
 */
static char *
service_text(const char *text)
{
	char	   *result = pstrdup(text);

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return result;
	for (char *p = result; *p; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return result;
}

/*
 * Returns what is known of a call for the detail of an error, palloc'd: the
 * request, and what the service or libcurl says.  reason is added if not NULL.
 */
static char *
call_detail(const CphCall *call, const char *reason)
{
	CphTransfer *transfer = call->transfer;
	int			status = cph_transfer_status(transfer);
	const char *request_id = call->error.request_id;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "GET %s%s?%s", call->client->authority, call->path,
					 call->query);
	if (status != 0)
		appendStringInfo(&buf, ": HTTP status %d", status);
	if (call->error.code != NULL)
		appendStringInfo(&buf, ", error code %s", service_text(call->error.code));
	if (call->error.message != NULL)
		appendStringInfo(&buf, ", \"%s\"", service_text(call->error.message));
	if (cph_transfer_state(transfer) != CPH_TRANSFER_ANSWERED)
		appendStringInfo(&buf, ": %s", cph_transfer_error(transfer));
	if (reason != NULL)
		appendStringInfo(&buf, ": %s", reason);
	if (request_id == NULL)
		request_id = cph_transfer_header(transfer, "X-Request-Id");
	if (request_id != NULL)
		appendStringInfo(&buf, " (request %.64s)", service_text(request_id));
	if (call->tries > 1)
		appendStringInfo(&buf, ", after %d tries", call->tries);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

/* Raises the error that a call has ended in. */
static void
raise_outcome(const CphCall *call, const char *reason)
{
	const Outcome *outcome = call->outcome;
	const char *hint = outcome->hint;

	if (outcome->verdict == VERDICT_RENEW)
		hint = cph_credential_hint(call->client->credential);
	ereport(ERROR,
			(errcode(outcome->sqlstate),
			 errmsg(outcome->message, call->client->options->server_name),
			 errdetail_internal("%s", call_detail(call, reason)),
			 hint ? errhint("%s", hint) : 0));
}

/*
 * Reads a call that is ready: decodes its page in the current memory context,
 * or says that a filter's value was not taken, and which filter's.  Raises the
 * call's error where it ended in one.  A call can be read once.
 */
CphCallResult
cph_call_read(CphCall *call, CphPage **page, const CphFilter **invalid)
{
	const char *reason = NULL;
	const char *body;
	Size		length;

	Assert(cph_call_ready(call));
	if (call->verdict == VERDICT_RAISE)
		raise_outcome(call, NULL);
	if (cph_transfer_status(call->transfer) != 200)
	{
		*invalid = invalid_filter(call);
		return (*invalid)->invalid_is_none ? CPH_CALL_NO_ROWS :
			CPH_CALL_INVALID_FILTER;
	}
	body = cph_transfer_body(call->transfer, &length);
	*page = cph_json_page(call->endpoint, body, length, call->limit, &reason);
	if (*page == NULL)
		raise_outcome(call, reason);
	call->client->counters->rows += (*page)->nitems;
	cph_transfer_release(call->transfer);
	call->transfer = NULL;
	return CPH_CALL_PAGE;
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
