/*
 * filter.c
 *		Clauses into what the service can be asked.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "nodes/makefuncs.h"
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
is_value(PlannerInfo *root, const CphTable *table, Node *node)
{
	return !bms_is_member(table->varno, pull_varnos(root, node)) &&
		!contain_subplans(node) &&
		!contain_volatile_functions(node);
}

/* Tells whether strings are compared byte by byte. */
static bool
is_deterministic(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/* Finds the filter that can be asked about a subject; -1: none. */
static int
filter_of(const CphTable *table, const CphSubject *subject, CphOp op)
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
is_position(const CphTable *table, const CphSubject *subject, CphOp op)
{
	return cph_op_is_bound(op) &&
		table->endpoint->time_field != NULL &&
		strcmp(subject->field, table->endpoint->time_field) == 0;
}

/* Returns a clause of one subject, operator and value; NULL: it is local. */
static CphClause *
make_clause(const CphTable *table, Expr *expr, const CphSubject *subject,
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
read_operator(PlannerInfo *root, const CphTable *table, OpExpr *expr)
{
	Oid			opno = expr->opno;
	Node	   *left;
	Node	   *right;
	CphSubject	subject;
	CphOp		op;

	if (list_length(expr->args) != 2)
		return NULL;
	left = linitial(expr->args);
	right = lsecond(expr->args);
	if (!cph_subject_read(table, left, &subject))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		opno = get_commutator(opno);
		if (!OidIsValid(opno) || !cph_subject_read(table, left, &subject))
			return NULL;
	}
	if (!is_value(root, table, right) || !cph_subject_op(&subject, opno, &op))
		return NULL;
	return make_clause(table, (Expr *) expr, &subject, op, expr->inputcollid,
					   right);
}

/* Reads "subject = ANY (array)". */
static CphClause *
read_any(PlannerInfo *root, const CphTable *table,
		 ScalarArrayOpExpr *expr)
{
	Node	   *array = lsecond(expr->args);
	CphSubject	subject;
	CphOp		op;
	CphClause  *clause;

	if (!expr->useOr || !cph_subject_read(table, linitial(expr->args), &subject) ||
		!is_value(root, table, array) ||
		!cph_subject_op(&subject, expr->opno, &op))
		return NULL;
	if (op != CPH_OP_EQUAL && op != CPH_OP_LABEL)
		return NULL;
	clause = make_clause(table, (Expr *) expr, &subject,
						 op == CPH_OP_LABEL ? CPH_OP_LABEL_ANY : CPH_OP_ANY,
						 expr->inputcollid, array);
	if (clause != NULL && op == CPH_OP_EQUAL && IsA(array, ArrayExpr) &&
		list_length(((ArrayExpr *) array)->elements) == 1 &&
		!((ArrayExpr *) array)->multidims)
		clause->fans_out = false;
	return clause;
}

/* Reads "starts_with(subject, value)". */
static CphClause *
read_function(PlannerInfo *root, const CphTable *table, FuncExpr *expr)
{
	CphSubject	subject;

	if (expr->funcid != F_STARTS_WITH ||
		!cph_subject_read(table, linitial(expr->args), &subject) ||
		subject.label || subject.type != CPH_FIELD_STRING ||
		!is_value(root, table, lsecond(expr->args)))
		return NULL;
	return make_clause(table, (Expr *) expr, &subject, CPH_OP_PREFIX,
					   expr->inputcollid, lsecond(expr->args));
}

/* Reads "subject = value OR subject = value ..." of one subject. */
static CphClause *
read_or(PlannerInfo *root, const CphTable *table, BoolExpr *expr)
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
 * Returns what the values of a clause come to, as a run would bind them; NULL
 * where they are not known yet.
 */
CphBinding *
cph_clause_bind(const CphTable *table, const CphClause *clause)
{
	int			length = list_length(clause->values);
	Datum	   *values = palloc(sizeof(Datum) * length);
	bool	   *nulls = palloc(sizeof(bool) * length);
	List	   *types = NIL;
	ListCell   *lc;

	foreach(lc, clause->values)
	{
		Const	   *value = lfirst(lc);

		if (!IsA(value, Const))
			return NULL;
		values[foreach_current_index(lc)] = value->constvalue;
		nulls[foreach_current_index(lc)] = value->constisnull;
		types = lappend_oid(types, value->consttype);
	}
	return cph_bind(table->endpoint, clause->filter, clause->op,
					table->options->name_filter, types, values, nulls);
}

/*
 * Lowers the class of a clause whose values are all known to what they are
 * worth, and takes note if they are one value only.
 */
static void
bind_constants(const CphTable *table, CphClause *clause)
{
	CphBinding *binding;

	if (clause->filter < 0 || cph_clause_is_bound(clause))
		return;
	binding = cph_clause_bind(table, clause);
	if (binding == NULL)
		return;
	if (!binding->needs_substring)
		clause->class = Min(clause->class, binding->class);
	if (binding->class != CPH_LOCAL)
	{
		clause->nvalues = list_length(binding->values);
		clause->fans_out = clause->nvalues > 1;
	}
}

/* What replacing the constants of a table in a clause needs and finds. */
typedef struct Replacing
{
	const CphTable *table;
	bool		replaced;		/* a constant was found */
} Replacing;

/* Returns the column as the constant that it shows, or NULL if it is none. */
static Node *
constant_of_column(const CphTable *table, const Var *var)
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
read_gate(PlannerInfo *root, const CphTable *table, Expr *expr)
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
	clause->values = list_make1(node);
	clause->class = CPH_EXACT;
	return clause;
}

/*
 * Returns what a clause asks that the service may be asked, palloc'd, or NULL
 * if it is local.
 */
CphClause *
cph_filter_clause(PlannerInfo *root, const CphTable *table, Expr *expr)
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
	return cph_op_is_bound(clause->op);
}
