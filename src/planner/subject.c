/*
 * subject.c
 *		What a clause is about: a column as the service knows it.
 *
 * A clause counts only if the service must mean the same by it as PostgreSQL:
 * the column's type compares as the documents' type of its field does, and
 * the operator is known by its function or operator family, never by its
 * name.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

/*
 * Returns what reading the clauses of a foreign table needs, palloc'd.
 * varno is its range table index.
 */
CphTable *
cph_table_open(Oid relid, Index varno, const CphOptions *options,
			   const CphEndpoint *endpoint)
{
	CphTable   *table = palloc0(sizeof(CphTable));
	Relation	rel = RelationIdGetRelation(relid);
	TupleDesc	desc = RelationGetDescr(rel);

	table->varno = varno;
	table->endpoint = endpoint;
	table->options = options;
	table->ncolumns = desc->natts;
	table->fields = palloc0(sizeof(char *) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (!attr->attisdropped)
			table->fields[i] = cph_column_field(relid, attr->attnum,
												NameStr(attr->attname));
	}
	RelationClose(rel);
	return table;
}

/*
 * Finds the family in which values of a type are compared, if it is one that
 * the service compares in.
 */
static bool
family_of_type(Oid type, int32 typmod, CphFieldType *family)
{
	Oid			base = getBaseTypeAndTypmod(type, &typmod);

	switch (base)
	{
		case TEXTOID:
		case VARCHAROID:
			*family = CPH_FIELD_STRING;
			return true;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			*family = CPH_FIELD_INTEGER;
			return true;
		case TIMESTAMPTZOID:
			*family = CPH_FIELD_TIME;
			return typmod < 0;
		default:
			return false;
	}
}

/* Returns an expression without casts that change nothing about the value. */
static Node *
strip_casts(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CoerceToDomain))
			node = (Node *) ((CoerceToDomain *) node)->arg;
		else if (IsA(node, FuncExpr) &&
				 (((FuncExpr *) node)->funcid == F_INT8_INT4 ||
				  ((FuncExpr *) node)->funcid == F_INT8_INT2 ||
				  ((FuncExpr *) node)->funcid == F_INT4_INT2))
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/*
 * Reads an expression as a column of the table that is compared as its field
 * is.
 */
static bool
read_column(const CphTable *table, Node *node, CphSubject *subject)
{
	Var		   *var = (Var *) strip_casts(node);

	if (!IsA(var, Var) || var->varno != table->varno ||
		var->varlevelsup > 0 || var->varattno < 1 ||
		var->varattno > table->ncolumns ||
		table->fields[var->varattno - 1] == NULL)
		return false;
	subject->field = table->fields[var->varattno - 1];
	return family_of_type(var->vartype, var->vartypmod, &subject->type);
}

/* Tells whether a function is the one that labels the endpoint's numbers. */
static bool
is_label_function(const CphEndpoint *endpoint, Oid funcid)
{
	FmgrInfo	flinfo;

	if (endpoint->label_function == NULL ||
		get_func_nargs(funcid) != 1 || funcid < FirstNormalObjectId)
		return false;
	fmgr_info(funcid, &flinfo);
	return flinfo.fn_addr == endpoint->label_function;
}

/*
 * Reads an expression as the subject of a clause: a column, an integer column
 * cast to numeric, or the label of a column.
 */
bool
cph_subject_read(const CphTable *table, Node *node, CphSubject *subject)
{
	FuncExpr   *func;

	memset(subject, 0, sizeof(CphSubject));
	if (read_column(table, node, subject))
		return true;
	func = (FuncExpr *) strip_casts(node);
	if (!IsA(func, FuncExpr) || list_length(func->args) != 1 ||
		!read_column(table, linitial(func->args), subject) ||
		subject->type != CPH_FIELD_INTEGER)
		return false;
	subject->numeric = func->funcid == F_NUMERIC_INT2 ||
		func->funcid == F_NUMERIC_INT4 || func->funcid == F_NUMERIC_INT8;
	subject->label = !subject->numeric &&
		table->endpoint->label_field != NULL &&
		strcmp(subject->field, table->endpoint->label_field) == 0 &&
		is_label_function(table->endpoint, func->funcid);
	return subject->numeric || subject->label;
}

/*
 * Returns what an operator says about a subject on its left, by the number of
 * its strategy in the btree family of the subject's type; 0: nothing.
 */
static int
strategy_of(const CphSubject *subject, Oid opno)
{
	Oid			family;

	if (subject->numeric)
		return get_opcode(opno) == F_NUMERIC_EQ ? BTEqualStrategyNumber : 0;
	if (subject->label || subject->type == CPH_FIELD_STRING)
		family = TEXT_BTREE_FAM_OID;
	else if (subject->type == CPH_FIELD_INTEGER)
		family = INTEGER_BTREE_FAM_OID;
	else
		family = lookup_type_cache(TIMESTAMPTZOID,
								   TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	return get_op_opfamily_strategy(opno, family);
}

/* Finds what an operator, with a subject on its left, asks for. */
bool
cph_subject_op(const CphSubject *subject, Oid opno, CphOp *op)
{
	switch (strategy_of(subject, opno))
	{
		case BTEqualStrategyNumber:
			*op = subject->label ? CPH_OP_LABEL : CPH_OP_EQUAL;
			return subject->label || subject->type != CPH_FIELD_TIME;
		case BTGreaterEqualStrategyNumber:
		case BTGreaterStrategyNumber:
			*op = CPH_OP_NOT_BEFORE;
			return subject->type == CPH_FIELD_TIME;
		case BTLessEqualStrategyNumber:
		case BTLessStrategyNumber:
			*op = CPH_OP_NOT_AFTER;
			return subject->type == CPH_FIELD_TIME;
	}
	if (subject->label || subject->type != CPH_FIELD_STRING)
		return false;
	if (get_opcode(opno) == F_TEXTLIKE)
		*op = CPH_OP_LIKE;
	else if (get_opcode(opno) == F_STARTS_WITH)
		*op = CPH_OP_PREFIX;
	else
		return false;
	return true;
}

/* Tells whether a column is the list's time, in a type that keeps its order. */
bool
cph_subject_is_time_column(const CphTable *table, const Var *var)
{
	CphSubject	subject;

	return table->endpoint->time_field != NULL &&
		read_column(table, (Node *) var, &subject) &&
		subject.type == CPH_FIELD_TIME &&
		strcmp(subject.field, table->endpoint->time_field) == 0;
}
