/*
 * facts.h
 *		What a service has shown of an endpoint that its documents leave open,
 *		and the sizes of what was read of it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_FACTS_H
#define CPH_FACTS_H

#include "request.h"

/* What can be found out about a service that its documents leave open. */
typedef enum CphShown
{
	CPH_UNKNOWN,				/* not asked yet */
	CPH_SHOWN,
	CPH_REFUTED
} CphShown;

/* The number of rows that some parameters leave of a list. */
typedef struct CphSize
{
	uint32		shape;			/* of the parameters; 0: none is kept here */
	int64		rows;
} CphSize;

#define CPH_MAX_SIZES 64		/* kept, of an endpoint */

/* What the service has shown of an endpoint, for one project. */
typedef struct CphFacts
{
	const CphEndpoint *endpoint;	/* NULL: none are kept here */
	char		project_id[CPH_MAX_PROJECT_ID + 1];
	uint64		used;			/* a larger number for each use */
	CphShown	finds_substring;	/* a fuzzy filter finds parts of names */
	int64		total;			/* last count without a filter; -1: none */

	/* By the set of filters, as bits */
	bool		counts_filter[CPH_MAX_FILTER_SETS]; /* count is the number of
													 * their rows */
	int64		proved_count[CPH_MAX_FILTER_SETS];	/* one that was, by the
													 * rows; 0: none */
	CphSize		sizes[CPH_MAX_SIZES];	/* by their shape, for estimates */
} CphFacts;

extern void cph_facts_note_rows(CphFacts *facts, const CphParam *params,
								int nparams, int64 rows);
extern int64 cph_facts_rows(const CphFacts *facts, const CphParam *params,
							int nparams);

#endif							/* CPH_FACTS_H */
