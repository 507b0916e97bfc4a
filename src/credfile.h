/*
 * credfile.h
 *		Files that hold a token or keys.
 *
 * A file is read whenever its content is needed, so that replacing it is all
 * that a rotation takes.  Errors tell what is wrong with it, never what it
 * holds; its path only to the server's log.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CREDFILE_H
#define CPH_CREDFILE_H

#include "compat.h"

/* What a request logs in with: a token, or keys.  NULL where there is none. */
typedef struct CphSecrets
{
	const char *token;
	const char *access_key;
	const char *secret_key;
	const char *security_token;
	const char *project_id;		/* that comes with them; no secret */
} CphSecrets;

extern void cph_credfile_token(const char *path, CphSecrets *secrets);
extern void cph_credfile_keys(const char *path, const char *profile,
							  CphSecrets *secrets);

#endif							/* CPH_CREDFILE_H */
