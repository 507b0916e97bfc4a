/*
 * tables.c
 *		cph_fdw_check: do the foreign tables of a server show what there is?
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "check/check_private.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_foreign_table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* Returns a table's name with its schema's, quoted where need be; palloc'd. */
static char *
table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* Checks one table; tells whether all its columns show documented fields. */
static bool
check_table(CphCheck *check, Oid relid)
{
	List	   *sentences = cph_unlisted_columns(relid, cph_table_options(relid));
	ListCell   *lc;

	foreach(lc, sentences)
		cph_check_report(check, psprintf("table %s", table_name(relid)),
						 "differs", lfirst(lc));
	return sentences == NIL;
}

/* Checks the foreign tables of the server.  Sends nothing. */
void
cph_check_tables(CphCheck *check)
{
	Relation	catalog = table_open(ForeignTableRelationId, AccessShareLock);
	int			ngood = 0;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_foreign_table_ftserver, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(check->server->serverid));
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		ngood += check_table(check,
							 ((Form_pg_foreign_table) GETSTRUCT(tuple))->ftrelid);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	if (ngood > 0)
		cph_check_report(check, "tables", "ok",
						 psprintf("The columns of %d show fields that are known.", ngood));
}
