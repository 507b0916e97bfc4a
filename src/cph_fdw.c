/*
 * cph_fdw.c
 *		The extension: module magic, handler, IMPORT FOREIGN SCHEMA.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */

#include "user/user.h"
#include "planner/callbacks.h"
#include "executor/callbacks.h"

#include "utils/builtins.h"

CPH_MODULE_MAGIC;

/* The name of the schema that IMPORT FOREIGN SCHEMA imports. */
#define REMOTE_SCHEMA "cph"

PG_FUNCTION_INFO_V1(cph_fdw_handler);
PG_FUNCTION_INFO_V1(cph_fdw_version);

PGDLLEXPORT void _PG_init(void);

/* Called once, when the library is loaded. */
void
_PG_init(void)
{
	cph_option_init();
	cph_region_init();
	cph_connection_init();
}

/*
 * Returns the CREATE FOREIGN TABLE command of an endpoint, palloc'd.  Each
 * column names its field, so that it may be renamed.
 */
static char *
import_command(const CphEndpoint *endpoint, const char *server)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE FOREIGN TABLE %s (",
					 quote_identifier(endpoint->table));
	for (int i = 0; i < endpoint->ncolumns; i++)
		appendStringInfo(&buf, "%s%s %s OPTIONS (field %s)", i ? ", " : "",
						 quote_identifier(endpoint->columns[i].name),
						 endpoint->columns[i].type,
						 quote_literal_cstr(endpoint->columns[i].name));
	appendStringInfo(&buf, ") SERVER %s OPTIONS (resource %s)",
					 quote_identifier(server),
					 quote_literal_cstr(endpoint->resource));
	return buf.data;
}

/*
 * Has LIMIT TO and EXCEPT, which PostgreSQL itself follows, name tables where
 * they name resources.  A name that is neither is an error in LIMIT TO, which
 * would import nothing for it, and a warning in EXCEPT.
 */
static void
resolve_names(ImportForeignSchemaStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->table_list)
	{
		RangeVar   *name = lfirst(lc);
		const CphEndpoint *endpoint = cph_endpoint_meant(name->relname);

		if (endpoint != NULL)
			name->relname = pstrdup(endpoint->table);
		else
			ereport(stmt->list_type == FDW_IMPORT_SCHEMA_LIMIT_TO ? ERROR : WARNING,
					(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
					 errmsg("there is no table or list \"%s\" to import",
							name->relname),
					 errhint("The lists are %s; their tables are called so with \"cph_\" before.",
							 cph_endpoint_names())));
	}
}

/*
 * ImportForeignSchema: returns a command for each list of the service.
 */
static List *
cphImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverOid)
{
	ForeignServer *server = GetForeignServer(serverOid);
	List	   *commands = NIL;

	if (strcmp(stmt->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("schema \"%s\" is not present on foreign server \"%s\"",
						stmt->remote_schema, server->servername),
				 errhint("The only schema is \"%s\".", REMOTE_SCHEMA)));
	if (stmt->options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"",
						linitial_node(DefElem, stmt->options)->defname),
				 errhint("There are no valid options in this context.")));
	resolve_names(stmt);
	for (int i = 0; cph_endpoint_at(i) != NULL; i++)
		commands = lappend(commands, import_command(cph_endpoint_at(i),
													server->servername));
	return commands;
}

/* cph_fdw_handler() returns fdw_handler */
Datum
cph_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = cphGetForeignRelSize;
	routine->GetForeignPaths = cphGetForeignPaths;
	routine->GetForeignUpperPaths = cphGetForeignUpperPaths;
	routine->GetForeignPlan = cphGetForeignPlan;
	routine->BeginForeignScan = cphBeginForeignScan;
	routine->IterateForeignScan = cphIterateForeignScan;
	routine->ReScanForeignScan = cphReScanForeignScan;
	routine->EndForeignScan = cphEndForeignScan;
	routine->ExplainForeignScan = cphExplainForeignScan;
	routine->AnalyzeForeignTable = cphAnalyzeForeignTable;
	routine->ReparameterizeForeignPathByChild =
		cphReparameterizeForeignPathByChild;
	routine->IsForeignPathAsyncCapable = cphIsForeignPathAsyncCapable;
	routine->ForeignAsyncRequest = cphForeignAsyncRequest;
	routine->ForeignAsyncConfigureWait = cphForeignAsyncConfigureWait;
	routine->ForeignAsyncNotify = cphForeignAsyncNotify;
	routine->ImportForeignSchema = cphImportForeignSchema;
	PG_RETURN_POINTER(routine);
}

/* cph_fdw_version() returns text */
Datum
cph_fdw_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CPH_FDW_VERSION));
}
