/*
 * scanspec.c
 *		What the planner tells the executor about a scan.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "query/query.h"

#include "nodes/makefuncs.h"
#include "nodes/value.h"

/* The items of the encoded list. */
enum
{
	ITEM_RELID,					/* OidList */
	ITEM_ATTNUMS,				/* IntList */
	ITEM_CLAUSES,				/* List of encoded clauses */
	ITEM_NUMBERS,				/* IntList, in the order of NUMBER_xxx */
	ITEM_CLASSES,				/* IntList */
	ITEM_NO_LIMIT_REASON		/* List of one String, or NIL */
};

enum
{
	NUMBER_ORDERED,
	NUMBER_WINDOW,
	NUMBER_LIMIT_EXPR,
	NUMBER_OFFSET_EXPR,
	NUMBER_COUNT,
	NUMBER_FIRST_ROWS,
	NUMBER_MAX_STREAMS
};

/* Returns a clause as a list: filter and op, expressions, types, source. */
static List *
encode_clause(const CphSpecClause *clause)
{
	return list_make4(list_make2_int(clause->filter, clause->op),
					  clause->exprs, clause->types, makeString(clause->source));
}

/* Returns the clause that encode_clause made a list of. */
static CphSpecClause *
decode_clause(List *encoded)
{
	CphSpecClause *clause = palloc(sizeof(CphSpecClause));

	clause->filter = linitial_int((List *) linitial(encoded));
	clause->op = lsecond_int((List *) linitial(encoded));
	clause->exprs = lsecond(encoded);
	clause->types = lthird(encoded);
	clause->source = strVal(lfourth(encoded));
	return clause;
}

/* Returns a specification as a list that may stand in a plan. */
List *
cph_scanspec_encode(const CphScanSpec *spec)
{
	List	   *clauses = NIL;
	List	   *numbers;
	ListCell   *lc;

	foreach(lc, spec->clauses)
		clauses = lappend(clauses, encode_clause(lfirst(lc)));
	numbers = list_make4_int(spec->ordered, spec->window, spec->limit_expr,
							 spec->offset_expr);
	numbers = lappend_int(numbers, spec->count);
	numbers = lappend_int(numbers, spec->first_rows);
	numbers = lappend_int(numbers, spec->max_streams);
	return lappend(list_make5(list_make1_oid(spec->relid), spec->attnums,
							  clauses, numbers, spec->classes),
				   spec->no_limit_reason ?
				   list_make1(makeString(spec->no_limit_reason)) : NIL);
}

/*
 * Returns the specification that cph_scanspec_encode made a list of, palloc'd.
 * It shares the list's cells, which must live as long.
 */
CphScanSpec *
cph_scanspec_decode(List *encoded)
{
	CphScanSpec *spec = palloc0(sizeof(CphScanSpec));
	List	   *numbers = list_nth(encoded, ITEM_NUMBERS);
	List	   *reason = list_nth(encoded, ITEM_NO_LIMIT_REASON);
	ListCell   *lc;

	spec->relid = linitial_oid((List *) list_nth(encoded, ITEM_RELID));
	spec->attnums = list_nth(encoded, ITEM_ATTNUMS);
	foreach(lc, (List *) list_nth(encoded, ITEM_CLAUSES))
		spec->clauses = lappend(spec->clauses, decode_clause(lfirst(lc)));
	spec->ordered = list_nth_int(numbers, NUMBER_ORDERED);
	spec->window = list_nth_int(numbers, NUMBER_WINDOW);
	spec->limit_expr = list_nth_int(numbers, NUMBER_LIMIT_EXPR);
	spec->offset_expr = list_nth_int(numbers, NUMBER_OFFSET_EXPR);
	spec->count = list_nth_int(numbers, NUMBER_COUNT);
	spec->first_rows = list_nth_int(numbers, NUMBER_FIRST_ROWS);
	spec->max_streams = list_nth_int(numbers, NUMBER_MAX_STREAMS);
	spec->classes = list_nth(encoded, ITEM_CLASSES);
	spec->no_limit_reason = reason ? strVal(linitial(reason)) : NULL;
	return spec;
}
