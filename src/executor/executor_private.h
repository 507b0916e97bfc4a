/*
 * executor_private.h
 *		What the files of this folder share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_EXECUTOR_PRIVATE_H
#define CPH_EXECUTOR_PRIVATE_H

#include "list/list.h"
#include "query/query.h"
#include "executor/callbacks.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/*
 * An item of a page into the columns of a foreign table.
 */

typedef struct CphTupleReader CphTupleReader;

extern CphTupleReader *cph_tuple_reader(Relation rel,
										const CphEndpoint *endpoint,
										const CphOptions *options,
										const char *project_id,
										List *attnums);
extern void cph_tuple_store(CphTupleReader *reader, const CphItem *item,
							TupleTableSlot *slot);

/* A scan while it is executed; ForeignScanState.fdw_state. */
typedef struct CphScanState
{
	CphScanSpec *spec;
	const CphOptions *options;
	const CphEndpoint *endpoint;
	Oid			userid;			/* whose user mapping is used */
	List	   *exprs;			/* ExprState * of fdw_exprs */
	Bitmapset  *params;			/* of the executor, that its rows depend on */
	CphTupleReader *reader;		/* NULL: no row was read yet */
	CphClient  *client;			/* NULL: nothing was sent yet */
	CphCounters counters;		/* of all that it did */
	MemoryContext context;		/* lasts as long as the state */

	/* One run of the scan, from its start or rescan on */
	MemoryContext run_context;	/* reset by a rescan */
	bool		started;
	CphStreams *streams;		/* NULL: there is nothing to read */
	bool		unverified;		/* the service skipped rows, and its first
								 * page is not checked yet */
	int64		to_skip;		/* rows that match, but are not wanted */
	int64		to_return;		/* rows that are wanted; -1: all */

	/* Since the start or rescan */
	int64		returned;		/* rows */
	bool		window_failed;	/* LIMIT and OFFSET have to be done here */
	Bitmapset  *unsent;			/* filters that the service did not take */
	bool		counted;		/* the row of a counting scan was returned */

	/* Of a counting scan, for the rescans that follow */
	int64		count;			/* number of rows; -1: not known */

	/* Rows kept from the first rescan on, for those that follow */
	Tuplestorestate *kept;		/* NULL: none */
	bool		kept_all;		/* that run came to its end */
	bool		replaying;		/* they are returned before others */
	TupleTableSlot *kept_slot;	/* to read them through */

	bool		waiting;		/* asynchronous: nothing yet */
	bool		async;			/* do not wait */
} CphScanState;

extern Bitmapset *cph_scan_params(const ForeignScan *plan);
extern CphClient *cph_scan_client(CphScanState *state);
extern CphQuery *cph_scan_query(ForeignScanState *node);
extern void cph_scan_pager_options(CphScanState *state,
								   const CphQuery *query,
								   CphPagerOptions *pager);

extern bool cph_scan_start(ForeignScanState *node);
extern TupleTableSlot *cph_count_iterate(ForeignScanState *node);

/* Rows that are kept for a rescan (kept.c) */
extern void cph_kept_begin(ForeignScanState *node);
extern TupleTableSlot *cph_kept_next(ForeignScanState *node);
extern void cph_kept_drop(CphScanState *state);

#endif							/* CPH_EXECUTOR_PRIVATE_H */
