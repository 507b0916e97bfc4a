/*
 * credential.h
 *		A user mapping into the headers that a request logs in with.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CREDENTIAL_H
#define CPH_CREDENTIAL_H

#include "connection.h"
#include "jsonerror.h"
#include "transport.h"

typedef struct CphCredential CphCredential;

/* What a request is that is to be logged in. */
typedef struct CphLoginRequest
{
	const char *method;
	const char *authority;		/* host and port, as in the URL */
	const char *path;			/* encoded */
	const char *query;			/* canonical */
} CphLoginRequest;

extern CphCredential *cph_credential_open(const CphOptions *options,
										  UserMapping *mapping,
										  CphConnection *connection);
extern const CphTransportOptions *cph_credential_route(const CphCredential *credential);
extern const char *cph_credential_project(CphCredential *credential);

extern bool cph_credential_ready(CphCredential *credential, int in_flight);
extern int64 cph_credential_ready_at(CphCredential *credential);
extern void cph_credential_attend(CphCredential *credential);
extern const char *const *cph_credential_headers(CphCredential *credential,
												 const CphLoginRequest *request,
												 uint64 *fingerprint);
extern void cph_credential_answered(CphCredential *credential,
									const CphTransfer *transfer);
extern bool cph_credential_renew(CphCredential *credential, uint64 fingerprint);
extern void cph_credential_refused(CphCredential *credential, uint64 fingerprint,
								   const CphTransfer *transfer,
								   const CphServiceError *error,
								   const char *detail);
extern const char *cph_credential_hint(CphCredential *credential);
extern void cph_credential_mask(const CphCredential *credential, char *text);
extern void cph_credential_mask_error(const CphCredential *credential,
									  CphServiceError *error);

#endif							/* CPH_CREDENTIAL_H */
