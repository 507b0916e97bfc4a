/*
 * callbacks.h
 *		The callbacks of the executor, of EXPLAIN and of ANALYZE.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_EXECUTOR_CALLBACKS_H
#define CPH_EXECUTOR_CALLBACKS_H

#include "compat.h"

#include "foreign/fdwapi.h"
#include "nodes/execnodes.h"

/* A scan */
extern void cphBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *cphIterateForeignScan(ForeignScanState *node);
extern void cphReScanForeignScan(ForeignScanState *node);
extern void cphEndForeignScan(ForeignScanState *node);

/* Several scans at once below Append */
extern void cphForeignAsyncRequest(AsyncRequest *areq);
extern void cphForeignAsyncConfigureWait(AsyncRequest *areq);
extern void cphForeignAsyncNotify(AsyncRequest *areq);

/* EXPLAIN and ANALYZE */
extern void cphExplainForeignScan(ForeignScanState *node, ExplainState *es);
extern bool cphAnalyzeForeignTable(Relation relation,
								   AcquireSampleRowsFunc *func,
								   BlockNumber *totalpages);

#endif							/* CPH_EXECUTOR_CALLBACKS_H */
