/*
 * filter.c
 *		Clauses into what the service can be asked.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/*
 * Tells whether an expression can be evaluated before the table is read: it
 * is of no column of it, and of nothing that may not be evaluated apart from
 * its clause.
 */
static bool
is_value(const CphTable *table, Node *node)
{
	return !bms_is_member(table->rel->relid, pull_varnos(table->root, node)) &&
		!contain_subplans(node) &&
		!contain_volatile_functions(node);
}

/* Tells whether a filter is of the kind that an operator asks for. */
static bool
serves(const CphFilter *filter, CphOp op)
{
	switch (filter->kind)
	{
		case CPH_FILTER_SINCE:
			return cph_op_is_lower(op);
		case CPH_FILTER_UNTIL:
			return cph_op_is_upper(op);
		case CPH_FILTER_FUZZY:
			return !cph_op_is_bound(op);
		default:
			return op == CPH_OP_EQUAL || op == CPH_OP_LABEL;
	}
}

/* Finds the filter that can be asked about a subject; -1: none. */
static int
filter_of(const CphTable *table, const CphSubject *subject, CphOp op)
{
	for (int i = 0; i < table->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &table->endpoint->filters[i];

		if (strcmp(filter->field, subject->field) == 0 &&
			filter->type == subject->type && serves(filter, op) &&
			(filter->kind != CPH_FILTER_FUZZY ||
			 table->options->name_filter != CPH_NAME_OFF))
			return i;
	}
	return -1;
}

/*
 * Returns a clause of one subject, operator and value, palloc'd; NULL if it is
 * local.
 */
static CphClause *
make_clause(const CphTable *table, Expr *expr, const CphSubject *subject,
			CphOp op, Oid collation, Node *value)
{
	int			filter = filter_of(table, subject, op);
	CphClause  *clause;

	if (!is_value(table, value) ||
		(OidIsValid(collation) && !get_collation_isdeterministic(collation)) ||
		(filter < 0 && !(cph_op_is_bound(op) &&
						 cph_subject_is_time(table, subject))))
		return NULL;
	clause = palloc0(sizeof(CphClause));
	clause->expr = expr;
	clause->filter = filter;
	clause->op = op;
	clause->values = list_make1(value);
	clause->class = CPH_SUPERSET;
	if (filter >= 0)
		clause->class = table->endpoint->filters[filter].values != NULL ?
			CPH_EXACT : table->endpoint->filters[filter].class;
	clause->fans_out = op == CPH_OP_LABEL;
	return clause;
}

/* Reads a side of a clause, an operator and the other side. */
static CphClause *
read_sides(const CphTable *table, Expr *expr, Node *side, Oid opno,
		   Oid collation, Node *value)
{
	CphSubject	subject;
	CphOp		op;

	if (!OidIsValid(opno) || !cph_subject_read(table, side, &subject) ||
		!cph_subject_op(&subject, opno, &op))
		return NULL;
	return make_clause(table, expr, &subject, op, collation, value);
}

/* Reads "subject op value" or "value op subject". */
static CphClause *
read_operator(const CphTable *table, OpExpr *expr)
{
	CphClause  *clause;

	if (list_length(expr->args) != 2)
		return NULL;
	clause = read_sides(table, (Expr *) expr, linitial(expr->args), expr->opno,
						expr->inputcollid, lsecond(expr->args));
	if (clause != NULL)
		return clause;
	return read_sides(table, (Expr *) expr, lsecond(expr->args),
					  get_commutator(expr->opno), expr->inputcollid,
					  linitial(expr->args));
}

/* Reads "subject = ANY (array)". */
static CphClause *
read_any(const CphTable *table, ScalarArrayOpExpr *expr)
{
	ArrayExpr  *array = lsecond(expr->args);
	CphClause  *clause;

	if (!expr->useOr)
		return NULL;
	clause = read_sides(table, (Expr *) expr, linitial(expr->args), expr->opno,
						expr->inputcollid, (Node *) array);
	if (clause == NULL ||
		(clause->op != CPH_OP_EQUAL && clause->op != CPH_OP_LABEL))
		return NULL;
	clause->fans_out |= !IsA(array, ArrayExpr) || array->multidims ||
		list_length(array->elements) != 1;
	return clause;
}

/* Reads "starts_with(subject, value)". */
static CphClause *
read_function(const CphTable *table, FuncExpr *expr)
{
	CphSubject	subject;

	if (expr->funcid != F_STARTS_WITH ||
		!cph_subject_read(table, linitial(expr->args), &subject) ||
		subject.label || subject.type != CPH_FIELD_STRING)
		return NULL;
	return make_clause(table, (Expr *) expr, &subject, CPH_OP_PREFIX,
					   expr->inputcollid, lsecond(expr->args));
}

/* Reads "(subject, ...) op (value, ...)", which bounds the first of them. */
static CphClause *
read_row(const CphTable *table, RowCompareExpr *expr)
{
	Oid			opno = linitial_oid(expr->opnos);
	Oid			collation = linitial_oid(expr->inputcollids);
	CphClause  *clause = read_sides(table, (Expr *) expr,
									linitial(expr->largs), opno, collation,
									linitial(expr->rargs));

	if (clause == NULL)
		clause = read_sides(table, (Expr *) expr, linitial(expr->rargs),
							get_commutator(opno), collation,
							linitial(expr->largs));
	if (clause == NULL || !cph_op_is_bound(clause->op))
		return NULL;
	/* rows of that very time may meet it by what follows */
	if (clause->op == CPH_OP_AFTER)
		clause->op = CPH_OP_NOT_BEFORE;
	if (clause->op == CPH_OP_BEFORE)
		clause->op = CPH_OP_NOT_AFTER;
	return clause;
}

/* Reads "subject = value OR subject IN (values) ..." of one subject. */
static CphClause *
read_or(const CphTable *table, BoolExpr *expr)
{
	CphClause  *result = NULL;
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		CphClause  *clause = cph_clause_read(table, lfirst(lc));

		if (clause == NULL ||
			(clause->op != CPH_OP_EQUAL && clause->op != CPH_OP_LABEL))
			return NULL;
		if (result == NULL)
			result = clause;
		else if (result->filter != clause->filter || result->op != clause->op)
			return NULL;
		else
			result->values = list_concat(result->values, clause->values);
	}
	Assert(result != NULL);
	result->expr = (Expr *) expr;
	result->fans_out = true;
	return result;
}

/*
 * Binds the values of a clause as a run would, if all are known: lowers its
 * class to what they are worth, and takes note if they are one value only.
 */
static void
bind_constants(const CphTable *table, CphClause *clause)
{
	int			length = list_length(clause->values);
	Datum	   *values = palloc(sizeof(Datum) * length);
	bool	   *nulls = palloc(sizeof(bool) * length);
	List	   *types = NIL;
	CphBinding *binding;
	ListCell   *lc;

	if (clause->filter < 0 || cph_op_is_bound(clause->op))
		return;
	foreach(lc, clause->values)
	{
		Const	   *value = lfirst(lc);

		if (!IsA(value, Const))
			return;
		values[foreach_current_index(lc)] = value->constvalue;
		nulls[foreach_current_index(lc)] = value->constisnull;
		types = lappend_oid(types, value->consttype);
	}
	binding = cph_bind(table->endpoint, clause->filter, clause->op,
					   table->options->name_filter, types, values, nulls);
	clause->binding = binding;
	if (!binding->needs_substring)
		clause->class = Min(clause->class, binding->class);
	if (binding->class != CPH_LOCAL)
		clause->fans_out = list_length(binding->values) > 1;
}

/* Reads a clause that is of constants of the table, and no other column. */
static CphClause *
read_gate(const CphTable *table, Expr *expr)
{
	List	   *attnums = cph_table_columns(table, list_make1(expr));
	Node	   *node;
	CphClause  *clause;

	if (attnums == NIL ||
		!cph_field_is_constant(cph_table_column(table, linitial_int(attnums))))
		return NULL;
	node = cph_table_replace(table, (Node *) expr, NULL, NULL);
	if (node == NULL || !is_value(table, node))
		return NULL;
	clause = palloc0(sizeof(CphClause));
	clause->expr = expr;
	clause->filter = -1;
	clause->op = CPH_OP_GATE;
	clause->values = list_make1(node);
	clause->class = CPH_EXACT;
	return clause;
}

/*
 * Returns what a clause asks that the service may be asked, palloc'd, or NULL
 * if it is local.
 */
CphClause *
cph_clause_read(const CphTable *table, Expr *expr)
{
	CphClause  *clause = read_gate(table, expr);

	if (clause != NULL)
		return clause;
	if (IsA(expr, OpExpr))
		clause = read_operator(table, (OpExpr *) expr);
	else if (IsA(expr, ScalarArrayOpExpr))
		clause = read_any(table, (ScalarArrayOpExpr *) expr);
	else if (IsA(expr, FuncExpr))
		clause = read_function(table, (FuncExpr *) expr);
	else if (IsA(expr, RowCompareExpr))
		clause = read_row(table, (RowCompareExpr *) expr);
	else if (is_orclause(expr))
		clause = read_or(table, (BoolExpr *) expr);
	if (clause != NULL)
		bind_constants(table, clause);
	return clause;
}
