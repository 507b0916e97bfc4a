/*
 * list.h
 *		The rows of a list that changes while it is read, each once.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_LIST_H
#define CPH_LIST_H

#include "client/client.h"

#include "nodes/pg_list.h"

/* What to read, and what may be relied on.  Zero is a sensible default. */
typedef struct CphPagerOptions
{
	const CphEndpoint *endpoint;
	const CphParam *params;		/* the filter; must live as long as the pager */
	int			nparams;
	int			page_size;		/* rows to ask for at once, at least 2 */
	int64		offset;			/* of the first row to return */
	int64		wanted;			/* rows that will be read; -1: unknown */
	int			first_limit;	/* rows to ask for at first; 0: page_size */
	int			streams;		/* pagers that share the memory for what is
								 * read ahead; 0: one */
	bool		ordered;		/* rely on newest first; must be false if the
								 * endpoint documents no order */
	bool		needs_time;		/* an item without a time is an error */
	bool		needs_id;		/* an item without an id is an error, also in
								 * a list of one page */
	bool		stable_ties;	/* rows of one time stand in one order */
	bool		in_parts;		/* where rows of one time fill a page, the
								 * caller reads the list in parts */
	bool		cached;			/* may be read from answers to earlier scans */
	bool		from_end;		/* oldest first; must be false without an
								 * order, with several streams, or with an
								 * offset */
	bool		has_newest;		/* only rows of this time and older ... */
	TimestampTz newest;
	bool		has_oldest;		/* ... of this time and newer are wanted */
	TimestampTz oldest;
} CphPagerOptions;

/* What asking for a row gives. */
typedef enum CphStep
{
	CPH_STEP_ROW,
	CPH_STEP_END,
	CPH_STEP_WAIT,				/* nothing yet: wait for the client */
	CPH_STEP_INVALID,			/* the service did not take a filter's value */
	CPH_STEP_PARTS,				/* the list has to be read in parts */
	CPH_STEP_PAST_END			/* nothing at the offset, but the list may not
								 * have ended there */
} CphStep;

/*
 * The rows of a scan: one stream, or several put together.
 */

typedef struct CphStreams CphStreams;
typedef struct CphMatch CphMatch;

/* Fields and the values that an item must have in them */
extern CphMatch *cph_match_create(List *fields, List *values);
extern bool cph_match_item(CphMatch *match, const CphItem *item);

/* Streams */
extern CphStreams *cph_streams_create(CphClient *client,
									  const CphPagerOptions *options,
									  const CphFilter *fan, List *values);
extern CphStep cph_streams_next(CphStreams *streams, const CphItem **item);
extern CphStep cph_streams_wait(CphStreams *streams, const CphItem **item);
extern const CphItem *cph_streams_peek(const CphStreams *streams, int ahead);
extern const CphFilter *cph_streams_invalid(const CphStreams *streams);
extern bool cph_streams_have_read(const CphStreams *streams,
								  const CphItem *item);
pg_noreturn extern void cph_streams_give_up(const CphStreams *streams);
extern void cph_streams_leave(CphStreams *streams);
extern void cph_streams_close(CphStreams *streams);

/*
 * Where in a list a time stands.
 */

/* A row that was seen where it stood. */
typedef struct CphSeenRow
{
	int64		offset;
	TimestampTz time;
} CphSeenRow;

/* Rows that are seen to find a place or two: by halves, of any list. */
#define CPH_MAX_SEEN 64

/* What looks for places in one list, and what it has learned of it. */
typedef struct CphFinder
{
	CphClient  *client;
	CphPagerOptions options;
	int			size;			/* rows that a page of this service really has */
	CphSeenRow	seen[CPH_MAX_SEEN]; /* while the list is taken to hold still */
	int			nseen;
} CphFinder;

/* A page on which the rows of a time, and newer ones, end. */
typedef struct CphPlace
{
	CphPage    *page;
	int64		offset;			/* of the page, to which all rows are newer */
	int			rows;			/* of the page, that are of the time or newer */
	const CphFilter *invalid;	/* the service does not take its value, and
								 * there is no page; or NULL */
} CphPlace;

extern void cph_finder_init(CphFinder *finder, CphClient *client,
							const CphPagerOptions *options);
extern int	cph_finder_above(const CphFinder *finder, int64 wanted);
extern bool cph_finder_find(CphFinder *finder, TimestampTz time, int64 guess,
							int above, CphPlace *place);

#endif							/* CPH_LIST_H */
