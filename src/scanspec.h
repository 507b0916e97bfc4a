/*
 * scanspec.h
 *		What the planner tells the executor about a scan.
 *
 * A specification travels in ForeignScan.fdw_private as a list, which can be
 * copied, printed and cached; it holds no secret.  Expressions whose values
 * are known only at run time travel in fdw_exprs, and are named here by their
 * number.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SCANSPEC_H
#define CPH_SCANSPEC_H

#include "filter.h"

/* No expression. */
#define CPH_NO_EXPR (-1)

/* A clause that is sent, or that tells where in the list to read. */
typedef struct CphSpecClause
{
	int			filter;			/* number of the endpoint's filter; -1: none */
	CphOp		op;
	List	   *exprs;			/* numbers of the expressions, integers */
	List	   *types;			/* their types, OIDs */
	char	   *source;			/* for EXPLAIN: the column of an outer row
								 * that is the value, or "" */
} CphSpecClause;

/* A scan. */
typedef struct CphScanSpec
{
	Oid			relid;			/* the foreign table, also where the plan node
								 * names none */
	List	   *attnums;		/* columns to read, integers */
	List	   *clauses;		/* CphSpecClause *; at most one of a filter */
	bool		ordered;		/* rows are promised newest first */
	int			max_streams;	/* more values than that are not sent */
	bool		window;			/* LIMIT and OFFSET are the scan's, as are the
								 * clauses of fdw_recheck_quals */
	int			limit_expr;		/* number of an expression of type bigint */
	int			offset_expr;	/* likewise */
	bool		count;			/* the scan returns the number of rows */
	int			first_rows;		/* rows that are known to be wanted; 0: all */

	/* For EXPLAIN */
	List	   *classes;		/* CphClass of each clause checked, integers */
	char	   *no_limit_reason;	/* why LIMIT was not pushed, or NULL */
} CphScanSpec;

extern List *cph_scanspec_encode(const CphScanSpec *spec);
extern CphScanSpec *cph_scanspec_decode(List *encoded);

#endif							/* CPH_SCANSPEC_H */
