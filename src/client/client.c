/*
 * client.c
 *		Who asks: opens and closes clients, tells how far they are, and has
 *		their transports wake them.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include "miscadmin.h"
#include "utils/memutils.h"

dlist_head	cph_clients = DLIST_STATIC_INIT(cph_clients);

/* The reset callback of a client's context: others need not wait for it. */
static void
leave(void *arg)
{
	CphClient  *client = arg;
	CphCommon  *common = client->common;

	if (common != NULL && common->trial != NULL &&
		common->trial->client == client)
		common->trial = NULL;
	if (client->ticket != NULL)
	{
		dlist_delete(&client->node);
		cph_client_report(client);
	}
	cph_connection_close(client->connection);
	cph_ticket_close(client->ticket);
}

/*
 * Tells whether the client knows the project that it asks for: it may come with
 * a token, or be looked up.  Raises an error where none is named.
 */
bool
cph_client_has_project(CphClient *client)
{
	const char *project_id = client->project_id;
	CphLack		lack = cph_credential_lacks(client->credential);

	if (project_id == NULL)
		project_id = cph_credential_project(client->credential);
	if (project_id == NULL && lack != CPH_LACK_TOKEN && lack != CPH_LACK_PROJECT)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("server \"%s\" names no project",
						client->options->server_name),
				 errhint("Set the option \"project_id\" of the server or the foreign table.")));
	if (project_id != NULL && client->project_id == NULL)
		client->project_id = MemoryContextStrdup(client->context, project_id);
	return project_id != NULL;
}

/*
 * Returns what can be done where a user has no mapping for a server; NULL: it
 * has one, or everybody has.
 */
const char *
cph_client_no_mapping(Oid userid, Oid serverid)
{
	if (OidIsValid(cph_mapping_find(userid, serverid)))
		return NULL;
	return "Create a user mapping for the user, or grant SELECT on a view whose owner has one.";
}

/* Returns the mapping of a user; raises PostgreSQL's error, with a hint. */
static UserMapping *
get_mapping(const CphOptions *options, Oid userid)
{
	const char *hint = cph_client_no_mapping(userid, options->serverid);

	if (hint != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for user \"%s\", server \"%s\"",
						GetUserNameFromId(userid, false), options->server_name),
				 errhint("%s", hint)));
	return GetUserMapping(userid, options->serverid);
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
	UserMapping *mapping = get_mapping(options, userid);
	CphClient  *client = palloc0(sizeof(CphClient));

	client->context = context;
	client->options = options;
	client->userid = userid;
	client->counters = counters;
	client->base = cph_options_endpoint(options);
	client->callback.func = leave;
	client->callback.arg = client;
	MemoryContextRegisterResetCallback(context, &client->callback);
	client->umid = mapping->umid;
	client->connection = cph_connection_open(mapping);
	client->common = cph_connection_common(client->connection);
	client->credential = cph_credential_open(options, mapping,
											 client->connection);
	(void) cph_client_has_project(client);
	client->loan = AllocSetContextCreate(context, "cph_fdw loan",
										 ALLOCSET_SMALL_SIZES);
	dlist_init(&client->calls);
	client->ticket = cph_ticket_open(options->serverid,
									 options->server_name, userid);
	dlist_push_tail(&cph_clients, &client->node);
	MemoryContextSwitchTo(caller);
	return client;
}

/* Borrows a transport, unless the client has one. */
void
cph_client_borrow(CphClient *client)
{
	if (client->transport == NULL)
		client->transport =
			cph_transport_borrow(client->umid,
								 cph_credential_route(client->credential),
								 client->loan);
}

/* Tells whether the client has a transport to ask through, or can get one. */
bool
cph_client_may_ask(const CphClient *client)
{
	return client->transport != NULL ||
		cph_transport_available(client->umid);
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

/* Returns what the last answer told about the other end. */
const CphPeer *
cph_client_peer(const CphClient *client)
{
	return &client->peer;
}

/* Returns how many requests may be in flight at once. */
int
cph_client_concurrency(const CphClient *client)
{
	int			limit = client->common->pace.limit;
	int			most = client->options->max_concurrent_requests;

	return limit == 0 ? most : Min(most, limit);
}

/* Returns how many of the client's calls were sent, and are not read. */
static int
count_sent(CphClient *client, bool also_settled)
{
	int			result = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->calls)
	{
		const CphCall *call = dlist_container(CphCall, node, iter.cur);

		result += call->transfer != NULL &&
			(also_settled || call->verdict == CPH_VERDICT_NONE);
	}
	return result;
}

/* Returns the number of the client's requests that are in flight. */
int
cph_client_in_flight(CphClient *client)
{
	return count_sent(client, false);
}

/* Returns the number of requests that were sent and not read, as things are. */
int
cph_client_unread(CphClient *client)
{
	return count_sent(client, true);
}

/*
 * Tells whether a client waits for what another's call finds out about their
 * credential.
 */
bool
cph_client_is_behind(const CphClient *client)
{
	const CphCall *trial = client->common->trial;

	return (client->beaten || (trial != NULL && trial->client != client)) &&
		cph_credential_lacks(client->credential) != CPH_LACK_NOTHING;
}

/*
 * Returns when a call that is not on its way is to be looked at again, of
 * cph_transport_now; 0: it waits for another to end, not for a time.
 */
static int64
due_time(const CphCall *call, int64 now, bool idle)
{
	CphClient  *client = call->client;
	int64		due = Max(call->not_before, client->common->pace.resume_at);

	if (call->transfer != NULL || call->verdict != CPH_VERDICT_NONE ||
		(client->question != NULL && client->question != call))
		return 0;
	if (due <= now && client->turn_at != 0)
		due = client->turn_at;
	if (due > now)
		return due;
	/* where no other is, it has become due after it was looked at */
	return idle && !cph_client_is_behind(client) ? now : 0;
}

/*
 * Has the transport wake up when the next try is due, or when a user is to be
 * told about throttling.
 */
void
cph_client_schedule(CphClient *client)
{
	const CphPace *pace = &client->common->pace;
	int64		now = cph_transport_now();
	int64		notice_at = pace->throttled_since + CPH_NOTICE_AFTER_US;
	int			in_flight = cph_client_in_flight(client);
	int64		at = 0;
	dlist_iter	iter;

	cph_ticket_progress(client->ticket)->in_flight = in_flight;
	if (cph_client_is_behind(client))
		at = now + (client->beaten ? CPH_ATTEND_US : CPH_LOOK_AGAIN_US);
	else if (client->common->trial != NULL || client->awaits ||
			 client->claims > 0)
		at = now + CPH_ATTEND_US;
	dlist_foreach(iter, &client->calls)
	{
		int64		due = due_time(dlist_container(CphCall, node, iter.cur),
								   now, in_flight == 0);

		if (due != 0)
			at = at == 0 ? due : Min(at, due);
	}
	if (in_flight > 0)
		at = at == 0 ? now + CPH_HOLD_US : Min(at, now + CPH_HOLD_US);
	if (at != 0 && pace->throttled_since != 0 &&
		pace->throttled_since != client->common->noticed &&
		notice_at > now)
		at = Min(at, notice_at);
	if (client->notice_at > now)
		at = at == 0 ? client->notice_at : Min(at, client->notice_at);
	client->wake_at = at;
	cph_transport_wake_at(client->transport, at);
}
