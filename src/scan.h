/*
 * scan.h
 *		The executor's callbacks.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SCAN_H
#define CPH_SCAN_H

#include "compat.h"

#include "foreign/fdwapi.h"
#include "nodes/execnodes.h"

extern bool cph_scan_start(ForeignScanState *node);
extern void cphBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *cphIterateForeignScan(ForeignScanState *node);
extern void cphReScanForeignScan(ForeignScanState *node);
extern void cphEndForeignScan(ForeignScanState *node);

#endif							/* CPH_SCAN_H */
