/*
 * credential.c
 *		A user mapping into the headers that a request logs in with.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "credential.h"

/* A credential, which lasts as long as the scan that uses it. */
struct CphCredential
{
	CphMappingOptions *options;
};

/* Returns the credential of a user mapping, palloc'd. */
CphCredential *
cph_credential_open(const CphOptions *options, const UserMapping *mapping)
{
	CphCredential *credential = palloc0(sizeof(CphCredential));

	credential->options = cph_mapping_options(mapping);
	return credential;
}

/* Returns the project that the credential names, or NULL. */
const char *
cph_credential_project(const CphCredential *credential)
{
	return NULL;
}

/*
 * Returns the header lines that log a request in, palloc'd and ended by NULL.
 * They hold secrets.
 */
const char **
cph_credential_headers(CphCredential *credential, const char *method,
					   const char *authority, const char *path,
					   const char *query)
{
	const char **headers = palloc0(sizeof(char *) * 2);

	headers[0] = psprintf("X-Auth-Token: %s", credential->options->token);
	return headers;
}

/*
 * Renews a credential that the service has refused.  Returns false where that
 * cannot be done, or was done already.
 */
bool
cph_credential_renew(CphCredential *credential)
{
	return false;
}

/* Returns what can be done about a credential that was refused. */
const char *
cph_credential_hint(const CphCredential *credential)
{
	return "The token is wrong or has expired.  Set another by ALTER USER MAPPING ... OPTIONS (SET token ...).";
}
