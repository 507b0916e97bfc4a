/*
 * compat.h
 *		The differences between the versions of PostgreSQL, 15 to 19.
 *
 * This is the only file that looks at PG_VERSION_NUM.  Every other file is
 * written for the newest version and uses the names below where an older one
 * differs.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_COMPAT_H
#define CPH_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "cph_fdw needs PostgreSQL 15 or later"
#endif

/*
 * A function that only raises errors: 18 has the mark before the function.
 */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * EXPLAIN: 18 moved its parts into headers of their own.
 */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#else
#include "commands/explain.h"
#endif

/*
 * Paths: 17 added fdw_restrictinfo, 18 disabled_nodes.
 */
#if PG_VERSION_NUM >= 180000
#define CPH_DISABLED_NODES 0,
#else
#define CPH_DISABLED_NODES
#endif
#if PG_VERSION_NUM >= 170000
#define CPH_RESTRICTINFO NIL,
#else
#define CPH_RESTRICTINFO
#endif
#define cph_create_foreignscan_path(root, rel, target, rows, startup, total, \
									pathkeys, outer, fdw_private) \
	create_foreignscan_path(root, rel, target, rows, CPH_DISABLED_NODES \
							startup, total, pathkeys, outer, NULL, \
							CPH_RESTRICTINFO fdw_private)
#define cph_create_foreign_upper_path(root, rel, target, rows, startup, \
									  total, pathkeys, fdw_private) \
	create_foreign_upper_path(root, rel, target, rows, CPH_DISABLED_NODES \
							  startup, total, pathkeys, NULL, \
							  CPH_RESTRICTINFO fdw_private)

/*
 * Pathkeys: 16 dropped nullable_relids, 18 replaced the strategy.
 */
#if PG_VERSION_NUM >= 160000
#define cph_build_expression_pathkey(root, expr, opno, relids) \
	build_expression_pathkey(root, expr, opno, relids, false)
#else
#define cph_build_expression_pathkey(root, expr, opno, relids) \
	build_expression_pathkey(root, expr, NULL, opno, relids, false)
#endif
#if PG_VERSION_NUM >= 180000
#define cph_pathkey_is_descending(pathkey) ((pathkey)->pk_cmptype == COMPARE_GT)
#else
#define cph_pathkey_is_descending(pathkey) \
	((pathkey)->pk_strategy == BTGreaterStrategyNumber)
#endif

/*
 * The columns of a child in the place of its parent's: 16 takes relations.
 */
#if PG_VERSION_NUM >= 160000
#define cph_adjust_to_child(root, node, child) \
	((void *) adjust_appendrel_attrs_multilevel(root, (Node *) (node), child, \
												(child)->top_parent))
#else
#define cph_adjust_to_child(root, node, child) \
	((void *) adjust_appendrel_attrs_multilevel(root, (Node *) (node), \
												(child)->relids, \
												(child)->top_parent_relids))
#endif

/*
 * The length of an array: 17 wants to know the query.
 */
#if PG_VERSION_NUM >= 170000
#define cph_estimate_array_length(root, node) \
	estimate_array_length(root, node)
#else
#define cph_estimate_array_length(root, node) estimate_array_length(node)
#endif

/*
 * The user whose user mapping a scan uses: 16 keeps it in the plan.
 */
#if PG_VERSION_NUM >= 160000
#define cph_plan_userid(plan, estate) ((plan)->checkAsUser)
#else
#define cph_plan_userid(plan, estate) \
	(exec_rt_fetch((plan)->scan.scanrelid > 0 ? (plan)->scan.scanrelid : \
				   bms_next_member((plan)->fs_relids, -1), estate)->checkAsUser)
#endif

/*
 * A module tells its name and version from 18 on.
 */
#if PG_VERSION_NUM >= 180000
#define CPH_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "cph_fdw", .version = CPH_FDW_VERSION)
#else
#define CPH_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/*
 * Wait events of an extension have names of their own from 17 on.
 */
#if PG_VERSION_NUM >= 170000
#define cph_wait_event_new(name) WaitEventExtensionNew(name)
#else
#define cph_wait_event_new(name) PG_WAIT_EXTENSION
#endif

/*
 * Memory that sessions share: 17 has segments that whoever needs one first
 * makes; before that it is there from the server's start, for a library that is
 * preloaded.  19 hands an argument through.
 */
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#define CPH_SHARED_AT_START false
#else
#define CPH_SHARED_AT_START true
#endif
#if PG_VERSION_NUM >= 190000
#define CPH_SEGMENT_ARG , void *arg
#define cph_named_segment(name, size, init, found) \
	GetNamedDSMSegment(name, size, init, found, NULL)
#else
#define CPH_SEGMENT_ARG
#define cph_named_segment(name, size, init, found) \
	GetNamedDSMSegment(name, size, init, found)
#endif

/*
 * Locks of an extension: 19 is told their name when they are made, before that
 * each backend is.
 */
#if PG_VERSION_NUM >= 190000
#define cph_tranche_new(name) LWLockNewTrancheId(name)
#define cph_tranche_attach(tranche, name) ((void) 0)
#else
#define cph_tranche_new(name) LWLockNewTrancheId()
#define cph_tranche_attach(tranche, name) LWLockRegisterTranche(tranche, name)
#endif

/*
 * The number of the backend's process: 17 has a variable for it.
 */
#if PG_VERSION_NUM >= 170000
#define cph_my_proc_number() MyProcNumber
#else
#define cph_my_proc_number() MyProc->pgprocno
#endif

/*
 * The making of a jsonb: 19 keeps what it has made so far in one struct.
 */
#if PG_VERSION_NUM >= 190000
#define cph_push_jsonb(state, token, value) \
	pushJsonbValue(state, token, value)
#else
typedef struct JsonbInState
{
	struct JsonbValue *result;
	struct JsonbParseState *parseState;
} JsonbInState;
#define cph_push_jsonb(state, token, value) \
	((state)->result = pushJsonbValue(&(state)->parseState, token, value))
#endif

/*
 * Permissions: 16 asks about all kinds of objects by one function.
 */
#if PG_VERSION_NUM >= 160000
#define cph_server_aclcheck(serverid, userid, mode) \
	object_aclcheck(ForeignServerRelationId, serverid, userid, mode)
#else
#define cph_server_aclcheck(serverid, userid, mode) \
	pg_foreign_server_aclcheck(serverid, userid, mode)
#endif

/*
 * Casts to timestamptz: 19 tells about an overflow by a soft error instead of
 * a number.
 */
#if PG_VERSION_NUM >= 190000
#include "nodes/miscnodes.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/* As date2timestamptz_opt_overflow of older versions. */
static inline TimestampTz
cph_date_to_timestamptz(DateADT value, int *overflow)
{
	ErrorSaveContext context = {T_ErrorSaveContext};
	TimestampTz result = date2timestamptz_safe(value, (Node *) &context);

	*overflow = context.error_occurred;
	return result;
}

/* As timestamp2timestamptz_opt_overflow of older versions. */
static inline TimestampTz
cph_timestamp_to_timestamptz(Timestamp value, int *overflow)
{
	ErrorSaveContext context = {T_ErrorSaveContext};
	TimestampTz result = timestamp2timestamptz_safe(value, (Node *) &context);

	*overflow = context.error_occurred;
	return result;
}
#else
#define cph_date_to_timestamptz(value, overflow) \
	date2timestamptz_opt_overflow(value, overflow)
#define cph_timestamp_to_timestamptz(value, overflow) \
	timestamp2timestamptz_opt_overflow(value, overflow)
#endif

#endif							/* CPH_COMPAT_H */
