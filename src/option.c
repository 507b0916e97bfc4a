/*
 * option.c
 *		The options of servers, tables, columns and user mappings, and the
 *		settings.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "option.h"

#include <limits.h>

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "secret.h"
#include "url.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(cph_fdw_validator);

/* Where an option may stand. */
#define OF_SERVER	0x01
#define OF_TABLE	0x02
#define OF_COLUMN	0x04
#define OF_MAPPING	0x08

/* How an option's text becomes a value. */
typedef enum OptionKind
{
	KIND_STRING,				/* char * */
	KIND_BOOLEAN,				/* bool */
	KIND_INTEGER,				/* int */
	KIND_KILOBYTES,				/* int, with the units of postgresql.conf */
	KIND_COST,					/* double, not negative */
	KIND_CHOICE					/* int: the number of the word in choices */
} OptionKind;

/* Returns what is wrong with a value, or NULL. */
typedef const char *(*OptionCheck) (const char *value);

/* An option, and what its value may be. */
typedef struct OptionRule
{
	const char *name;
	int			places;			/* OF_xxx */
	OptionKind	kind;
	size_t		offset;			/* in CphOptions or CphMappingOptions */
	const char *initial;		/* value where none is given, or NULL */
	int			min;
	int			max;
	const char *const *choices; /* NULL-terminated */
	OptionCheck check;			/* of KIND_STRING, or NULL */
	bool		superuser_only;
} OptionRule;

static const char *check_endpoint(const char *value);
static const char *check_field(const char *value);
static const char *check_project_id(const char *value);
static const char *check_proxy(const char *value);
static const char *check_region(const char *value);
static const char *check_resource(const char *value);

/* In the order of CphNameFilter and CphTimeUnit. */
static const char *const name_filters[] =
{"auto", "substring", "prefix", "exact", "off", NULL};
static const char *const time_units[] = {"auto", "s", "ms", "off", NULL};

/*
 * The largest page of any endpoint bounds fetch_size; a day bounds what is
 * told in seconds; 1 GB is the largest palloc'd value.
 */
#define MAX_FETCH_SIZE	200
#define MAX_SECONDS		86400
#define MAX_BODY_KB		(1024 * 1024)

#define STRING(name, places, member, check) \
	{name, places, KIND_STRING, offsetof(CphOptions, member), \
	NULL, 0, 0, NULL, check, false}
#define SECRET(member, check) \
	{#member, OF_MAPPING, KIND_STRING, offsetof(CphMappingOptions, member), \
	NULL, 0, 0, NULL, check, false}
#define BOOLEAN(member, places) \
	{#member, places, KIND_BOOLEAN, offsetof(CphOptions, member), \
	"true", 0, 0, NULL, NULL, false}
#define INTEGER(member, places, initial, min, max) \
	{#member, places, KIND_INTEGER, offsetof(CphOptions, member), \
	initial, min, max, NULL, NULL, false}
#define COST(member, initial) \
	{#member, OF_SERVER, KIND_COST, offsetof(CphOptions, member), \
	initial, 0, 0, NULL, NULL, false}
#define CHOICE(member, words) \
	{#member, OF_SERVER, KIND_CHOICE, offsetof(CphOptions, member), \
	"auto", 0, 0, words, NULL, false}

/*
 * A request's default cost is that of connecting in postgres_fdw; hundreds of
 * pages then stay below jit_above_cost.
 */
static const OptionRule rules[] = {
	STRING("endpoint", OF_SERVER, endpoint, check_endpoint),
	STRING("region", OF_SERVER, region, check_region),
	STRING("iam_endpoint", OF_SERVER, iam_endpoint, check_endpoint),
	STRING("project_id", OF_SERVER | OF_TABLE, project_id, check_project_id),
	STRING("resource", OF_TABLE, resource, check_resource),
	INTEGER(fetch_size, OF_SERVER | OF_TABLE, NULL, 2, MAX_FETCH_SIZE),
	INTEGER(max_concurrent_requests, OF_SERVER, "4", 1, CPH_MAX_CONCURRENT),
	INTEGER(connect_timeout, OF_SERVER, "10", 1, MAX_SECONDS),
	INTEGER(request_timeout, OF_SERVER, "60", 1, MAX_SECONDS),
	INTEGER(max_retries, OF_SERVER, "4", 0, 100),
	INTEGER(throttle_timeout, OF_SERVER, "180", 0, MAX_SECONDS),
	{"max_response_size", OF_SERVER, KIND_KILOBYTES,
	offsetof(CphOptions, max_response_size), "8MB", 1, MAX_BODY_KB, NULL, NULL, false},
	{"sslrootcert", OF_SERVER, KIND_STRING,
	offsetof(CphOptions, sslrootcert), NULL, 0, 0, NULL, NULL, true},
	{"proxy", OF_SERVER, KIND_STRING,
	offsetof(CphOptions, proxy), NULL, 0, 0, NULL, check_proxy, true},
	BOOLEAN(enable_order_pushdown, OF_SERVER),
	BOOLEAN(enable_limit_pushdown, OF_SERVER),
	BOOLEAN(enable_count_pushdown, OF_SERVER),
	BOOLEAN(stable_ties, OF_SERVER),
	BOOLEAN(async_capable, OF_SERVER | OF_TABLE),
	COST(fdw_request_cost, "100"),
	COST(fdw_tuple_cost, "0.01"),
	CHOICE(name_filter, name_filters),
	CHOICE(time_unit, time_units),
	SECRET(token, cph_mapping_check_key),
	SECRET(token_file, cph_mapping_check_path),
	SECRET(access_key, cph_mapping_check_key),
	SECRET(secret_key, cph_mapping_check_key),
	SECRET(security_token, cph_mapping_check_key),
	SECRET(credentials_file, cph_mapping_check_path),
	SECRET(profile, cph_mapping_check_text),
	SECRET(iam_user, cph_mapping_check_text),
	SECRET(iam_password, cph_mapping_check_text),
	SECRET(iam_domain, cph_mapping_check_text),
	SECRET(proxy_user, cph_mapping_check_text),
	SECRET(proxy_password, cph_mapping_check_text),
	{"field", OF_COLUMN, KIND_STRING, 0, NULL, 0, 0, NULL, check_field, false},
};

/* Settings */
int			cph_max_requests = 0;
static char *allowed_hosts = NULL;

/* Defines the settings.  To be called once, when the library is loaded. */
void
cph_option_init(void)
{
	DefineCustomStringVariable("cph_fdw.allowed_hosts",
							   "Hosts that a server not owned by a superuser may name.",
							   "A list of host names; one that begins with a dot stands for all below it.",
							   &allowed_hosts, ".myhuaweicloud.com",
							   PGC_SUSET, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomIntVariable("cph_fdw.max_requests",
							"Requests that a statement may send.",
							"A statement that would send more is an error.  0: there is no limit.",
							&cph_max_requests, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("cph_fdw");
}

/* Tells where an option may stand, as the validator's second argument says. */
static int
place_of_catalog(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return OF_SERVER;
		case ForeignTableRelationId:
			return OF_TABLE;
		case AttributeRelationId:
			return OF_COLUMN;
		case UserMappingRelationId:
			return OF_MAPPING;
		default:
			return 0;
	}
}

/* Returns the rule of an option in that place, or NULL. */
static const OptionRule *
find_rule(const char *name, int place)
{
	for (int i = 0; i < lengthof(rules); i++)
	{
		if ((rules[i].places & place) && strcmp(rules[i].name, name) == 0)
			return &rules[i];
	}
	return NULL;
}

/* Raises the error for an unknown option, with the nearest name as a hint. */
static void
unknown_option(const char *name, int place)
{
	const char *nearest = NULL;
	int			distance = strlen(name) / 2 + 1;	/* no further than half of
													 * it is wrong */

	for (int i = 0; i < lengthof(rules); i++)
	{
		int			d;

		if ((rules[i].places & place) == 0 || strlen(name) > NAMEDATALEN)
			continue;
		d = varstr_levenshtein_less_equal(name, strlen(name), rules[i].name,
										  strlen(rules[i].name), 1, 1, 1,
										  distance, true);
		if (d < distance)
		{
			nearest = rules[i].name;
			distance = d;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 nearest ? errhint("Perhaps you meant the option \"%s\".", nearest) :
			 place == 0 ? errhint("There are no valid options in this context.") : 0));
}

/*
 * Raises the error for a bad value.  A secret's value is not shown, nor one
 * that may be a URL with a password.
 */
static void
bad_value(const OptionRule *rule, const char *value, const char *reason)
{
	bool		secret = (rule->places & OF_MAPPING) != 0 ||
		strchr(value, '@') != NULL;

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 secret ? errmsg("invalid value for option \"%s\"", rule->name) :
			 errmsg("invalid value for option \"%s\": \"%.200s\"",
					rule->name, value),
			 errdetail("%s", reason)));
}

/* Returns the number of a word among the choices; raises an error for none. */
static int
parse_choice(const OptionRule *rule, const char *value)
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
	return 0;					/* not reached */
}

/* Returns an integer value; raises an error for one out of the rule's range. */
static int
parse_integer(const OptionRule *rule, const char *value)
{
	int			flags = rule->kind == KIND_KILOBYTES ? GUC_UNIT_KB : 0;
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
static void
set_option(const OptionRule *rule, const char *value, char *base)
{
	char	   *target = base ? base + rule->offset : NULL;
	const char *reason = rule->check && !base ? rule->check(value) : NULL;
	bool		boolean = false;
	int			integer = 0;
	double		cost = 0;

	if (reason != NULL)
		bad_value(rule, value, reason);
	if (rule->kind == KIND_BOOLEAN && !parse_bool(value, &boolean))
		bad_value(rule, value, "The value must be true or false.");
	if (rule->kind == KIND_COST &&
		(!parse_real(value, &cost, 0, NULL) || !(cost >= 0 && cost < 1e10)))
		bad_value(rule, value, "The value must be a number, 0 or more.");
	if (rule->kind == KIND_CHOICE)
		integer = parse_choice(rule, value);
	if (rule->kind == KIND_INTEGER || rule->kind == KIND_KILOBYTES)
		integer = parse_integer(rule, value);
	if (target == NULL)
		return;
	if (rule->kind == KIND_STRING)
		*(char **) target = rule->places & OF_MAPPING ?
			cph_secret_copy(value) : pstrdup(value);
	else if (rule->kind == KIND_BOOLEAN)
		*(bool *) target = boolean;
	else if (rule->kind == KIND_COST)
		*(double *) target = cost;
	else
		*(int *) target = integer;
}

/*
 * cph_fdw_validator(text[], oid): raises an error for an option that is
 * unknown, has a bad value or may not be set by this user, and for a table or
 * user mapping that lacks one.  The options are the whole list as it will be.
 */
Datum
cph_fdw_validator(PG_FUNCTION_ARGS)
{
	int			place = place_of_catalog(PG_GETARG_OID(1));
	CphMappingOptions mapping = {0};
	bool		has_resource = false;
	ListCell   *lc;

	foreach(lc, untransformRelOptions(PG_GETARG_DATUM(0)))
	{
		DefElem    *def = lfirst(lc);
		const OptionRule *rule = find_rule(def->defname, place);

		if (rule == NULL)
			unknown_option(def->defname, place);
		if (rule->superuser_only && !superuser())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set option \"%s\"",
							rule->name),
					 errdetail("Only a superuser may set it.")));
		set_option(rule, defGetString(def), NULL);
		if (place == OF_MAPPING)
			set_option(rule, defGetString(def), (char *) &mapping);
		has_resource |= strcmp(rule->name, "resource") == 0;
	}
	if (place == OF_MAPPING)
		cph_mapping_check(&mapping);
	if (place == OF_TABLE && !has_resource)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"resource\" is required for a foreign table"),
				 errhint("Set it to the list that the table reads, for example \"phones\".")));
	PG_RETURN_VOID();
}

/* Puts the values of a list of DefElem into base, of the given place. */
static void
load_options(List *list, int place, void *base)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		DefElem    *def = lfirst(lc);
		const OptionRule *rule = find_rule(def->defname, place);

		if (rule != NULL)
			set_option(rule, defGetString(def), base);
	}
}

/*
 * Returns the options of a server, palloc'd.  Raises an error if it names a
 * host that its owner may not name.
 */
CphOptions *
cph_server_options(Oid serverid)
{
	ForeignServer *server = GetForeignServer(serverid);
	CphOptions *options = palloc0(sizeof(CphOptions));

	options->serverid = serverid;
	options->server_owner = server->owner;
	options->server_name = server->servername;
	for (int i = 0; i < lengthof(rules); i++)
	{
		if ((rules[i].places & OF_SERVER) && rules[i].initial != NULL)
			set_option(&rules[i], rules[i].initial, (char *) options);
	}
	load_options(server->options, OF_SERVER, options);
	return options;
}

/* Returns the options of a foreign table over those of its server, palloc'd. */
CphOptions *
cph_table_options(Oid relid)
{
	ForeignTable *table = GetForeignTable(relid);
	CphOptions *options = cph_server_options(table->serverid);

	load_options(table->options, OF_TABLE, options);
	return options;
}

/* Returns the options of a user mapping, palloc'd.  They hold secrets. */
CphMappingOptions *
cph_mapping_options(const UserMapping *mapping)
{
	CphMappingOptions *options = palloc0(sizeof(CphMappingOptions));

	load_options(mapping->options, OF_MAPPING, options);
	return options;
}

/*
 * Returns the field that a column shows, palloc'd: its option field, or its
 * name.
 */
char *
cph_column_field(Oid relid, AttrNumber attnum, const char *column)
{
	ListCell   *lc;

	foreach(lc, GetForeignColumnOptions(relid, attnum))
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, "field") == 0)
			return defGetString(def);
	}
	return pstrdup(column);
}

/* Tells whether a field is no field of an item, but a constant of the table. */
bool
cph_field_is_constant(const char *field)
{
	return *field == '@';
}

/*
 * Returns the value of a constant of the table; NULL if it has none that the
 * options know.
 */
const char *
cph_options_constant(const CphOptions *options, const char *field)
{
	if (strcmp(field, "@region") == 0)
		return options->region;
	if (strcmp(field, "@project_id") == 0)
		return options->project_id;
	if (strcmp(field, "@server") == 0)
		return options->server_name;
	return NULL;
}

/*
 * Returns a base URL of a server, palloc'd, without a slash at its end: the
 * option of that name, or the host that the service has in the region.  Raises
 * an error if there is none, or one that the server's owner may not name: who
 * owns a server may have changed since its options were checked.
 */
static char *
base_url(const CphOptions *options, const char *name, const char *value,
		 const char *service)
{
	const char *text = value;
	const char *reason;
	CphUrl		url;

	if (value == NULL && options->region == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("server \"%s\" names no %s", options->server_name, name),
				 errhint("Set the option \"region\" or \"%s\" of the server.",
						 name)));
	if (value == NULL)
		text = psprintf("https://%s.%s.myhuaweicloud.com", service,
						options->region);
	reason = cph_url_parse(text, &url);
	if (reason == NULL)
		reason = cph_url_refusal(&url, superuser_arg(options->server_owner),
								 allowed_hosts);
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("server \"%s\" may not use %s \"%.200s\"",
						options->server_name, name, text),
				 errdetail("%s", reason)));
	return psprintf("%s://%s", url.https ? "https" : "http", url.authority);
}

/* Returns the base URL of the service, palloc'd, as base_url says. */
char *
cph_options_endpoint(const CphOptions *options)
{
	return base_url(options, "endpoint", options->endpoint, "cph");
}

/* Returns the base URL of the token service, palloc'd, as base_url says. */
char *
cph_options_iam_endpoint(const CphOptions *options)
{
	return base_url(options, "iam_endpoint", options->iam_endpoint, "iam");
}

/* Returns the host, and the port if one is given, of a server; palloc'd. */
char *
cph_options_host(const CphOptions *options)
{
	char	   *endpoint = cph_options_endpoint(options);

	return pstrdup(strstr(endpoint, "://") + 3);
}

/* Returns the list that a table reads.  Raises an error if there is none. */
const CphEndpoint *
cph_options_resource(const CphOptions *options)
{
	const CphEndpoint *endpoint = NULL;

	if (options->resource != NULL)
		endpoint = cph_endpoint_find(options->resource);
	if (endpoint == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("the foreign table names no list of the service"),
				 errhint("Set the option \"resource\" of the table.")));
	return endpoint;
}

/* Returns how many rows to ask for at once: fetch_size, as far as it goes. */
int
cph_options_page_size(const CphOptions *options, const CphEndpoint *endpoint)
{
	if (options->fetch_size == 0)
		return endpoint->page_max;
	return Min(options->fetch_size, endpoint->page_max);
}

/*
 * Checks of values.  Each returns what is wrong, palloc'd or constant, or
 * NULL.
 */

/* The endpoint: a base URL that this user may name. */
static const char *
check_endpoint(const char *value)
{
	CphUrl		url;
	const char *reason = cph_url_parse(value, &url);

	return reason ? reason : cph_url_refusal(&url, superuser(), allowed_hosts);
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
static const char *
check_project_id(const char *value)
{
	if (*value == '\0' || strlen(value) > 64 ||
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "0123456789_-") != strlen(value))
		return "A project's ID consists of at most 64 letters, digits, hyphens and underscores.";
	return NULL;
}

/* A resource: one of the lists that are described. */
static const char *
check_resource(const char *value)
{
	StringInfoData names;

	if (cph_endpoint_find(value) != NULL)
		return NULL;
	initStringInfo(&names);
	for (int i = 0; cph_endpoint_at(i) != NULL; i++)
		appendStringInfo(&names, "%s%s", i ? ", " : "",
						 cph_endpoint_at(i)->resource);
	return psprintf("The value must be one of %s.", names.data);
}

/* A field: "$", names joined by dots, or a constant of the table. */
static const char *
check_field(const char *value)
{
	if (cph_field_is_constant(value))
		return strcmp(value, "@region") == 0 ||
			strcmp(value, "@project_id") == 0 ||
			strcmp(value, "@server") == 0 ? NULL :
			"A constant is \"@region\", \"@project_id\" or \"@server\".";
	if (*value == '\0' || *value == '.' || strstr(value, "..") != NULL ||
		value[strlen(value) - 1] == '.')
		return "A field is \"$\", or one or more names joined by dots.";
	return NULL;
}
