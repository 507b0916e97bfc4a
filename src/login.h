/*
 * login.h
 *		What a backend remembers of a user mapping's logging in: its tokens,
 *		and whether the service takes its credential.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_LOGIN_H
#define CPH_LOGIN_H

#include "connection.h"
#include "credfile.h"
#include "jsonerror.h"
#include "token.h"

/*
 * Clocks that differ by more seconds are told of: those of machines that are
 * looked after do not.
 */
#define CPH_CLOCKS_DIFFER	60

/*
 * A credential is known here by its fingerprint, a hash that does not tell it.
 */
typedef struct CphLogin
{
	MemoryContext context;		/* that it is in */
	slist_head	tokens;			/* CphToken */
	bool		accepted;		/* the service has taken a credential */
	const void *prober;			/* who sends the first request; NULL: nobody */
	int64		attended_at;	/* when that was last looked after */
	uint64		refused;		/* fingerprint of one that was; 0: none */
	int64		refused_at;		/* time of cph_transport_now */
	char	   *detail;			/* of that error */
	char	   *hint;			/* what to do about it, or NULL */
} CphLogin;

extern CphLogin *cph_login_create(MemoryContext context);
extern uint64 cph_login_fingerprint(const CphSecrets *secrets);
extern const char *cph_login_hint(CphAuthMethod method,
								  const CphServiceError *error,
								  int64 clock_ahead);
extern void cph_login_refuse(CphLogin *login, uint64 fingerprint,
							 const char *detail, const char *hint);
extern void cph_login_check(const CphLogin *login, uint64 fingerprint,
							const char *server_name);
extern CphToken *cph_login_token(CphLogin *login,
								 const CphTokenRequest *request,
								 uint64 fingerprint);
extern void cph_login_drop_token(CphLogin *login, const char *scope,
								 uint64 fingerprint);

#endif							/* CPH_LOGIN_H */
