/*
 * credential.h
 *		A user mapping into the headers that a request logs in with.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CREDENTIAL_H
#define CPH_CREDENTIAL_H

#include "option.h"

typedef struct CphCredential CphCredential;

extern CphCredential *cph_credential_open(const CphOptions *options,
										  const UserMapping *mapping);
extern const char *cph_credential_project(const CphCredential *credential);
extern const char **cph_credential_headers(CphCredential *credential,
										   const char *method,
										   const char *authority,
										   const char *path,
										   const char *query);
extern bool cph_credential_renew(CphCredential *credential);
extern const char *cph_credential_hint(const CphCredential *credential);

#endif							/* CPH_CREDENTIAL_H */
