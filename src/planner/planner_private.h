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
 * A foreign table while a query is planned (table.c): RelOptInfo.fdw_private
 * of its relation, and of the upper relations that a path of ours stands for.
 */
typedef struct CphTable
{
	PlannerInfo *root;
	RelOptInfo *rel;			/* the base relation */
	Oid			relid;
	const CphEndpoint *endpoint;
	const CphOptions *options;
	TupleDesc	desc;
	const char **fields;		/* of column number attnum - 1; NULL: not asked
								 * for yet */
	List	   *read;			/* each clause that was met, with what it asks */
	double		tuples;			/* rows of the list */
	bool		analyzed;		/* by statistics */
	List	   *pathkeys;		/* newest first, if the query can use it */
	RelOptInfo *ordered_rel;	/* UPPERREL_ORDERED, if these pathkeys are it */
	const char *no_limit_reason;	/* why LIMIT was not pushed, or NULL */
	const char *no_count_reason;	/* why rows are not counted, or NULL */
} CphTable;

extern CphTable *cph_table_open(PlannerInfo *root, RelOptInfo *rel, Oid relid);
extern const char *cph_table_column(const CphTable *table, AttrNumber attnum);
extern Node *cph_table_replace(const CphTable *table, Node *node,
							   const char *field, const char *value);
extern List *cph_table_columns(const CphTable *table, List *exprs);
extern const char *cph_table_field(const CphTable *table, const Node *node);

/* What the side of a clause that is about this table is (subject.c). */
typedef struct CphSubject
{
	const char *field;
	CphFieldType type;			/* the family of types it is compared in */
	bool		numeric;		/* an integer, cast to numeric */
	bool		label;			/* the label of the field, a string */
} CphSubject;

extern bool cph_subject_read(const CphTable *table, Node *node,
							 CphSubject *subject);
extern bool cph_subject_op(const CphSubject *subject, Oid opno, CphOp *op);
extern bool cph_subject_is_time(const CphTable *table, const CphSubject *subject);

/*
 * A clause that asks something the service may be asked (filter.c).  Its class
 * is the best that it can be: a value that only the run shows may turn out to
 * be worth less.
 */
typedef struct CphClause
{
	Expr	   *expr;			/* the clause itself */
	int			filter;			/* number of the endpoint's filter; -1: none,
								 * but its place in the list tells */
	CphOp		op;
	List	   *values;			/* expressions of the other side */
	CphClass	class;			/* the best that it can be */
	bool		fans_out;		/* can have several values */
	CphBinding *binding;		/* of constants; NULL: the run shows it */
} CphClause;

extern CphClause *cph_clause_read(const CphTable *table, Expr *expr);

/* Which clauses are put to use (choose.c) */
extern CphClause *cph_choose_read(CphTable *table, RestrictInfo *rinfo);
extern List *cph_choose_clauses(CphTable *table, List *restrictinfos,
								bool fan_out);
extern const CphClause *cph_chosen_clause(List *chosen, const Expr *expr);
extern const CphClause *cph_chosen_fan(const CphTable *table, List *chosen);
extern bool cph_clause_is_of_ids(const CphTable *table,
								 const CphClause *clause);
extern const CphClause *cph_chosen_ids(const CphTable *table, List *chosen);
extern double cph_clause_values(const CphTable *table,
								const CphClause *clause);
extern double cph_chosen_streams(const CphTable *table, List *chosen);

/* Sizes (size.c) */
extern void cph_estimate_size(CphTable *table);
extern double cph_estimate_received(const CphTable *table, List *chosen);

/* Costs (cost.c) */
extern bool cph_locating_may_cost_more(const CphTable *table,
									   const CphClause *ids);
extern int	cph_most_streams(const CphTable *table, bool ordered);
extern void cph_estimate_cost(const CphTable *table, List *chosen,
							  double wanted, Cost *startup_cost,
							  Cost *total_cost);
extern double cph_requests_to_end(const CphTable *table, List *chosen);
extern double cph_requests_to_count(const CphTable *table, List *chosen);

/* What a path of ours does; the one element of ForeignPath.fdw_private. */
typedef struct CphPath
{
	List	   *chosen;			/* CphClause * that are put to use */
	int			max_streams;	/* as in CphScanSpec */
	bool		from_end;		/* likewise */
	bool		window;			/* LIMIT and OFFSET are pushed */
	Node	   *limit_count;	/* or NULL */
	Node	   *limit_offset;	/* or NULL */
	bool		count;			/* count(*) is pushed */
	List	   *having;			/* clauses over the count */
	bool		counted;		/* as in CphScanSpec */
} CphPath;

/* Which values of a column a query tells apart (conditional.c) */
extern List *cph_conditional_values(const CphTable *table, int filter_number,
									List *restrictinfos);

/* Returns the clause of a path by which a filter covers all rows, or NULL. */
static inline const CphClause *
cph_path_cover(const CphPath *path)
{
	const CphClause *last = path->chosen ? llast(path->chosen) : NULL;

	return last != NULL && last->op == CPH_OP_COVER ? last : NULL;
}

/* Scans by counts, and by every value of a filter (cover.c) */
extern CphPath *cph_path_by_counts(CphTable *table, List *restrictinfos,
								   Cost *cost, const char **reason);
extern CphPath *cph_path_by_values(CphTable *table, List *restrictinfos,
								   Cost *startup, Cost *cost);

#endif							/* CPH_PLANNER_PRIVATE_H */
