/*
 * option.c
 *		The options of servers, tables, columns and user mappings, and the
 *		settings.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include <limits.h>

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(cph_fdw_validator);

/*
 * Half of the shared memory is for answers that are used again, some hundred
 * pages; a hundred tokens and sessions need some 2 MB.  A reading is put together
 * in one piece of a session's memory, which has 1 GB at most.
 */
#define DEFAULT_SHARED_KB	(16 * 1024)
#define MAX_SHARED_KB		(1024 * 1024)
#define DEFAULT_CACHE_KB	(DEFAULT_SHARED_KB / 2)
#define MAX_CACHE_KB		(MAX_SHARED_KB / 2)

/* Settings */
int			cph_max_requests = 0;
int			cph_shared_memory = 0;
int			cph_cache_size = 0;
bool		cph_share_tokens = true;
bool		cph_cache = true;

/* Defines the settings.  To be called once, when the library is loaded. */
void
cph_option_init(void)
{
	DefineCustomStringVariable("cph_fdw.allowed_hosts",
							   "Hosts that a server not owned by a superuser may name.",
							   "A list of host names; one that begins with a dot stands for all below it.",
							   &cph_allowed_hosts,
							   ".myhuaweicloud.com, .myhuaweicloud.eu",
							   PGC_SUSET, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomBoolVariable("cph_fdw.cache",
							 "Uses answers again, and keeps them, where the option \"cache_ttl\" allows it.",
							 "Otherwise the session asks for all that it needs.",
							 &cph_cache, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("cph_fdw.cache_size",
							"Memory for answers that are used again.",
							"It is part of cph_fdw.shared_memory, if there is any, and of each session's own otherwise.",
							&cph_cache_size, DEFAULT_CACHE_KB, 0, MAX_CACHE_KB,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("cph_fdw.max_requests",
							"Requests that a statement may send.",
							"A statement that would send more is an error.  0: there is no limit.",
							&cph_max_requests, 0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("cph_fdw.share_tokens",
							 "Keeps tokens in memory that sessions share.",
							 "Otherwise each session asks for one.",
							 &cph_share_tokens, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("cph_fdw.shared_memory",
							"Memory in which sessions remember together what they know of servers.",
							"It is read when the memory is made.  0: each session remembers for itself.",
							&cph_shared_memory, DEFAULT_SHARED_KB, 0, MAX_SHARED_KB,
							process_shared_preload_libraries_in_progress ?
							PGC_POSTMASTER : PGC_SIGHUP,
							GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("cph_fdw");
}

/* Tells where an option may stand, as the validator's second argument says. */
static int
place_of_catalog(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return CPH_OF_SERVER;
		case ForeignTableRelationId:
			return CPH_OF_TABLE;
		case AttributeRelationId:
			return CPH_OF_COLUMN;
		case UserMappingRelationId:
			return CPH_OF_MAPPING;
		default:
			return 0;
	}
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
	List	   *list = untransformRelOptions(PG_GETARG_DATUM(0));
	ListCell   *lc;

	foreach(lc, list)
	{
		DefElem    *def = lfirst(lc);
		const CphOptionRule *rule = cph_option_find(def->defname, place);

		if (rule == NULL)
			cph_option_unknown(def->defname, place);
		if (rule->superuser_only && !superuser())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set option \"%s\"",
							rule->name),
					 errdetail("Only a superuser may set it.")));
		cph_option_set(rule, defGetString(def), NULL);
		if (place == CPH_OF_MAPPING)
			cph_option_set(rule, defGetString(def), (char *) &mapping);
		has_resource |= strcmp(rule->name, "resource") == 0;
	}
	if (place == CPH_OF_MAPPING)
		cph_mapping_check(&mapping);
	if (place == CPH_OF_TABLE && !has_resource)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"resource\" is required for a foreign table"),
				 errhint("Set it to the list that the table reads, for example \"phones\".")));
	foreach(lc, list)
	{
		DefElem    *def = lfirst(lc);

		cph_option_warn(cph_option_find(def->defname, place),
						defGetString(def));
	}
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
		const CphOptionRule *rule = cph_option_find(def->defname, place);

		if (rule != NULL)
			cph_option_set(rule, defGetString(def), base);
	}
}

/*
 * Returns the options of a server, palloc'd.  Whether its owner may name its
 * hosts is checked where they are used, see base_url.
 */
CphOptions *
cph_server_options(Oid serverid)
{
	ForeignServer *server = GetForeignServer(serverid);
	CphOptions *options = palloc0(sizeof(CphOptions));

	options->serverid = serverid;
	options->server_owner = server->owner;
	options->server_name = server->servername;
	for (int i = 0; i < cph_noption_rules; i++)
	{
		const CphOptionRule *rule = &cph_option_rules[i];

		if ((rule->places & CPH_OF_SERVER) && rule->initial != NULL)
			cph_option_set(rule, rule->initial, (char *) options);
	}
	load_options(server->options, CPH_OF_SERVER, options);
	return options;
}

/* Returns the options of a foreign table over those of its server, palloc'd. */
CphOptions *
cph_table_options(Oid relid)
{
	ForeignTable *table = GetForeignTable(relid);
	CphOptions *options = cph_server_options(table->serverid);

	load_options(table->options, CPH_OF_TABLE, options);
	return options;
}

/* Returns the options of a user mapping, palloc'd.  They hold secrets. */
CphMappingOptions *
cph_mapping_options(const UserMapping *mapping)
{
	CphMappingOptions *options = palloc0(sizeof(CphMappingOptions));

	load_options(mapping->options, CPH_OF_MAPPING, options);
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
 * options know.  The region of a server that names none is the server's name.
 */
const char *
cph_options_constant(const CphOptions *options, const char *field)
{
	if (strcmp(field, "@region") == 0)
		return options->region ? options->region : options->server_name;
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
								 cph_allowed_hosts);
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

/* Tells whether a list is taken to be newest first. */
bool
cph_options_ordered(const CphOptions *options, const CphEndpoint *endpoint)
{
	return options->enable_order_pushdown && endpoint->time_field != NULL;
}

/* Returns how many rows to ask for at once: fetch_size, as far as it goes. */
int
cph_options_page_size(const CphOptions *options, const CphEndpoint *endpoint)
{
	if (options->fetch_size == 0)
		return endpoint->page_max;
	return Min(options->fetch_size, endpoint->page_max);
}
