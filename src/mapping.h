/*
 * mapping.h
 *		The ways in which a user mapping logs in.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_MAPPING_H
#define CPH_MAPPING_H

#include "compat.h"

/* The ways.  A user mapping names exactly one. */
typedef enum CphAuthMethod
{
	CPH_AUTH_NONE,
	CPH_AUTH_TOKEN,
	CPH_AUTH_TOKEN_FILE,
	CPH_AUTH_KEYS,				/* an access key and its secret key */
	CPH_AUTH_KEYS_FILE,
	CPH_AUTH_PASSWORD			/* of an IAM user, who is given a token */
} CphAuthMethod;

/* The options of a user mapping.  All are secrets or lead to one. */
typedef struct CphMappingOptions
{
	char	   *token;
	char	   *token_file;
	char	   *access_key;
	char	   *secret_key;
	char	   *security_token;
	char	   *credentials_file;
	char	   *profile;
	char	   *iam_user;
	char	   *iam_password;
	char	   *iam_domain;
	char	   *proxy_user;
	char	   *proxy_password;
} CphMappingOptions;

extern CphAuthMethod cph_mapping_auth_method(const CphMappingOptions *mapping);
extern void cph_mapping_check(const CphMappingOptions *mapping);
extern const char *cph_mapping_check_text(const char *value);
extern const char *cph_mapping_check_path(const char *value);
extern const char *cph_mapping_check_key(const char *value);

#endif							/* CPH_MAPPING_H */
