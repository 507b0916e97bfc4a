/*
 * out.c
 *		A value of the service's as jsonb, or as JSON text.
 *
 * The parser bounds the depth.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "json/json.h"
#include "lib/lib.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/* Sets a string. */
static void
set_string(JsonbValue *scalar, const char *string, int length)
{
	scalar->type = jbvString;
	scalar->val.string.val = cph_server_text(string, &length);
	scalar->val.string.len = length;
}

/* Sets a value that is neither an object nor an array. */
static void
set_scalar(JsonbValue *scalar, const CphJsonValue *value)
{
	switch (value->kind)
	{
		case CPH_JSON_NULL:
			scalar->type = jbvNull;
			break;
		case CPH_JSON_BOOLEAN:
			scalar->type = jbvBool;
			scalar->val.boolean = value->boolean;
			break;
		case CPH_JSON_STRING:
			set_string(scalar, value->string, value->length);
			break;
		case CPH_JSON_INTEGER:
			scalar->type = jbvNumeric;
			scalar->val.numeric = int64_to_numeric(value->integer);
			break;
		default:
			scalar->type = jbvNumeric;
			scalar->val.numeric =
				DatumGetNumeric(DirectFunctionCall3(numeric_in,
													CStringGetDatum(value->string),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
	}
}

static void push_value(JsonbInState *state, JsonbIteratorToken place,
					   const CphJsonValue *value);

/* Adds an object with all that it holds. */
static void
push_object(JsonbInState *state, const CphJsonValue *object)
{
	cph_push_jsonb(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < object->length; i++)
	{
		const CphJsonField *field = &object->fields[i];
		JsonbValue	key;

		set_string(&key, field->name, strlen(field->name));
		cph_push_jsonb(state, WJB_KEY, &key);
		push_value(state, WJB_VALUE, &field->value);
	}
	cph_push_jsonb(state, WJB_END_OBJECT, NULL);
}

/* Adds an array with all that it holds. */
static void
push_array(JsonbInState *state, const CphJsonValue *array)
{
	cph_push_jsonb(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < array->length; i++)
		push_value(state, WJB_ELEM, &array->elements[i]);
	cph_push_jsonb(state, WJB_END_ARRAY, NULL);
}

/* Adds a value, at a place for values. */
static void
push_value(JsonbInState *state, JsonbIteratorToken place,
		   const CphJsonValue *value)
{
	JsonbValue	scalar;

	if (value->kind == CPH_JSON_OBJECT)
		push_object(state, value);
	else if (value->kind == CPH_JSON_ARRAY)
		push_array(state, value);
	else
	{
		set_scalar(&scalar, value);
		cph_push_jsonb(state, place, &scalar);
	}
}

/*
 * Returns a value as jsonb, palloc'd: the same as its text would give.  Raises
 * the errors of jsonb for what it does not take.
 */
Datum
cph_jsonb(const CphJsonValue *value)
{
	JsonbInState state = {0};
	JsonbValue	scalar;

	if (value->kind != CPH_JSON_OBJECT && value->kind != CPH_JSON_ARRAY)
	{
		set_scalar(&scalar, value);
		return JsonbPGetDatum(JsonbValueToJsonb(&scalar));
	}
	push_value(&state, WJB_ELEM, value);
	return JsonbPGetDatum(JsonbValueToJsonb(state.result));
}

/* Appends a string of UTF-8 in quotes, its special characters escaped. */
static void
append_string(StringInfo text, const char *string, int length)
{
	/* what has an escape of its own, and its letter */
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	appendStringInfoChar(text, '"');
	for (int i = 0; i < length; i++)
	{
		char		c = string[i];
		bool		plain = (unsigned char) c >= ' ' && c != '"' && c != '\\';
		const char *escape = plain || c == '\0' ? NULL : strchr(escapes, c);

		if (plain)
			appendStringInfoChar(text, c);
		else if (escape != NULL)
			appendStringInfo(text, "\\%c", escape[1]);
		else
			appendStringInfo(text, "\\u%04x", c);
	}
	appendStringInfoChar(text, '"');
}

static void append_value(StringInfo text, const CphJsonValue *value);

/* Appends an object with all that it holds. */
static void
append_object(StringInfo text, const CphJsonValue *object)
{
	appendStringInfoChar(text, '{');
	for (int i = 0; i < object->length; i++)
	{
		const CphJsonField *field = &object->fields[i];

		if (i > 0)
			appendStringInfoChar(text, ',');
		append_string(text, field->name, strlen(field->name));
		appendStringInfoChar(text, ':');
		append_value(text, &field->value);
	}
	appendStringInfoChar(text, '}');
}

/* Appends an array with all that it holds. */
static void
append_array(StringInfo text, const CphJsonValue *array)
{
	appendStringInfoChar(text, '[');
	for (int i = 0; i < array->length; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		append_value(text, &array->elements[i]);
	}
	appendStringInfoChar(text, ']');
}

/* Appends a value. */
static void
append_value(StringInfo text, const CphJsonValue *value)
{
	switch (value->kind)
	{
		case CPH_JSON_NULL:
			appendStringInfoString(text, "null");
			break;
		case CPH_JSON_BOOLEAN:
			appendStringInfoString(text, value->boolean ? "true" : "false");
			break;
		case CPH_JSON_INTEGER:
			appendStringInfo(text, INT64_FORMAT, value->integer);
			break;
		case CPH_JSON_NUMBER:
			appendStringInfoString(text, value->string);
			break;
		case CPH_JSON_STRING:
			append_string(text, value->string, value->length);
			break;
		case CPH_JSON_OBJECT:
			append_object(text, value);
			break;
		case CPH_JSON_ARRAY:
			append_array(text, value);
			break;
	}
}

/*
 * Returns the JSON text of a value, of UTF-8, palloc'd.  A number that is no
 * integer is as the service wrote it.
 */
char *
cph_json_text(const CphJsonValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	append_value(&text, value);
	return text.data;
}

/*
 * Returns the text of a string or of a number, UTF-8: the value's own or, of
 * an integer, in the room given, CPH_JSON_INTEGER_BYTES.  NULL for a string
 * that holds a zero byte, and for any other value.
 */
const char *
cph_json_scalar(const CphJsonValue *value, char *room)
{
	switch (value->kind)
	{
		case CPH_JSON_STRING:
			return strlen(value->string) == value->length ? value->string : NULL;
		case CPH_JSON_NUMBER:
			return value->string;
		case CPH_JSON_INTEGER:
			snprintf(room, CPH_JSON_INTEGER_BYTES, INT64_FORMAT, value->integer);
			return room;
		default:
			return NULL;
	}
}
