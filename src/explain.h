/*
 * explain.h
 *		What EXPLAIN says of a scan.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_EXPLAIN_H
#define CPH_EXPLAIN_H

#include "compat.h"

#include "nodes/execnodes.h"

extern void cphExplainForeignScan(ForeignScanState *node, ExplainState *es);

#endif							/* CPH_EXPLAIN_H */
