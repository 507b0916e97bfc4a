/*
 * pace.c
 *		Who asks, and how fast: opens clients, waits for their calls, and slows
 *		down with the service.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include "utils/memutils.h"
#include "utils/wait_event.h"

/* A user who waits that long for a throttled service is told why. */
#define NOTICE_AFTER_US		INT64CONST(5000000)

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
	client->authority = strstr(client->base, "://") + 3;
	client->connection = cph_connection_open(mapping);
	client->credential = cph_credential_open(options, mapping,
											 client->connection);
	client->project_id = project_of(options, client->credential);
	client->loan = AllocSetContextCreate(context, "cph_fdw loan",
										 ALLOCSET_SMALL_SIZES);
	dlist_init(&client->calls);
	MemoryContextSwitchTo(caller);
	return client;
}

/* Borrows a transport, unless the client has one. */
void
cph_client_borrow(CphClient *client)
{
	if (client->transport == NULL)
		client->transport =
			cph_transport_borrow(client->connection->umid,
								 cph_credential_route(client->credential),
								 client->loan);
}

/* Tells whether the client has a transport to ask through, or can get one. */
bool
cph_client_may_ask(const CphClient *client)
{
	return client->transport != NULL ||
		cph_transport_available(client->connection->umid);
}

/*
 * Gives the transport back until the next call is sent: a plan may have more
 * scans than there are descriptors.  All calls must have been dropped.
 */
void
cph_client_rest(CphClient *client)
{
	Assert(dlist_is_empty(&client->calls));
	client->transport = NULL;
	MemoryContextReset(client->loan);
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
int
cph_client_in_flight(CphClient *client)
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

/* Returns the number of requests that were sent and not read, as things are. */
int
cph_client_unread(CphClient *client)
{
	int			result = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->calls)
	{
		if (dlist_container(CphCall, node, iter.cur)->transfer != NULL)
			result++;
	}
	return result;
}

/*
 * Has the transport wake up when the next try is due, or when a user is to be
 * told about throttling.
 */
void
cph_client_schedule(CphClient *client)
{
	CphConnection *connection = client->connection;
	int64		now = cph_transport_now();
	int64		at = 0;
	bool		idle = cph_client_in_flight(client) == 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->calls)
	{
		CphCall    *call = dlist_container(CphCall, node, iter.cur);

		if (call->transfer == NULL && call->verdict == CPH_VERDICT_NONE)
		{
			int64		due = Max(call->not_before, connection->resume_at);

			due = Max(due, cph_credential_ready_at(client->credential));
			due = Max(due, now);

			/*
			 * What is due waits for another to end, not for a time.  Where
			 * there is none, it has become due after it was looked at.
			 */
			if (due > now || idle)
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
 * Goes on with all calls as far as that is possible without waiting, but for a
 * token.  Raises no error for what the service answers, which waits for
 * cph_call_read.
 */
void
cph_client_perform(CphClient *client)
{
	dlist_iter	iter;

	cph_credential_attend(client->credential);
	cph_transport_perform(client->transport);

	/* twice: one that ends may make room for one before it */
	dlist_foreach(iter, &client->calls)
		cph_call_step(dlist_container(CphCall, node, iter.cur));
	dlist_foreach(iter, &client->calls)
		cph_call_step(dlist_container(CphCall, node, iter.cur));
	notice_throttling(client);
	cph_client_schedule(client);
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
	if (cph_client_in_flight(client) > 0)
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
 * where there is none.  To be asked for before each wait.
 */
int
cph_client_fd(CphClient *client)
{
	cph_credential_attend(client->credential);
	return cph_transport_fd(client->transport);
}
