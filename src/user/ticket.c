/*
 * ticket.c
 *		Clients that are open, as all sessions see them: their progress.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"

PG_FUNCTION_INFO_V1(cph_fdw_stat_get_progress);

/* Columns of cph_fdw_stat_progress. */
#define PROGRESS_COLUMNS 10

/* In the order of CphWait. */
static const char *const waits[] =
{NULL, "CphRequest", "CphBackoff", "CphThrottle", "CphTurn", "CphToken",
"CphConnect", "CphConnect", "CphAnswer"};

/* Returns the key of a ticket. */
static CphRecordKey
ticket_key(uint64 number)
{
	CphRecordKey key = {.kind = CPH_RECORD_TICKET, .part = number};

	return key;
}

/*
 * Returns a ticket for a client that asks a server as a user, to be closed.
 * It stays where it is until then.  The statistics of that user there begin.
 */
CphTicket *
cph_ticket_open(Oid serverid, const char *server, Oid userid)
{
	static uint32 tickets = 0;
	CphRecordKey key = ticket_key((uint64) MyProcPid << CPH_TICKET_BITS | ++tickets);
	TimestampTz now = GetCurrentTimestamp();
	CphTicket  *ticket;

	cph_stats_open(serverid, server, userid);
	ticket = cph_shared_open(&key, false);
	ticket->number = key.part;
	ticket->pid = MyProcPid;
	ticket->process = cph_my_proc_number();
	ticket->database = MyDatabaseId;
	ticket->serverid = serverid;
	ticket->userid = userid;
	ticket->attended_at = cph_transport_now();
	strlcpy(ticket->server, server, sizeof(ticket->server));
	ticket->started_at = now;
	ticket->progress.expected = -1;
	cph_shared_close();
	return ticket;
}

/* Returns how far a ticket's client is, to be written by it. */
CphProgress *
cph_ticket_progress(CphTicket *ticket)
{
	return &ticket->progress;
}

/* Shows what list a client reads, and by what request.  The query may be "". */
void
cph_ticket_show(CphTicket *ticket, const char *resource, const char *path,
				const char *query)
{
	CphRecordKey key = ticket_key(ticket->number);
	char		request[CPH_REQUEST_SHOWN];

	snprintf(request, sizeof(request), "%s%s%s", path, *query ? "?" : "", query);
	if (strcmp(request, ticket->request) == 0 ||
		cph_shared_find(&key, false) == NULL)
		return;
	strlcpy(ticket->resource, resource, sizeof(ticket->resource));
	strlcpy(ticket->request, request, sizeof(ticket->request));
	cph_shared_close();
}

/*
 * Shows what a client waits for.  Returns what pg_stat_activity is to show
 * meanwhile.
 */
uint32
cph_ticket_wait(CphTicket *ticket, CphWait wait)
{
	static uint32 events[lengthof(waits)];

	ticket->wait = wait;
	if (wait != CPH_WAIT_NONE && events[wait] == 0)
		events[wait] = cph_wait_event_new(waits[wait]);
	return events[wait];
}

/* Wakes another process that waits. */
static void
wake(const CphTicket *other)
{
	if (other->pid != MyProcPid)
		SetLatch(&GetPGProcByNumber(other->process)->procLatch);
}

/*
 * Wakes the session whose turn is the next at the server of a ticket.  A record
 * is open.
 */
void
cph_ticket_wake_next(const CphTicket *ticket)
{
	const CphTicket *next = NULL;
	const CphTicket *other;
	int			place = 0;

	while ((other = cph_shared_next(CPH_RECORD_TICKET, &place)) != NULL)
	{
		if (other->serverid == ticket->serverid &&
			other->database == ticket->database && other->place != 0 &&
			cph_transport_now() - other->attended_at < CPH_ABANDONED_US &&
			(next == NULL || other->place < next->place))
			next = other;
	}
	if (next != NULL)
		wake(next);
}

/*
 * Ends a ticket, with the turns that it has taken.  NULL is harmless.  Raises no
 * error.
 */
void
cph_ticket_close(CphTicket *ticket)
{
	CphRecordKey key;

	if (ticket == NULL)
		return;
	key = ticket_key(ticket->number);
	if (cph_shared_find(&key, false) == NULL)
		return;
	ticket->holds = 0;
	ticket->place = 0;
	cph_ticket_wake_next(ticket);
	cph_shared_drop();
}

/* Tells whether a ticket is of a client that goes on.  A record is open. */
static bool
is_attended(uint64 number)
{
	CphRecordKey key = ticket_key(number);
	const CphTicket *ticket = cph_shared_beside(&key);

	return ticket != NULL &&
		cph_transport_now() - ticket->attended_at < CPH_ABANDONED_US;
}

/*
 * Has a client alone do what one is to do for all: holder, of the open record,
 * is the number of its ticket then.  Returns false if another one does it.
 */
bool
cph_ticket_claim(const CphTicket *ticket, uint64 *holder)
{
	if (*holder != 0 && *holder != ticket->number && is_attended(*holder))
		return false;
	*holder = ticket->number;
	return true;
}

/*
 * Ends that, and wakes those who wait for the outcome; harmless where another
 * one does it.
 */
void
cph_ticket_unclaim(const CphTicket *ticket, uint64 *holder)
{
	const CphTicket *other;
	int			place = 0;

	if (*holder != ticket->number)
		return;
	*holder = 0;
	while ((other = cph_shared_next(CPH_RECORD_TICKET, &place)) != NULL)
	{
		if (other->wait == CPH_WAIT_TOKEN || other->wait == CPH_WAIT_ANSWER)
			wake(other);
	}
}

/* Fills in a row of the view. */
static void
progress_row(const CphTicket *ticket, Datum *values, bool *nulls)
{
	const CphProgress *progress = &ticket->progress;
	int			i = 0;

	values[i++] = Int32GetDatum(ticket->pid);
	values[i++] = CStringGetTextDatum(ticket->server);
	values[i++] = CStringGetTextDatum(ticket->resource);
	values[i++] = CStringGetTextDatum(ticket->request);
	values[i++] = Int64GetDatum(progress->pages);
	values[i++] = Int64GetDatum(progress->rows);
	nulls[i] = progress->expected < 0;
	values[i++] = Int64GetDatum(progress->expected);
	values[i++] = Int32GetDatum(progress->in_flight);
	nulls[i] = ticket->wait == CPH_WAIT_NONE;
	if (!nulls[i])
		values[i] = CStringGetTextDatum(waits[ticket->wait]);
	i++;
	values[i++] = TimestampTzGetDatum(ticket->started_at);
	Assert(i == PROGRESS_COLUMNS);
}

/* cph_fdw_stat_get_progress() returns setof record: the view's rows */
Datum
cph_fdw_stat_get_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CphRecordKey key;
	CphTicket	ticket;
	int			place = 0;

	InitMaterializedSRF(fcinfo, 0);
	while (cph_shared_copy(CPH_RECORD_TICKET, &place, &key, &ticket))
	{
		Datum		values[PROGRESS_COLUMNS];
		bool		nulls[PROGRESS_COLUMNS] = {false};

		/* one that has asked for nothing yet is no news */
		if (!cph_stats_visible(ticket.userid) || ticket.request[0] == '\0')
			continue;
		progress_row(&ticket, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
