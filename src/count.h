/*
 * count.h
 *		count(*) from the number of rows that a page reports.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_COUNT_H
#define CPH_COUNT_H

#include "compat.h"

#include "nodes/execnodes.h"

extern TupleTableSlot *cph_count_iterate(ForeignScanState *node);

#endif							/* CPH_COUNT_H */
