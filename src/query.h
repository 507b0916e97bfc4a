/*
 * query.h
 *		What a scan asks the service for, once its values are known.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_QUERY_H
#define CPH_QUERY_H

#include "scanspec.h"

#include "nodes/execnodes.h"
#include "request.h"

/* A scan's specification with its values. */
typedef struct CphQuery
{
	bool		none;			/* no row can match: nothing is to be sent */
	bool		exact;			/* the service returns just the rows that
								 * match */
	bool		needs_substring;	/* a filter could be sent if the service
									 * were known to find names by their
									 * inside */
	CphParam   *params;			/* but for the filter that fans out */
	int			nparams;
	const CphFilter *fan;		/* the filter that has several values, or NULL */
	List	   *fan_values;		/* its values, char * */
	uint32		filters;		/* those sent, as bits by their number */
	List	   *fields;			/* of the clauses that ask for equality */
	List	   *values;			/* for each of them, a list of values */
	bool		has_oldest;		/* bounds of the list's time */
	TimestampTz oldest;
	bool		has_newest;
	TimestampTz newest;
	int64		limit;			/* -1: all */
	int64		offset;
} CphQuery;

extern CphQuery *cph_query_evaluate(const CphScanSpec *spec,
									const CphEndpoint *endpoint,
									const CphOptions *options,
									CphNameFilter names, List *exprs,
									ExprContext *econtext, Bitmapset *unsent);

#endif							/* CPH_QUERY_H */
