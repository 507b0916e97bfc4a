/*
 * frontier.h
 *		How far a list was read: which rows were, and which were not.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_FRONTIER_H
#define CPH_FRONTIER_H

#include "idset.h"
#include "page.h"

/* Chains of rows; later ones go unchecked. */
#define CPH_MAX_CHAINS 1000

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
extern bool cph_frontier_in_order(const CphFrontier *frontier,
								  const CphPage *page);

#endif							/* CPH_FRONTIER_H */
