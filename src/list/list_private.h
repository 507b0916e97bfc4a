/*
 * list_private.h
 *		What the files of this folder share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_LIST_PRIVATE_H
#define CPH_LIST_PRIVATE_H

#include "lib/lib.h"
#include "list/list.h"

/*
 * How far a list was read: which rows were, and which were not.
 */

/* Chains of rows; later ones go unchecked. */
#define CPH_MAX_CHAINS 1000

/*
 * Rows of one chain that stand as they stood before, for that not to be by
 * chance: rows in no order do so once in 40,000 times.
 */
#define CPH_ROWS_IN_ORDER 8

/*
 * The time of the last row returned and the ids returned with just that time;
 * without an order, all ids.  Read, but not changed, by others.
 */
typedef struct CphFrontier
{
	bool		ordered;		/* the list is newest first */
	bool		set;			/* a time was given or passed */
	TimestampTz time;
	CphIdSet   *ids;

	/*
	 * Of the rows of those ids: how many each chain has.  Rows of one chain
	 * were seen each behind the one before it.  Chains are counted from 1.
	 */
	int			nchains;
	int			lengths[CPH_MAX_CHAINS + 1];
} CphFrontier;

extern void cph_frontier_init(CphFrontier *frontier, bool ordered);
extern bool cph_frontier_is_unread(const CphFrontier *frontier,
								   const CphItem *item);
extern bool cph_frontier_pass(CphFrontier *frontier, const CphItem *item,
							  int *before);
extern bool cph_frontier_has_read(const CphFrontier *frontier,
								  const CphPage *page);
extern bool cph_frontier_goes_on(const CphFrontier *frontier,
								 const CphPage *page);
extern bool cph_frontier_shows_order(const CphFrontier *frontier,
									 const CphPage *page, int rows);
extern bool cph_frontier_in_order(const CphFrontier *frontier,
								  const CphPage *page);

/*
 * What is relied on (trust.c); each raises an error where it does not hold.
 */

pg_noreturn extern void cph_trust_broken(CphClient *client,
										 const CphPagerOptions *options,
										 const char *detail, const char *hint);
extern char *cph_trust_in_parts(const CphPagerOptions *options,
								const char *hint);
extern void cph_trust_order(CphClient *client, const CphPagerOptions *options,
							const CphPage *page);

/*
 * The pages of a scan, kept for later ones (reading.c).
 */

typedef struct CphReading CphReading;

/* What was asked for, and is to be read in its turn. */
typedef struct CphAsked
{
	CphCall    *call;			/* NULL: its answer is at a place of the
								 * reading */
	Size		place;
	int64		offset;
	int			limit;
} CphAsked;

extern CphReading *cph_reading_create(CphClient *client, const char *inquiry,
									  bool several);
extern bool cph_reading_begin(CphReading *reading);
extern bool cph_reading_is_found(const CphReading *reading);
extern bool cph_reading_next(const CphReading *reading, int stream, Size *next,
							 CphAsked *asked);
extern CphPage *cph_reading_page(const CphReading *reading,
								 const CphEndpoint *endpoint, Size place);
extern void cph_reading_add(CphReading *reading, int stream, int64 offset,
							int limit, const CphCall *call);
extern void cph_reading_leave(CphReading *reading);
extern void cph_reading_close(CphReading *reading, bool whole);

/*
 * A pager: one stream of rows, a list or its rows of one filter, read page by
 * page, each row once, though the list may change meanwhile.
 */

typedef struct CphPager
{
	CphClient  *client;
	CphPagerOptions options;
	MemoryContext context;		/* a pager's own, deleted by close */
	MemoryContext page_context; /* of the page; reset for each */

	/* The page that is being returned */
	CphPage    *page;
	int			row;			/* next of its items to look at */
	int			end_row;		/* the items before it are wanted */
	bool	   *unread;			/* of each item */
	int64		pages;			/* pages that were taken */
	bool		ended;			/* nothing follows the page */
	const CphFilter *invalid;	/* whose value the service did not take */
	bool		stuck;			/* rows of one time fill a page */

	/* What was read */
	CphFrontier frontier;
	char	   *last;			/* id of the last row of the last page */
	TimestampTz first_time;		/* of the first row returned */
	int64		returned;		/* unread rows so far */

	/* Answers that are kept; NULL: none are */
	CphReading *reading;
	int			stream;			/* the pager's number in it */
	bool		replaying;		/* all so far are from an earlier scan */
	Size		replayed;		/* where the next one is looked for */

	/* What to ask for next */
	CphAsked   *ahead;			/* in the order of the list */
	int			nahead;
	int64		next_offset;
	int			size;			/* rows that a page of this service really has */
	int64		step_back;		/* of the last repair; 0: none under way */
	bool		missed;			/* that page had rows */
	int			pages_since_repair; /* as far as it matters */
	bool		probing;		/* the request only asks whether the list ends */
	int			probes;			/* that it does not, since an unread row */
	int64		pages_without_rows; /* pages since an unread row */
	TimestampTz reached;		/* while all rows so far are too new, the time
								 * of the last one of the page before */
	int64		stepped;		/* rows stepped back since an unread row */
	int64		largest;		/* bytes of the largest page */

	/* Bisection for the newest row wanted: it lies within (low, high] */
	bool		seeking;
	int64		low;
	int64		high;

	/* What the pages say of their number */
	int64		count;			/* of the last page; -1: absent */
	bool		one_count;		/* all pages said the same */
	bool		again;			/* the list is read once more, since it has
								 * shown fewer rows than that */
} CphPager;

extern CphPager *cph_pager_start(CphClient *client,
								 const CphPagerOptions *options,
								 CphReading *reading, int stream);

extern CphStep cph_pager_next(CphPager *pager, const CphItem **item);
extern const CphItem *cph_pager_peek(const CphPager *pager, int ahead);
extern void cph_pager_close(CphPager *pager);

/* What a page shows (trust.c) */
extern bool cph_pager_is_anchored(const CphPager *pager, const CphPage *page,
								  int64 offset);
extern bool cph_pager_is_last_page(const CphPager *pager, const CphPage *page,
								   const CphAsked *asked, int unread);
extern bool cph_pager_misses_rows(const CphPager *pager, const CphPage *page,
								  const CphAsked *asked);

/* What is relied on (trust.c); each raises an error where it does not hold */
extern void cph_pager_check_progress(CphPager *pager);
pg_noreturn extern void cph_pager_group_too_large(const CphPager *pager);
extern void cph_pager_check_ties(const CphPager *pager, const CphPage *page);
extern void cph_pager_check_ids(const CphPager *pager, const CphPage *page);
extern void cph_pager_check_identity(const CphPager *pager,
									 const CphPage *page);

/* What to ask for next (ahead.c) */
extern void cph_pager_ask(CphPager *pager, int64 offset, int limit);
extern void cph_pager_drop_ahead(CphPager *pager);
extern CphCallResult cph_pager_read(CphPager *pager, CphAsked *asked,
									CphPage **page);
extern void cph_pager_fill_ahead(CphPager *pager, bool at_end);
extern void cph_pager_plan_next(CphPager *pager, const CphPage *page,
								const CphAsked *asked);
extern bool cph_pager_begin_seek(CphPager *pager, const CphPage *page);
extern void cph_pager_seek(CphPager *pager, const CphPage *page, int64 offset);

/*
 * The rows of a list from its end.
 */

typedef struct CphTail CphTail;

extern CphTail *cph_tail_create(CphClient *client,
								const CphPagerOptions *options);
extern CphStep cph_tail_next(CphTail *tail, const CphItem **item);
extern const CphFilter *cph_tail_invalid(const CphTail *tail);
extern void cph_tail_close(CphTail *tail);

#endif							/* CPH_LIST_PRIVATE_H */
