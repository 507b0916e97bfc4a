/*
 * stream.c
 *		The rows of a scan: one stream, or several put together.
 *
 * Where a filter has several values there is a stream for each.  The streams
 * are disjoint by their values, and what changes its value meanwhile is known
 * by its id, so that no row is returned twice.
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

/* One stream. */
typedef struct Stream
{
	CphPager   *pager;
	CphMatch   *match;			/* of its own value; NULL: any */
	const CphItem *head;		/* taken from the pager, and not returned */
	bool		ended;
} Stream;

struct CphStreams
{
	CphClient  *client;
	int			nstreams;
	Stream	   *streams;
	bool		merge;			/* newest first over all of them */
	int			current;		/* without merge: the one that is read */
	int			checked;		/* without merge: streams whose filter's value
								 * is known to be taken */
	int			started;		/* streams that were started */
	CphIdSet   *ids;			/* returned so far; NULL: one stream only */
	bool		may_be_refused; /* the service may not take a value */
	const CphFilter *invalid;
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

/* Tells whether a string or an integer of an item equals a text. */
static bool
equals_text(const CphJsonValue *value, const char *text)
{
	char		number[32];

	if (value->kind == CPH_JSON_STRING)
		return strcmp(value->string, text) == 0 &&
			strlen(text) == value->length;
	if (value->kind != CPH_JSON_INTEGER)
		return false;
	snprintf(number, sizeof(number), INT64_FORMAT, value->integer);
	return strcmp(number, text) == 0;
}

/* Tells whether an item has one of the values in each of the fields. */
bool
cph_match_item(CphMatch *match, const CphItem *item)
{
	cph_json_read(match->shape, &item->value, match->read);
	for (int i = 0; i < match->nfields; i++)
	{
		bool		found = false;
		ListCell   *lc;

		foreach(lc, match->values[i])
			found |= equals_text(&match->read[i], lfirst(lc));
		if (!found)
			return false;
	}
	return true;
}

/*
 * Makes a stream of the options' parameters and, if there is a filter that
 * fans out, one of its values.
 */
static void
create_stream(Stream *stream, CphClient *client, const CphPagerOptions *base,
			  const CphFilter *fan, const char *value)
{
	CphPagerOptions options = *base;

	if (fan != NULL)
	{
		CphParam   *params = palloc(sizeof(CphParam) * (base->nparams + 1));

		memcpy(params, base->params, sizeof(CphParam) * base->nparams);
		params[base->nparams] = (CphParam)
		{
			fan->param, value
		};
		options.params = params;
		options.nparams = base->nparams + 1;
		if (fan->kind == CPH_FILTER_EQUAL)
			stream->match = cph_match_create(list_make1(unconstify(char *, fan->field)),
											 list_make1(list_make1(unconstify(char *, value))));
	}
	stream->pager = cph_pager_create(client, &options);
}

/*
 * Asks for the first pages of the streams that are read next: of all where they
 * are merged, else of as many as may be in flight.  More would only wait in
 * memory.
 */
static void
start_streams(CphStreams *streams)
{
	int			end = streams->nstreams;

	if (!streams->merge)
		end = Min(end, streams->current +
				  cph_client_concurrency(streams->client));
	for (; streams->started < end; streams->started++)
		cph_pager_start(streams->streams[streams->started].pager);
}

/*
 * Returns the rows of a filter, in the current memory context: of one stream
 * if fan is NULL, else of one for each value of it.  Several streams that are
 * newest first each (options->needs_time) are merged into one that is.
 */
CphStreams *
cph_streams_create(CphClient *client, const CphPagerOptions *options,
				   const CphFilter *fan, List *values)
{
	CphStreams *streams = palloc0(sizeof(CphStreams));
	CphPagerOptions base = *options;
	int			n = fan ? list_length(values) : 1;

	streams->client = client;
	streams->streams = palloc0(sizeof(Stream) * n);
	streams->merge = n > 1 && options->needs_time;
	base.streams = streams->merge ? n : 1;
	/* what several values find is one row, which only its id shows */
	base.needs_id = n > 1 && fan->kind != CPH_FILTER_EQUAL;
	streams->may_be_refused = n > 1 && fan->invalid_code != NULL &&
		!fan->invalid_is_none;
	if (n > 1)
		streams->ids = cph_idset_create();
	for (int i = 0; i < n; i++)
	{
		create_stream(&streams->streams[i], client, &base, fan,
					  fan ? list_nth(values, i) : NULL);
		streams->nstreams++;
	}
	start_streams(streams);
	return streams;
}

/* Ends the streams and their requests.  NULL is allowed. */
void
cph_streams_close(CphStreams *streams)
{
	for (int i = 0; streams != NULL && i < streams->nstreams; i++)
		cph_pager_close(streams->streams[i].pager);
}

/*
 * Sees to it that a stream has a row at its head: returns CPH_STEP_ROW or
 * CPH_STEP_END if that is settled, else what the pager says.
 */
static CphStep
fill_head(CphStreams *streams, Stream *stream)
{
	while (stream->head == NULL && !stream->ended)
	{
		const CphItem *item;
		CphStep		step = cph_pager_next(stream->pager, &item);

		if (step == CPH_STEP_END)
			stream->ended = true;
		else if (step == CPH_STEP_INVALID)
			streams->invalid = cph_pager_invalid(stream->pager);
		if (step == CPH_STEP_ROW)
		{
			if (stream->match == NULL || cph_match_item(stream->match, item))
				stream->head = item;
		}
		else if (step != CPH_STEP_END)
			return step;
	}
	return stream->head ? CPH_STEP_ROW : CPH_STEP_END;
}

/*
 * Finds the stream whose head comes next in the order of the list.  Those that
 * need a page all ask for it before one is waited for.
 */
static CphStep
choose_newest(CphStreams *streams, Stream **chosen)
{
	bool		wait = false;

	*chosen = NULL;
	for (int i = 0; i < streams->nstreams; i++)
	{
		Stream	   *stream = &streams->streams[i];
		CphStep		step = fill_head(streams, stream);

		if (step == CPH_STEP_END)
			continue;
		if (step != CPH_STEP_ROW && step != CPH_STEP_WAIT)
			return step;
		wait |= step == CPH_STEP_WAIT;
		if (step == CPH_STEP_WAIT)
			continue;
		if (*chosen == NULL || stream->head->time > (*chosen)->head->time)
			*chosen = stream;
	}
	if (wait)
		return CPH_STEP_WAIT;
	return *chosen ? CPH_STEP_ROW : CPH_STEP_END;
}

/* Finds the stream that is read at the moment. */
static CphStep
choose_current(CphStreams *streams, Stream **chosen)
{
	*chosen = NULL;
	/* whether the filter is taken is settled before a row is returned */
	while (streams->checked < streams->nstreams && streams->may_be_refused)
	{
		CphStep		step = fill_head(streams,
									 &streams->streams[streams->checked]);

		if (step != CPH_STEP_ROW && step != CPH_STEP_END)
			return step;
		streams->checked++;
	}
	while (streams->current < streams->nstreams)
	{
		CphStep		step;

		*chosen = &streams->streams[streams->current];
		step = fill_head(streams, *chosen);
		if (step != CPH_STEP_END)
			return step;
		streams->current++;
		start_streams(streams);
	}
	return CPH_STEP_END;
}

/*
 * Returns the next row, or says why there is none.  The row is valid until
 * the next call.
 */
CphStep
cph_streams_next(CphStreams *streams, const CphItem **item)
{
	for (;;)
	{
		Stream	   *stream;
		CphStep		step = streams->merge ?
			choose_newest(streams, &stream) : choose_current(streams, &stream);

		if (step != CPH_STEP_ROW)
			return step;
		*item = stream->head;
		stream->head = NULL;
		if (streams->ids == NULL || (*item)->id == NULL ||
			cph_idset_add(streams->ids, (*item)->id))
			return CPH_STEP_ROW;
	}
}

/*
 * Returns a row of the page at hand without taking it, of one stream: 0 is the
 * one that comes next.  NULL: the page has no more.
 */
const CphItem *
cph_streams_peek(const CphStreams *streams, int ahead)
{
	Assert(streams->nstreams == 1);
	return cph_pager_peek(streams->streams[0].pager, ahead);
}

/* Returns the filter whose value the service did not take. */
const CphFilter *
cph_streams_invalid(const CphStreams *streams)
{
	return streams->invalid;
}
