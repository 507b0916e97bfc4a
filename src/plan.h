/*
 * plan.h
 *		The planner's callbacks.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_PLAN_H
#define CPH_PLAN_H

#include "filter.h"

#include "foreign/fdwapi.h"

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

/* Callbacks */
extern void cphGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
								 Oid foreigntableid);
extern void cphGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
							   Oid foreigntableid);
extern void cphGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									RelOptInfo *input_rel,
									RelOptInfo *output_rel, void *extra);
extern ForeignScan *cphGetForeignPlan(PlannerInfo *root,
									  RelOptInfo *foreignrel,
									  Oid foreigntableid,
									  ForeignPath *best_path, List *tlist,
									  List *scan_clauses, Plan *outer_plan);

#endif							/* CPH_PLAN_H */
