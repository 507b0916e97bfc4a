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

/* Adds a value with all that it holds, at a place for values. */
static void
push_value(JsonbInState *state, JsonbIteratorToken place,
		   const CphJsonValue *value)
{
	bool		object = value->kind == CPH_JSON_OBJECT;
	JsonbValue	scalar;

	if (!object && value->kind != CPH_JSON_ARRAY)
	{
		set_scalar(&scalar, value);
		cph_push_jsonb(state, place, &scalar);
		return;
	}
	cph_push_jsonb(state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < value->length; i++)
	{
		const char *name = object ? value->fields[i].name : NULL;

		if (object)
		{
			set_string(&scalar, name, strlen(name));
			cph_push_jsonb(state, WJB_KEY, &scalar);
		}
		push_value(state, object ? WJB_VALUE : WJB_ELEM,
				   object ? &value->fields[i].value : &value->elements[i]);
	}
	cph_push_jsonb(state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
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

/* Appends a value with all that it holds. */
static void
append_value(StringInfo text, const CphJsonValue *value)
{
	bool		object = value->kind == CPH_JSON_OBJECT;

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
		case CPH_JSON_ARRAY:
			for (int i = 0; i < value->length; i++)
			{
				const char *name = object ? value->fields[i].name : NULL;

				appendStringInfoChar(text, i > 0 ? ',' : object ? '{' : '[');
				if (object)
				{
					append_string(text, name, strlen(name));
					appendStringInfoChar(text, ':');
				}
				append_value(text, object ? &value->fields[i].value :
							 &value->elements[i]);
			}
			if (value->length == 0)
				appendStringInfoChar(text, object ? '{' : '[');
			appendStringInfoChar(text, object ? '}' : ']');
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
