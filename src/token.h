/*
 * token.h
 *		Tokens: a user's name and password into what the service takes.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_TOKEN_H
#define CPH_TOKEN_H

#include "option.h"
#include "transport.h"

#include "lib/ilist.h"

/* A token that was given.  It is wiped when its context goes. */
typedef struct CphToken
{
	slist_node	node;			/* the keeper's */
	MemoryContext context;		/* its own */
	char	   *scope;			/* cph_token_scope of what was asked for */
	char	   *text;			/* secret */
	char	   *project_id;		/* that it is good for, or NULL */
	int64		renew_at;		/* time of cph_transport_now; 0: unknown */
} CphToken;

/* Who asks for a token, and how. */
typedef struct CphTokenRequest
{
	Oid			umid;			/* the user mapping, key of the transports */
	const CphOptions *options;
	const CphMappingOptions *mapping;
	const CphTransportOptions *transport;
} CphTokenRequest;

extern char *cph_token_scope(const CphOptions *options);
extern CphToken *cph_token_request(const CphTokenRequest *request,
								   char **refusal);

#endif							/* CPH_TOKEN_H */
