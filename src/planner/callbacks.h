/*
 * callbacks.h
 *		The callbacks of the planner.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_PLANNER_CALLBACKS_H
#define CPH_PLANNER_CALLBACKS_H

#include "compat.h"

#include "foreign/fdwapi.h"

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
extern List *cphReparameterizeForeignPathByChild(PlannerInfo *root,
												 List *fdw_private,
												 RelOptInfo *child_rel);
extern bool cphIsForeignPathAsyncCapable(ForeignPath *path);

#endif							/* CPH_PLANNER_CALLBACKS_H */
