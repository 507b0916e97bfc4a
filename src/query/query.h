/*
 * query.h
 *		The contract between planner and executor; values into parameters.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_QUERY_H
#define CPH_QUERY_H

#include "client/client.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/*
 * Values of clauses into values of query parameters, at run time.
 */

/* What a clause asks of a field. */
typedef enum CphOp
{
	CPH_OP_EQUAL,				/* field = value; of several values, or of an
								 * array: one of them */
	CPH_OP_LIKE,				/* field LIKE pattern */
	CPH_OP_PREFIX,				/* field ^@ prefix */
	CPH_OP_LABEL,				/* label(field) = text, likewise */
	CPH_OP_NOT_BEFORE,			/* field >= time */
	CPH_OP_AFTER,				/* field > time */
	CPH_OP_NOT_AFTER,			/* field <= time */
	CPH_OP_BEFORE,				/* field < time */
	CPH_OP_AT,					/* field = time */
	CPH_OP_GATE,				/* a condition of no field: if it fails, no
								 * row is wanted */
	CPH_OP_COVER				/* the filter's documented values are all that
								 * rows have: for each EXACT one a condition,
								 * whether it is wanted, or, if rows are made
								 * of counts, told apart; none: all are */
} CphOp;

/* Tells whether a clause bounds a time. */
static inline bool
cph_op_is_bound(CphOp op)
{
	return op >= CPH_OP_NOT_BEFORE && op <= CPH_OP_AT;
}

/* Tells whether a clause bounds a time from below. */
static inline bool
cph_op_is_lower(CphOp op)
{
	return op == CPH_OP_NOT_BEFORE || op == CPH_OP_AFTER || op == CPH_OP_AT;
}

/* Tells whether a clause bounds a time from above. */
static inline bool
cph_op_is_upper(CphOp op)
{
	return op == CPH_OP_NOT_AFTER || op == CPH_OP_BEFORE || op == CPH_OP_AT;
}

/* Returns the operator of a clause that bounds a time. */
static inline const char *
cph_op_symbol(CphOp op)
{
	return op == CPH_OP_NOT_BEFORE ? ">=" : op == CPH_OP_AFTER ? ">" :
		op == CPH_OP_NOT_AFTER ? "<=" : op == CPH_OP_BEFORE ? "<" : "=";
}

/* What a clause's values come to at run time. */
typedef struct CphBinding
{
	CphClass	class;			/* of sending the values; CPH_LOCAL: they must
								 * not be sent */
	bool		none;			/* no row can match */
	bool		needs_substring;	/* it could be sent if the service were
									 * known to find names by their inside */
	List	   *values;			/* distinct, char *, UTF-8; of an equality:
								 * the field is one of them */
} CphBinding;

extern CphBinding *cph_bind(const CphEndpoint *endpoint, int filter, CphOp op,
							CphNameFilter names, List *types,
							const Datum *values, const bool *nulls);
extern bool cph_bind_time(Oid type, Datum value, TimestampTz *time);

/*
 * What the planner tells the executor about a scan.
 *
 * A specification travels in ForeignScan.fdw_private as a list, which can be
 * copied, printed and cached; it holds no secret.  Expressions whose values
 * are known only at run time travel in fdw_exprs, and are named here by their
 * number.
 */

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
	int			ordered;		/* flag: rows are promised newest first ... */
	int			from_end;		/* flag: ... or oldest first */
	int			window;			/* flag: LIMIT and OFFSET are the scan's, as
								 * are the clauses of fdw_recheck_quals */
	int			count;			/* flag: the scan returns the number of rows */
	int			counted;		/* flag: only what filters tell is wanted of
								 * rows, so that they may be made of counts */
	int			limit_expr;		/* number of an expression of type bigint */
	int			offset_expr;	/* likewise */
	int			max_streams;	/* more values than that are not sent */
	int			first_rows;		/* rows that are known to be wanted; 0: all */

	/* For EXPLAIN */
	List	   *classes;		/* CphClass of each clause checked, integers */
	char	   *no_limit_reason;	/* why LIMIT was not pushed, or NULL */
	char	   *no_count_reason;	/* why rows are not counted, or NULL */
} CphScanSpec;

extern List *cph_scanspec_encode(const CphScanSpec *spec);
extern CphScanSpec *cph_scanspec_decode(List *encoded);

/*
 * What a scan asks the service for, once its values are known.
 */

/* A scan's specification with its values; cph_query_equal compares them. */
typedef struct CphQuery
{
	bool		none;			/* no row can match: nothing is to be sent */
	bool		exact;			/* the service returns just the rows that
								 * match */
	bool		exact_values;	/* it would, if bounds of time were none */
	bool		needs_substring;	/* a filter could be sent if the service
									 * were known to find names by their
									 * inside */
	CphParam   *params;			/* but for the filter that fans out */
	int			nparams;
	const CphFilter *fan;		/* the filter that has several values, or NULL */
	List	   *fan_values;		/* its values, char * */
	List	   *ids;			/* of the items wanted, char *, which are to
								 * be located; NIL: the list is to be read */
	const CphFilter *cover;		/* the filter whose documented values are all
								 * that rows have, or NULL */
	List	   *cover_values;	/* those of its EXACT values that are wanted */
	bool		some;			/* these are named by conditions */
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
									CphNameFilter names,
									const NullableDatum *exprs,
									Bitmapset *unsent);
extern bool cph_query_equal(const CphQuery *a, const CphQuery *b);

/*
 * What the documents leave open, found out by asking.
 */

extern bool cph_probe_substring(CphClient *client, const CphOptions *options,
								const CphEndpoint *endpoint);

#endif							/* CPH_QUERY_H */
