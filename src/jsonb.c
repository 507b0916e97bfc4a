/*
 * jsonb.c
 *		A value of the service's as jsonb, without its text in between.
 *
 * json.c bounds the depth.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "jsonb.h"

#include "servertext.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

static void push_value(JsonbInState * state, JsonbIteratorToken place,
					   const CphJsonValue *value);

/* Sets a string. */
static void
set_string(JsonbValue * scalar, const char *string, int length)
{
	scalar->type = jbvString;
	scalar->val.string.val = cph_server_text(string, &length);
	scalar->val.string.len = length;
}

/* Sets a value that is neither an object nor an array. */
static void
set_scalar(JsonbValue * scalar, const CphJsonValue *value)
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
													CStringGetDatum(cph_json_text(value, NULL)),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
	}
}

/* Adds an object with all that it holds. */
static void
push_object(JsonbInState * state, void *node)
{
	CphJsonField field = {0};

	cph_push_jsonb(state, WJB_BEGIN_OBJECT, NULL);
	while (cph_json_next_field(node, &field))
	{
		JsonbValue	key;
		CphJsonValue value;

		set_string(&key, field.name, strlen(field.name));
		cph_push_jsonb(state, WJB_KEY, &key);
		cph_json_value(&value, field.node);
		push_value(state, WJB_VALUE, &value);
	}
	cph_push_jsonb(state, WJB_END_OBJECT, NULL);
}

/* Adds an array with all that it holds. */
static void
push_array(JsonbInState * state, void *node)
{
	int			length = cph_json_length(node);

	cph_push_jsonb(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < length; i++)
	{
		CphJsonValue value;

		cph_json_value(&value, cph_json_element(node, i));
		push_value(state, WJB_ELEM, &value);
	}
	cph_push_jsonb(state, WJB_END_ARRAY, NULL);
}

/* Adds a value, at a place for values. */
static void
push_value(JsonbInState * state, JsonbIteratorToken place,
		   const CphJsonValue *value)
{
	JsonbValue	scalar;

	if (value->kind == CPH_JSON_OBJECT)
		push_object(state, value->node);
	else if (value->kind == CPH_JSON_ARRAY)
		push_array(state, value->node);
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
