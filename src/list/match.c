/*
 * match.c
 *		Whether an item has the values that a filter asks for.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list.h"
#include "lib/lib.h"
#include "json/json.h"

/* Fields of an item, and for each the values it may have. */
struct CphMatch
{
	CphShape   *shape;
	int			nfields;
	List	  **values;			/* of each field: char *, UTF-8 */
	CphJsonValue *read;
};

/*
 * Returns what compares items with some fields (char *) and, for each, a list
 * of values, in the current memory context.
 */
CphMatch *
cph_match_create(List *fields, List *values)
{
	CphMatch   *match = palloc0(sizeof(CphMatch));
	const char **paths = palloc(sizeof(char *) * (list_length(fields) + 1));
	ListCell   *lc;
	ListCell   *lc2;

	match->values = palloc(sizeof(List *) * (list_length(fields) + 1));
	match->read = palloc0(sizeof(CphJsonValue) * (list_length(fields) + 1));
	forboth(lc, fields, lc2, values)
	{
		paths[match->nfields] = lfirst(lc);
		match->values[match->nfields++] = lfirst(lc2);
	}
	match->shape = cph_json_shape(paths, match->nfields);
	return match;
}

/* Tells whether an item has one of the values in each of the fields. */
bool
cph_match_item(CphMatch *match, const CphItem *item)
{
	cph_json_read(match->shape, &item->value, match->read);
	for (int i = 0; i < match->nfields; i++)
	{
		char		room[CPH_JSON_INTEGER_BYTES];
		const char *text = cph_json_scalar(&match->read[i], room);

		if (text == NULL || !cph_has_text(match->values[i], text))
			return false;
	}
	return true;
}
