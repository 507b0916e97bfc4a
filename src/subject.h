/*
 * subject.h
 *		What a clause is about: a column as the service knows it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SUBJECT_H
#define CPH_SUBJECT_H

#include "bind.h"

#include "nodes/pathnodes.h"

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

#endif							/* CPH_SUBJECT_H */
