/*
 * scanspec.c
 *		What the planner tells the executor about a scan.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "query/query.h"

#include "nodes/value.h"

/* The items of the encoded list. */
enum
{
	ITEM_NUMBERS,				/* IntList, in the order of numbers */
	ITEM_RELID,					/* OidList */
	ITEM_ATTNUMS,				/* IntList */
	ITEM_CLAUSES,				/* List of encoded clauses */
	ITEM_CLASSES,				/* IntList */
	ITEM_NO_LIMIT_REASON,		/* List of one String, or NIL */
	ITEM_NO_COUNT_REASON		/* likewise */
};

/* Where a specification has its numbers. */
static const Size numbers[] = {
	offsetof(CphScanSpec, ordered),
	offsetof(CphScanSpec, from_end),
	offsetof(CphScanSpec, window),
	offsetof(CphScanSpec, count),
	offsetof(CphScanSpec, counted),
	offsetof(CphScanSpec, limit_expr),
	offsetof(CphScanSpec, offset_expr),
	offsetof(CphScanSpec, max_streams),
	offsetof(CphScanSpec, first_rows),
};

/* A number of a specification, to read or to set. */
static int *
number_of(const CphScanSpec *spec, int i)
{
	return (int *) ((char *) spec + numbers[i]);
}

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

/* Returns a text, which may be NULL, as a list. */
static List *
encode_text(char *text)
{
	return text ? list_make1(makeString(text)) : NIL;
}

/* Returns the text that encode_text made a list of. */
static char *
decode_text(List *encoded)
{
	return encoded ? strVal(linitial(encoded)) : NULL;
}

/* Returns a specification as a list that may stand in a plan. */
List *
cph_scanspec_encode(const CphScanSpec *spec)
{
	List	   *items = NIL;
	List	   *clauses = NIL;
	ListCell   *lc;

	for (int i = 0; i < lengthof(numbers); i++)
		items = lappend_int(items, *number_of(spec, i));
	foreach(lc, spec->clauses)
		clauses = lappend(clauses, encode_clause(lfirst(lc)));
	items = list_make5(items, list_make1_oid(spec->relid), spec->attnums,
					   clauses, spec->classes);
	items = lappend(items, encode_text(spec->no_limit_reason));
	return lappend(items, encode_text(spec->no_count_reason));
}

/*
 * Returns the specification that cph_scanspec_encode made a list of, palloc'd.
 * It shares the list's cells, which must live as long.
 */
CphScanSpec *
cph_scanspec_decode(List *encoded)
{
	CphScanSpec *spec = palloc0(sizeof(CphScanSpec));
	ListCell   *lc;

	for (int i = 0; i < lengthof(numbers); i++)
		*number_of(spec, i) = list_nth_int(list_nth(encoded, ITEM_NUMBERS), i);
	spec->relid = linitial_oid((List *) list_nth(encoded, ITEM_RELID));
	spec->attnums = list_nth(encoded, ITEM_ATTNUMS);
	foreach(lc, (List *) list_nth(encoded, ITEM_CLAUSES))
		spec->clauses = lappend(spec->clauses, decode_clause(lfirst(lc)));
	spec->classes = list_nth(encoded, ITEM_CLASSES);
	spec->no_limit_reason = decode_text(list_nth(encoded, ITEM_NO_LIMIT_REASON));
	spec->no_count_reason = decode_text(list_nth(encoded, ITEM_NO_COUNT_REASON));
	return spec;
}
