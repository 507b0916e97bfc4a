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

/* A user who waits that long for a throttled service is told why. */
#define CPH_NOTICE_AFTER_US		INT64CONST(5000000)

/* A request, from its first try to its answer. */
struct CphCall
{
	dlist_node	node;			/* in the client's calls */
	CphClient  *client;
	const CphEndpoint *endpoint;	/* whose page it asks for; NULL: it is the
									 * credential's question */
	char	   *id;				/* of the item that it asks to locate, or NULL */
	CphRequest	request;		/* its path is NULL until the project is known */
	char	   *filters;		/* its query without the page; NULL of a
								 * question */
	int			limit;
	int			tries;			/* begun */
	int			failures;		/* tries that failed in a way that may pass */
	bool		turn;			/* it has taken one for its try */
	bool		renewed;		/* the credential was renewed for it */
	int64		not_before;		/* next try; 0: at once */
	int64		fresh_after;	/* of its connection: see CphHttpRequest */
	CphTransfer *transfer;		/* NULL: between tries */
	uint64		fingerprint;	/* of what the last try logged in with */
	CphVerdict	verdict;		/* CPH_VERDICT_USE or _RAISE once it is
								 * settled */
	CphOutcome	outcome;		/* of the last try */
	const CphFilter *invalid;	/* the filter whose value was not taken, or
								 * NULL */
	CphLocated	located;		/* of an id, what came of it */
	CphFailure	failure;		/* of CPH_VERDICT_RAISE, in the client's
								 * context */
};

/* How many rows a list has by its last page. */
typedef struct CphExpected
{
	uint32		list;			/* hash of its path and filters */
	int64		rows;
} CphExpected;

/* Lists that a client reads in turn or at once, as far as it is shown. */
#define CPH_MAX_EXPECTED (2 * CPH_MAX_CONCURRENT)

struct CphClient
{
	dlist_node	node;			/* of cph_clients, once it has a ticket */
	MemoryContext context;
	MemoryContextCallback callback;
	const CphOptions *options;
	Oid			userid;			/* who asks */
	char	   *base;			/* URL */
	char	   *project_id;		/* NULL: it comes with a token */
	Oid			umid;			/* its user mapping */
	CphConnection *connection;
	CphCommon  *common;			/* with other clients of that */
	CphCredential *credential;
	CphTransport *transport;	/* NULL: none is borrowed at the moment */
	MemoryContext loan;			/* its owner */
	CphCounters *counters;
	CphCounters reported;		/* of these, to the statistics */
	int64		recalled_age;	/* of the oldest answer that was used again */
	bool		awaits;			/* an answer that another session asks for */
	int			claims;			/* answers that others may wait for */
	CphTicket  *ticket;			/* NULL: not shown yet */
	CphExpected expected[CPH_MAX_EXPECTED];
	int			nexpected;
	CphPeer		peer;
	dlist_head	calls;			/* every CphCall that was not dropped */
	CphCall    *question;		/* one of them, that all others wait for, or
								 * NULL */
	int64		turn_at;		/* when to look for a turn again; 0: no call
								 * waits for one */
	bool		beaten;			/* another session finds out what the
								 * credential lacks */
	CphFailure *failure;		/* that it ended in, and so do they; or NULL */
	int64		wake_at;		/* when to go on at the latest; 0: at no time */
	int64		settled;		/* calls that were answered */
	CphNotice	wait;			/* what for, when cph_client_notice looked */
	int64		looked_at;		/* last; */
	int64		progress;		/* what had come by then; */
	int64		still_us;		/* time waited without progress */
	int64		notice_at;		/* when to tell the user; 0: at no time */
};

/* client.c */
extern dlist_head cph_clients;	/* of this backend, all that are open */
extern void cph_client_borrow(CphClient *client);
extern bool cph_client_has_project(CphClient *client);
extern int	cph_client_in_flight(CphClient *client);
extern bool cph_client_is_behind(const CphClient *client);
extern void cph_client_schedule(CphClient *client);

/* notice.c */
extern CphWait cph_client_waits_for(CphClient *client);
extern void cph_client_notice(CphClient *client);

/* progress.c */
extern void cph_client_show(const CphCall *call);
extern void cph_client_note_page(const CphCall *call, const CphPage *page);
extern void cph_client_report(CphClient *client);

/* hint.c */
extern const char *cph_call_hint(const CphCall *call);

/* verdict.c */
extern void cph_call_release(CphCall *call);
extern void cph_call_end_turn(CphCall *call);
extern void cph_call_end_trial(CphCall *call);
extern void cph_call_fail(CphCall *call, const CphFailure *failure);
extern void cph_call_finish(CphCall *call);
extern bool cph_call_take(CphCall *call, CphPage **page, CphFailure *failure);
extern bool cph_call_take_location(CphCall *call, CphLocated *located,
								   char **value);

/* call.c */
extern bool cph_client_may_log_in(CphClient *client);
extern void cph_client_step(CphClient *client);

#endif							/* CPH_CLIENT_PRIVATE_H */
