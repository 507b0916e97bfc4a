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

#include "subject.h"

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
	int			nvalues;		/* how many, if they are constants; else 0 */
} CphClause;

extern CphClause *cph_filter_clause(PlannerInfo *root,
									const CphTable *table, Expr *expr);
extern CphBinding *cph_clause_bind(const CphTable *table,
								   const CphClause *clause);
extern bool cph_clause_is_bound(const CphClause *clause);

#endif							/* CPH_FILTER_H */
