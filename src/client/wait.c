/*
 * wait.c
 *		Waits for the calls of a client, and goes on with them.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include "utils/memutils.h"

/*
 * Goes on with another client, whose scan may not be read again before this one
 * has its rows.  Its descriptor becomes readable, since what it was to tell may
 * have been taken here.
 */
static void
help(CphClient *other)
{
	cph_transport_perform(other->transport);
	/* before it goes on, which may raise an error, and again after it */
	cph_transport_wake_at(other->transport, cph_transport_now());
	cph_client_step(other);
	cph_transport_wake_at(other->transport, cph_transport_now());
}

/*
 * Goes on with those of this backend's clients that this one waits for: whose call
 * finds out what it lacks, or who may hold the turn that it is to have.
 */
static void
help_others(CphClient *client)
{
	dlist_iter	iter;

	if (!client->beaten && cph_client_is_behind(client))
		help(client->common->trial->client);
	else if (client->turn_at != 0)
		dlist_foreach(iter, &cph_clients)
		{
			CphClient  *other = dlist_container(CphClient, node, iter.cur);

			if (other != client && cph_client_in_flight(other) > 0 &&
				other->options->serverid == client->options->serverid)
				help(other);
		}
}

/*
 * Goes on with all calls as far as that is possible without waiting.  Raises
 * no error for what the service answers, which waits for cph_call_page.
 */
void
cph_client_perform(CphClient *client)
{
	(void) cph_ticket_wait(client->ticket, CPH_WAIT_NONE);
	cph_transport_perform(client->transport);
	cph_client_notice(client);
	help_others(client);
	cph_client_step(client);
}

/* Shows, and returns for pg_stat_activity, what the client waits for. */
static uint32
begin_wait(CphClient *client)
{
	return cph_ticket_wait(client->ticket, cph_client_waits_for(client));
}

/*
 * Waits until something has happened to one of the calls, and goes on with
 * them.  Serves interrupts.
 */
void
cph_client_wait(CphClient *client)
{
	const CphPace *pace = &client->common->pace;
	int64		before = cph_transport_now();
	int64		after;

	cph_transport_wait(client->transport, begin_wait(client));
	after = cph_transport_now();
	client->counters->waited_us += after - before;
	if (pace->resume_at > before)
		client->counters->throttled_us += Min(after, pace->resume_at) - before;
	cph_client_perform(client);
}

/*
 * Returns a descriptor that is readable whenever the client can go on, or -1
 * where there is none.  To be asked for before each wait.
 */
int
cph_client_fd(CphClient *client)
{
	(void) begin_wait(client);
	/* no latch that another session sets wakes it here */
	if (client->turn_at != 0 || client->beaten || client->awaits)
		cph_transport_wake_at(client->transport,
							  cph_transport_now() + CPH_LOOK_AGAIN_US);
	return cph_transport_fd(client->transport);
}

/*
 * Gives the transport back until the next call is sent: a plan may have more
 * scans than there are descriptors.  All calls must have been dropped.
 */
void
cph_client_rest(CphClient *client)
{
	cph_call_drop(client->question);
	client->question = NULL;
	Assert(dlist_is_empty(&client->calls));
	client->transport = NULL;
	MemoryContextReset(client->loan);
}

/* Raises an error. */
pg_noreturn static void
raise_failure(const CphFailure *failure)
{
	ereport(ERROR,
			(errcode(failure->sqlstate),
			 errmsg_internal("%s", failure->message),
			 errdetail_internal("%s", failure->detail),
			 failure->hint ? errhint("%s", failure->hint) : 0));
}

/*
 * Returns the project that the client asks for.  Waits for a token where that
 * tells it.
 */
const char *
cph_client_project(CphClient *client)
{
	while (!cph_client_has_project(client))
	{
		if (client->failure != NULL)
			raise_failure(client->failure);
		cph_client_borrow(client);
		(void) cph_client_may_log_in(client);
		cph_client_step(client);
		cph_client_wait(client);
	}
	return client->project_id;
}

/*
 * Returns what the service has shown of an endpoint and the client's project,
 * for reading and writing.
 */
CphFacts *
cph_client_facts(CphClient *client, const CphEndpoint *endpoint)
{
	return cph_facts_find(client->connection, endpoint,
						  cph_client_project(client));
}

/* Waits until a call is ready. */
static void
await(CphCall *call)
{
	while (!cph_call_ready(call))
		cph_client_wait(call->client);
}

/*
 * Waits for a call and reads it as cph_call_take does, but raises its error.
 * The call ends.
 */
CphCallResult
cph_call_page(CphCall *call, CphPage **page, const CphFilter **invalid)
{
	CphFailure	failure;

	await(call);
	if (!cph_call_take(call, page, &failure))
		raise_failure(&failure);
	*invalid = call->invalid;
	cph_call_drop(call);
	if (*page != NULL)
		return CPH_CALL_PAGE;
	return (*invalid)->invalid_is_none ? CPH_CALL_NO_ROWS :
		CPH_CALL_INVALID_FILTER;
}

/*
 * Waits for a call of cph_call_locate and returns what came of it, and value,
 * palloc'd, where the item is located.  The call ends.
 */
CphLocated
cph_call_location(CphCall *call, char **value)
{
	CphLocated	located;

	await(call);
	if (!cph_call_take_location(call, &located, value))
		raise_failure(&call->failure);
	cph_call_drop(call);
	return located;
}

/*
 * Sends a request for a page, waits for it, and decodes it in the current
 * memory context, as cph_call_send and cph_call_page do.
 */
CphCallResult
cph_client_fetch(CphClient *client, const CphEndpoint *endpoint,
				 const CphParam *params, int nparams, int64 offset, int limit,
				 CphPage **page)
{
	const CphFilter *invalid;

	return cph_call_page(cph_call_send(client, endpoint, params, nparams,
									   offset, limit), page, &invalid);
}

/* Asks for the number of rows of a list; -1: the service does not tell. */
int64
cph_client_total(CphClient *client, const CphEndpoint *endpoint)
{
	CphPage    *page;

	return cph_client_fetch(client, endpoint, NULL, 0, 0, 1,
							&page) == CPH_CALL_PAGE && page->has_count ?
		page->count : -1;
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
	bool		result;

	await(call);
	result = cph_call_take(call, page, failure);
	cph_call_drop(call);
	return result;
}
