/*
 * async.c
 *		Scans of several tables at once below Append.
 *
 * Each scan has one descriptor, which is readable whenever the scan can go
 * on.  Append waits for all of them together, and asks the scan whose
 * descriptor is readable for its next row.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "executor/execAsync.h"
#include "storage/latch.h"

/* Asks the scan for a row, and tells Append what became of it. */
static void
produce_row(AsyncRequest *areq)
{
	ForeignScanState *node = castNode(ForeignScanState, areq->requestee);
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot;

	state->async = true;
	slot = areq->requestee->ExecProcNodeReal(areq->requestee);
	state->async = false;
	if (TupIsNull(slot) && state->waiting)
		ExecAsyncRequestPending(areq);
	else
		ExecAsyncRequestDone(areq, TupIsNull(slot) ? NULL : slot);
}

/* ForeignAsyncRequest: begins to get the next row. */
void
cphForeignAsyncRequest(AsyncRequest *areq)
{
	produce_row(areq);
}

/* Tells whether a scan has something to wait for. */
static bool
has_started(const CphScanState *state)
{
	return state->run != NULL && state->run->started;
}

/*
 * Tells whether a scan of an Append is under way, so that there is something
 * to wait for.
 */
static bool
has_started_scan(const AppendState *append)
{
	int			i = -1;

	while ((i = bms_next_member(append->as_asyncplans, i)) >= 0)
	{
		const AsyncRequest *areq = append->as_asyncrequests[i];
		ForeignScanState *node = castNode(ForeignScanState, areq->requestee);

		if (areq->callback_pending &&
			(node->fdwroutine->ForeignAsyncRequest != cphForeignAsyncRequest ||
			 has_started(node->fdw_state)))
			return true;
	}
	return false;
}

/*
 * ForeignAsyncConfigureWait: adds the scan's descriptor to what Append waits
 * for.  A page that is complete by now makes it readable at once.
 *
 * A scan for which there were no descriptors begins now, if there are.  If
 * not, it is asked again before each wait; the end of another brings it in.
 * Where there is no other, the want of descriptors is an error.
 */
void
cphForeignAsyncConfigureWait(AsyncRequest *areq)
{
	ForeignScanState *node = castNode(ForeignScanState, areq->requestee);
	CphScanState *state = node->fdw_state;
	AppendState *append = (AppendState *) areq->requestor;

	if (!has_started(state))
	{
		bool		started;

		state->async = has_started_scan(append);
		started = cph_scan_start(node);
		state->async = false;
		if (!started)
			return;
	}
	AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE,
					  cph_client_fd(state->client), NULL, areq);
}

/* ForeignAsyncNotify: goes on when the descriptor is readable. */
void
cphForeignAsyncNotify(AsyncRequest *areq)
{
	produce_row(areq);
}
