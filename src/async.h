/*
 * async.h
 *		Scans of several tables at once below Append.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_ASYNC_H
#define CPH_ASYNC_H

#include "compat.h"

#include "foreign/fdwapi.h"

extern bool cphIsForeignPathAsyncCapable(ForeignPath *path);
extern void cphForeignAsyncRequest(AsyncRequest *areq);
extern void cphForeignAsyncConfigureWait(AsyncRequest *areq);
extern void cphForeignAsyncNotify(AsyncRequest *areq);

#endif							/* CPH_ASYNC_H */
