/*
 * cover.c
 *		Scans by counts, and by every value of a filter.
 *
 * Where only columns are wanted whose values the filters of the scan tell, no
 * row is read: rows are made, as many alike as are counted.  Where the documented
 * values of a filter cover the list, the rows of those that are wanted are read,
 * and are all there are if they are as many as were counted.  Without the proof
 * the list is read, but for the rows that were returned.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "json/json.h"


/*
 * Returns what answers a query by its filters, in the current memory context,
 * in which the query must be as well.  It sends nothing yet.
 */
CphCover *
cph_cover_open(CphScanState *state, const CphQuery *query)
{
	CphCover   *cover = palloc0(sizeof(CphCover));
	ListCell   *lc;

	cover->state = state;
	cover->query = query;
	cover->context = CurrentMemoryContext;
	if (query->cover == NULL)
		return cover;
	cover->others = *query->cover;
	cover->others.kind = CPH_FILTER_FUZZY;
	cover->shape = cph_json_shape(&query->cover->field, 1);
	foreach(lc, cph_cover_class(cover, CPH_EXACT))
		cover->exact = lappend(cover->exact,
							   cph_cover_json(state->endpoint,
											  query->cover->field, lfirst(lc)));
	cover->ids = cph_idset_create();
	return cover;
}

/* Ends a cover and its requests.  NULL is allowed. */
void
cph_cover_close(CphCover *cover)
{
	if (cover == NULL)
		return;
	cph_streams_close(cover->streams);
	cover->streams = NULL;
}

/* Makes the rows of a scan that counts.  Returns false if it has to be read. */
static bool
count_rows(CphCover *cover)
{
	CphScanState *state = cover->state;
	const CphQuery *query = cover->query;
	CphCounted	counted[CPH_MAX_VALUES] = {0};
	ListCell   *lc;

	if (query->cover != NULL && query->some)
		return cph_cover_some(cover);
	if (query->cover != NULL)
	{
		if (!cph_cover_census(cover, counted))
			return false;
		foreach(lc, cover->exact)
			cph_cover_add(cover, NULL, lfirst(lc),
						  counted[foreach_current_index(lc)].count);
		return true;
	}
	if (query->fan == NULL)
		cph_cover_add(cover, NULL, NULL, cph_count_value(state, query, NULL));
	foreach(lc, query->fan_values)
		cph_cover_add(cover, lfirst(lc), NULL,
					  cph_count_value(state, query, lfirst(lc)));
	return true;
}

/* Returns the next row of a scan that counts. */
static CphStep
next_alike(CphCover *cover, const CphItem **item)
{
	if (!cover->counted && !cph_recall_rows(cover, count_rows))
		return CPH_STEP_INVALID;
	cover->counted = true;
	while (cover->alike != NIL)
	{
		CphAlike   *alike = linitial(cover->alike);

		*item = alike->item;
		if (alike->rows-- > 0)
			return CPH_STEP_ROW;
		cover->alike = list_delete_first(cover->alike);
	}
	return CPH_STEP_END;
}

/*
 * Begins to read the rows of the values that are wanted, once those of every
 * value are counted.  Returns false if to read the list is as good.
 */
static bool
begin_reading(CphCover *cover)
{
	CphCounted	counted[CPH_MAX_VALUES] = {0};
	List	   *values = NIL;
	int64		pages = 0;
	ListCell   *lc;

	if (!cph_cover_census(cover, counted))
		return false;
	foreach(lc, cph_cover_class(cover, CPH_EXACT))
	{
		int64		count = counted[foreach_current_index(lc)].count;

		if (count == 0 ||
			!list_member_ptr(cover->query->cover_values, lfirst(lc)))
			continue;
		values = lappend(values, lfirst(lc));
		cover->expected += count;
		pages += cph_cover_pages(cover, count);
	}
	foreach(lc, cover->alike)
		cover->expected += ((CphAlike *) lfirst(lc))->rows;
	cover->streams = cph_cover_read(cover, values, true);
	return pages < cph_cover_pages(cover, cover->total);
}

/* Goes on with the next part of a scan that reads.  Returns false at a dead end. */
static bool
begin_part(CphCover *cover)
{
	cph_streams_close(cover->streams);
	cover->streams = NULL;
	switch (++cover->part)
	{
		case PART_EXACT:
			return begin_reading(cover);
		case PART_OTHERS:
			if (cover->alike != NIL)
				cover->streams = cph_cover_read(cover,
												cph_cover_class(cover, CPH_SUPERSET),
												false);
			return true;
		default:
			return cover->returned == cover->expected &&
				cph_cover_total(cover) == cover->total;
	}
}

/*
 * Returns the next row of a scan that reads.  A row without an id could not be
 * known again; nor is one to be counted twice.
 */
static CphStep
next_read(CphCover *cover, const CphItem **item)
{
	for (;;)
	{
		CphStep		step = cph_cover_read_next(cover, cover->streams, item);

		if (step == CPH_STEP_END)
		{
			if (cover->part == PART_PROOF)
				return CPH_STEP_END;
			if (!begin_part(cover))
				return CPH_STEP_INVALID;
			continue;
		}
		if (step != CPH_STEP_ROW || (*item)->id == NULL ||
			(cover->part == PART_OTHERS && cph_cover_is_exact(cover, *item)))
			return CPH_STEP_INVALID;
		if (!cph_idset_add(cover->ids, (*item)->id))
			continue;
		cover->returned++;
		return CPH_STEP_ROW;
	}
}

/*
 * Returns the next row, which is valid until the next call, or CPH_STEP_END.
 * CPH_STEP_INVALID: the list has to be read, but for the rows returned.
 */
CphStep
cph_cover_next(CphCover *cover, const CphItem **item)
{
	MemoryContext caller = MemoryContextSwitchTo(cover->context);
	CphStep		step = cover->state->spec->counted ?
		next_alike(cover, item) : next_read(cover, item);

	MemoryContextSwitchTo(caller);
	return step;
}
