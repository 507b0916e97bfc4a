/*
 * planner_private.h
 *		What the files of this folder share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_PLANNER_PRIVATE_H
#define CPH_PLANNER_PRIVATE_H

#include "query/query.h"
#include "planner/callbacks.h"

#include "nodes/pathnodes.h"

/*
 * What a clause is about: a column as the service knows it.
 */

/* A foreign table as the planner sees it, for reading its clauses. */
typedef struct CphTable
{
	Index		varno;
	const CphEndpoint *endpoint;
	const CphOptions *options;
	int			ncolumns;
	char	  **fields;			/* of column number attnum - 1; NULL: dropped */
} CphTable;

/* The side of a clause that is about this table. */
typedef struct CphSubject
{
	const char *field;
	CphFieldType type;			/* the family of types it is compared in */
	bool		numeric;		/* an integer, cast to numeric */
	bool		label;			/* the label of the field, a string */
} CphSubject;

extern CphTable *cph_table_open(Oid relid, Index varno,
								const CphOptions *options,
								const CphEndpoint *endpoint);
extern bool cph_subject_read(const CphTable *table, Node *node,
							 CphSubject *subject);
extern bool cph_subject_op(const CphSubject *subject, Oid opno, CphOp *op);
extern bool cph_subject_is_time_column(const CphTable *table, const Var *var);

/*
 * Clauses into what the service can be asked.
 *
 * At plan time each clause is looked at once and becomes a CphClause, or is
 * local.  Its class is the best that it can be: a value that only the run
 * shows may turn out to be worth less.
 */

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

/*
 * What the planner knows of a foreign table: RelOptInfo.fdw_private of its
 * relation, and of the upper relations that a path of ours stands for.
 */
typedef struct CphRelInfo
{
	RelOptInfo *rel;			/* the base relation */
	Oid			relid;
	const CphEndpoint *endpoint;
	const CphOptions *options;
	CphTable   *table;
	List	   *pathkeys;		/* newest first, if the query can use it */
	RelOptInfo *ordered_rel;	/* UPPERREL_ORDERED, if these pathkeys are it */
	double		tuples;			/* rows of the list */
	bool		analyzed;		/* by statistics */
	const char *no_limit_reason;	/* why LIMIT was not pushed, or NULL */
} CphRelInfo;

/* What a path of ours does; ForeignPath.fdw_private. */
typedef struct CphPathKind
{
	bool		fan_out;		/* a clause with several values is sent */
	int			max_streams;	/* as in CphScanSpec */
	bool		window;			/* LIMIT and OFFSET are pushed */
	Node	   *limit_count;	/* or NULL */
	Node	   *limit_offset;	/* or NULL */
	bool		count;			/* count(*) is pushed */
	List	   *having;			/* clauses over the count */
} CphPathKind;

extern List *cph_path_kind_encode(const CphPathKind *kind);
extern CphPathKind cph_path_kind_decode(List *encoded);

/* Sizes (size.c) */
extern double cph_known_size(const CphRelInfo *info);
extern void cph_estimate_size(PlannerInfo *root, RelOptInfo *baserel,
							  const CphRelInfo *info);
extern double cph_estimate_received(PlannerInfo *root, const CphRelInfo *info,
									List *chosen);

/* Costs (cost.c) */
extern int	cph_most_streams(const CphRelInfo *info, bool ordered);
extern double cph_estimate_streams(PlannerInfo *root, List *chosen);
extern List *cph_choose_clauses(PlannerInfo *root, const CphRelInfo *info,
								List *restrictinfos, bool fan_out);
extern void cph_estimate_cost(PlannerInfo *root, const CphRelInfo *info,
							  List *chosen, double wanted,
							  Cost *startup_cost, Cost *total_cost);

#endif							/* CPH_PLANNER_PRIVATE_H */
