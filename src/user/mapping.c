/*
 * mapping.c
 *		The methods by which a user mapping logs in.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"

/* An option, and the method that it is part of. */
typedef struct AuthOption
{
	const char *name;
	size_t		offset;			/* in CphMappingOptions */
	CphAuthMethod method;
	bool		required;		/* the method needs it */
	bool		file;			/* names a file of the server's machine */
} AuthOption;

#define PART(member, method, required, file) \
	{#member, offsetof(CphMappingOptions, member), method, required, file}

/* The required ones of a method come first. */
static const AuthOption auth_options[] = {
	PART(token, CPH_AUTH_TOKEN, true, false),
	PART(token_file, CPH_AUTH_TOKEN_FILE, true, true),
	PART(access_key, CPH_AUTH_KEYS, true, false),
	PART(secret_key, CPH_AUTH_KEYS, true, false),
	PART(security_token, CPH_AUTH_KEYS, false, false),
	PART(credentials_file, CPH_AUTH_KEYS_FILE, true, true),
	PART(profile, CPH_AUTH_KEYS_FILE, false, false),
	PART(iam_user, CPH_AUTH_PASSWORD, true, false),
	PART(iam_password, CPH_AUTH_PASSWORD, true, false),
	PART(iam_domain, CPH_AUTH_PASSWORD, true, false),
};

/*
 * Bytes that a value has at most.  The longest, a token, has some thousand;
 * what is made of a value is a few times as long, and must stay within what
 * can be palloc'd.
 */
#define VALUE_MAX (1024 * 1024)

#define AUTH_HINT \
	"Set one of: \"access_key\" and \"secret_key\"; \"credentials_file\"; \"iam_user\", \"iam_password\" and \"iam_domain\"; \"token\"; \"token_file\"."

/* Tells whether a mapping has an option. */
static bool
has_option(const CphMappingOptions *mapping, const AuthOption *option)
{
	return *(char *const *) ((const char *) mapping + option->offset) != NULL;
}

/* Returns the first option that a mapping has of any method but one, or NULL. */
static const AuthOption *
option_but_of(const CphMappingOptions *mapping, CphAuthMethod method)
{
	for (int i = 0; i < lengthof(auth_options); i++)
	{
		if (auth_options[i].method != method &&
			has_option(mapping, &auth_options[i]))
			return &auth_options[i];
	}
	return NULL;
}

/* Returns the method that a mapping logs in by, or CPH_AUTH_NONE. */
CphAuthMethod
cph_mapping_auth_method(const CphMappingOptions *mapping)
{
	const AuthOption *option = option_but_of(mapping, CPH_AUTH_NONE);

	return option ? option->method : CPH_AUTH_NONE;
}

/* Raises an error if option "name" is set without "other", which it needs. */
static void
require(bool has, const char *name, const char *other)
{
	if (!has)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required with option \"%s\"",
						other, name)));
}

/* Raises an error if this user may not have the server read files. */
static void
check_may_read_files(const AuthOption *option)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errdetail("Only a superuser or a member of the role pg_read_server_files may set it.")));
}

/*
 * Raises an error unless a mapping names one whole method, which this user may
 * set.
 */
void
cph_mapping_check(const CphMappingOptions *mapping)
{
	const AuthOption *first = option_but_of(mapping, CPH_AUTH_NONE);
	const AuthOption *other;

	if (first == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("the user mapping names no credential"),
				 errhint(AUTH_HINT)));
	other = option_but_of(mapping, first->method);
	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("options \"%s\" and \"%s\" exclude each other",
						first->name, other->name),
				 errdetail("A user mapping names one way to log in."),
				 errhint(AUTH_HINT)));
	for (int i = 0; i < lengthof(auth_options); i++)
	{
		const AuthOption *option = &auth_options[i];

		if (option->method != first->method)
			continue;
		if (option->required)
			require(has_option(mapping, option), first->name, option->name);
		if (option->file)
			check_may_read_files(option);
	}
	if (mapping->proxy_password != NULL)
		require(mapping->proxy_user != NULL, "proxy_password", "proxy_user");
}

/*
 * Checks of values.  Each returns what is wrong, without the value, or NULL.
 */

/* What is wrong with the length of any value. */
static const char *
check_length(const char *value)
{
	if (*value == '\0')
		return "The value is empty.";
	return strlen(value) > VALUE_MAX ? "The value is too long." : NULL;
}

/* A text of any language. */
const char *
cph_mapping_check_text(const char *value)
{
	for (const char *p = value; *p; p++)
	{
		if ((unsigned char) *p < ' ' || *p == 0x7f)
			return "The value holds a control character.";
	}
	return check_length(value);
}

/* The path of a file. */
const char *
cph_mapping_check_path(const char *value)
{
	if (!is_absolute_path(value))
		return "The value must be an absolute path.";
	return cph_mapping_check_text(value);
}

/* A token or a key, which becomes part of a header. */
const char *
cph_mapping_check_key(const char *value)
{
	for (const char *p = value; *p; p++)
	{
		if (*p <= ' ' || *p > '~')
			return "The value holds a character that is not printable ASCII.";
	}
	return check_length(value);
}
