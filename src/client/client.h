/*
 * client.h
 *		Requests to the service: send, classify, try again, slow down, raise.
 *
 * A client belongs to one scan.  It borrows a transport while it has something
 * to ask for, and sends requests for pages, several at once; each request is a
 * call, which is tried again where that may help, and is read in the end: then
 * it gives a page or raises its error.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CLIENT_H
#define CPH_CLIENT_H

#include "user/user.h"

typedef struct CphClient CphClient;
typedef struct CphCall CphCall;

/* What the last answer told about the other end. */
typedef struct CphPeer
{
	char	   *text;			/* address and protocol; NULL: no answer yet */
	int64		clock_ahead;	/* seconds by which its clock is ahead */
	bool		has_clock;		/* it told the time */
} CphPeer;

/* What became of a call that was answered. */
typedef enum CphCallResult
{
	CPH_CALL_PAGE,				/* a page */
	CPH_CALL_NO_ROWS,			/* a filter's value can be no row's */
	CPH_CALL_INVALID_FILTER		/* a filter's value is not understood */
} CphCallResult;

/* What is to be done for an answer. */
typedef enum CphRecall
{
	CPH_RECALL_FOUND,			/* nothing: there was one a short while ago */
	CPH_RECALL_ASK,
	CPH_RECALL_WAIT				/* to wait for another session, and look again */
} CphRecall;

/* Clients */
extern CphClient *cph_client_open(const CphOptions *options, Oid userid,
								  CphCounters *counters);
extern const char *cph_client_no_mapping(Oid userid, Oid serverid);
extern bool cph_client_may_ask(const CphClient *client);
extern void cph_client_rest(CphClient *client);
extern void cph_client_close(CphClient *client);
extern int64 cph_client_total(CphClient *client, const CphEndpoint *endpoint);
extern const char *cph_client_server_name(const CphClient *client);
extern const char *cph_client_project(CphClient *client);
extern const CphPeer *cph_client_peer(const CphClient *client);
extern CphFacts *cph_client_facts(CphClient *client,
								  const CphEndpoint *endpoint);
extern CphCounters *cph_client_counters(CphClient *client);
extern void cph_client_note_rows(CphClient *client, int rows);
extern int	cph_client_concurrency(const CphClient *client);
extern void cph_client_perform(CphClient *client);
extern void cph_client_wait(CphClient *client);
extern int	cph_client_fd(CphClient *client);
extern int	cph_client_unread(CphClient *client);

/* Answers that are used again */
extern bool cph_client_may_recall(const CphClient *client);
extern CphRecall cph_client_recall(CphClient *client, const char *inquiry,
								   bool whole, CphAnswer *answer);
extern void cph_client_keep(CphClient *client, const char *inquiry,
							const CphAnswer *answer);
extern void cph_client_note_recalled(CphClient *client);
extern int64 cph_client_recalled_age(const CphClient *client);

/* Calls */
extern bool cph_client_try(CphClient *client, const CphEndpoint *endpoint,
						   const CphParam *params, int nparams,
						   int64 offset, int limit, CphPage **page,
						   CphFailure *failure);
extern CphCallResult cph_client_fetch(CphClient *client,
									  const CphEndpoint *endpoint,
									  const CphParam *params, int nparams,
									  int64 offset, int limit, CphPage **page);
extern CphCall *cph_call_send(CphClient *client, const CphEndpoint *endpoint,
							  const CphParam *params, int nparams,
							  int64 offset, int limit);
extern CphCall *cph_call_locate(CphClient *client, const CphEndpoint *endpoint,
								const char *id);
extern bool cph_call_ready(const CphCall *call);
extern Size cph_call_size(const CphCall *call);
extern const char *cph_call_body(const CphCall *call, Size *length);
extern CphCallResult cph_call_page(CphCall *call, CphPage **page,
								   const CphFilter **invalid);
extern CphLocated cph_call_location(CphCall *call, char **value);
extern void cph_call_drop(CphCall *call);

#endif							/* CPH_CLIENT_H */
