/*
 * executor_private.h
 *		What the files of this folder share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_EXECUTOR_PRIVATE_H
#define CPH_EXECUTOR_PRIVATE_H

#include "lib/lib.h"
#include "list/list.h"
#include "query/query.h"
#include "executor/callbacks.h"

#include "executor/tuptable.h"
#include "lib/ilist.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/*
 * An item of a page into the columns of a foreign table.
 */

typedef struct CphTupleReader CphTupleReader;

extern CphTupleReader *cph_tuple_reader(Relation rel,
										const CphEndpoint *endpoint,
										const CphOptions *options,
										const char *project_id,
										List *attnums);
extern void cph_tuple_store(CphTupleReader *reader, const CphItem *item,
							TupleTableSlot *slot);

typedef struct CphCover CphCover;
typedef struct CphParts CphParts;
typedef struct CphRecheck CphRecheck;
typedef struct CphTally CphTally;

/*
 * One way to read: what a scan asks for with certain values of the plan's
 * expressions, and how far it has come with it.
 */
typedef struct CphRun
{
	dlist_node	node;			/* in the scan's runs */
	MemoryContext context;		/* of all that is the run's */
	NullableDatum *exprs;		/* values of the plan's expressions */
	CphQuery   *query;			/* what they ask for */
	Bitmapset  *unsent;			/* filters that the service did not take */
	bool		started;
	CphStreams *streams;		/* NULL: there is nothing to read */
	CphParts   *parts;			/* of which these are the streams; or NULL */
	CphCover   *cover;			/* in the place of streams; or NULL */
	CphIdSet   *seen;			/* ids that it returned before the whole list
								 * was read instead; or NULL */
	bool		fresh;			/* there were such rows, which are of now */
	bool		window_failed;	/* LIMIT and OFFSET have to be done here */
	bool		unverified;		/* the service skipped rows, and its first
								 * page is not checked yet */
	int64		to_skip;		/* rows that match, but are not wanted */
	int64		to_return;		/* rows that are wanted; -1: all */
	int64		returned;		/* rows */
	Tuplestorestate *rows;		/* those that were returned; NULL: not kept */
	bool		whole;			/* they are all there are */
} CphRun;

/* Tells whether a run may have requests under way. */
static inline bool
cph_run_is_open(const CphRun *run)
{
	return run->streams != NULL || run->cover != NULL;
}

/* A scan while it is executed; ForeignScanState.fdw_state. */
typedef struct CphScanState
{
	CphScanSpec *spec;
	const CphOptions *options;
	const CphEndpoint *endpoint;
	Oid			userid;			/* whose user mapping is used */
	List	   *exprs;			/* ExprState * of fdw_exprs */
	Bitmapset  *params;			/* of the executor, that its rows depend on */
	CphRecheck *recheck;		/* clauses that are checked here, or NULL */
	CphTupleReader *reader;		/* NULL: no row was read yet */
	CphClient  *client;			/* NULL: nothing was sent yet */
	CphCounters counters;		/* of all that it did */
	MemoryContext context;		/* lasts as long as the state */

	/* Of a scan of rows: its runs, the one used last first */
	dlist_head	runs;
	CphRun	   *run;			/* the one that is read; NULL: the values have
								 * to be looked at first */
	bool		rescanned;		/* what a run returns is kept */
	bool		replaying;		/* what was kept is returned before the rest */
	TupleTableSlot *kept_slot;	/* to read it through */

	/* Of a scan that counts */
	CphTally   *tally;			/* what is known, or NULL */
	MemoryContext tally_context;	/* its own */
	int64		tally_begun_at; /* time of cph_transport_now */
	bool		counted;		/* the row was returned */

	int			nparts;			/* in which the list was read; 0: as a whole */
	bool		waiting;		/* asynchronous: nothing yet */
	bool		async;			/* do not wait */
} CphScanState;

/* What reading and counting share (scanstate.c) */
extern Bitmapset *cph_scan_params(const ForeignScan *plan);
extern CphClient *cph_scan_client(CphScanState *state);
extern NullableDatum *cph_scan_exprs(ForeignScanState *node);
extern CphQuery *cph_scan_query(CphScanState *state, const NullableDatum *exprs,
								Bitmapset *unsent);
extern void cph_scan_pager_options(CphScanState *state,
								   const CphQuery *query,
								   CphPagerOptions *pager);

extern bool cph_scan_store(ForeignScanState *node, const CphItem *item);

/* The clauses that a scan checks itself (recheck.c) */
extern CphRecheck *cph_recheck_create(ForeignScanState *node);
extern bool cph_recheck_row(CphRecheck *recheck,
							const NullableDatum *exprs, TupleTableSlot *slot);
extern bool cph_recheck_same(const CphRecheck *recheck,
							 const NullableDatum *a, const NullableDatum *b);

/* Items by their ids (locate.c) */
extern bool cph_locate_items(ForeignScanState *node, CphRun *run);

/* A list that is read in parts (parts.c) */
extern bool cph_parts_possible(const CphScanState *state, const CphRun *run,
							   const CphQuery *query);
extern void cph_parts_begin(CphScanState *state);
extern bool cph_parts_is_new(CphParts *parts, const CphItem *item);
extern void cph_parts_end(const CphParts *parts);
extern void cph_parts_close(CphParts *parts);

/* Runs (run.c) */
extern CphRun *cph_run_choose(ForeignScanState *node);
extern void cph_run_leave(CphScanState *state);
extern void cph_run_replay(CphScanState *state);
extern TupleTableSlot *cph_run_next_kept(ForeignScanState *node);
extern void cph_run_end(CphScanState *state);
extern void cph_run_drop(CphRun *run);

/* Numbers of rows that are known (tally.c) */
extern CphTally *cph_tally_create(List *fields);
extern int64 cph_tally_get(CphTally *tally, const char *key);
extern void cph_tally_add(CphTally *tally, const char *key, int64 rows);
extern void cph_tally_count(CphTally *tally, const char *request,
							const CphItem *item);
extern int64 cph_tally_sum(CphTally *tally, const char *request, List *values);

/* Counting (counting.c, between.c, count.c) */

/* What is counted: rows of a query. */
typedef struct CphCounting
{
	CphScanState *state;
	const CphQuery *query;
	uint32		filters;		/* those sent, as bits by their number */
	const CphParam *params;		/* sent, those of the query and its own */
	int			nparams;
	List	   *values;			/* that rows must have, for each field */
	CphMatch   *match;			/* which says so */
} CphCounting;

extern CphCounting cph_counting(CphScanState *state, const CphQuery *query,
								const CphFilter *filter, char *value);
extern bool cph_counting_fits(const CphCounting *counting,
							  const CphPage *page);
extern bool cph_counting_prove(const CphCounting *counting, int64 count);
extern bool cph_counting_ask(const CphCounting *counting, int64 *count);
extern bool cph_counting_prepare(const CphCounting *counting);
extern bool cph_counting_filters(const CphCounting *counting, int64 count);
extern bool cph_count_between(const CphCounting *counting, int64 *count);
extern int64 cph_count_value(CphScanState *state, const CphQuery *query,
							 char *value);
extern TupleTableSlot *cph_count_iterate(ForeignScanState *node);

/*
 * Scans by counts, and by every value of a filter.
 */

/* Rows that are all alike. */
typedef struct CphAlike
{
	char	   *fan_value;		/* of the filter that fans out, or NULL */
	char	   *value;			/* of the covering filter, as JSON, or NULL */
	const CphItem *item;
	int64		rows;			/* to be returned */
} CphAlike;

/* A value that is counted. */
typedef struct CphCounted
{
	CphCounting counting;
	CphCall    *call;			/* NULL: none is under way */
	int64		count;
	bool		proved;			/* it is the number of rows */
} CphCounted;

/* The order in which a scan that reads goes about it. */
typedef enum CphCoverPart
{
	PART_BEGIN,
	PART_EXACT,					/* the rows of values that are wanted */
	PART_OTHERS,				/* those of values that find others as well */
	PART_PROOF
} CphCoverPart;

struct CphCover
{
	CphScanState *state;
	const CphQuery *query;
	MemoryContext context;		/* the caller's, when it was opened */
	CphFilter	others;			/* the covering filter, as one that finds more
								 * than the value */
	CphShape   *shape;			/* of its field */
	List	   *exact;			/* its EXACT values, as JSON */
	bool		counted;		/* alike is filled */
	List	   *alike;			/* CphAlike *; of a scan that reads, only
								 * those of values that find others as well */
	int64		total;			/* rows of the list, before */
	int64		rest;			/* of them, those of no documented value */

	/* Of a scan that reads */
	CphCoverPart part;
	CphStreams *streams;		/* of the part, or NULL */
	int64		expected;		/* rows */
	int64		returned;
	CphIdSet   *ids;			/* of the rows returned; NULL: none can be */
};

/* Rows that are made (made.c) */
extern List *cph_cover_class(const CphCover *cover, CphClass class);
extern char *cph_cover_json(const CphEndpoint *endpoint, const char *field,
							const char *value);
extern CphAlike *cph_cover_add(CphCover *cover, const char *fan_value,
							   const char *json, int64 rows);

/* Numbers of rows (census.c) */
extern int64 cph_cover_total(const CphCover *cover);
extern int64 cph_cover_pages(const CphCover *cover, int64 rows);
extern CphStreams *cph_cover_read(CphCover *cover, List *values, bool exact);
extern CphStep cph_cover_read_next(const CphCover *cover, CphStreams *streams,
								   const CphItem **item);
extern bool cph_cover_is_exact(const CphCover *cover, const CphItem *item);
extern bool cph_cover_census(CphCover *cover, CphCounted *counted);
extern bool cph_cover_some(CphCover *cover);

/* The scans (cover.c) */
extern CphCover *cph_cover_open(CphScanState *state, const CphQuery *query);
extern CphStep cph_cover_next(CphCover *cover, const CphItem **item);
extern void cph_cover_close(CphCover *cover);

/* Counts that are used again (recall.c) */
extern int64 cph_recall_count(CphScanState *state, const CphQuery *query,
							  int64 (*count_query) (CphScanState *, const CphQuery *));
extern bool cph_recall_rows(CphCover *cover, bool (*count_rows) (CphCover *));

extern bool cph_scan_start(ForeignScanState *node);

#endif							/* CPH_EXECUTOR_PRIVATE_H */
