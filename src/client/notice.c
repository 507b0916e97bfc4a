/*
 * notice.c
 *		Tells what a client waits for: to pg_stat_activity, and to a user who
 *		has waited for long.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include "access/xact.h"

/* What is waited for may change in between; what lasts for so long is told. */
#define SETTLED_US INT64CONST(1000000)

/* In the order of CphWait. */
static const char *const awaited[] = {
	NULL,
	"waiting for an answer of server \"%s\"",
	"waiting for the next try at server \"%s\"",
	NULL,						/* see notice_throttling */
	"waiting for a turn at server \"%s\"",
	"waiting for a token for server \"%s\"",
	"waiting for a connection to server \"%s\"",
	"waiting for the address of server \"%s\"",
	NULL						/* another session is told */
};

/*
 * Returns what a client waits for: another session's answer, a token, an answer
 * or a connection, the next try, its turn, or the service to be ready for more.
 */
CphWait
cph_client_waits_for(CphClient *client)
{
	bool		in_flight = cph_client_in_flight(client) > 0;

	if (client->awaits)
		return CPH_WAIT_ANSWER;
	if (cph_client_is_behind(client) ||
		(in_flight && client->question != NULL))
		return CPH_WAIT_TOKEN;
	if (!in_flight)
		return client->common->pace.resume_at > cph_transport_now() ?
			CPH_WAIT_THROTTLE :
			client->turn_at != 0 ? CPH_WAIT_TURN : CPH_WAIT_BACKOFF;
	switch (cph_transport_phase(client->transport))
	{
		case CPH_PHASE_NAME:
			return CPH_WAIT_NAME;
		case CPH_PHASE_CONNECTION:
			return CPH_WAIT_CONNECT;
		default:
			return CPH_WAIT_REQUEST;
	}
}

/* Tells the user, once, that the service asks for patience. */
static void
notice_throttling(CphClient *client)
{
	CphCommon  *common = client->common;
	const CphPace *pace = &common->pace;
	int64		now = cph_transport_now();

	if (pace->throttled_since == 0 ||
		pace->throttled_since == common->noticed ||
		pace->resume_at <= now ||
		now - pace->throttled_since < CPH_NOTICE_AFTER_US)
		return;
	common->noticed = pace->throttled_since;
	ereport(NOTICE,
			(errmsg("waiting for server \"%s\", which is throttling",
					client->options->server_name)));
}

/* Tells the user what is waited for, unless that was told last. */
static void
notice_wait(CphClient *client)
{
	CphNotice  *told = &client->common->notice;
	const CphNotice *wait = &client->wait;

	if (awaited[wait->wait] == NULL ||
		(told->statement == wait->statement && told->wait == wait->wait &&
		 told->failures == wait->failures))
		return;
	*told = *wait;
	ereport(NOTICE,
			(errmsg(awaited[wait->wait], client->options->server_name),
			 errdetail("This is try %d of %d at most.", wait->failures + 1,
					   client->options->max_retries + 1)));
}

/*
 * Takes note of what the client waits for, and since when, and of the time that
 * it has waited without progress: an answer, or some more of one.  Who comes
 * later than was wanted, as the reader of a cursor, did not wait.  Returns false
 * if it waits for nothing.
 */
static bool
look(CphClient *client, int64 now)
{
	CphNotice	wait = {GetCurrentStatementStartTimestamp(), now};
	int64		progress = client->settled;
	bool		pending = false;
	dlist_iter	iter;

	dlist_foreach(iter, &client->calls)
	{
		CphCall    *call = dlist_container(CphCall, node, iter.cur);

		if (call->verdict != CPH_VERDICT_NONE)
			continue;
		pending = true;
		wait.failures = Max(wait.failures, call->failures);
		if (call->transfer != NULL && cph_transfer_status(call->transfer) == 200)
			progress += cph_call_size(call);
	}
	if (pending)
		wait.wait = cph_client_waits_for(client);
	if (wait.wait != client->wait.wait || wait.failures != client->wait.failures ||
		wait.statement != client->wait.statement)
		client->wait = wait;
	if (pending && progress == client->progress &&
		client->looked_at != 0 && client->wake_at > client->looked_at)
		client->still_us += Min(now, client->wake_at) - client->looked_at;
	else
		client->still_us = 0;
	client->progress = progress;
	client->looked_at = now;
	return pending;
}

/*
 * Tells a user who has waited for long for what, once a statement and again
 * when that changes; or says when to look again.  To be called when the client
 * goes on, before it looks at its calls.
 */
void
cph_client_notice(CphClient *client)
{
	int64		now = cph_transport_now();

	client->notice_at = 0;
	if (look(client, now))
	{
		int64		at = Max(now + CPH_NOTICE_AFTER_US - client->still_us,
							 client->wait.since + SETTLED_US);

		if (at <= now)
			notice_wait(client);
		else
			client->notice_at = at;
	}
	notice_throttling(client);
}
