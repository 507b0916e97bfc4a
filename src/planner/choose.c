/*
 * choose.c
 *		Which of the clauses are put to use.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "planner/planner_private.h"

#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* A clause that was met, and what it asks. */
typedef struct ReadClause
{
	const RestrictInfo *rinfo;
	CphClause  *clause;			/* NULL: nothing */
} ReadClause;

/*
 * Returns what a clause asks, or NULL if that is nothing.  It is read when it is
 * met first: the table's own while its size is estimated, those of a join when
 * a path is to depend on them.
 */
CphClause *
cph_choose_read(CphTable *table, RestrictInfo *rinfo)
{
	ReadClause *read;
	ListCell   *lc;

	foreach(lc, table->read)
	{
		read = lfirst(lc);
		if (read->rinfo == rinfo)
			return read->clause;
	}
	read = palloc(sizeof(ReadClause));
	read->rinfo = rinfo;
	read->clause = cph_clause_read(table, rinfo->clause);
	table->read = lappend(table->read, read);
	return read->clause;
}

/* Tells whether a clause names items by their ids. */
bool
cph_clause_is_of_ids(const CphTable *table, const CphClause *clause)
{
	return clause->filter >= 0 &&
		table->endpoint->filters[clause->filter].kind == CPH_FILTER_ID;
}

/* Tells whether a clause can be put to use without taking up a parameter. */
static bool
is_free(const CphTable *table, const CphClause *clause)
{
	if (cph_op_is_bound(clause->op))
		return table->options->enable_order_pushdown || clause->filter >= 0;
	return clause->op == CPH_OP_GATE;
}

/* Tells whether a parameter rather carries clause a than clause b. */
static bool
is_better(const CphClause *a, const CphClause *b)
{
	if (b == NULL || a->class != b->class)
		return b == NULL || a->class > b->class;
	if (a->fans_out != b->fans_out)
		return b->fans_out;
	if ((a->op == CPH_OP_EQUAL) != (b->op == CPH_OP_EQUAL))
		return a->op == CPH_OP_EQUAL;
	return IsA(linitial(a->values), Const) && !IsA(linitial(b->values), Const);
}

/*
 * Leaves out the clause that would locate items, if the filter that they would be
 * located by has one value already, or the service is known not to say where they
 * are.
 */
static void
leave_out_ids(const CphTable *table, CphClause **best)
{
	const CphEndpoint *endpoint = table->endpoint;
	bool		is_located = false;

	for (int i = 0; i < endpoint->nfilters && endpoint->locator; i++)
		is_located |= best[i] != NULL && !best[i]->fans_out &&
			strcmp(endpoint->filters[i].param, endpoint->locator->param) == 0;
	for (int i = 0; i < endpoint->nfilters; i++)
	{
		if (best[i] != NULL && endpoint->filters[i].kind == CPH_FILTER_ID &&
			(is_located || cph_connection_denies_details(table->options, endpoint)))
			best[i] = NULL;
	}
}

/*
 * Returns the clauses (CphClause *) among some RestrictInfos that are used:
 * for each filter at most one, and at most one that has several values beside
 * ids, none unless fan_out.  Bounds of time are used all.
 */
List *
cph_choose_clauses(CphTable *table, List *restrictinfos, bool fan_out)
{
	const CphEndpoint *endpoint = table->endpoint;
	CphClause **best = palloc0(sizeof(CphClause *) * (endpoint->nfilters + 1));
	List	   *chosen = NIL;
	ListCell   *lc;

	foreach(lc, restrictinfos)
	{
		CphClause  *clause = cph_choose_read(table, lfirst(lc));

		if (clause == NULL || clause->class == CPH_LOCAL ||
			(clause->fans_out && !fan_out))
			continue;
		if (is_free(table, clause))
			chosen = lappend(chosen, clause);
		else if (!cph_op_is_bound(clause->op) &&
				 is_better(clause, best[clause->filter]))
			best[clause->filter] = clause;
	}
	leave_out_ids(table, best);
	for (int i = 0; i < endpoint->nfilters; i++)
	{
		if (best[i] == NULL || (best[i]->fans_out && !fan_out))
			continue;
		fan_out &= !best[i]->fans_out || cph_clause_is_of_ids(table, best[i]);
		chosen = lappend(chosen, best[i]);
	}
	return chosen;
}

/* Returns the chosen clause that an expression became, or NULL. */
const CphClause *
cph_chosen_clause(List *chosen, const Expr *expr)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		const CphClause *clause = lfirst(lc);

		if (equal(clause->expr, expr))
			return clause;
	}
	return NULL;
}

/*
 * Returns the chosen clause that can have several values, beside that of ids, or
 * NULL.
 */
const CphClause *
cph_chosen_fan(const CphTable *table, List *chosen)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		const CphClause *clause = lfirst(lc);

		if (clause->fans_out && !cph_clause_is_of_ids(table, clause))
			return clause;
	}
	return NULL;
}

/* Returns the chosen clause whose items are to be located, or NULL. */
const CphClause *
cph_chosen_ids(const CphTable *table, List *chosen)
{
	ListCell   *lc;

	foreach(lc, chosen)
	{
		if (cph_clause_is_of_ids(table, lfirst(lc)))
			return lfirst(lc);
	}
	return NULL;
}

/* Returns how many values a clause is expected to have. */
double
cph_clause_values(const CphTable *table, const CphClause *clause)
{
	double		values = 0;
	ListCell   *lc;

	if (!clause->fans_out)
		return 1;
	if (clause->binding != NULL && clause->binding->class != CPH_LOCAL)
		return list_length(clause->binding->values);
	foreach(lc, clause->values)
	{
		Node	   *value = lfirst(lc);

		values += type_is_array_domain(exprType(value)) ?
			Max(cph_estimate_array_length(table->root, value), 1) : 1;
	}
	return values;
}

/* Returns in how many streams the chosen clauses are expected to be read. */
double
cph_chosen_streams(const CphTable *table, List *chosen)
{
	const CphClause *fan = cph_chosen_fan(table, chosen);

	return fan == NULL ? 1 : cph_clause_values(table, fan);
}
