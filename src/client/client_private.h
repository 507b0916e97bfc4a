/*
 * client_private.h
 *		What the files of this folder share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CLIENT_PRIVATE_H
#define CPH_CLIENT_PRIVATE_H

#include "client/client.h"

#include "lib/ilist.h"

/* A request, from its first try to its answer. */
struct CphCall
{
	dlist_node	node;			/* in the client's calls */
	CphClient  *client;
	const CphEndpoint *endpoint;
	char	   *path;
	char	   *query;
	int			limit;
	int			tries;			/* begun */
	int			failures;		/* tries that failed in a way that may pass */
	bool		renewed;		/* the credential was renewed for it */
	int64		not_before;		/* next try; 0: at once */
	CphTransfer *transfer;		/* NULL: between tries */
	CphVerdict	verdict;		/* CPH_VERDICT_USE or _RAISE once it is
								 * settled */
	const CphOutcome *outcome;	/* of CPH_VERDICT_RAISE */
	CphServiceError error;		/* what the answer says of itself */
	uint64		fingerprint;	/* of what the last try logged in with */
};

struct CphClient
{
	MemoryContext context;
	const CphOptions *options;
	char	   *base;			/* URL */
	char	   *authority;		/* host and port */
	char	   *project_id;
	CphConnection *connection;
	CphCredential *credential;
	CphTransport *transport;	/* NULL: none is borrowed at the moment */
	MemoryContext loan;			/* its owner */
	CphCounters *counters;
	CphPeer		peer;
	dlist_head	calls;			/* every CphCall that was not dropped */
};

extern void cph_client_borrow(CphClient *client);
extern int	cph_client_in_flight(CphClient *client);
extern void cph_client_schedule(CphClient *client);
extern void cph_call_step(CphCall *call);

#endif							/* CPH_CLIENT_PRIVATE_H */
