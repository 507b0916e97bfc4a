/*
 * filter.h
 *		Clauses into what the service can be asked.
 *
 * At plan time each clause is looked at once and becomes a CphClause, or is
 * local.  Its class is the best that it can be: a value that only the run
 * shows may turn out to be worth less.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_FILTER_H
#define CPH_FILTER_H

#include "bind.h"

#include "nodes/pathnodes.h"

/* A foreign table as the planner sees it, for reading its clauses. */
typedef struct CphFilterTable
{
	Index		varno;
	const CphEndpoint *endpoint;
	const CphOptions *options;
	int			ncolumns;
	char	  **fields;			/* of column number attnum - 1; NULL: dropped */
} CphFilterTable;

/* A clause that asks something the service may be asked. */
typedef struct CphClause
{
	Expr	   *expr;			/* the clause itself */
	const char *field;
	int			filter;			/* number of the endpoint's filter; -1: none,
								 * but its place in the list tells */
	CphOp		op;
	List	   *values;			/* expressions of the other side */
	CphClass	class;			/* the best that it can be */
	bool		fans_out;		/* can have several values */
} CphClause;

extern CphFilterTable *cph_filter_table(Oid relid, Index varno,
										const CphOptions *options,
										const CphEndpoint *endpoint);
extern CphClause *cph_filter_clause(PlannerInfo *root,
									const CphFilterTable *table, Expr *expr);
extern bool cph_clause_is_bound(const CphClause *clause);
extern bool cph_filter_is_time_column(const CphFilterTable *table,
									  const Var *var);

#endif							/* CPH_FILTER_H */
