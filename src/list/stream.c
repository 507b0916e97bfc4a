/*
 * stream.c
 *		The rows of a scan: one stream, or several put together.
 *
 * Where a filter has several values there is a stream for each.  The streams
 * are disjoint by their values, and what changes its value meanwhile is known
 * by its id, so that no row is returned twice.  A stream has memory from its
 * start to its end only: of many that follow each other, few are read at once.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"

#include "utils/memutils.h"

/* One stream. */
typedef struct Stream
{
	const char *value;			/* of the filter that fans out, or NULL */
	MemoryContext context;		/* NULL: not started yet, or ended */
	CphPager   *pager;
	CphMatch   *match;			/* of its own value; NULL: any */
	const CphItem *head;		/* taken from the pager, and not returned */
	bool		ended;
} Stream;

struct CphStreams
{
	CphClient  *client;
	CphPagerOptions options;	/* of each stream, but for its value */
	const CphFilter *fan;		/* the filter that fans out, or NULL */
	MemoryContext context;
	int			nstreams;
	Stream	   *streams;
	CphTail    *tail;			/* in the place of the streams, or NULL */
	bool		merge;			/* newest first over all of them */
	int			current;		/* without merge: the one that is read */
	int			checked;		/* without merge: streams whose filter's value
								 * is known to be taken */
	CphIdSet   *ids;			/* returned so far; NULL: one stream only */
	CphReading *reading;		/* of all streams, to be kept; or NULL */
	bool		begun;			/* the reading is not waited for */
	int64		returned;		/* rows */
	bool		may_be_refused; /* the service may not take a value */
	const CphFilter *invalid;
};

/* Sets a stream's options apart from those of the others, by its value. */
static void
set_value(Stream *stream, const CphFilter *fan, CphPagerOptions *options)
{
	CphParam   *params = palloc(sizeof(CphParam) * (options->nparams + 1));

	memcpy(params, options->params, sizeof(CphParam) * options->nparams);
	params[options->nparams++] = cph_param(fan->param, stream->value);
	options->params = params;
	if (fan->kind == CPH_FILTER_EQUAL)
		stream->match = cph_match_create(list_make1(unconstify(char *, fan->field)),
										 list_make1(list_make1(unconstify(char *, stream->value))));
}

/* Asks for the first page of a stream, if that has not been done. */
static void
start_stream(CphStreams *streams, Stream *stream)
{
	CphPagerOptions options = streams->options;
	MemoryContext caller;

	if (stream->pager != NULL || stream->ended)
		return;
	stream->context = AllocSetContextCreate(streams->context, "cph_fdw stream",
											ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(stream->context);
	if (stream->value != NULL)
		set_value(stream, streams->fan, &options);
	stream->pager = cph_pager_start(streams->client, &options, streams->reading,
									stream - streams->streams);
	MemoryContextSwitchTo(caller);
}

/* Ends a stream and its requests.  One that has ended is left as it is. */
static void
end_stream(Stream *stream)
{
	stream->ended = true;
	if (stream->pager == NULL)
		return;
	cph_pager_close(stream->pager);
	MemoryContextDelete(stream->context);
	stream->pager = NULL;
	stream->match = NULL;
	stream->head = NULL;
}

/*
 * Asks for the first pages of the streams that are read next: of all where they
 * are merged, else of as many as may be in flight.  More would only wait in
 * memory.  An earlier scan's answers need not be waited for, and may be all.
 */
static void
start_streams(CphStreams *streams)
{
	int			first = Max(streams->current, streams->checked);
	int			end = first + cph_client_concurrency(streams->client);

	if (streams->merge)
		end = streams->nstreams;
	else if (cph_reading_is_found(streams->reading))
		end = first + 1;
	for (int i = first; i < Min(end, streams->nstreams); i++)
		start_stream(streams, &streams->streams[i]);
}

/*
 * Begins to read; false while another session reads the same, to be kept.
 */
static bool
begin(CphStreams *streams)
{
	if (streams->begun)
		return true;
	if (streams->reading != NULL && !cph_reading_begin(streams->reading))
		return false;
	streams->begun = true;
	start_streams(streams);
	return true;
}

/*
 * Returns what streams will ask for, palloc'd: where one of them will ask for
 * something else, so does this.  What of several is wanted is part of it, since
 * they are read as far as that goes or not at all.
 */
static char *
describe(const CphStreams *streams)
{
	const CphPagerOptions *options = &streams->options;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "rows of %s?%s\n%d rows from " INT64_FORMAT ", %d a page, "
					 INT64_FORMAT " wanted, newest %d " INT64_FORMAT,
					 options->endpoint->resource,
					 cph_request_query(options->params, options->nparams),
					 options->first_limit, options->offset, options->page_size,
					 options->wanted, options->has_newest,
					 options->has_newest ? options->newest : 0);
	if (streams->nstreams > 1)
		appendStringInfo(&text, ", oldest %d " INT64_FORMAT "%s",
						 options->has_oldest,
						 options->has_oldest ? options->oldest : 0,
						 streams->merge ? ", merged" : "");
	for (int i = 0; i < streams->nstreams && streams->fan != NULL; i++)
		appendStringInfo(&text, "\n%s=%zu:%s", streams->fan->param,
						 strlen(streams->streams[i].value),
						 streams->streams[i].value);
	return text.data;
}

/*
 * Returns the rows of a filter, in the current memory context: of one stream
 * if fan is NULL, else of one for each value of it.  Several streams that are
 * newest first each (options->needs_time) are merged into one that is.  One that
 * is to be oldest first waits for its answers.
 */
CphStreams *
cph_streams_create(CphClient *client, const CphPagerOptions *options,
				   const CphFilter *fan, List *values)
{
	CphStreams *streams = palloc0(sizeof(CphStreams));
	int			n = fan ? list_length(values) : 1;

	streams->client = client;
	streams->options = *options;
	streams->fan = fan;
	streams->context = CurrentMemoryContext;
	if (options->from_end)
	{
		Assert(fan == NULL && options->ordered && options->offset == 0);
		streams->tail = cph_tail_create(client, options);
		return streams;
	}
	streams->nstreams = n;
	streams->streams = palloc0(sizeof(Stream) * n);
	for (int i = 0; i < n && fan != NULL; i++)
		streams->streams[i].value = list_nth(values, i);
	streams->merge = n > 1 && options->needs_time;
	streams->options.streams = streams->merge ? n : 1;
	/* what several values find is one row, which only its id shows */
	streams->options.needs_id = n > 1 && fan->kind != CPH_FILTER_EQUAL;
	streams->may_be_refused = n > 1 && fan->invalid_code != NULL &&
		!fan->invalid_is_none;
	if (n > 1)
		streams->ids = cph_idset_create();
	if (options->cached)
		streams->reading = cph_reading_create(client, describe(streams), n > 1);
	(void) begin(streams);
	return streams;
}

/*
 * Tells whether nothing follows what was returned: the streams have ended, other
 * than by a bound that another scan may not have, or no more was wanted.
 */
static bool
is_whole(const CphStreams *streams)
{
	bool		ended = streams->nstreams > 1 || !streams->options.has_oldest;

	for (int i = 0; i < streams->nstreams; i++)
		ended &= streams->streams[i].ended;
	return ended || (streams->options.wanted >= 0 &&
					 streams->returned >= streams->options.wanted);
}

/* Has nobody wait for streams that may not be gone on with.  NULL is allowed. */
void
cph_streams_leave(CphStreams *streams)
{
	if (streams != NULL)
		cph_reading_leave(streams->reading);
}

/* Ends the streams and their requests.  NULL is allowed. */
void
cph_streams_close(CphStreams *streams)
{
	if (streams == NULL)
		return;
	cph_tail_close(streams->tail);
	streams->tail = NULL;
	cph_reading_close(streams->reading, is_whole(streams));
	streams->reading = NULL;
	for (int i = 0; i < streams->nstreams; i++)
		end_stream(&streams->streams[i]);
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
		CphStep		step;

		start_stream(streams, stream);
		step = cph_pager_next(stream->pager, &item);
		if (step == CPH_STEP_INVALID)
			streams->invalid = stream->pager->invalid;
		if (step == CPH_STEP_END)
			end_stream(stream);
		else if (step != CPH_STEP_ROW)
			return step;
		else if (stream->match == NULL || cph_match_item(stream->match, item))
			stream->head = item;
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

		if (step == CPH_STEP_WAIT)
			wait = true;
		else if (step == CPH_STEP_ROW)
		{
			if (*chosen == NULL || stream->head->time > (*chosen)->head->time)
				*chosen = stream;
		}
		else if (step != CPH_STEP_END)
			return step;
	}
	if (wait)
		return CPH_STEP_WAIT;
	return *chosen ? CPH_STEP_ROW : CPH_STEP_END;
}

/* Finds the stream that is read at the moment. */
static CphStep
choose_current(CphStreams *streams, Stream **chosen)
{
	CphStep		step;

	*chosen = NULL;
	/* whether the filter is taken is settled before a row is returned */
	while (streams->may_be_refused && streams->checked < streams->nstreams)
	{
		step = fill_head(streams, &streams->streams[streams->checked]);
		if (step != CPH_STEP_ROW && step != CPH_STEP_END)
			return step;
		streams->checked++;
		start_streams(streams);
	}
	while (streams->current < streams->nstreams)
	{
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
	if (streams->tail == NULL && !begin(streams))
		return CPH_STEP_WAIT;
	while (streams->tail == NULL)
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
		{
			streams->returned++;
			return CPH_STEP_ROW;
		}
	}
	return cph_tail_next(streams->tail, item);
}

/* Returns the next row as cph_streams_next does, but waits for it. */
CphStep
cph_streams_wait(CphStreams *streams, const CphItem **item)
{
	CphStep		step;

	while ((step = cph_streams_next(streams, item)) == CPH_STEP_WAIT)
		cph_client_wait(streams->client);
	return step;
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
	return streams->tail ? cph_tail_invalid(streams->tail) : streams->invalid;
}

/*
 * Tells whether a row is one that was read: of one stream, which is to be read in
 * parts from there on.
 */
bool
cph_streams_have_read(const CphStreams *streams, const CphItem *item)
{
	return !cph_frontier_is_unread(&streams->streams[0].pager->frontier, item);
}

/* Raises the error that reading such a stream in parts was to save. */
void
cph_streams_give_up(const CphStreams *streams)
{
	cph_pager_group_too_large(streams->streams[0].pager);
}
