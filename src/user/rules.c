/*
 * rules.c
 *		The options, each with what its value may be and what it means.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include "miscadmin.h"

/* The setting that checks of hosts go by. */
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
static const char *
check_endpoint(const char *value)
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
static const char *
check_proxy(const char *value)
{
	CphUrl		url;

	if (pg_strncasecmp(value, "http", 4) != 0)
		return "The URL must begin with \"http://\" or \"https://\".";
	return cph_url_parse(value, &url);
}

/* A region, which becomes part of a host name. */
static const char *
check_region(const char *value)
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
static const char *
check_resource(const char *value)
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
static const char *
check_text(const char *value)
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
	return check_text(value);
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
	RULE(member, places, INTEGER, .initial = (first), .min = (least), .max = (most))
#define COST(member, first) \
	RULE(member, CPH_OF_SERVER, COST, .initial = (first))
#define CHOICE(member, first, words) \
	RULE(member, CPH_OF_SERVER, CHOICE, .initial = (first), .choices = (words))
#define STRING(member, places, checked) \
	RULE(member, places, STRING, .check = (checked))
#define SECRET(member, checked, way, needed) \
	{#member, CPH_OF_MAPPING, CPH_KIND_STRING, \
	offsetof(CphMappingOptions, member), .check = (checked), \
	.method = CPH_AUTH_##way, .required = (needed)}

/*
 * A request's default cost is that of connecting in postgres_fdw; hundreds of
 * pages then stay below jit_above_cost.  Of a method's options the required
 * ones come first.  What stands above each is what the documents say of it
 * (docs/generate.py).
 */
const CphOptionRule cph_option_rules[] = {
	/*
	 * Base URL: https, or http to a loopback address.  Default: from region.
	 */
	STRING(endpoint, CPH_OF_SERVER, check_endpoint),

	/*
	 * Gives endpoint (https://cph.REGION.myhuaweicloud.com) and iam_endpoint.
	 */
	STRING(region, CPH_OF_SERVER, check_region),

	/* Base URL of the service that gives tokens.  Default: from region. */
	STRING(iam_endpoint, CPH_OF_SERVER, check_endpoint),

	/*
	 * The project whose phones and servers are listed; needed, unless the
	 * credential names it or the region is a project of the account.
	 */
	STRING(project_id, CPH_OF_SERVER | CPH_OF_TABLE, cph_check_project_id),

	/* The list that the table shows.  Required. */
	STRING(resource, CPH_OF_TABLE, check_resource),

	/* Warn of columns whose field no document lists, or off. */
	RULE(field_check, CPH_OF_TABLE, CHOICE, .initial = "warn",
		 .choices = field_checks),

	/*
	 * Rows to ask for at once, and no more than the list's largest page.
	 * Default: the list's largest page.
	 */
	INTEGER(fetch_size, CPH_OF_SERVER | CPH_OF_TABLE, NULL, 2, CPH_MAX_PAGE),

	/* Requests in flight at once for one scan. */
	INTEGER(max_concurrent_requests, CPH_OF_SERVER, "4", 1, CPH_MAX_CONCURRENT),

	/* Seconds until a connection must be there. */
	INTEGER(connect_timeout, CPH_OF_SERVER, "10", 1, MAX_SECONDS),

	/* Seconds until a request must be answered. */
	INTEGER(request_timeout, CPH_OF_SERVER, "60", 1, MAX_SECONDS),

	/*
	 * Seconds after which a kept connection that was idle is not used again:
	 * load balancers close it after 60, and firewalls forget it later.
	 */
	INTEGER(keepalive_idle, CPH_OF_SERVER, "50", 1, MAX_SECONDS),

	/*
	 * Further tries of a request that failed in a way that may pass; those
	 * for throttling do not count.
	 */
	INTEGER(max_retries, CPH_OF_SERVER, "4", 0, 100),

	/*
	 * An error after so many seconds of being throttled without one success;
	 * also the longest Retry-After that is waited out.
	 */
	INTEGER(throttle_timeout, CPH_OF_SERVER, "180", 0, MAX_SECONDS),

	/*
	 * A larger answer, decompressed, is an error; units as in
	 * postgresql.conf.
	 */
	RULE(max_response_size, CPH_OF_SERVER, KILOBYTES, .initial = "8MB",
		 .min = 1, .max = MAX_BODY_KB),

	/* File of the authorities to trust.  Default: the system's. */
	RULE(sslrootcert, CPH_OF_SERVER, STRING, .superuser_only = true),

	/* URL of a proxy; proxies in the environment are ignored. */
	RULE(proxy, CPH_OF_SERVER, STRING, .check = check_proxy,
		 .superuser_only = true),

	/* Rely on the list being newest first. */
	BOOLEAN(enable_order_pushdown, CPH_OF_SERVER),

	/* Leave LIMIT and OFFSET to the service. */
	BOOLEAN(enable_limit_pushdown, CPH_OF_SERVER),

	/* Leave counts to the service. */
	BOOLEAN(enable_count_pushdown, CPH_OF_SERVER),

	/* Rely on rows of equal create_time standing in one order on all pages. */
	BOOLEAN(stable_ties, CPH_OF_SERVER),

	/* Scan several tables at once below Append. */
	BOOLEAN(async_capable, CPH_OF_SERVER | CPH_OF_TABLE),

	/*
	 * How old answers may be that are used again: seconds, or with a unit, as
	 * in 1min.  0: every query asks.
	 */
	RULE(cache_ttl, CPH_OF_SERVER | CPH_OF_TABLE, SECONDS, .initial = "0",
		 .min = 0, .max = MAX_SECONDS),

	/* A rate for all sessions together; fractions are allowed. */
	RULE(max_requests_per_second, CPH_OF_SERVER, RATE),

	/* Requests in flight at once, of all sessions together. */
	INTEGER(max_server_requests, CPH_OF_SERVER, "64", 1, 10000),

	/* Planner's cost of a request. */
	COST(fdw_request_cost, "100"),

	/* Planner's cost of a row. */
	COST(fdw_tuple_cost, "0.01"),

	/*
	 * What the service's fuzzy name filter finds; auto: equal names and
	 * prefixes, and insides once the service has shown that it finds them.
	 */
	CHOICE(name_filter, "auto", name_filters),

	/*
	 * Unit of create_since and create_until; auto: only create_since is sent,
	 * in seconds, which loses no row if it is taken for milliseconds.
	 */
	CHOICE(time_unit, "auto", time_units),

	/*
	 * What it means that the service does not know a phone by its id: read
	 * the list to be sure, or none: there is no such row.
	 */
	CHOICE(detail_not_found, "read", not_found),

	/* A token that you renew. */
	SECRET(token, cph_check_key, TOKEN, true),

	/* File whose first line is such a token. */
	SECRET(token_file, cph_check_path, TOKEN_FILE, true),

	/* Access key, of those that sign requests. */
	SECRET(access_key, cph_check_key, KEYS, true),

	/* Its secret key, which is never sent. */
	SECRET(secret_key, cph_check_key, KEYS, true),

	/* Token of temporary keys. */
	SECRET(security_token, cph_check_key, KEYS, false),

	/*
	 * File of keys: INI, as the service's kits have it, or the JSON of
	 * temporary keys.
	 */
	SECRET(credentials_file, cph_check_path, KEYS_FILE, true),

	/* Section of that file.  Default: basic. */
	SECRET(profile, check_text, KEYS_FILE, false),

	/* User of the token service, who is given tokens. */
	SECRET(iam_user, check_text, PASSWORD, true),

	/* The user's password. */
	SECRET(iam_password, check_text, PASSWORD, true),

	/* The user's account. */
	SECRET(iam_domain, check_text, PASSWORD, true),

	/* User at the proxy. */
	SECRET(proxy_user, check_text, NONE, false),

	/* The password there. */
	SECRET(proxy_password, check_text, NONE, false),

	/*
	 * Field of an item that the column shows: names joined by dots, $ for the
	 * whole item; or of the server: @region, or its name if it has none,
	 * @project_id or @server, its name.  Default: the column's name.
	 */
	{"field", CPH_OF_COLUMN, CPH_KIND_STRING, .check = cph_check_field},
};
const int	cph_noption_rules = lengthof(cph_option_rules);
