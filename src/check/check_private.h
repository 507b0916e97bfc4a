/*
 * check_private.h
 *		What the files of this folder share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CHECK_PRIVATE_H
#define CPH_CHECK_PRIVATE_H

#include "client/client.h"

#include "foreign/foreign.h"
#include "nodes/execnodes.h"

/* A check of a server, and of one list at a time. */
typedef struct CphCheck
{
	ReturnSetInfo *result;
	const ForeignServer *server;
	const CphOptions *options;
	CphClient  *client;
	const CphEndpoint *endpoint;	/* NULL: none is at hand */
	CphPage    *first;			/* its first page, as large as can be */
	int64		total;			/* rows that it is said to have; -1: not said */
	bool		unreachable;	/* no answer came, or none to this credential */
} CphCheck;

/* Rows of the answer (report.c) */
extern void cph_check_report(CphCheck *check, const char *item,
							 const char *status, const char *detail);
extern void cph_check_fail(CphCheck *check, const char *item,
						   const CphFailure *failure);
extern void cph_check_advise(CphCheck *check, const char *item,
							 const char *status, const char *finding,
							 const char *option, const char *value);
extern CphPage *cph_check_fetch(CphCheck *check, const char *item,
								const char *param, const char *value,
								int64 offset, int limit);

/* Filters (filter.c) */
extern void cph_check_filter(CphCheck *check, const CphFilter *filter);

/* Foreign tables (tables.c) */
extern void cph_check_tables(CphCheck *check);

#endif							/* CPH_CHECK_PRIVATE_H */
