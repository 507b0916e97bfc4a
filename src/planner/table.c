/*
 * table.c
 *		A foreign table while a query is planned.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "access/sysattr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* Copies the descriptor of the table's rows. */
static void
read_columns(CphTable *table)
{
	Relation	rel = RelationIdGetRelation(table->relid);

	table->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	table->fields = palloc0(sizeof(char *) * table->desc->natts);
	RelationClose(rel);
}

/*
 * Returns what the planner knows of a foreign table before it has looked at
 * the clauses, palloc'd.  Sets the number of the relation's tuples where there
 * are no statistics: as this backend has seen it, else as the endpoint is
 * expected to be.
 */
CphTable *
cph_table_open(PlannerInfo *root, RelOptInfo *rel, Oid relid)
{
	CphTable   *table = palloc0(sizeof(CphTable));

	table->root = root;
	table->rel = rel;
	table->relid = relid;
	table->options = cph_table_options(relid);
	table->endpoint = cph_options_resource(table->options);
	read_columns(table);
	/* without statistics it is 0 or negative */
	table->analyzed = rel->tuples > 0;
	if (!table->analyzed)
		rel->tuples = cph_connection_rows(table->options, rel->userid,
										  table->endpoint, NULL, 0);
	if (rel->tuples < 0)
		rel->tuples = table->endpoint->default_rows;
	table->tuples = rel->tuples;
	return table;
}

/*
 * Returns the field of the column with a number, NULL if it was dropped.  It
 * is looked up when it is first asked for: most queries use few columns.
 */
const char *
cph_table_column(const CphTable *table, AttrNumber attnum)
{
	Form_pg_attribute attr = TupleDescAttr(table->desc, attnum - 1);
	const char **field = &table->fields[attnum - 1];

	if (*field == NULL && !attr->attisdropped)
		*field = cph_column_field(table->relid, attnum, NameStr(attr->attname));
	return *field;
}

/* Returns the field of an expression that is a column, or NULL. */
const char *
cph_table_field(const CphTable *table, const Node *node)
{
	const Var  *var = (const Var *) node;

	if (!IsA(var, Var) || var->varno != table->rel->relid ||
		var->varlevelsup > 0 || var->varattno < 1 ||
		var->varattno > table->desc->natts)
		return NULL;
	return cph_table_column(table, var->varattno);
}

/* Returns a constant of a column's type, whose text the input function takes. */
static Node *
constant_of(const Var *var, const char *text)
{
	Oid			function;
	Oid			ioparam;
	int16		length;
	bool		by_value;
	Datum		value;

	getTypeInputInfo(var->vartype, &function, &ioparam);
	get_typlenbyval(var->vartype, &length, &by_value);
	value = OidInputFunctionCall(function, unconstify(char *, text), ioparam,
								 var->vartypmod);
	return (Node *) makeConst(var->vartype, var->vartypmod, var->varcollid,
							  length, value, false, by_value);
}

/* What replacing columns by constants needs, and finds. */
typedef struct Replacing
{
	const CphTable *table;
	const char *field;			/* of the columns; NULL: constants */
	const char *value;
	bool		replaced;		/* there was one */
} Replacing;

/* Replaces a column in an expression, if it is one of those. */
static Node *
replace_column(Node *node, void *arg)
{
	Replacing  *replacing = arg;
	const CphTable *table = replacing->table;
	const char *value = NULL;
	const char *field;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, replace_column, arg);
	field = cph_table_field(table, node);
	if (field != NULL && replacing->field == NULL)
		value = cph_options_constant(table->options, field);
	else if (field != NULL && strcmp(field, replacing->field) == 0)
		value = replacing->value;
	if (value == NULL)
		return copyObject(node);
	replacing->replaced = true;
	return constant_of((Var *) node, value);
}

/*
 * Returns an expression with a value in the place of the column that shows a
 * field, or, if field is NULL, with the table's constants in the places of
 * theirs; NULL: there is no such column in it.
 */
Node *
cph_table_replace(const CphTable *table, Node *node, const char *field,
				  const char *value)
{
	Replacing	replacing = {table, field, value};
	Node	   *result = replace_column(node, &replacing);

	return replacing.replaced ? result : NULL;
}

/*
 * Returns the numbers of the columns that expressions use, a list of
 * integers; all of them for a whole row.
 */
List *
cph_table_columns(const CphTable *table, List *exprs)
{
	Bitmapset  *used = NULL;
	List	   *attnums = NIL;
	bool		all;

	pull_varattnos((Node *) exprs, table->rel->relid, &used);
	all = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (int attnum = 1; attnum <= table->desc->natts; attnum++)
	{
		if (!TupleDescAttr(table->desc, attnum - 1)->attisdropped &&
			(all || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber,
								  used)))
			attnums = lappend_int(attnums, attnum);
	}
	return attnums;
}
