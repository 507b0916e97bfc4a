/*
 * recall.c
 *		Counts that are used again.
 *
 * What is kept is what a count came to, not the answers that it was found out and
 * proved by: these are of one moment, and never meet later ones.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "http/http.h"

/* Appends texts, each so that it ends where it ends. */
static void
append_texts(StringInfo text, const char *name, List *values)
{
	ListCell   *lc;

	appendStringInfo(text, "\n%s", name);
	foreach(lc, values)
		appendStringInfo(text, " %zu:%s", strlen(lfirst(lc)), (char *) lfirst(lc));
}

/* Returns what is counted of a query, palloc'd, with all that tells its rows. */
static char *
describe(const CphScanState *state, const CphQuery *query)
{
	StringInfoData text;
	ListCell   *lc;
	ListCell   *lc2;

	initStringInfo(&text);
	appendStringInfo(&text, "%s of %s?%s", state->spec->count ? "count" : "counts",
					 state->endpoint->resource,
					 cph_request_query(query->params, query->nparams));
	if (query->has_oldest)
		appendStringInfo(&text, "\nfrom " INT64_FORMAT, query->oldest);
	if (query->has_newest)
		appendStringInfo(&text, "\nto " INT64_FORMAT, query->newest);
	if (query->fan != NULL)
		append_texts(&text, query->fan->param, query->fan_values);
	if (query->cover != NULL)
		append_texts(&text, psprintf("%s %s", query->some ? "some" : "all",
									 query->cover->param), query->cover_values);
	forboth(lc, query->fields, lc2, query->values)
		append_texts(&text, lfirst(lc), lfirst(lc2));
	return text.data;
}

/*
 * Finds what a query came to, which another session may be finding out; false: it
 * has to be counted.
 */
static bool
recall(CphScanState *state, const char *inquiry, CphAnswer *answer)
{
	CphClient  *client = cph_scan_client(state);
	CphRecall	recall;

	memset(answer, 0, sizeof(CphAnswer));
	while ((recall = cph_client_recall(client, inquiry, true,
									   answer)) == CPH_RECALL_WAIT)
		cph_client_wait(client);
	if (recall == CPH_RECALL_FOUND)
		cph_client_note_recalled(client);
	else
		answer->begun_at = cph_transport_now();
	return recall == CPH_RECALL_FOUND;
}

/*
 * Keeps what a query came to, if data is not NULL.  To find it out was begun when
 * it was looked for, or earlier, where the scan knew some of it.
 */
static void
keep(CphScanState *state, const char *inquiry, CphAnswer *answer, void *data,
	 Size length)
{
	answer->whole = true;
	answer->data = data;
	answer->length = length;
	if (state->tally != NULL)
		answer->begun_at = Min(answer->begun_at, state->tally_begun_at);
	cph_client_keep(cph_scan_client(state), inquiry, answer);
}

/* Returns the number of rows of a query, found out now or a short while ago. */
int64
cph_recall_count(CphScanState *state, const CphQuery *query,
				 int64 (*count_query) (CphScanState *, const CphQuery *))
{
	char	   *inquiry;
	int64		count;
	CphAnswer	answer;

	if (!cph_client_may_recall(cph_scan_client(state)))
		return count_query(state, query);
	inquiry = describe(state, query);
	if (recall(state, inquiry, &answer))
		memcpy(&count, answer.data, sizeof(count));
	else
	{
		count = count_query(state, query);
		keep(state, inquiry, &answer, &count, sizeof(count));
	}
	return count;
}

/* Appends a text that may be NULL. */
static void
append_text(StringInfo data, const char *text)
{
	appendStringInfoChar(data, text ? '=' : '-');
	appendBinaryStringInfo(data, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* Returns such a text, and moves on behind it. */
static char *
take_text(char **data)
{
	char	   *text = *data + 1;
	bool		is_null = **data == '-';

	*data = text + strlen(text) + 1;
	return is_null ? NULL : text;
}

/* Writes down the rows of a cover made of counts. */
static void
write_rows(const CphCover *cover, StringInfo data)
{
	ListCell   *lc;

	initStringInfo(data);
	foreach(lc, cover->alike)
	{
		const CphAlike *alike = lfirst(lc);

		append_text(data, alike->fan_value);
		append_text(data, alike->value);
		appendBinaryStringInfo(data, (const char *) &alike->rows,
							   sizeof(alike->rows));
	}
}

/* Has a cover return the rows that were written down. */
static void
read_rows(CphCover *cover, const CphAnswer *answer)
{
	char	   *next = answer->data;

	while (next < answer->data + answer->length)
	{
		char	   *fan_value = take_text(&next);
		char	   *json = take_text(&next);
		int64		rows;

		memcpy(&rows, next, sizeof(rows));
		next += sizeof(rows);
		cph_cover_add(cover, fan_value, json, rows);
	}
}

/*
 * Has a cover made of counts return the rows that were counted a short while ago,
 * or, by count_rows, now.  Returns false if that does.
 */
bool
cph_recall_rows(CphCover *cover, bool (*count_rows) (CphCover *))
{
	char	   *inquiry;
	StringInfoData data;
	CphAnswer	answer;
	bool		counted;

	if (!cph_client_may_recall(cph_scan_client(cover->state)))
		return count_rows(cover);
	inquiry = describe(cover->state, cover->query);
	if (recall(cover->state, inquiry, &answer))
	{
		read_rows(cover, &answer);
		return true;
	}
	counted = count_rows(cover);
	write_rows(cover, &data);
	keep(cover->state, inquiry, &answer, counted ? data.data : NULL, data.len);
	return counted;
}
