/*
 * rule.c
 *		What an option's value may be, and how its text becomes a value.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"
#include "http/http.h"
#include "service/service.h"

#include <fcntl.h>

#include "common/username.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"

char	   *cph_allowed_hosts = NULL;

/*
 * Bytes that a value has at most.  The longest, a token, has some thousand;
 * what is made of a value is a few times as long, and must stay within what
 * can be palloc'd.
 */
#define VALUE_MAX (1024 * 1024)

/*
 * Checks of values.  Each returns what is wrong, palloc'd or constant, or
 * NULL.
 */

/* An endpoint: a base URL that this user may name. */
const char *
cph_check_endpoint(const char *value)
{
	const char *host = strstr(value, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;
	CphUrl		url;
	const char *reason = cph_url_parse(value, &url);

	if (reason != NULL && path != NULL && path[1] != '\0')
		return psprintf("%s  Paths are added to it, as \"/v1/PROJECT/cloud-phone/phones\" or \"/v3/auth/tokens\".",
						reason);
	return reason ? reason : cph_url_refusal(&url, superuser(), cph_allowed_hosts);
}

/* The proxy: a base URL.  Who may log in there is the user mapping's to say. */
const char *
cph_check_proxy(const char *value)
{
	CphUrl		url;

	if (pg_strncasecmp(value, "http", 4) != 0)
		return "The URL must begin with \"http://\" or \"https://\".";
	return cph_url_parse(value, &url);
}

/* A region, which becomes part of a host name. */
const char *
cph_check_region(const char *value)
{
	if (*value == '\0' || strlen(value) > 63 ||
		strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(value))
		return "A region consists of lower-case letters, digits and hyphens.";
	return NULL;
}

/* A project, which becomes part of a path. */
const char *
cph_check_project_id(const char *value)
{
	if (*value == '\0' || strlen(value) > CPH_MAX_PROJECT_ID ||
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "0123456789_-") != strlen(value))
		return "A project's ID consists of at most 64 letters, digits, hyphens and underscores.";
	return NULL;
}

/* A resource: one of the lists that are described. */
const char *
cph_check_resource(const char *value)
{
	return cph_endpoint_find(value) != NULL ? NULL :
		psprintf("The value must be one of %s.", cph_endpoint_names());
}

/* A field: "$", names joined by dots, or a constant of the table. */
const char *
cph_check_field(const char *value)
{
	if (*value == '@')
		return strcmp(value, "@region") == 0 ||
			strcmp(value, "@project_id") == 0 ||
			strcmp(value, "@server") == 0 ? NULL :
			"A constant is \"@region\", \"@project_id\" or \"@server\".";
	if (*value == '\0' || *value == '.' || strstr(value, "..") != NULL ||
		value[strlen(value) - 1] == '.')
		return "A field is \"$\", or one or more names joined by dots.";
	return NULL;
}

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
cph_check_text(const char *value)
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
cph_check_path(const char *value)
{
	if (!is_absolute_path(value))
		return "The value must be an absolute path.";
	return cph_check_text(value);
}

/* A token or a key of a file or a mapping, which becomes part of a header. */
const char *
cph_check_key(const char *value)
{
	for (const char *p = value; *p; p++)
	{
		if (*p <= ' ' || *p > '~')
			return "The value holds a character that is not printable ASCII.";
	}
	return check_length(value);
}

/* In the order of CphNameFilter, CphTimeUnit, CphNotFound and CphFieldCheck. */
static const char *const name_filters[] =
{"auto", "substring", "prefix", "exact", "off", NULL};
static const char *const time_units[] = {"auto", "s", "ms", "off", NULL};
static const char *const not_found[] = {"read", "none", NULL};
static const char *const field_checks[] = {"warn", "off", NULL};

/*
 * A day bounds what is told in seconds; 1 GB is the largest palloc'd value.
 */
#define MAX_SECONDS		86400
#define MAX_BODY_KB		(1024 * 1024)

#define RULE(member, places, kind, ...) \
	{#member, places, CPH_KIND_##kind, offsetof(CphOptions, member), __VA_ARGS__}
#define BOOLEAN(member, places) \
	RULE(member, places, BOOLEAN, .initial = "true")
#define INTEGER(member, places, first, least, most) \
	RULE(member, places, INTEGER, .initial = first, .min = least, .max = most)
#define COST(member, first) \
	RULE(member, CPH_OF_SERVER, COST, .initial = first)
#define CHOICE(member, first, words) \
	RULE(member, CPH_OF_SERVER, CHOICE, .initial = first, .choices = words)
#define STRING(member, places, checked) \
	RULE(member, places, STRING, .check = checked)
#define SECRET(member, checked, way, needed) \
	{#member, CPH_OF_MAPPING, CPH_KIND_STRING, \
	offsetof(CphMappingOptions, member), .check = checked, \
	.method = CPH_AUTH_##way, .required = needed}

/*
 * A request's default cost is that of connecting in postgres_fdw; hundreds of
 * pages then stay below jit_above_cost.  Of a method's options the required
 * ones come first.
 */
const CphOptionRule cph_option_rules[] = {
	STRING(endpoint, CPH_OF_SERVER, cph_check_endpoint),
	STRING(region, CPH_OF_SERVER, cph_check_region),
	STRING(iam_endpoint, CPH_OF_SERVER, cph_check_endpoint),
	STRING(project_id, CPH_OF_SERVER | CPH_OF_TABLE, cph_check_project_id),
	STRING(resource, CPH_OF_TABLE, cph_check_resource),
	RULE(field_check, CPH_OF_TABLE, CHOICE, .initial = "warn",
		 .choices = field_checks),
	INTEGER(fetch_size, CPH_OF_SERVER | CPH_OF_TABLE, NULL, 2, CPH_MAX_PAGE),
	INTEGER(max_concurrent_requests, CPH_OF_SERVER, "4", 1, CPH_MAX_CONCURRENT),
	INTEGER(connect_timeout, CPH_OF_SERVER, "10", 1, MAX_SECONDS),
	INTEGER(request_timeout, CPH_OF_SERVER, "60", 1, MAX_SECONDS),

	/* load balancers close what is idle for 60 s; firewalls forget it later */
	INTEGER(keepalive_idle, CPH_OF_SERVER, "50", 1, MAX_SECONDS),
	INTEGER(max_retries, CPH_OF_SERVER, "4", 0, 100),
	INTEGER(throttle_timeout, CPH_OF_SERVER, "180", 0, MAX_SECONDS),
	RULE(max_response_size, CPH_OF_SERVER, KILOBYTES, .initial = "8MB",
		 .min = 1, .max = MAX_BODY_KB),
	RULE(sslrootcert, CPH_OF_SERVER, STRING, .superuser_only = true),
	RULE(proxy, CPH_OF_SERVER, STRING, .check = cph_check_proxy,
		 .superuser_only = true),
	BOOLEAN(enable_order_pushdown, CPH_OF_SERVER),
	BOOLEAN(enable_limit_pushdown, CPH_OF_SERVER),
	BOOLEAN(enable_count_pushdown, CPH_OF_SERVER),
	BOOLEAN(stable_ties, CPH_OF_SERVER),
	BOOLEAN(async_capable, CPH_OF_SERVER | CPH_OF_TABLE),
	RULE(max_requests_per_second, CPH_OF_SERVER, RATE),
	INTEGER(max_server_requests, CPH_OF_SERVER, "64", 1, 10000),
	COST(fdw_request_cost, "100"),
	COST(fdw_tuple_cost, "0.01"),
	CHOICE(name_filter, "auto", name_filters),
	CHOICE(time_unit, "auto", time_units),
	CHOICE(detail_not_found, "read", not_found),
	SECRET(token, cph_check_key, TOKEN, true),
	SECRET(token_file, cph_check_path, TOKEN_FILE, true),
	SECRET(access_key, cph_check_key, KEYS, true),
	SECRET(secret_key, cph_check_key, KEYS, true),
	SECRET(security_token, cph_check_key, KEYS, false),
	SECRET(credentials_file, cph_check_path, KEYS_FILE, true),
	SECRET(profile, cph_check_text, KEYS_FILE, false),
	SECRET(iam_user, cph_check_text, PASSWORD, true),
	SECRET(iam_password, cph_check_text, PASSWORD, true),
	SECRET(iam_domain, cph_check_text, PASSWORD, true),
	SECRET(proxy_user, cph_check_text, NONE, false),
	SECRET(proxy_password, cph_check_text, NONE, false),
	{"field", CPH_OF_COLUMN, CPH_KIND_STRING, .check = cph_check_field},
};
const int	cph_noption_rules = lengthof(cph_option_rules);

/*
 * Raises the error for a bad value.  A secret's value is not shown, nor one
 * that may be a URL with a password.
 */
pg_noreturn static void
bad_value(const CphOptionRule *rule, const char *value, const char *reason)
{
	bool		secret = (rule->places & CPH_OF_MAPPING) != 0 ||
		(strchr(value, '@') != NULL && rule->check != cph_check_field);

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 secret ? errmsg("invalid value for option \"%s\"", rule->name) :
			 errmsg("invalid value for option \"%s\": \"%.200s\"",
					rule->name, value),
			 errdetail("%s", reason)));
}

/* Warns of a project that can be none, such as the name of one. */
static void
warn_of_project(const char *value)
{
	if (strlen(value) != 32 ||
		strspn(value, "0123456789abcdefABCDEF") != 32)
		ereport(WARNING,
				(errmsg("\"%s\" does not look like the ID of a project",
						value),
				 errdetail("An ID has 32 hexadecimal digits."),
				 errhint("The console shows it beside the project's name, on the page \"My Credentials\".")));
}

/* Warns of a file of authorities that cannot be read here and now. */
static void
warn_of_file(const char *path)
{
	int			fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	int			error = errno;
	char	   *unused;
	const char *user = get_user_name(&unused);

	if (fd >= 0)
	{
		CloseTransientFile(fd);
		return;
	}
	errno = error;
	ereport(WARNING,
			(errcode_for_file_access(),
			 errmsg("could not open file \"%s\": %m", path),
			 errdetail("It is read by the operating system's user \"%s\".",
					   user ? user : "unknown"),
			 errhint("Without the option \"sslrootcert\" the system's authorities are trusted, which the package ca-certificates holds.")));
}

/*
 * Warns of a value that is none that can work, but must not be refused: what
 * it depends on may be another when a dump is restored.
 */
void
cph_option_warn(const CphOptionRule *rule, const char *value)
{
	if (rule->check == cph_check_project_id)
		warn_of_project(value);
	else if (strcmp(rule->name, "sslrootcert") == 0)
		warn_of_file(value);
}

/* Returns the number of a word among the choices; raises an error for none. */
static int
parse_choice(const CphOptionRule *rule, const char *value)
{
	StringInfoData words;

	initStringInfo(&words);
	for (int i = 0; rule->choices[i] != NULL; i++)
	{
		if (strcmp(rule->choices[i], value) == 0)
			return i;
		appendStringInfo(&words, "%s%s", i ? ", " : "", rule->choices[i]);
	}
	bad_value(rule, value, psprintf("The value must be one of %s.", words.data));
}

/* Returns an integer value; raises an error for one out of the rule's range. */
static int
parse_integer(const CphOptionRule *rule, const char *value)
{
	int			flags = rule->kind == CPH_KIND_KILOBYTES ? GUC_UNIT_KB : 0;
	const char *hint = NULL;
	int			result;

	if (!parse_int(value, &result, flags, &hint))
		bad_value(rule, value, hint ? hint : "The value must be a whole number.");
	if (result < rule->min || result > rule->max)
		bad_value(rule, value, psprintf("The value must be from %d to %d%s.",
										rule->min, rule->max,
										flags ? " kB" : ""));
	return result;
}

/*
 * Puts the value of an option where its rule says within base, or, if base is
 * NULL, only checks it.  Raises an error for a bad value.
 */
void
cph_option_set(const CphOptionRule *rule, const char *value, char *base)
{
	char	   *target = base ? base + rule->offset : NULL;
	const char *reason = rule->check && !base ? rule->check(value) : NULL;
	bool		boolean = false;
	int			integer = 0;
	double		cost = 0;

	if (reason != NULL)
		bad_value(rule, value, reason);
	if (rule->kind == CPH_KIND_BOOLEAN && !parse_bool(value, &boolean))
		bad_value(rule, value, "The value must be true or false.");
	if (rule->kind == CPH_KIND_COST &&
		(!parse_real(value, &cost, 0, NULL) || !(cost >= 0 && cost < 1e10)))
		bad_value(rule, value, "The value must be a number, 0 or more.");
	if (rule->kind == CPH_KIND_RATE &&
		(!parse_real(value, &cost, 0, NULL) || !(cost >= 0.001 && cost < 1e6)))
		bad_value(rule, value, "The value must be a number between 0.001 and 1000000.");
	if (rule->kind == CPH_KIND_CHOICE)
		integer = parse_choice(rule, value);
	if (rule->kind == CPH_KIND_INTEGER || rule->kind == CPH_KIND_KILOBYTES)
		integer = parse_integer(rule, value);
	if (target == NULL)
		return;
	if (rule->kind == CPH_KIND_STRING)
		*(char **) target = rule->places & CPH_OF_MAPPING ?
			cph_secret_copy(value) : pstrdup(value);
	else if (rule->kind == CPH_KIND_BOOLEAN)
		*(bool *) target = boolean;
	else if (rule->kind == CPH_KIND_COST || rule->kind == CPH_KIND_RATE)
		*(double *) target = cost;
	else
		*(int *) target = integer;
}
