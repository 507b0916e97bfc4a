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

/* Reads the field of each column. */
static void
read_columns(CphTable *table)
{
	Relation	rel = RelationIdGetRelation(table->relid);
	TupleDesc	desc = RelationGetDescr(rel);

	table->ncolumns = desc->natts;
	table->fields = palloc0(sizeof(char *) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		if (attr->attisdropped)
			continue;
		table->fields[i] = cph_column_field(table->relid, attr->attnum,
											NameStr(attr->attname));
		table->has_constants |= cph_field_is_constant(table->fields[i]);
	}
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

/* Returns the field of an expression that is a column, or NULL. */
const char *
cph_table_field(const CphTable *table, const Node *node)
{
	const Var  *var = (const Var *) node;

	if (!IsA(var, Var) || var->varno != table->rel->relid ||
		var->varlevelsup > 0 || var->varattno < 1 ||
		var->varattno > table->ncolumns)
		return NULL;
	return table->fields[var->varattno - 1];
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
	for (int attnum = 1; attnum <= table->ncolumns; attnum++)
	{
		if (table->fields[attnum - 1] != NULL &&
			(all || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber,
								  used)))
			attnums = lappend_int(attnums, attnum);
	}
	return attnums;
}
