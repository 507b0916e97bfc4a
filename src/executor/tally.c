/*
 * tally.c
 *		Numbers of rows that a scan knows: of what it has asked, by the request,
 *		and of what it has read, by the values of the rows.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "json/json.h"
#include "lib/lib.h"

struct CphTally
{
	CphShape   *shape;			/* of the fields that rows are told by */
	int			nfields;
	CphJsonValue *values;		/* of the row at hand */
	StringInfoData key;			/* likewise */

	/* Numbers, each at the place that the set has for its key, from 1 on */
	CphIdSet   *places;
	int64	   *rows;
	int			nrows;
	int			max_rows;
};

/*
 * Returns a tally without a number in it, in the current memory context.  Rows
 * are told by the fields (char *).
 */
CphTally *
cph_tally_create(List *fields)
{
	CphTally   *tally = palloc0(sizeof(CphTally));
	const char **paths = palloc(sizeof(char *) * (list_length(fields) + 1));
	ListCell   *lc;

	foreach(lc, fields)
		paths[tally->nfields++] = lfirst(lc);
	tally->shape = cph_json_shape(paths, tally->nfields);
	tally->values = palloc0(sizeof(CphJsonValue) * (tally->nfields + 1));
	initStringInfo(&tally->key);
	tally->places = cph_idset_create();
	tally->max_rows = 16;
	tally->rows = palloc(sizeof(int64) * tally->max_rows);
	return tally;
}

/* Returns the number of a key, or -1. */
int64
cph_tally_get(CphTally *tally, const char *key)
{
	int			place = cph_idset_rank(tally->places, key);

	return place > 0 ? tally->rows[place - 1] : -1;
}

/* Adds to the number of a key, which is 0 at first. */
void
cph_tally_add(CphTally *tally, const char *key, int64 rows)
{
	int			place = cph_idset_rank(tally->places, key);

	if (place == 0)
	{
		if (tally->nrows == tally->max_rows)
			tally->rows = repalloc_huge(tally->rows, sizeof(int64) *
										(tally->max_rows *= 2));
		place = ++tally->nrows;
		tally->rows[place - 1] = 0;
		(void) cph_idset_add_ranked(tally->places, key, place);
	}
	tally->rows[place - 1] += rows;
}

/* Appends the value of a field to the key of a row. */
static void
append_value(StringInfo key, const char *value)
{
	appendStringInfo(key, "\n%zu:%s", strlen(value), value);
}

/*
 * Counts a row of what a request returns.  One without a value that a clause
 * could ask for is none.
 */
void
cph_tally_count(CphTally *tally, const char *request, const CphItem *item)
{
	resetStringInfo(&tally->key);
	appendStringInfoString(&tally->key, request);
	cph_json_read(tally->shape, &item->value, tally->values);
	for (int i = 0; i < tally->nfields; i++)
	{
		char		room[CPH_JSON_INTEGER_BYTES];
		const char *text = cph_json_scalar(&tally->values[i], room);

		if (text == NULL)
			return;
		append_value(&tally->key, text);
	}
	cph_tally_add(tally, tally->key.data, 1);
}

/*
 * Returns the number of rows of a request that have one of some values (a list
 * for each field, of char *) in each field.
 */
int64
cph_tally_sum(CphTally *tally, const char *request, List *values)
{
	int64		sum = 0;
	ListCell   *lc;

	if (values == NIL)
		return Max(cph_tally_get(tally, request), 0);
	foreach(lc, (List *) linitial(values))
	{
		StringInfoData key;

		initStringInfo(&key);
		appendStringInfoString(&key, request);
		append_value(&key, lfirst(lc));
		sum += cph_tally_sum(tally, key.data, list_copy_tail(values, 1));
	}
	return sum;
}
