/*
 * request.h
 *		A request for a page of a list: its path and its query.
 *
 * Pure functions: an endpoint, parameters and a page give text.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_REQUEST_H
#define CPH_REQUEST_H

#include "endpoint.h"
#include "lib/stringinfo.h"

/* A query parameter.  The value is UTF-8 and not encoded. */
typedef struct CphParam
{
	const char *name;
	const char *value;
} CphParam;

extern char *cph_request_path(const CphEndpoint *endpoint,
							  const char *project_id);
extern char *cph_request_query(const CphParam *params, int nparams);
extern char *cph_request_page_query(const CphParam *params, int nparams,
									int64 offset, int limit);
extern void cph_request_encode(StringInfo buf, const char *value);

#endif							/* CPH_REQUEST_H */
