/*
 * tail.c
 *		The rows of a list from its end: the oldest first.
 *
 * Each page ends where the rows end that are wanted: with a row that is older
 * than these, or with the list.  Those of the newest time on it may go on above,
 * and wait for the next page.  So a row that is there all the time is returned
 * once, in whatever order rows of one time stand.  If those of one time fill a
 * page, they are read as a list of their own.
 *
 * A tail waits for its answers.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"

#include "utils/memutils.h"

struct CphTail
{
	CphFinder	finder;			/* of the pages, with what they are asked by */
	MemoryContext context;		/* its own, deleted by close */
	MemoryContext page_context; /* reset for each page */
	CphPlace	place;			/* with the page that is being returned */
	int			row;			/* next of its items to return, upwards ... */
	int			top;			/* ... to this one */
	TimestampTz low;			/* older rows were returned, or are not wanted */
	int64		guess;			/* where the rows end that are not older */
	int			above;			/* rows to ask for before that */
	bool		ended;			/* nothing follows the page */
	CphPager   *group;			/* rows of one time, or NULL */
};

/* Returns the tail of a list, in a child of the current memory context. */
CphTail *
cph_tail_create(CphClient *client, const CphPagerOptions *options)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "cph_fdw tail",
												  ALLOCSET_DEFAULT_SIZES);
	CphTail    *tail = MemoryContextAllocZero(context, sizeof(CphTail));

	cph_finder_init(&tail->finder, client, options);
	tail->context = context;
	tail->page_context = AllocSetContextCreate(context, "cph_fdw page",
											   ALLOCSET_DEFAULT_SIZES);
	tail->row = -1;
	tail->low = options->has_oldest ? options->oldest : DT_NOBEGIN;
	tail->guess = -1;
	tail->above = cph_finder_above(&tail->finder, options->first_limit ?
								   options->first_limit : options->page_size);
	return tail;
}

/* Ends a tail and its requests.  NULL is allowed. */
void
cph_tail_close(CphTail *tail)
{
	if (tail == NULL)
		return;
	cph_pager_close(tail->group);
	MemoryContextDelete(tail->context);
}

/*
 * Begins to read the rows of the time that the page begins with, from where they
 * may begin.
 */
static void
begin_group(CphTail *tail)
{
	CphPagerOptions options = tail->finder.options;
	MemoryContext caller = MemoryContextSwitchTo(tail->context);

	options.offset = Max(tail->place.offset - 1, 0);
	options.first_limit = 0;
	options.has_oldest = options.has_newest = true;
	options.oldest = options.newest = tail->place.page->items[0].time;
	tail->group = cph_pager_start(tail->finder.client, &options, NULL, 0);
	tail->low = options.oldest + 1;
	tail->guess = tail->place.offset;
	MemoryContextSwitchTo(caller);
}

/*
 * Takes the page at hand: its rows are returned from then on, but for those that
 * are too new, or of its first row's time, if the list goes on above it.
 */
static void
take_page(CphTail *tail)
{
	const CphPagerOptions *options = &tail->finder.options;
	const CphPlace *place = &tail->place;
	const CphItem *items = place->page->items;
	int			most = cph_finder_above(&tail->finder, options->page_size);
	int			top = 0;

	while (top < place->rows && options->has_newest &&
		   items[top].time > options->newest)
		top++;
	tail->ended = place->offset == 0 || top > 0;
	while (!tail->ended && top < place->rows && items[top].time == items[0].time)
		top++;
	if (tail->ended || top < place->rows)
	{
		tail->row = place->rows - 1;
		tail->top = top;
		tail->guess = place->offset + top;
		if (!tail->ended)
			tail->low = items[0].time;
	}
	else if (tail->above >= most)
		begin_group(tail);
	tail->above = most;
}

/* Reads the page above; false: the service does not take a filter's value. */
static bool
read_page(CphTail *tail)
{
	MemoryContext caller;
	bool		found;

	MemoryContextReset(tail->page_context);
	caller = MemoryContextSwitchTo(tail->page_context);
	tail->finder.nseen = 0;
	found = cph_finder_find(&tail->finder, tail->low, tail->guess, tail->above,
							&tail->place);
	MemoryContextSwitchTo(caller);
	if (found)
		take_page(tail);
	else if (tail->place.invalid == NULL)
		cph_trust_broken(tail->finder.client, &tail->finder.options,
						 "The rows that follow stood elsewhere each time that they were asked for.",
						 cph_trust_in_parts(&tail->finder.options,
											"The list changes too fast."));
	return found;
}

/*
 * Returns the next row, or says why there is none, as cph_pager_next does, but
 * never that there is nothing yet.
 */
CphStep
cph_tail_next(CphTail *tail, const CphItem **item)
{
	for (;;)
	{
		CphStep		step = tail->group ? cph_pager_next(tail->group, item) : CPH_STEP_END;

		if (step == CPH_STEP_WAIT)
			cph_client_wait(tail->finder.client);
		else if (step != CPH_STEP_END)
			return step;
		else if (tail->group != NULL)
		{
			cph_pager_close(tail->group);
			tail->group = NULL;
		}
		else if (tail->row >= tail->top)
		{
			*item = &tail->place.page->items[tail->row--];
			return CPH_STEP_ROW;
		}
		else if (tail->ended)
			return CPH_STEP_END;
		else if (!read_page(tail))
			return CPH_STEP_INVALID;
	}
}

/* Returns the filter whose value the service did not take. */
const CphFilter *
cph_tail_invalid(const CphTail *tail)
{
	return tail->place.invalid;
}
