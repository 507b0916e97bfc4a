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

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

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

	subject->field = cph_table_field(table, (Node *) var);
	return subject->field != NULL &&
		family_of_type(var->vartype, var->vartypmod, &subject->type);
}

/*
 * Tells whether a function of the language C is made of a symbol of a library;
 * NULL: of any symbol.  Its library, palloc'd, is put into *library, or NULL
 * where it is of another language.  Nothing is loaded.
 */
static bool
is_symbol(Oid funcid, const char *symbol, char **library)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	bool		result = false;
	Datum		datum;

	*library = NULL;
	if (!HeapTupleIsValid(tuple))
		return false;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
	{
		bool		isnull;

		datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &isnull);
		if (!isnull)
			*library = TextDatumGetCString(datum);
		datum = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
		result = !isnull &&
			(symbol == NULL || strcmp(TextDatumGetCString(datum), symbol) == 0);
	}
	ReleaseSysCache(tuple);
	return result && *library != NULL;
}

/*
 * Tells whether a function is the one that labels the endpoint's numbers: by
 * its symbol, in the library of the wrapper's own handler.
 */
static bool
is_label_function(const CphTable *table, Oid funcid)
{
	char	   *library;
	char	   *own;
	ForeignServer *server;

	if (table->endpoint->label_function == NULL ||
		!is_symbol(funcid, table->endpoint->label_function, &library))
		return false;
	server = GetForeignServer(table->options->serverid);
	return is_symbol(GetForeignDataWrapper(server->fdwid)->fdwhandler, NULL,
					 &own) && strcmp(library, own) == 0;
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
		is_label_function(table, func->funcid);
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
			*op = subject->label ? CPH_OP_LABEL :
				subject->type == CPH_FIELD_TIME ? CPH_OP_AT : CPH_OP_EQUAL;
			return true;
		case BTGreaterEqualStrategyNumber:
			*op = CPH_OP_NOT_BEFORE;
			return subject->type == CPH_FIELD_TIME;
		case BTGreaterStrategyNumber:
			*op = CPH_OP_AFTER;
			return subject->type == CPH_FIELD_TIME;
		case BTLessEqualStrategyNumber:
			*op = CPH_OP_NOT_AFTER;
			return subject->type == CPH_FIELD_TIME;
		case BTLessStrategyNumber:
			*op = CPH_OP_BEFORE;
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

/* Tells whether a subject is the list's time, in a type that keeps its order. */
bool
cph_subject_is_time(const CphTable *table, const CphSubject *subject)
{
	return table->endpoint->time_field != NULL &&
		subject->type == CPH_FIELD_TIME &&
		strcmp(subject->field, table->endpoint->time_field) == 0;
}
