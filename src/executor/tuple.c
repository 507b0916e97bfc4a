/*
 * tuple.c
 *		An item of a page into the columns of a foreign table.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"
#include "lib/lib.h"
#include "json/json.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* How a value becomes a Datum. */
typedef enum Conversion
{
	CONVERT_TEXT,				/* text, or varchar of any length */
	CONVERT_INT4,
	CONVERT_BOOLEAN,
	CONVERT_TIMESTAMPTZ,		/* of any precision, or a domain over it */
	CONVERT_JSONB,
	CONVERT_JSON,				/* the input function, from JSON text */
	CONVERT_STRING,				/* the input function of a string type */
	CONVERT_INPUT,				/* the input function of any other type */
	CONVERT_CONSTANT			/* a constant of the table, converted before */
} Conversion;

/* A column that is read. */
typedef struct ReadColumn
{
	AttrNumber	attnum;
	Conversion	conversion;
	Oid			type;
	int32		typmod;
	bool		not_null;		/* it is declared so */
	FmgrInfo	input;			/* the type's input function */
	Oid			ioparam;
	Datum		constant;		/* of CONVERT_CONSTANT */
	bool		isnull;
} ReadColumn;

struct CphTupleReader
{
	Relation	rel;
	const CphEndpoint *endpoint;
	CphShape   *shape;			/* the fields of the columns, in their order */
	int			ncolumns;
	ReadColumn *columns;
	CphJsonValue *values;		/* of the row at hand */

	/* For the context of an error */
	const CphItem *item;
	const ReadColumn *column;
};

/* Chooses the conversion into a type. */
static Conversion
conversion_to(Oid type, int32 typmod)
{
	char		category;
	bool		preferred;

	if (type == TEXTOID || (type == VARCHAROID && typmod < 0))
		return CONVERT_TEXT;
	if (type == INT4OID)
		return CONVERT_INT4;
	if (type == BOOLOID)
		return CONVERT_BOOLEAN;
	if (getBaseType(type) == TIMESTAMPTZOID)
		return CONVERT_TIMESTAMPTZ;
	if (type == JSONBOID)
		return CONVERT_JSONB;
	if (getBaseType(type) == JSONBOID || getBaseType(type) == JSONOID)
		return CONVERT_JSON;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING ? CONVERT_STRING : CONVERT_INPUT;
}

/*
 * Prepares the reading of a column and returns its field.  A constant of the
 * table is converted once; project_id is what the requests ask for.
 */
static const char *
prepare_column(ReadColumn *column, Relation rel, AttrNumber attnum,
			   const CphOptions *options, const char *project_id)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	const char *field = cph_column_field(RelationGetRelid(rel), attnum,
										 NameStr(attr->attname));
	const char *constant;
	Oid			function;

	column->attnum = attr->attnum;
	column->type = attr->atttypid;
	column->typmod = attr->atttypmod;
	column->not_null = attr->attnotnull;
	column->conversion = conversion_to(attr->atttypid, attr->atttypmod);
	getTypeInputInfo(attr->atttypid, &function, &column->ioparam);
	fmgr_info(function, &column->input);
	if (!cph_field_is_constant(field))
		return field;
	constant = cph_options_constant(options, field);
	if (constant == NULL && strcmp(field, "@project_id") == 0)
		constant = project_id;
	column->conversion = CONVERT_CONSTANT;
	column->isnull = constant == NULL;
	column->constant = InputFunctionCall(&column->input,
										 unconstify(char *, constant),
										 column->ioparam, column->typmod);
	return field;
}

/*
 * Returns what reads the columns with these numbers (a list of integers) of a
 * foreign table, in the current memory context.  The relation must stay open.
 */
CphTupleReader *
cph_tuple_reader(Relation rel, const CphEndpoint *endpoint,
				 const CphOptions *options, const char *project_id,
				 List *attnums)
{
	CphTupleReader *reader = palloc0(sizeof(CphTupleReader));
	int			length = list_length(attnums);
	const char **paths = palloc(sizeof(char *) * (length + 1));
	ListCell   *lc;

	reader->rel = rel;
	reader->endpoint = endpoint;
	reader->columns = palloc0(sizeof(ReadColumn) * (length + 1));
	foreach(lc, attnums)
	{
		int			i = reader->ncolumns++;

		paths[i] = prepare_column(&reader->columns[i], rel, lfirst_int(lc),
								  options, project_id);
	}
	reader->shape = cph_json_shape(paths, reader->ncolumns);
	reader->values = palloc0(sizeof(CphJsonValue) * (length + 1));
	return reader;
}

/* Says of an error which column of which item it is about. */
static void
conversion_context(void *arg)
{
	CphTupleReader *reader = arg;
	const char *id = reader->item->id ? reader->item->id : "(none)";
	Form_pg_attribute attr;

	if (reader->column == NULL)
		return;
	attr = TupleDescAttr(RelationGetDescr(reader->rel),
						 reader->column->attnum - 1);
	errcontext("column \"%s\" of foreign table \"%s\", %s \"%s\"",
			   NameStr(attr->attname), RelationGetRelationName(reader->rel),
			   reader->endpoint->id_field,
			   cph_message_text(pnstrdup(id, strcspn(id, CPH_ID_SEPARATOR))));
}

/*
 * Returns the text that a type's input function gets for a value, in the
 * database's encoding.  NULL stands for null.
 */
static char *
input_text(const ReadColumn *column, const CphJsonValue *value)
{
	char	   *text;
	int			length = value->length;

	if (value->kind == CPH_JSON_STRING && column->conversion != CONVERT_JSON)
	{
		if (value->length == 0 && column->conversion != CONVERT_STRING)
			return NULL;
		return cph_server_text(value->string, &length);
	}
	if (value->kind == CPH_JSON_STRING && value->length == 0)
		return NULL;
	text = cph_json_text(value);
	length = strlen(text);
	return cph_server_text(text, &length);
}

/* Converts a value, which is not null, by its type's input function. */
static bool
convert_input(ReadColumn *column, const CphJsonValue *value, Datum *result)
{
	char	   *text = input_text(column, value);

	if (text == NULL)
		return false;
	*result = InputFunctionCall(&column->input, text, column->ioparam,
								column->typmod);
	return true;
}

/*
 * Converts a string into a time.  One without a zone is UTC, whatever the
 * session's is; any other form than ISO 8601's is refused as the type does.
 */
static bool
convert_time(ReadColumn *column, const CphJsonValue *value, Datum *result)
{
	TimestampTz time;
	int			length = strlen(value->string);

	if (value->length == 0)
		return false;
	if (!cph_parse_time(value->string, &time) ||
		length != value->length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("invalid input syntax for type %s: \"%s\"",
						"timestamp with time zone",
						cph_server_text(value->string, &length))));
	if (column->type == TIMESTAMPTZOID && column->typmod < 0)
		*result = TimestampTzGetDatum(time);
	else						/* a precision or a domain's checks apply */
		*result = InputFunctionCall(&column->input,
									unconstify(char *, timestamptz_to_str(time)),
									column->ioparam, column->typmod);
	return true;
}

/* Converts a string into a text. */
static Datum
convert_text(const CphJsonValue *value)
{
	int			length = value->length;
	char	   *text = cph_server_text(value->string, &length);

	return PointerGetDatum(cstring_to_text_with_len(text, length));
}

/* Tells whether a string is a word. */
static bool
is_word(const CphJsonValue *value, const char *word)
{
	return value->kind == CPH_JSON_STRING && value->length == strlen(word) &&
		memcmp(value->string, word, value->length) == 0;
}

/* Reads a boolean, also where it is a string, as the documents have it. */
static bool
read_boolean(const CphJsonValue *value, bool *boolean)
{
	*boolean = value->kind == CPH_JSON_BOOLEAN ? value->boolean :
		is_word(value, "true");
	return value->kind == CPH_JSON_BOOLEAN || *boolean ||
		is_word(value, "false");
}

/*
 * Converts a value into a column's type, in the current memory context.
 * Returns false for null.  Raises the type's own error for a value that it
 * refuses.  Common values of common types bypass the type's input function.
 */
static bool
convert(ReadColumn *column, const CphJsonValue *value, Datum *result)
{
	bool		is_string = value->kind == CPH_JSON_STRING;
	bool		boolean;

	if (column->conversion == CONVERT_CONSTANT)
	{
		*result = column->constant;
		return !column->isnull;
	}
	if (value->kind == CPH_JSON_NULL)
		return false;
	if (column->conversion == CONVERT_TEXT && is_string)
		*result = convert_text(value);
	else if (column->conversion == CONVERT_TIMESTAMPTZ && is_string)
		return convert_time(column, value, result);
	else if (column->conversion == CONVERT_INT4 &&
			 value->kind == CPH_JSON_INTEGER &&
			 value->integer == (int32) value->integer)
		*result = Int32GetDatum((int32) value->integer);
	else if (column->conversion == CONVERT_BOOLEAN &&
			 read_boolean(value, &boolean))
		*result = BoolGetDatum(boolean);
	else if (column->conversion == CONVERT_JSONB &&
			 !(is_string && value->length == 0))
		*result = cph_jsonb(value);
	else
		return convert_input(column, value, result);
	return true;
}

/*
 * Raises the error for a null in a column that is declared NOT NULL: the planner
 * takes that for true, and would leave rows out.
 */
pg_noreturn static void
refuse_null(const CphTupleReader *reader)
{
	Relation	rel = reader->rel;
	int			index = reader->column->attnum - 1;
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(rel), index)->attname);

	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("null value in column \"%s\" of foreign table \"%s\", which is declared NOT NULL",
					name, RelationGetRelationName(rel)),
			 errhint("ALTER FOREIGN TABLE %s ALTER COLUMN %s DROP NOT NULL.",
					 quote_identifier(RelationGetRelationName(rel)),
					 quote_identifier(name)),
			 errtablecol(rel, reader->column->attnum)));
}

/*
 * Stores an item as the virtual tuple of a slot, columns that are not read as
 * nulls.  Values are palloc'd in the current memory context.
 */
void
cph_tuple_store(CphTupleReader *reader, const CphItem *item,
				TupleTableSlot *slot)
{
	ErrorContextCallback callback;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	cph_json_read(reader->shape, &item->value, reader->values);

	reader->item = item;
	reader->column = NULL;
	callback.callback = conversion_context;
	callback.arg = reader;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	for (int i = 0; i < reader->ncolumns; i++)
	{
		ReadColumn *column = &reader->columns[i];
		int			index = column->attnum - 1;

		reader->column = column;
		slot->tts_isnull[index] = !convert(column, &reader->values[i],
										   &slot->tts_values[index]);
		if (slot->tts_isnull[index] && column->not_null)
			refuse_null(reader);
	}
	error_context_stack = callback.previous;
	ExecStoreVirtualTuple(slot);
}
