/*
 * facts.c
 *		The sizes of lists, and of what parameters leave of them, as they were
 *		last seen: for the planner, which may not ask.
 *
 * A size is kept under its parameters, and once more under their names alone,
 * for values that only a run will show.  A newer one takes the place of one
 * whose shape falls on the same place.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user.h"

#include "common/hashfn.h"

/* A size under names alone moves by this part towards each one that is seen. */
#define SIZES_AVERAGED 4

/*
 * Returns a number for some parameters, whatever their order; not 0.  Without
 * values it is that of their names.
 */
static uint32
shape_of(const CphParam *params, int nparams, bool values)
{
	uint32		shape = 0;

	for (int i = 0; i < nparams; i++)
	{
		uint32		hash = string_hash(params[i].name, NAMEDATALEN);

		if (values && params[i].value != NULL)
			hash = hash_combine(hash, hash_bytes((const unsigned char *) params[i].value,
												 strlen(params[i].value)));
		shape += hash;
	}
	return shape != 0 ? shape : 1;
}

/* Keeps what some parameters have left: a number of rows. */
void
cph_facts_note_rows(CphFacts *facts, const CphParam *params, int nparams,
					int64 rows)
{
	uint32		shape = shape_of(params, nparams, true);
	uint32		names = shape_of(params, nparams, false);
	CphSize    *of_names = &facts->sizes[names % CPH_MAX_SIZES];

	facts->sizes[shape % CPH_MAX_SIZES] = (CphSize)
	{
		shape, rows
	};
	if (names == shape)
		return;
	if (of_names->shape == names)
		rows = of_names->rows + (rows - of_names->rows) / SIZES_AVERAGED;
	*of_names = (CphSize)
	{
		names, rows
	};
}

/*
 * Returns how many rows some parameters have last left; where each value is
 * NULL, about how many they leave for one value or another.  -1: not known.
 */
int64
cph_facts_rows(const CphFacts *facts, const CphParam *params, int nparams)
{
	uint32		shape = shape_of(params, nparams, true);
	const CphSize *size = &facts->sizes[shape % CPH_MAX_SIZES];

	return size->shape == shape ? size->rows : -1;
}
