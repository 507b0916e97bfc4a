/*
 * analyze.h
 *		Sampling for ANALYZE.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_ANALYZE_H
#define CPH_ANALYZE_H

#include "compat.h"

#include "foreign/fdwapi.h"

extern bool cphAnalyzeForeignTable(Relation relation,
								   AcquireSampleRowsFunc *func,
								   BlockNumber *totalpages);

#endif							/* CPH_ANALYZE_H */
