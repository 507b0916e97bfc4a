/*
 * pace.c
 *		How fast a server is asked: slowed down where it asks for patience,
 *		and a step at a time as before.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user.h"

#include <limits.h>

/* Answers in a row after which one more request may be in flight. */
#define SUCCESSES_PER_STEP 16

/* Puts a pace back to what it is before the first request. */
void
cph_pace_reset(CphPace *pace)
{
	memset(pace, 0, sizeof(CphPace));
	pace->limit = INT_MAX;
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
cph_pace_throttled(CphPace *pace, int64 wait_us, int in_flight,
				   int64 timeout_us)
{
	int64		now = cph_transport_now();

	/* What an earlier statement met with long ago does not count. */
	if (pace->throttled_since == 0 || now - pace->resume_at > timeout_us)
	{
		pace->throttled_since = now;
		pace->noticed = false;
	}
	if (now >= pace->resume_at)
	{
		pace->limit = Max(Min(pace->limit, in_flight) / 2, 1);
		pace->successes = 0;
	}
	pace->resume_at = Max(pace->resume_at, now + wait_us);
	if (pace->resume_at - pace->throttled_since <= timeout_us)
		return true;
	pace->throttled_since = 0;
	pace->resume_at = 0;
	return false;
}

/* Takes note of a success: the pace recovers, a step at a time. */
void
cph_pace_succeeded(CphPace *pace)
{
	pace->throttled_since = 0;
	pace->noticed = false;
	if (pace->limit < INT_MAX && ++pace->successes >= SUCCESSES_PER_STEP)
	{
		pace->successes = 0;
		if (++pace->limit > CPH_MAX_CONCURRENT)
			pace->limit = INT_MAX;
	}
}
