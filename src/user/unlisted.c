/*
 * unlisted.c
 *		Columns of a foreign table that show a field which no document lists,
 *		and so are null in every row, or newer than this release.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include "access/table.h"
#include "common/hashfn.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* What was warned of in this session: hashes of a table and its columns. */
static List *warned = NIL;

/* Returns what is to be said of a column, palloc'd; NULL: it is as it should. */
static char *
describe_column(const CphEndpoint *endpoint, const CphOptions *options,
				const char *column, const char *field)
{
	const char *nearest = psprintf("@%s", field);

	if (cph_field_is_constant(field) || cph_field_is_listed(endpoint, field))
		return NULL;
	if (cph_options_constant(options, nearest) == NULL)
		nearest = cph_field_nearest(endpoint, field);
	return psprintf(nearest ? "Column \"%s\" shows the field \"%s\"; the nearest that the list \"%s\" has is \"%s\"." :
					"Column \"%s\" shows the field \"%s\", which the list \"%s\" does not have.",
					column, field, endpoint->resource, nearest);
}

/*
 * Returns what is to be said of the columns of a foreign table, a sentence
 * (char *) for each that shows a field which no document lists; none where the
 * table's option field_check is off.
 */
List *
cph_unlisted_columns(Oid relid, const CphOptions *options)
{
	const CphEndpoint *endpoint = cph_options_resource(options);
	List	   *sentences = NIL;
	Relation	rel;

	if (options->field_check == CPH_FIELD_CHECK_OFF)
		return NIL;
	rel = table_open(relid, AccessShareLock);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), i);
		const char *column = NameStr(attr->attname);
		char	   *sentence;

		if (attr->attisdropped)
			continue;
		sentence = describe_column(endpoint, options, column,
								   cph_column_field(relid, attr->attnum, column));
		if (sentence != NULL)
			sentences = lappend(sentences, sentence);
	}
	table_close(rel, NoLock);
	return sentences;
}

/*
 * Warns of such columns of a table that is about to be read, once in a session
 * unless others have come.
 */
void
cph_unlisted_warn(Oid relid, const CphOptions *options)
{
	List	   *sentences = cph_unlisted_columns(relid, options);
	StringInfoData detail;
	MemoryContext old;
	ListCell   *lc;
	int			hash;

	if (sentences == NIL)
		return;
	initStringInfo(&detail);
	foreach(lc, sentences)
		appendStringInfo(&detail, "%s%s", detail.len > 0 ? "\n" : "",
						 (char *) lfirst(lc));
	hash = hash_combine(relid, hash_bytes((unsigned char *) detail.data,
										  detail.len));
	if (list_member_int(warned, hash))
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	warned = lappend_int(warned, hash);
	MemoryContextSwitchTo(old);
	ereport(WARNING,
			(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 errmsg("foreign table \"%s\" shows fields that are not known",
					get_rel_name(relid)),
			 errdetail("%s", detail.data),
			 errhint("Set the option \"field\" of the column, or \"field_check\" of the table to \"off\" for a field that is newer than this release.")));
}
