/*
 * filter.c
 *		Clauses into what the service can be asked (plan time).
 *
 * A clause counts only if the service must mean the same by it as PostgreSQL:
 * the column's type compares as the documents' type of its field does, and
 * the operator is known by its function or operator family, never by its
 * name.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "filter.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

/* The side of a clause that is about this table. */
typedef struct Subject
{
	const char *field;
	CphFieldType type;			/* the family of types it is compared in */
	bool		numeric;		/* an integer, cast to numeric */
	bool		label;			/* the label of the field, a string */
} Subject;

/*
 * Returns what reading the clauses of a foreign table needs, palloc'd.
 * varno is its range table index.
 */
CphFilterTable *
cph_filter_table(Oid relid, Index varno, const CphOptions *options,
				 const CphEndpoint *endpoint)
{
	CphFilterTable *table = palloc0(sizeof(CphFilterTable));
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
read_column(const CphFilterTable *table, Node *node, Subject *subject)
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

/* Tells whether a column is the list's time, in a type that keeps its order. */
bool
cph_filter_is_time_column(const CphFilterTable *table, const Var *var)
{
	Subject		subject;

	return table->endpoint->time_field != NULL &&
		read_column(table, (Node *) var, &subject) &&
		subject.type == CPH_FIELD_TIME &&
		strcmp(subject.field, table->endpoint->time_field) == 0;
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
static bool
read_subject(const CphFilterTable *table, Node *node, Subject *subject)
{
	FuncExpr   *func;

	memset(subject, 0, sizeof(Subject));
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
 * Tells whether an expression can be evaluated before the table is read: it
 * is of no column of it, and of nothing that may not be evaluated apart from
 * its clause.
 */
static bool
is_value(PlannerInfo *root, const CphFilterTable *table, Node *node)
{
	return !bms_is_member(table->varno, pull_varnos(root, node)) &&
		!contain_subplans(node) &&
		!contain_volatile_functions(node);
}

/*
 * Returns what an operator says about a subject on its left, by the number of
 * its strategy in the btree family of the subject's type; 0: nothing.
 */
static int
strategy_of(const Subject *subject, Oid opno)
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
static bool
op_of_operator(const Subject *subject, Oid opno, CphOp *op)
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

/* Tells whether strings are compared byte by byte. */
static bool
is_deterministic(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/* Finds the filter that can be asked about a subject; -1: none. */
static int
filter_of(const CphFilterTable *table, const Subject *subject, CphOp op)
{
	for (int i = 0; i < table->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &table->endpoint->filters[i];
		bool		since = op == CPH_OP_NOT_BEFORE;
		bool		until = op == CPH_OP_NOT_AFTER;
		bool		fuzzy = op == CPH_OP_LIKE || op == CPH_OP_PREFIX;

		if (strcmp(filter->field, subject->field) == 0 &&
			filter->type == subject->type &&
			since == (filter->kind == CPH_FILTER_SINCE) &&
			until == (filter->kind == CPH_FILTER_UNTIL) &&
			(!fuzzy || filter->kind == CPH_FILTER_FUZZY))
			return i;
	}
	return -1;
}

/* Tells whether the list's order can serve a clause on a subject. */
static bool
is_position(const CphFilterTable *table, const Subject *subject, CphOp op)
{
	return (op == CPH_OP_NOT_BEFORE || op == CPH_OP_NOT_AFTER) &&
		table->endpoint->time_field != NULL &&
		strcmp(subject->field, table->endpoint->time_field) == 0;
}

/* Returns a clause of one subject, operator and value; NULL: it is local. */
static CphClause *
make_clause(const CphFilterTable *table, Expr *expr, const Subject *subject,
			CphOp op, Oid collation, Node *value)
{
	CphClause  *clause;
	int			filter = filter_of(table, subject, op);

	if (!is_deterministic(collation) ||
		(filter < 0 && !is_position(table, subject, op)) ||
		(filter >= 0 && table->options->name_filter == CPH_NAME_OFF &&
		 table->endpoint->filters[filter].kind == CPH_FILTER_FUZZY))
		return NULL;
	clause = palloc0(sizeof(CphClause));
	clause->expr = expr;
	clause->field = subject->field;
	clause->filter = filter;
	clause->op = op;
	clause->values = list_make1(value);
	if (filter >= 0 && table->endpoint->filters[filter].values != NULL)
		clause->class = CPH_EXACT;
	else
		clause->class = filter >= 0 ? table->endpoint->filters[filter].class :
			CPH_SUPERSET;
	clause->fans_out = op == CPH_OP_ANY || op == CPH_OP_LABEL ||
		op == CPH_OP_LABEL_ANY;
	return clause;
}

/* Reads "subject op value" or "value op subject". */
static CphClause *
read_operator(PlannerInfo *root, const CphFilterTable *table, OpExpr *expr)
{
	Oid			opno = expr->opno;
	Node	   *left;
	Node	   *right;
	Subject		subject;
	CphOp		op;

	if (list_length(expr->args) != 2)
		return NULL;
	left = linitial(expr->args);
	right = lsecond(expr->args);
	if (!read_subject(table, left, &subject))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		opno = get_commutator(opno);
		if (!OidIsValid(opno) || !read_subject(table, left, &subject))
			return NULL;
	}
	if (!is_value(root, table, right) || !op_of_operator(&subject, opno, &op))
		return NULL;
	return make_clause(table, (Expr *) expr, &subject, op, expr->inputcollid,
					   right);
}

/* Reads "subject = ANY (array)". */
static CphClause *
read_any(PlannerInfo *root, const CphFilterTable *table,
		 ScalarArrayOpExpr *expr)
{
	Node	   *array = lsecond(expr->args);
	Subject		subject;
	CphOp		op;

	if (!expr->useOr || !read_subject(table, linitial(expr->args), &subject) ||
		!is_value(root, table, array) ||
		!op_of_operator(&subject, expr->opno, &op))
		return NULL;
	if (op != CPH_OP_EQUAL && op != CPH_OP_LABEL)
		return NULL;
	return make_clause(table, (Expr *) expr, &subject,
					   op == CPH_OP_LABEL ? CPH_OP_LABEL_ANY : CPH_OP_ANY,
					   expr->inputcollid, array);
}

/* Reads "starts_with(subject, value)". */
static CphClause *
read_function(PlannerInfo *root, const CphFilterTable *table, FuncExpr *expr)
{
	Subject		subject;

	if (expr->funcid != F_STARTS_WITH ||
		!read_subject(table, linitial(expr->args), &subject) ||
		subject.label || subject.type != CPH_FIELD_STRING ||
		!is_value(root, table, lsecond(expr->args)))
		return NULL;
	return make_clause(table, (Expr *) expr, &subject, CPH_OP_PREFIX,
					   expr->inputcollid, lsecond(expr->args));
}

/* Reads "subject = value OR subject = value ..." of one subject. */
static CphClause *
read_or(PlannerInfo *root, const CphFilterTable *table, BoolExpr *expr)
{
	CphClause  *result = NULL;
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		CphClause  *clause = cph_filter_clause(root, table, lfirst(lc));

		if (clause == NULL || list_length(clause->values) != 1 ||
			(clause->op != CPH_OP_EQUAL && clause->op != CPH_OP_LABEL))
			return NULL;
		if (result == NULL)
			result = clause;
		else if (result->filter != clause->filter || result->op != clause->op)
			return NULL;
		else
			result->values = list_concat(result->values, clause->values);
	}
	if (result != NULL)
	{
		result->expr = (Expr *) expr;
		result->fans_out = true;
	}
	return result;
}

/*
 * Lowers the class of a clause whose values are all known to what they are
 * worth, and takes note if they are one value only.
 */
static void
bind_constants(const CphFilterTable *table, CphClause *clause)
{
	int			length = list_length(clause->values);
	Datum	   *values = palloc(sizeof(Datum) * length);
	bool	   *nulls = palloc(sizeof(bool) * length);
	List	   *types = NIL;
	CphBinding *binding;
	ListCell   *lc;

	foreach(lc, clause->values)
	{
		Const	   *value = lfirst(lc);

		if (!IsA(value, Const))
			return;
		values[foreach_current_index(lc)] = value->constvalue;
		nulls[foreach_current_index(lc)] = value->constisnull;
		types = lappend_oid(types, value->consttype);
	}
	if (clause->filter < 0)
		return;
	binding = cph_bind(table->endpoint, clause->filter, clause->op,
					   table->options->name_filter, types, values, nulls);
	if (!binding->needs_insides)
		clause->class = Min(clause->class, binding->class);
	if (binding->class != CPH_LOCAL)
		clause->fans_out = list_length(binding->values) > 1;
}

/* What replacing the constants of a table in a clause needs and finds. */
typedef struct Replacing
{
	const CphFilterTable *table;
	bool		replaced;		/* a constant was found */
} Replacing;

/* Returns the column as the constant that it shows, or NULL if it is none. */
static Node *
constant_of_column(const CphFilterTable *table, const Var *var)
{
	const char *field;
	const char *value;
	Oid			function;
	Oid			ioparam;
	int16		length;
	bool		by_value;
	Datum		datum;

	if (var->varno != table->varno || var->varlevelsup > 0 ||
		var->varattno < 1 || var->varattno > table->ncolumns ||
		table->fields[var->varattno - 1] == NULL)
		return NULL;
	field = table->fields[var->varattno - 1];
	value = cph_options_constant(table->options, field);
	if (!cph_field_is_constant(field) || value == NULL)
		return NULL;
	getTypeInputInfo(var->vartype, &function, &ioparam);
	datum = OidInputFunctionCall(function, unconstify(char *, value), ioparam,
								 var->vartypmod);
	get_typlenbyval(var->vartype, &length, &by_value);
	return (Node *) makeConst(var->vartype, var->vartypmod, var->varcollid,
							  length, datum, false, by_value);
}

/* Replaces the constants of the table by their values. */
static Node *
replace_constants(Node *node, void *arg)
{
	Replacing  *replacing = arg;
	Node	   *constant;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, replace_constants, arg);
	constant = constant_of_column(replacing->table, (Var *) node);
	if (constant == NULL)
		return copyObject(node);
	replacing->replaced = true;
	return constant;
}

/* Reads a clause that is of constants of the table, and no other column. */
static CphClause *
read_gate(PlannerInfo *root, const CphFilterTable *table, Expr *expr)
{
	Replacing	replacing = {table, false};
	Node	   *node;
	CphClause  *clause;

	node = replace_constants((Node *) expr, &replacing);
	if (!replacing.replaced || !is_value(root, table, node))
		return NULL;
	clause = palloc0(sizeof(CphClause));
	clause->expr = expr;
	clause->filter = -1;
	clause->op = CPH_OP_GATE;
	clause->values = list_make1(eval_const_expressions(root, node));
	clause->class = CPH_EXACT;
	return clause;
}

/*
 * Returns what a clause asks that the service may be asked, palloc'd, or NULL
 * if it is local.
 */
CphClause *
cph_filter_clause(PlannerInfo *root, const CphFilterTable *table, Expr *expr)
{
	CphClause  *clause = read_gate(root, table, expr);

	if (clause != NULL)
		return clause;
	if (IsA(expr, OpExpr))
		clause = read_operator(root, table, (OpExpr *) expr);
	else if (IsA(expr, ScalarArrayOpExpr))
		clause = read_any(root, table, (ScalarArrayOpExpr *) expr);
	else if (IsA(expr, FuncExpr))
		clause = read_function(root, table, (FuncExpr *) expr);
	else if (is_orclause(expr))
		clause = read_or(root, table, (BoolExpr *) expr);
	if (clause != NULL)
		bind_constants(table, clause);
	return clause;
}

/* Tells whether a clause bounds the time of rows. */
bool
cph_clause_is_bound(const CphClause *clause)
{
	return clause->op == CPH_OP_NOT_BEFORE || clause->op == CPH_OP_NOT_AFTER;
}
