/*
 * json.c
 *		An answer of the service: bytes into a page of items.
 *
 * This is the only user of json-c, which reads only what jsonscan.c let pass.
 *
 * What json-c makes of the escapes in a string is left as it is: half a
 * surrogate pair becomes U+FFFD (up to 0.18, U+1D800 to U+1DBFF and the same
 * of the planes above too, where written as a pair), and a name ends at
 * \u0000.  Of two fields of one name the later counts.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "json.h"

#include <json-c/json_c_version.h>
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>

#include "isotime.h"
#include "jsonscan.h"
#include "miscadmin.h"

#define JSON_C_0_19 ((0 << 16) | (19 << 8))

#if JSON_C_VERSION_NUM < ((0 << 16) | (16 << 8))
#error "cph_fdw needs json-c 0.16 or later"
#endif

/*
 * The values that an answer may hold.  A server with three addresses has 38,
 * and it is the longest item; the rest is for fields to come.
 */
#define CPH_VALUES_PER_ROW		64
#define CPH_VALUES_BESIDE_ROWS	1000

/*
 * The values of an answer that is no list.  The longest is a token's, which
 * names the roles of the user, three values each: a token of 100,000
 * characters holds some 1,700 roles.
 */
#define CPH_VALUES_PER_DOCUMENT 10000

/* Levels of nesting.  The lists have 5; json-c's own default. */
#define CPH_JSON_DEPTH			32

/* A JSON tree or a parser, owned by a memory context. */
typedef struct JsonTree
{
	MemoryContextCallback callback;
	struct json_tokener *tokener;
	struct json_object *root;
} JsonTree;

static const char *fill_page(CphPage *page, const CphEndpoint *endpoint,
							 struct json_object *root, int limit);
static const char *fill_item(CphItem *item, const CphEndpoint *endpoint,
							 struct json_object *node);
static const char *get_text(struct json_object *object, const char *name);
static struct json_object *decode(const char *body, Size length,
								  int max_values, const char **reason);
static const char *parse_body(JsonTree *tree, const char *body, Size length);
static JsonTree *make_tree(void);
static void release_tree(void *arg);
static void empty_object(struct json_object *node);
static void release_tokener(JsonTree *tree);

/*
 * The page of items in a body of at most limit rows; NULL and a reason if the
 * body is none.  All lives in the current memory context and goes with it.
 */
CphPage *
cph_json_page(const CphEndpoint *endpoint, const char *body, Size length,
			  int limit, const char **reason)
{
	CphPage    *page;
	struct json_object *root;

	root = decode(body, length,
				  limit * CPH_VALUES_PER_ROW + CPH_VALUES_BESIDE_ROWS, reason);
	if (root == NULL)
		return NULL;

	page = palloc0(sizeof(CphPage));
	*reason = fill_page(page, endpoint, root, limit);
	return *reason == NULL ? page : NULL;
}

/* Fills a page from the root of an answer; gives a reason or NULL. */
static const char *
fill_page(CphPage *page, const CphEndpoint *endpoint,
		  struct json_object *root, int limit)
{
	struct json_object *array = json_object_object_get(root, endpoint->item_key);
	struct json_object *count = json_object_object_get(root, "count");
	CphJsonValue value;

	if (!json_object_is_type(array, json_type_array))
		return psprintf("no array \"%s\"", endpoint->item_key);
	if (json_object_array_length(array) > limit)
		return "more rows than asked for";

	cph_json_value(&value, count);
	page->has_count = endpoint->has_count &&
		value.kind == CPH_JSON_INTEGER && value.integer >= 0;
	page->count = page->has_count ? value.integer : 0;

	page->nitems = json_object_array_length(array);
	page->items = palloc0(sizeof(CphItem) * Max(page->nitems, 1));
	for (int i = 0; i < page->nitems; i++)
	{
		const char *reason = fill_item(&page->items[i], endpoint,
									   json_object_array_get_idx(array, i));

		if (reason != NULL)
			return reason;
	}
	return NULL;
}

/* Fills an item, which is zero, from its node; gives a reason or NULL. */
static const char *
fill_item(CphItem *item, const CphEndpoint *endpoint, struct json_object *node)
{
	if (!json_object_is_type(node, json_type_object))
		return psprintf("an element of \"%s\" is no object",
						endpoint->item_key);

	item->node = node;
	item->id = get_text(node, endpoint->id_field);
	if (item->id != NULL && item->id[0] == '\0')
		item->id = NULL;
	if (endpoint->time_field != NULL)
	{
		const char *created = get_text(node, endpoint->time_field);

		item->has_time = created != NULL &&
			cph_parse_time(created, &item->time);
	}
	return NULL;
}

/*
 * A field's string; NULL if it is absent, no string, or holds a zero byte.
 * It belongs to the object.
 */
static const char *
get_text(struct json_object *object, const char *name)
{
	CphJsonValue value;

	cph_json_value(&value, json_object_object_get(object, name));
	if (value.kind != CPH_JSON_STRING || strlen(value.string) != value.length)
		return NULL;
	return value.string;
}

/*
 * The object that a body is, as an item without id and time, to be read
 * through a shape; NULL and a reason if it is none.  It lives in the current
 * memory context and goes with it.
 */
CphItem *
cph_json_document(const char *body, Size length, const char **reason)
{
	struct json_object *root;
	CphItem    *item;

	root = decode(body, length, CPH_VALUES_PER_DOCUMENT, reason);
	if (root == NULL)
		return NULL;

	item = palloc0(sizeof(CphItem));
	item->node = root;
	return item;
}

/*
 * The object that a body is, owned by the current memory context; NULL and a
 * reason if it is none.  Nothing of json-c's is left behind then.
 */
static struct json_object *
decode(const char *body, Size length, int max_values, const char **reason)
{
	JsonTree   *tree;

	*reason = cph_json_scan(body, length, max_values);
	if (*reason != NULL)
		return NULL;

	tree = make_tree();
	*reason = parse_body(tree, body, length);
	if (*reason != NULL)
		release_tree(tree);
	return tree->root;
}

/*
 * Parses a body that the scanner let pass into the tree's root; gives a
 * reason or NULL.  Serves interrupts.
 */
static const char *
parse_body(JsonTree *tree, const char *body, Size length)
{
	const char *position = body;
	const char *end = body + length;
	enum json_tokener_error error = json_tokener_continue;

	while (position < end && error == json_tokener_continue)
	{
		int			piece = Min(end - position, CPH_JSON_PIECE);

		CHECK_FOR_INTERRUPTS();
		tree->root = json_tokener_parse_ex(tree->tokener, position, piece);
		error = json_tokener_get_error(tree->tokener);
		position += json_tokener_get_parse_end(tree->tokener);
	}
	release_tokener(tree);

	if (error == json_tokener_continue)
		return "ends within a value";
	if (error != json_tokener_success)
		return psprintf("%s at byte %zu", json_tokener_error_desc(error),
						(size_t) (position - body));
	if (!json_object_is_type(tree->root, json_type_object))
		return "not a JSON object";
	if (cph_json_skip_blanks(position, end) != end)
		return "more than one value";
	return NULL;
}

/* An empty tree with a parser; both go with the current memory context. */
static JsonTree *
make_tree(void)
{
	JsonTree   *tree = palloc0(sizeof(JsonTree));

	tree->callback.func = release_tree;
	tree->callback.arg = tree;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &tree->callback);

	tree->tokener = json_tokener_new_ex(CPH_JSON_DEPTH);
	if (tree->tokener == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return tree;
}

/* Releases what is json-c's.  Harmless to repeat. */
static void
release_tree(void *arg)
{
	JsonTree   *tree = arg;

	release_tokener(tree);
	if (json_c_version_num() >= JSON_C_0_19)
		empty_object(tree->root);
	json_object_put(tree->root);
	tree->root = NULL;
}

/*
 * Releases what an object or an array holds, and all below it.  json-c 0.19,
 * built without assertions, never frees one that is not empty (its issue 936).
 */
static void
empty_object(struct json_object *node)
{
	if (json_object_is_type(node, json_type_object))
	{
		struct lh_table *table = json_object_get_object(node);
		struct lh_entry *entry;

		while ((entry = lh_table_head(table)) != NULL)
		{
			empty_object((struct json_object *) lh_entry_v(entry));
			lh_table_delete_entry(table, entry);
		}
	}
	else if (json_object_is_type(node, json_type_array))
	{
		size_t		length = json_object_array_length(node);

		for (size_t i = 0; i < length; i++)
			empty_object(json_object_array_get_idx(node, i));
		json_object_array_del_idx(node, 0, length);
	}
}

/* Releases the parser and what it holds of a tree.  Harmless to repeat. */
static void
release_tokener(JsonTree *tree)
{
	if (tree->tokener != NULL)
		json_tokener_free(tree->tokener);
	tree->tokener = NULL;
}

/* Sets a value from its node, to which its string belongs. */
void
cph_json_value(CphJsonValue *value, void *node)
{
	value->kind = CPH_JSON_NUMBER;
	value->node = node;
	switch (json_object_get_type(node))
	{
		case json_type_null:
			value->kind = CPH_JSON_NULL;
			break;
		case json_type_boolean:
			value->kind = CPH_JSON_BOOLEAN;
			value->boolean = json_object_get_boolean(node);
			break;
		case json_type_int:
			/* json-c clamps what it holds as a uint64 */
			value->integer = json_object_get_int64(node);
			if (value->integer < PG_INT64_MAX ||
				json_object_get_uint64(node) == PG_INT64_MAX)
				value->kind = CPH_JSON_INTEGER;
			break;
		case json_type_string:
			value->kind = CPH_JSON_STRING;
			value->string = json_object_get_string(node);
			value->length = json_object_get_string_len(node);
			break;
		case json_type_object:
			value->kind = CPH_JSON_OBJECT;
			break;
		case json_type_array:
			value->kind = CPH_JSON_ARRAY;
			break;
		default:
			break;
	}
}

/*
 * Steps to the next field of an object; false if there is none.  What is no
 * object has no fields.
 */
bool
cph_json_next_field(void *object, CphJsonField *field)
{
	struct lh_entry *entry = NULL;

	if (field->entry != NULL)
		entry = lh_entry_next((struct lh_entry *) field->entry);
	else if (json_object_is_type(object, json_type_object))
		entry = lh_table_head(json_object_get_object(object));
	if (entry == NULL)
		return false;

	field->entry = entry;
	field->name = lh_entry_k(entry);
	field->node = (struct json_object *) lh_entry_v(entry);
	return true;
}

/* The number of elements of an array. */
int
cph_json_length(void *array)
{
	return json_object_array_length(array);
}

/* The element of an array at an index. */
void *
cph_json_element(void *array, int index)
{
	return json_object_array_get_idx(array, index);
}

/*
 * The JSON text of a value, zero-terminated, and its length unless length is
 * NULL.  A number that is no integer is as the service wrote it.  The text
 * belongs to the page, until the next call for the same value.
 */
const char *
cph_json_text(const CphJsonValue *value, Size *length)
{
	size_t		bytes;
	const char *json;

	json = json_object_to_json_string_length(value->node,
											 JSON_C_TO_STRING_PLAIN |
											 JSON_C_TO_STRING_NOSLASHESCAPE,
											 &bytes);
	if (json == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (length != NULL)
		*length = bytes;
	return json;
}
