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
#include "async.h"

#include "executor/execAsync.h"
#include "plan.h"
#include "scanstate.h"
#include "storage/latch.h"
#include "transport.h"

/*
 * IsForeignPathAsyncCapable: a scan of a table can be asked without waiting;
 * one that counts waits.
 */
bool
cphIsForeignPathAsyncCapable(ForeignPath *path)
{
	const CphRelInfo *info = path->path.parent->fdw_private;

	return info->options->async_capable && cph_transport_has_fd() &&
		!cph_path_kind_decode(path->fdw_private).count;
}

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

/*
 * ForeignAsyncConfigureWait: adds the scan's descriptor to what Append waits
 * for.  A page that is complete by now makes it readable at once.
 */
void
cphForeignAsyncConfigureWait(AsyncRequest *areq)
{
	ForeignScanState *node = castNode(ForeignScanState, areq->requestee);
	CphScanState *state = node->fdw_state;
	AppendState *append = (AppendState *) areq->requestor;

	AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE,
					  cph_client_fd(state->client), NULL, areq);
}

/* ForeignAsyncNotify: goes on when the descriptor is readable. */
void
cphForeignAsyncNotify(AsyncRequest *areq)
{
	produce_row(areq);
}
