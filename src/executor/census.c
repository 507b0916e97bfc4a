/*
 * census.c
 *		The numbers of rows of every value of a filter.
 *
 * Where a filter has documented values, they cover the list if the numbers of
 * their rows add up to the number of all, which was the same before and after:
 * then no row has another value, and none has none.  Rows of values that may
 * find those of others as well are read and told apart by their ids.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "json/json.h"

/*
 * Rows that are asked for to count a value.  Fewer are all that it has, which
 * proves their number.
 */
#define COUNT_LIMIT 2

/* Requests for the number of all rows, before and after. */
#define TOTALS 2

/* Returns the facts of the list that is read. */
static CphFacts *
facts_of(const CphCover *cover)
{
	return cph_client_facts(cph_scan_client(cover->state),
							cover->state->endpoint);
}

/*
 * Waits for the answer to a request for a number of rows, and takes it.
 * Returns false if it is of no use.
 */
static bool
take_count(const CphCover *cover, CphCounted *counted)
{
	const CphFacts *facts = facts_of(cover);
	uint32		filters = counted->counting.filters;
	const CphFilter *invalid;
	CphPage    *page;
	CphCallResult result = cph_call_page(counted->call, &page, &invalid);

	counted->call = NULL;
	counted->count = 0;
	counted->proved = result == CPH_CALL_NO_ROWS;
	if (result != CPH_CALL_PAGE || !cph_counting_fits(&counted->counting, page))
		return counted->proved;
	counted->count = page->count;
	counted->proved = (page->nitems == page->count && page->count < COUNT_LIMIT) ||
		(filters == 0 ? page->count > COUNT_LIMIT : facts->counts_filter[filters]);
	return true;
}

/* Asks for several numbers of rows, of which as many as may be are in flight. */
static void
send_counts(const CphCover *cover, CphCounted *counted, int n)
{
	for (int i = 0; i < n; i++)
	{
		const CphCounting *counting = &counted[i].counting;

		counted[i].call = cph_call_send(cph_scan_client(cover->state),
										cover->state->endpoint, counting->params,
										counting->nparams, 0, COUNT_LIMIT);
	}
}

/*
 * Takes the answers to what was asked, and drops the rest at the first one that is
 * of no use; false: there is such a one.
 */
static bool
take_counts(const CphCover *cover, CphCounted *counted, int n)
{
	bool		good = true;

	for (int i = 0; i < n; i++)
	{
		if (good)
			good = take_count(cover, &counted[i]);
		else
			cph_call_drop(counted[i].call);
	}
	return good;
}

/*
 * Proves numbers of rows by the pages at their ends: each one until one is
 * another than that of all rows, which shows that the service counts what the
 * filter leaves.  Returns false if it does not.
 */
static bool
prove_counts(CphCounted *counted, int n, int64 total, bool *shown)
{
	*shown = false;
	for (int i = 0; i < n && !*shown; i++)
	{
		if (counted[i].proved)
			continue;
		if (!cph_counting_prove(&counted[i].counting, counted[i].count))
			return false;
		*shown = counted[i].count < total;
	}
	return true;
}

/* Returns the number of all rows that the query leaves; -1: no one knows. */
int64
cph_cover_total(const CphCover *cover)
{
	CphCounted	counted = {cph_counting(cover->state, cover->query, NULL, NULL)};

	send_counts(cover, &counted, 1);
	if (!take_counts(cover, &counted, 1) ||
		!(counted.proved || cph_counting_prove(&counted.counting, counted.count)))
		return -1;
	if (counted.counting.filters == 0)
		facts_of(cover)->total = counted.count;
	return counted.count;
}

/* Returns the requests that reading so many rows takes. */
int64
cph_cover_pages(const CphCover *cover, int64 rows)
{
	int			page = cph_options_page_size(cover->state->options,
											 cover->state->endpoint) - 1;

	return (Max(rows, 1) - 1) / page + 1;
}

/* Tells whether to read so many rows takes no more requests than to count them. */
static bool
is_short(const CphCover *cover, int64 total)
{
	return cph_cover_pages(cover, total) <= cover->query->cover->nvalues + TOTALS;
}

/* Begins to count the rows of some values. */
static void
begin_values(const CphCover *cover, List *values, CphCounted *counted)
{
	ListCell   *lc;

	foreach(lc, values)
		counted[foreach_current_index(lc)].counting =
			cph_counting(cover->state, cover->query, cover->query->cover,
						 lfirst(lc));
	send_counts(cover, counted, list_length(values));
}

/*
 * Ends to count the rows of n values.  Returns their sum, or -1 if the numbers
 * cannot be proved.  shown is told of the filters, if all add up.
 */
static int64
end_values(const CphCover *cover, CphCounted *counted, int n, bool *shown)
{
	int64		sum = 0;

	if (!take_counts(cover, counted, n) ||
		!prove_counts(counted, n, cover->total, shown))
		return -1;
	for (int i = 0; i < n; i++)
		sum += counted[i].count;
	return sum;
}

/*
 * Keeps what a complete set of numbers has shown of the service, and what it
 * is for estimates.
 */
static void
note_counts(const CphCover *cover, const CphCounted *counted, bool shown)
{
	CphFacts   *facts = facts_of(cover);

	for (int i = 0; i < list_length(cover->exact); i++)
	{
		const CphCounting *counting = &counted[i].counting;

		facts->counts_filter[counting->filters] |= shown;
		cph_facts_note_rows(facts, counting->params, counting->nparams,
							counted[i].count);
	}
}

/* Begins to read the rows of some values, each its own rows if exact. */
CphStreams *
cph_cover_read(CphCover *cover, List *values, bool exact)
{
	CphPagerOptions options;

	if (values == NIL)
		return NULL;
	cph_scan_pager_options(cover->state, cover->query, &options);
	options.first_limit = 0;
	return cph_streams_create(cph_scan_client(cover->state), &options,
							  exact ? cover->query->cover : &cover->others,
							  values);
}

/* Returns the next row of some streams, or says why there is none. */
CphStep
cph_cover_read_next(const CphCover *cover, CphStreams *streams,
					const CphItem **item)
{
	return streams ? cph_streams_wait(streams, item) : CPH_STEP_END;
}

/* Returns the value of the covering filter that an item has, as JSON, palloc'd. */
static char *
value_of_item(const CphCover *cover, const CphItem *item)
{
	CphJsonValue value;

	cph_json_read(cover->shape, &item->value, &value);
	return cph_json_text(&value);
}

/* Tells whether an item has one of the EXACT values. */
bool
cph_cover_is_exact(const CphCover *cover, const CphItem *item)
{
	char	   *json = value_of_item(cover, item);
	bool		result = cph_has_text(cover->exact, json);

	pfree(json);
	return result;
}

/* Returns the rows that are alike in a value, which is JSON. */
static CphAlike *
find_alike(CphCover *cover, const char *json)
{
	ListCell   *lc;

	foreach(lc, cover->alike)
	{
		CphAlike   *alike = lfirst(lc);

		if (strcmp(alike->value, json) == 0)
			return alike;
	}
	return cph_cover_add(cover, NULL, json, 0);
}

/*
 * Counts the rows of values that find others as well, whose streams are open, by
 * the value that each has.  Returns their sum, or -1 if one has a value that is
 * counted elsewhere.
 */
static int64
read_others(CphCover *cover)
{
	const CphItem *item;
	CphStep		step;
	int64		sum = 0;

	while ((step = cph_cover_read_next(cover, cover->streams, &item)) == CPH_STEP_ROW)
	{
		char	   *json = value_of_item(cover, item);

		if (cph_has_text(cover->exact, json))
			break;
		find_alike(cover, json)->rows++;
		pfree(json);
		sum++;
	}
	return step == CPH_STEP_END ? sum : -1;
}

/* What became of counting every value. */
typedef enum Outcome
{
	OUTCOME_PROVED,
	OUTCOME_MOVED,				/* the number of all rows is another one now */
	OUTCOME_REST,				/* some rows have none of the values, or moved */
	OUTCOME_READ				/* the numbers cannot, or need not, be proved */
} Outcome;

/*
 * Counts the rows of every value.  A scan that reads asks for the number of all
 * rows once more when it has.
 */
static Outcome
count_all(CphCover *cover, CphCounted *counted)
{
	bool		shown;
	int64		sum;
	int64		others;

	cover->alike = NIL;
	if (cover->total < 0 || is_short(cover, cover->total))
		return OUTCOME_READ;
	/* their pages come while the others are counted */
	cover->streams = cph_cover_read(cover, cph_cover_class(cover, CPH_SUPERSET),
									false);
	begin_values(cover, cph_cover_class(cover, CPH_EXACT), counted);
	others = read_others(cover);
	sum = end_values(cover, counted, list_length(cover->exact), &shown);
	cph_streams_close(cover->streams);
	cover->streams = NULL;
	if (sum < 0 || others < 0)
		return OUTCOME_READ;
	if (cover->state->spec->counted && cph_cover_total(cover) != cover->total)
		return OUTCOME_MOVED;
	cover->rest = cover->total - sum - others;
	if (cover->rest != 0)
		return OUTCOME_REST;
	note_counts(cover, counted, shown);
	return OUTCOME_PROVED;
}

/*
 * Counts the rows of every value; once more if the numbers do not add up by no
 * more than may have moved from value to value meanwhile, a row a request.  The
 * number of all rows may be known from before.  Returns false if the list has
 * to be read.
 */
bool
cph_cover_census(CphCover *cover, CphCounted *counted)
{
	CphFacts   *facts = facts_of(cover);
	uint32		bit = 1 << (cover->query->cover - cover->state->endpoint->filters);
	Outcome		outcome;

	if (facts->uncovered & bit)
		return false;
	cover->total = cover->query->filters == 0 ? facts->total : -1;
	if (cover->total < 0)
		cover->total = cph_cover_total(cover);
	outcome = count_all(cover, counted);
	if (outcome == OUTCOME_MOVED ||
		(outcome == OUTCOME_REST &&
		 cover->rest <= cover->query->cover->nvalues))
	{
		cover->total = cph_cover_total(cover);
		outcome = count_all(cover, counted);
	}
	if (outcome == OUTCOME_REST)
		facts->uncovered |= bit;
	return outcome == OUTCOME_PROVED;
}

/*
 * Counts the rows of the values that a query tells apart: the rest have another
 * one, or none, and it does not matter which.  Returns false if the list has to
 * be read.
 */
bool
cph_cover_some(CphCover *cover)
{
	const CphQuery *query = cover->query;
	List	   *values = query->cover_values;
	List	   *all = cph_cover_class(cover, CPH_EXACT);
	CphCounted	counted[CPH_MAX_VALUES] = {0};
	const char *other = "null";
	bool		shown;
	int64		sum;
	ListCell   *lc;

	cover->total = cph_cover_total(cover);
	if (cover->total < 0 || cph_cover_pages(cover, cover->total) <= list_length(values))
		return false;
	begin_values(cover, values, counted);
	sum = end_values(cover, counted, list_length(values), &shown);
	if (sum < 0 || sum > cover->total)
		return false;
	/* all rows have one value, or the filter does nothing */
	for (int i = 0; !shown && i < list_length(values); i++)
	{
		if (!counted[i].proved)
			return false;
	}
	/* one that is not told apart: the column may be declared NOT NULL */
	foreach(lc, cover->exact)
	{
		if (!list_member_ptr(values, list_nth(all, foreach_current_index(lc))))
			other = lfirst(lc);
	}
	foreach(lc, values)
		cph_cover_add(cover, NULL, cph_cover_json(cover->state->endpoint,
												  query->cover->field, lfirst(lc)),
					  counted[foreach_current_index(lc)].count);
	cph_cover_add(cover, NULL, other, cover->total - sum);
	return true;
}
