/*
 * pace.c
 *		How fast a server is asked, by all sessions together: slowed down where
 *		it asks for patience, and a step at a time as before; no more requests
 *		in flight, or in a second, than its options say.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include "miscadmin.h"

/* Answers in a row after which one more request may be in flight. */
#define SUCCESSES_PER_STEP 16

/*
 * A request in flight that nobody looked after for that long counts no more: a
 * cursor may not be fetched from again, and its answer came long ago.
 */
#define FORGOTTEN_US (2 * CPH_HOLD_US)

/* What is asked of a server at the moment. */
typedef struct Crowd
{
	int			in_flight;		/* requests */
	int			ahead;			/* clients that wait for a turn before one */
	bool		own;			/* some of both are this backend's */
} Crowd;

/* Opens the record of a server's pace. */
static CphPace *
open_pace(const CphConnection *connection)
{
	CphRecordKey key = {CPH_RECORD_PACE, MyDatabaseId, connection->serverid};

	return cph_shared_open(&key, false);
}

/* Counts what is asked of the server of a ticket.  The pace is open. */
static Crowd
find_crowd(const CphTicket *ticket)
{
	Crowd		crowd = {0};
	const CphTicket *other;
	int			place = 0;

	while ((other = cph_shared_next(CPH_RECORD_TICKET, &place)) != NULL)
	{
		int64		idle = cph_transport_now() - other->attended_at;

		if (other->serverid != ticket->serverid ||
			other->database != ticket->database)
			continue;
		if (idle < FORGOTTEN_US)
			crowd.in_flight += other->holds;
		if (other == ticket)
			continue;
		if (other->place != 0 && idle < CPH_ABANDONED_US &&
			(ticket->place == 0 || other->place < ticket->place))
			crowd.ahead++;
		crowd.own |= other->pid == MyProcPid;
	}
	return crowd;
}

/*
 * Has a connection know the pace of its server, as it is now, in
 * connection->common.pace; and takes note that a client, or NULL, goes on with
 * its calls.
 */
void
cph_pace_look(CphConnection *connection, CphTicket *ticket)
{
	if (ticket != NULL)
		ticket->attended_at = cph_transport_now();
	connection->common.pace = *open_pace(connection);
	cph_shared_close();
}

/*
 * Takes note of an answer that asked for patience: no request of this server
 * before wait_us have passed, and half as many in flight as were.  Answers to
 * requests that were on their way at that time count once.
 *
 * Returns false if no success will have been seen for longer than timeout_us
 * when the wait is over: the caller is to give up.  That is forgotten then, for
 * a later statement may ask whether it still is so.
 */
bool
cph_pace_throttled(CphConnection *connection, const CphTicket *ticket,
				   int64 wait_us, int64 timeout_us)
{
	CphPace    *pace = open_pace(connection);
	int64		now = cph_transport_now();
	bool		patient;

	/* What an earlier statement met with long ago does not count. */
	if (pace->throttled_since == 0 || now - pace->resume_at > timeout_us)
		pace->throttled_since = now;
	if (now >= pace->resume_at)
	{
		int			in_flight = find_crowd(ticket).in_flight;

		pace->limit = Max((pace->limit ? Min(pace->limit, in_flight) : in_flight) / 2, 1);
		pace->successes = 0;
	}
	pace->resume_at = Max(pace->resume_at, now + wait_us);
	patient = pace->resume_at - pace->throttled_since <= timeout_us;
	if (!patient)
		pace->throttled_since = pace->resume_at = 0;
	connection->common.pace = *pace;
	cph_shared_close();
	return patient;
}

/* Takes note of a success: the pace recovers, a step at a time, up to most. */
void
cph_pace_succeeded(CphConnection *connection, int most)
{
	CphPace    *pace;

	/* the usual case needs no lock */
	if (connection->common.pace.throttled_since == 0 && connection->common.pace.limit == 0)
		return;
	pace = open_pace(connection);
	pace->throttled_since = 0;
	if (pace->limit != 0 && ++pace->successes >= SUCCESSES_PER_STEP)
	{
		pace->successes = 0;
		if (++pace->limit >= most)
			pace->limit = 0;
	}
	connection->common.pace = *pace;
	cph_shared_close();
}

/*
 * Returns from when on the rate allows a request, behind so many others.  As
 * many as a twentieth of a second allows may be sent at once: no second has more
 * than that more than the rate, and where some are late on their way, a tenth.
 */
static int64
rate_allows_at(const CphPace *pace, double rate, int ahead)
{
	double		interval = USECS_PER_SEC / rate;

	return pace->next_at + (int64) (interval * (ahead - Max(rate / 20 - 1, 0)));
}

/*
 * Takes a turn: the right to have one more request in flight, to be given back.
 * Turns are taken in the order in which clients of all sessions first tried.
 * Returns false, and when to look again, if it is not the client's turn yet.
 */
bool
cph_pace_take(CphConnection *connection, CphTicket *ticket,
			  const CphOptions *options, int64 *look_at)
{
	double		rate = options->max_requests_per_second;
	CphPace    *pace = open_pace(connection);
	Crowd		crowd = find_crowd(ticket);
	int			most = options->max_server_requests;
	int64		now = cph_transport_now();
	int64		due = pace->resume_at;
	bool		taken;

	if (pace->limit != 0)
		most = Min(most, pace->limit);
	if (rate > 0)
		due = Max(due, rate_allows_at(pace, rate, crowd.ahead));
	taken = now >= due && crowd.in_flight + crowd.ahead < most;
	if (taken)
	{
		ticket->holds++;
		ticket->place = 0;
		if (rate > 0)
			pace->next_at = Max(pace->next_at, now) +
				(int64) (USECS_PER_SEC / rate);
	}
	else if (ticket->place == 0)
		ticket->place = ++pace->places;
	cph_shared_close();
	*look_at = now + (crowd.own ? CPH_LOOK_AGAIN_US : CPH_ATTEND_US);
	if (due > now)
		*look_at = Min(*look_at, due);
	return taken;
}

/* Gives back a turn that was taken. */
void
cph_pace_give(CphConnection *connection, CphTicket *ticket)
{
	(void) open_pace(connection);
	ticket->holds--;
	cph_ticket_wake_next(ticket);
	cph_shared_close();
}

/* Waits no longer for a turn.  Harmless for who does not. */
void
cph_pace_leave(CphConnection *connection, CphTicket *ticket)
{
	if (ticket->place == 0)
		return;
	(void) open_pace(connection);
	ticket->place = 0;
	cph_ticket_wake_next(ticket);
	cph_shared_close();
}
