/*
 * parse.c
 *		JSON text into values.
 *
 * json-c reads only what scan.c let pass.  What it makes of the escapes in
 * a string is left as it is: half a surrogate pair becomes U+FFFD (up to 0.18,
 * U+1D800 to U+1DBFF and the same of the planes above too, where written as a
 * pair), and a name ends at \u0000.  Of two fields of one name the later
 * counts.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "json/json_private.h"

#include <json-c/json_c_version.h>
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>

#include "miscadmin.h"

#define JSON_C(minor) ((minor) << 8)	/* of JSON_C_VERSION_NUM */

#if JSON_C_VERSION_NUM < JSON_C(16)
#error "cph_fdw needs json-c 0.16 or later"
#endif

/*
 * The values that an answer may hold that is no list.  The longest is a
 * token's, which names the roles of the user, three values each: a token of
 * 100,000 characters holds some 1,700 roles.
 */
#define CPH_VALUES_PER_DOCUMENT 10000

/*
 * Ends an integer that may not fit an int64, so that json-c takes it for a
 * number of another kind, whose digits it keeps.
 */
#define LONG_INTEGER_END		"e00"

/* Levels of nesting in a value.  The lists' items have 3; json-c's default. */
#define CPH_JSON_DEPTH			32

/* Bytes of memory that values are copied into, at a time. */
#define COPY_BLOCK				(32 * 1024)

struct CphJsonParser
{
	MemoryContextCallback callback;
	struct json_tokener *tokener;
	struct json_object *tree;	/* json-c's, while it is copied; or NULL */
	const char *body;
	const char *position;
	const char *end;
	List	   *long_integers;	/* ends of integers that may not fit an int64 */
	int			nlong;			/* of these json-c has been given */
	char	   *block;			/* room that is left for copies */
	Size		room;
};

/*
 * Releases what an object or an array holds, and all below it.  json-c 0.19,
 * built without assertions, never frees one that is not empty (its issue 936).
 */
static void
empty_tree(struct json_object *node)
{
	if (json_object_is_type(node, json_type_object))
	{
		struct lh_table *table = json_object_get_object(node);
		struct lh_entry *entry;

		while ((entry = lh_table_head(table)) != NULL)
		{
			empty_tree((struct json_object *) lh_entry_v(entry));
			lh_table_delete_entry(table, entry);
		}
	}
	else if (json_object_is_type(node, json_type_array))
	{
		size_t		length = json_object_array_length(node);

		for (size_t i = 0; i < length; i++)
			empty_tree(json_object_array_get_idx(node, i));
		json_object_array_del_idx(node, 0, length);
	}
}

/* Releases the tree that json-c has made. */
static void
release_tree(CphJsonParser *parser)
{
	if (json_c_version_num() >= JSON_C(19))
		empty_tree(parser->tree);
	json_object_put(parser->tree);
	parser->tree = NULL;
}

/* Releases what is json-c's, when the parser's memory context goes. */
static void
release_parser(void *arg)
{
	CphJsonParser *parser = arg;

	release_tree(parser);
	if (parser->tokener != NULL)
		json_tokener_free(parser->tokener);
	parser->tokener = NULL;
}

/* Raises the error of memory that is not to be had. */
pg_noreturn static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

/*
 * Returns a parser of a body, which stands before its first value, in the
 * current memory context; NULL and a reason if the body is no object, holds
 * more values than that, or can be seen to be no JSON.  The body must stay.
 */
CphJsonParser *
cph_json_parser(const char *body, Size length, int max_values,
				const char **reason)
{
	CphJsonParser *parser;

	List	   *long_integers;

	*reason = cph_json_scan(body, length, max_values, &long_integers);
	if (*reason != NULL)
		return NULL;
	parser = palloc0(sizeof(CphJsonParser));
	parser->body = parser->position = body;
	parser->end = body + length;
	parser->long_integers = long_integers;
	parser->callback.func = release_parser;
	parser->callback.arg = parser;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &parser->callback);
	parser->tokener = json_tokener_new_ex(CPH_JSON_DEPTH);
	if (parser->tokener == NULL)
		out_of_memory();
	return parser;
}

/* Returns memory of the parser's, aligned for any value. */
static void *
take_room(CphJsonParser *parser, Size size)
{
	size = MAXALIGN(size);
	if (size > parser->room)
	{
		parser->room = Max(size, COPY_BLOCK);
		parser->block = palloc(parser->room);
	}
	parser->room -= size;
	parser->block += size;
	return parser->block - size;
}

/* Returns a copy of some bytes, with a zero byte behind them. */
static const char *
copy_bytes(CphJsonParser *parser, const char *bytes, Size length)
{
	char	   *copy = take_room(parser, length + 1);

	memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

/*
 * Copies a number that is no integer, or a long one, as its text; one that
 * fits an int64 as that.
 */
static void
copy_number(CphJsonParser *parser, struct json_object *node,
			CphJsonValue *value)
{
	size_t		length;
	const char *text = json_object_to_json_string_length(node,
														 JSON_C_TO_STRING_PLAIN,
														 &length);
	size_t		digits;

	if (text == NULL)
		out_of_memory();
	digits = strspn(text, "-0123456789");
	value->kind = CPH_JSON_NUMBER;
	if (strcmp(text + digits, LONG_INTEGER_END) == 0)
	{
		length = digits;
		errno = 0;
		value->integer = strtoll(text, NULL, 10);
		if (errno == 0)
			value->kind = CPH_JSON_INTEGER;
	}
	value->length = length;
	value->string = copy_bytes(parser, text, length);
}

static void copy_value(CphJsonParser *parser, struct json_object *node,
					   CphJsonValue *value, const CphJsonValue *like);

/*
 * Copies an object.  A name that stands at the same place in an object like
 * it is not copied again.
 */
static void
copy_object(CphJsonParser *parser, struct json_object *node,
			CphJsonValue *value, const CphJsonValue *like)
{
	int			length = json_object_object_length(node);
	CphJsonField *fields = take_room(parser, sizeof(CphJsonField) * length);
	int			nlike = like && like->kind == CPH_JSON_OBJECT ? like->length : 0;
	struct lh_entry *entry = lh_table_head(json_object_get_object(node));

	value->kind = CPH_JSON_OBJECT;
	value->length = length;
	value->fields = fields;
	for (int i = 0; entry != NULL; i++, entry = lh_entry_next(entry))
	{
		const char *name = lh_entry_k(entry);
		const CphJsonField *field_like = i < nlike ? &like->fields[i] : NULL;

		if (field_like != NULL && strcmp(field_like->name, name) == 0)
			fields[i].name = field_like->name;
		else
			fields[i].name = copy_bytes(parser, name, strlen(name));
		copy_value(parser, (struct json_object *) lh_entry_v(entry),
				   &fields[i].value, field_like ? &field_like->value : NULL);
	}
}

/* Copies an array. */
static void
copy_array(CphJsonParser *parser, struct json_object *node,
		   CphJsonValue *value)
{
	int			length = json_object_array_length(node);
	CphJsonValue *elements = take_room(parser, sizeof(CphJsonValue) * length);

	value->kind = CPH_JSON_ARRAY;
	value->length = length;
	value->elements = elements;
	for (int i = 0; i < length; i++)
		copy_value(parser, json_object_array_get_idx(node, i), &elements[i],
				   i > 0 ? &elements[i - 1] : NULL);
}

/*
 * Copies a value of json-c's into the parser's memory.  like is one that may
 * be like it, or NULL.
 */
static void
copy_value(CphJsonParser *parser, struct json_object *node,
		   CphJsonValue *value, const CphJsonValue *like)
{
	value->kind = CPH_JSON_NULL;
	value->length = 0;
	switch (json_object_get_type(node))
	{
		case json_type_null:
			break;
		case json_type_boolean:
			value->kind = CPH_JSON_BOOLEAN;
			value->boolean = json_object_get_boolean(node);
			break;
		case json_type_int:
			value->kind = CPH_JSON_INTEGER;
			value->integer = json_object_get_int64(node);
			break;
		case json_type_double:
			copy_number(parser, node, value);
			break;
		case json_type_string:
			value->kind = CPH_JSON_STRING;
			value->length = json_object_get_string_len(node);
			value->string = copy_bytes(parser, json_object_get_string(node),
									   value->length);
			break;
		case json_type_object:
			copy_object(parser, node, value, like);
			break;
		case json_type_array:
			copy_array(parser, node, value);
			break;
	}
}

/*
 * Gives json-c the piece of the body that comes next, up to the end of the next
 * long integer, or what ends that.  Returns what json-c says to it.  Serves
 * interrupts.
 */
static enum json_tokener_error
parse_piece(CphJsonParser *parser)
{
	const char *stop = parser->nlong < list_length(parser->long_integers) ?
		list_nth(parser->long_integers, parser->nlong) : parser->end;

	if (parser->position == stop)
	{
		parser->nlong++;
		parser->tree = json_tokener_parse_ex(parser->tokener, LONG_INTEGER_END,
											 strlen(LONG_INTEGER_END));
	}
	else
	{
		CHECK_FOR_INTERRUPTS();
		parser->tree = json_tokener_parse_ex(parser->tokener, parser->position,
											 Min(stop - parser->position,
												 CPH_JSON_PIECE));
		parser->position += json_tokener_get_parse_end(parser->tokener);
	}
	return json_tokener_get_error(parser->tokener);
}

/*
 * Parses the value that comes next.  like is one that may be like it, of the
 * same parser, or NULL.  Returns false and a reason if there is none.  Serves
 * interrupts.
 */
bool
cph_json_next(CphJsonParser *parser, CphJsonValue *value,
			  const CphJsonValue *like, const char **reason)
{
	enum json_tokener_error error = json_tokener_continue;

	while (parser->position < parser->end && error == json_tokener_continue)
		error = parse_piece(parser);
	if (error == json_tokener_success)
	{
		copy_value(parser, parser->tree, value, like);
		release_tree(parser);
		return true;
	}
#if JSON_C_VERSION_NUM >= JSON_C(17)
	if (error == json_tokener_error_memory)
		out_of_memory();
#endif
	if (error == json_tokener_continue)
		*reason = "ends within a value";
	else
		*reason = psprintf("%s at byte %zu", json_tokener_error_desc(error),
						   (Size) (parser->position - parser->body));
	return false;
}

/*
 * Returns the byte that comes next and is no white space; a zero byte at the
 * end, since no body holds one.
 */
char
cph_json_peek(CphJsonParser *parser)
{
	parser->position = cph_json_skip_blanks(parser->position, parser->end);
	return parser->position < parser->end ? *parser->position : '\0';
}

/*
 * Steps over a byte that must come next, a zero byte being the end; false and a
 * reason if something else does.
 */
bool
cph_json_expect(CphJsonParser *parser, char byte, const char **reason)
{
	char		next = cph_json_peek(parser);

	if (next == byte)
		parser->position += next != '\0';
	else if (byte == '\0')
		*reason = "more than one value";
	else if (next == '\0')
		*reason = "ends within a value";
	else
		*reason = psprintf("\"%c\" expected at byte %zu", byte,
						   (Size) (parser->position - parser->body));
	return next == byte;
}

/*
 * Returns the object that a body is, in the current memory context; NULL and a
 * reason if it is none.
 */
CphJsonValue *
cph_json_document(const char *body, Size length, const char **reason)
{
	CphJsonValue *value = palloc0(sizeof(CphJsonValue));
	CphJsonParser *parser = cph_json_parser(body, length,
											CPH_VALUES_PER_DOCUMENT, reason);

	if (parser == NULL || !cph_json_next(parser, value, NULL, reason) ||
		!cph_json_expect(parser, '\0', reason))
		return NULL;
	return value;
}
