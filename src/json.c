/*
 * json.c
 *		An answer of the service: bytes into a page of items.
 *
 * A scanner of our own reads a body before json-c does, for two reasons.
 * json-c makes 2 GB of 8 MB of "{},", so the values are counted first.  And
 * what json-c takes for JSON is another thing in each version, its strict mode
 * no help: that of 0.18 refuses every character beyond ASCII, that of 0.16
 * clamps an integer out of range, all take NaN, names in single quotes, 00, 1.
 * and, where a number is cut between two pieces, 12-5 for 12.  So json-c is
 * used without it, and the scanner refuses what is not JSON but json-c takes.
 *
 * What json-c makes of the escapes in a string is left as it is: half a
 * surrogate pair becomes U+FFFD (up to 0.18, U+1D800 to U+1DBFF and the same
 * of the planes above too, where written as a pair), and a name ends at
 * \u0000.  Of two fields of one name the later counts.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "compat.h"

#include <math.h>
#include <json-c/json_c_version.h>
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "json.h"

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

/*
 * The bytes of an error answer that is looked into.  A usual one has some
 * hundred; the message that explains a denial, encoded, some thousand.
 */
#define CPH_ERROR_BYTES			(64 * 1024)

/* The bytes that an error's text is cut at; the message promises as much. */
#define CPH_ERROR_TEXT_BYTES	512

/* Levels of nesting.  The lists have 5; json-c's own default. */
#define CPH_JSON_DEPTH			32

/* Bytes between two looks for interrupts: parsed in less than 1 ms. */
#define CPH_JSON_PIECE			(64 * 1024)

/* A JSON tree or a parser, owned by a memory context. */
typedef struct JsonTree
{
	MemoryContextCallback callback;
	struct json_tokener *tokener;
	struct json_object *root;
} JsonTree;

/* The two names under which an error answer holds its code and its message. */
typedef struct ErrorNames
{
	const char *code;
	const char *message;
} ErrorNames;

static const ErrorNames error_names[] = {
	{"error_code", "error_msg"},	/* the service, the gateway, newer IAM */
	{"code", "message"}			/* IAM, below "error" */
};

/*
 * A name in a path.  The names below it stand in the order in which the item
 * read last had them.
 */
typedef struct ShapeNode
{
	const char *name;
	int			value;			/* which value ends here; -1: none */
	int			nkeys;
	struct ShapeNode **keys;
} ShapeNode;

struct CphShape
{
	ShapeNode	root;
	int			npaths;
	int		   *first;			/* for each path, the first one equal to it */
};

static const char *fill_page(CphPage *page, const CphEndpoint *endpoint,
							 struct json_object *root, int limit);
static const char *fill_item(CphItem *item, const CphEndpoint *endpoint,
							 struct json_object *node);
static const char *get_text(struct json_object *object, const char *name);
static struct json_object *decode(const char *body, Size length,
								  int max_values, const char **reason);
static bool is_utf8(const char *body, Size length);
static const char *scan_body(const char *body, Size length, int max_values);
static const char *skip_blanks(const char *position, const char *end);
static const char *scan_string(const char **position, const char *end);
static const char *scan_number(const char **position, const char *end);
static bool scan_digits(const char **position, const char *end);
static bool integer_fits(const char *digits, int ndigits, bool negative);
static const char *scan_word(const char **position, const char *end);
static const char *parse_body(JsonTree *tree, const char *body, Size length);
static JsonTree *make_tree(void);
static void release_tree(void *arg);
static void empty_object(struct json_object *node);
static void release_tokener(JsonTree *tree);
static void find_error(struct json_object *root, CphServiceError *error);
static bool read_error(struct json_object *object, CphServiceError *error);
static char *error_text(struct json_object *object, const char *name);
static ShapeNode *add_path(ShapeNode *node, const char *path);
static ShapeNode *add_key(ShapeNode *node, const char *name, Size length);
static void read_node(ShapeNode *node, struct json_object *object,
					  CphJsonValue *values);
static ShapeNode *find_key(ShapeNode *node, int nfound, const char *name);
static void set_value(CphJsonValue *value, struct json_object *node);
static bool parse_digits(const char **p, int ndigits, int *number);
static bool parse_date(const char **p, int *days);
static bool parse_clock(const char **p, int64 *usecs);
static bool parse_fraction(const char **p, fsec_t *fsec);
static bool parse_zone(const char **p, int64 *usecs);

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

	set_value(&value, count);
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

	set_value(&value, json_object_object_get(object, name));
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

	if (!is_utf8(body, length))
	{
		*reason = "not UTF-8";
		return NULL;
	}
	*reason = scan_body(body, length, max_values);
	if (*reason != NULL)
		return NULL;

	tree = make_tree();
	*reason = parse_body(tree, body, length);
	if (*reason != NULL)
		release_tree(tree);
	return tree->root;
}

/*
 * Is a body UTF-8 without a zero byte, as PostgreSQL sees it?  json-c's own
 * check takes overlong forms and surrogates, and stumbles over a character
 * that is cut between two pieces.
 */
static bool
is_utf8(const char *body, Size length)
{
	while (length > 0)
	{
		int			piece = Min(length, CPH_JSON_PIECE);
		int			valid = pg_encoding_verifymbstr(PG_UTF8, body, piece);

		CHECK_FOR_INTERRUPTS();
		/* a character that is cut at the end begins the next piece */
		if (valid < piece && (piece == length || piece - valid >= 4))
			return false;
		body += valid;
		length -= valid;
	}
	return true;
}

/*
 * The reason why a body is not handed to json-c, or NULL: it is no object, it
 * may hold more values than max_values, or it holds what json-c takes for
 * JSON and is none.  Anything else that is wrong is left to json-c.  Serves
 * interrupts.
 */
static const char *
scan_body(const char *body, Size length, int max_values)
{
	const char *end = body + length;
	const char *position = skip_blanks(body, end);
	const char *reason = NULL;
	int			nvalues = 0;
	char		last = '\0';

	if (position == end)
		return "empty";
	if (*position != '{')
		return "not a JSON object";

	while (position < end && reason == NULL)
	{
		char		first = *position;

		switch (first)
		{
			case '{':
			case '[':
			case ',':
				/* each value but the first has one of these before it */
				CHECK_FOR_INTERRUPTS();
				if (++nvalues > max_values)
					reason = psprintf("more than %d values", max_values);
				position++;
				break;
			case '}':
			case ']':
			case ':':
				if (last == ',')
					reason = "a comma with nothing behind it";
				position++;
				break;
			case '"':
				reason = scan_string(&position, end);
				break;
			default:
				if (first == '-' || (first >= '0' && first <= '9'))
					reason = scan_number(&position, end);
				else
					reason = scan_word(&position, end);
		}
		last = first;
		position = skip_blanks(position, end);
	}
	return reason;
}

/* The first byte from position on that is no white space of JSON's. */
static const char *
skip_blanks(const char *position, const char *end)
{
	while (position < end && (*position == ' ' || *position == '\n' ||
							  *position == '\t' || *position == '\r'))
		position++;
	return position;
}

/* Steps over a string, or what there is of it; gives a reason or NULL. */
static const char *
scan_string(const char **position, const char *end)
{
	const char *p = *position + 1;

	while (p < end && *p != '"')
	{
		if ((unsigned char) *p < ' ')
			return "a control character within a string";
		p += *p == '\\' ? 2 : 1;
	}
	*position = p < end ? p + 1 : end;
	return NULL;
}

/*
 * Steps over a number, or what there is of it; gives a reason or NULL.  An
 * integer must fit an int64 or a uint64.
 */
static const char *
scan_number(const char **position, const char *end)
{
	bool		negative = **position == '-';
	const char *digits = *position + negative;
	const char *p = digits;
	int			ndigits;
	bool		integer = true;
	bool		valid = scan_digits(&p, end);

	ndigits = p - digits;
	if (ndigits > 1 && *digits == '0')
		valid = false;
	if (p < end && *p == '.')
	{
		integer = false;
		p++;
		valid &= scan_digits(&p, end);
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		integer = false;
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		valid &= scan_digits(&p, end);
	}
	*position = p;

	if (!valid)
		return "a number that is not JSON's";
	if (integer && !integer_fits(digits, ndigits, negative))
		return "a number out of range";
	return NULL;
}

/* Steps over digits; false if there is none where there could be one. */
static bool
scan_digits(const char **position, const char *end)
{
	const char *p = *position;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == *position && p < end)
		return false;
	*position = p;
	return true;
}

/* Does an integer without leading zeros fit an int64 or a uint64? */
static bool
integer_fits(const char *digits, int ndigits, bool negative)
{
	const char *largest = "18446744073709551615";
	int			nlargest;

	if (negative)
		largest = "9223372036854775808";
	nlargest = strlen(largest);
	return ndigits < nlargest ||
		(ndigits == nlargest && memcmp(digits, largest, ndigits) <= 0);
}

/* Steps over a word, or what there is of it; gives a reason or NULL. */
static const char *
scan_word(const char **position, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};

	for (int i = 0; i < lengthof(words); i++)
	{
		Size		length = Min(strlen(words[i]), end - *position);

		if (memcmp(*position, words[i], length) == 0)
		{
			*position += length;
			return NULL;
		}
	}
	return "not JSON";
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
	return skip_blanks(position, end) == end ? NULL : "more than one value";
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

/*
 * What an answer that is no page says of itself, copied into the current
 * memory context; whatever it does not say is NULL.  A body that cannot be
 * read says nothing.
 */
void
cph_json_error(const char *body, Size length, CphServiceError *error)
{
	MemoryContext context;
	MemoryContext caller;
	struct json_object *root;
	const char *reason;

	memset(error, 0, sizeof(*error));
	if (length > CPH_ERROR_BYTES)
		return;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"cph_fdw error answer",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	root = decode(body, length, CPH_VALUES_PER_DOCUMENT, &reason);
	MemoryContextSwitchTo(caller);
	if (root != NULL)
		find_error(root, error);
	MemoryContextDelete(context);
}

/* Looks for an error in an answer, then in the objects just below it. */
static void
find_error(struct json_object *root, CphServiceError *error)
{
	struct lh_entry *entry;

	if (read_error(root, error))
		return;
	lh_foreach(json_object_get_object(root), entry)
	{
		struct json_object *below = (struct json_object *) lh_entry_v(entry);

		if (json_object_is_type(below, json_type_object) &&
			read_error(below, error))
			return;
	}
}

/* Reads an error from an object; true if it has a code or a message. */
static bool
read_error(struct json_object *object, CphServiceError *error)
{
	if (error->request_id == NULL)
		error->request_id = error_text(object, "request_id");
	for (int i = 0; i < lengthof(error_names); i++)
	{
		error->code = error_text(object, error_names[i].code);
		error->message = error_text(object, error_names[i].message);
		if (error->code != NULL || error->message != NULL)
			return true;
	}
	return false;
}

/*
 * A copy of a field's string or integer, fit for a message; NULL if it is
 * neither.  It ends at a zero byte.
 */
static char *
error_text(struct json_object *object, const char *name)
{
	CphJsonValue value;
	const char *source;
	char	   *copy;
	int			length;

	set_value(&value, json_object_object_get(object, name));
	if (value.kind == CPH_JSON_STRING)
		source = value.string;
	else if (value.kind == CPH_JSON_INTEGER)
		source = cph_json_text(&value, NULL);
	else
		return NULL;

	length = pg_encoding_mbcliplen(PG_UTF8, source, strlen(source),
								   CPH_ERROR_TEXT_BYTES);
	copy = pnstrdup(source, length);
	for (unsigned char *p = (unsigned char *) copy; *p != '\0'; p++)
	{
		if (*p < ' ' || *p == 0x7f)
			*p = ' ';
		else if (p[0] == 0xc2 && p[1] < 0xa0)	/* U+0080 to U+009F */
			p[0] = p[1] = ' ';
	}
	return copy;
}

/*
 * Prepares paths for cph_json_read.  A path is names with dots between, or
 * "$", the whole item; a name with a dot in it cannot be reached.  The shape
 * lives in the current memory context and keeps nothing of its arguments.
 */
CphShape *
cph_json_shape(const char *const *paths, int npaths)
{
	CphShape   *shape = palloc0(sizeof(CphShape));

	shape->root.value = -1;
	shape->npaths = npaths;
	shape->first = palloc(sizeof(int) * Max(npaths, 1));
	for (int i = 0; i < npaths; i++)
	{
		ShapeNode  *node = &shape->root;

		if (strcmp(paths[i], "$") != 0)
			node = add_path(node, paths[i]);
		if (node->value < 0)
			node->value = i;
		shape->first[i] = node->value;
	}
	return shape;
}

/* The node of a path below a node, made where there is none yet. */
static ShapeNode *
add_path(ShapeNode *node, const char *path)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL)
	{
		node = add_key(node, path, dot - path);
		path = dot + 1;
	}
	return add_key(node, path, strlen(path));
}

/* The node of a name below a node, made if there is none yet. */
static ShapeNode *
add_key(ShapeNode *node, const char *name, Size length)
{
	ShapeNode  *key;

	for (int i = 0; i < node->nkeys; i++)
	{
		key = node->keys[i];
		if (strlen(key->name) == length && memcmp(key->name, name, length) == 0)
			return key;
	}

	key = palloc0(sizeof(ShapeNode));
	key->name = pnstrdup(name, length);
	key->value = -1;
	if (node->keys == NULL)
		node->keys = palloc(sizeof(ShapeNode *));
	else
		node->keys = repalloc(node->keys,
							  sizeof(ShapeNode *) * (node->nkeys + 1));
	node->keys[node->nkeys++] = key;
	return key;
}

/*
 * Reads the values at a shape's paths from an item, one for each path; they
 * live as long as the item's page.  The shape adapts to the order of the
 * item's fields, so it serves one reader at a time.
 */
void
cph_json_read(CphShape *shape, const CphItem *item, CphJsonValue *values)
{
	memset(values, 0, sizeof(CphJsonValue) * shape->npaths);
	read_node(&shape->root, item->node, values);
	for (int i = 0; i < shape->npaths; i++)
	{
		if (shape->first[i] != i)
			values[i] = values[shape->first[i]];
	}
}

/*
 * Reads the values at and below a node.  A value that is not there stays as
 * it is.
 */
static void
read_node(ShapeNode *node, struct json_object *object, CphJsonValue *values)
{
	struct lh_entry *entry;
	int			nfound = 0;

	if (node->value >= 0)
		set_value(&values[node->value], object);
	if (node->nkeys == 0 || !json_object_is_type(object, json_type_object))
		return;

	lh_foreach(json_object_get_object(object), entry)
	{
		ShapeNode  *key = find_key(node, nfound, lh_entry_k(entry));

		if (key != NULL)
		{
			read_node(key, (struct json_object *) lh_entry_v(entry), values);
			nfound++;
		}
		if (nfound == node->nkeys)
			break;
	}
}

/*
 * The key of a name below a node, or NULL, given that nfound keys have been
 * found in this object.  These stand first, in the order of the object, and
 * the new one behind them: for the next object, if it is like this one, each
 * is the first that is looked at.
 */
static ShapeNode *
find_key(ShapeNode *node, int nfound, const char *name)
{
	for (int i = nfound; i < node->nkeys; i++)
	{
		ShapeNode  *key = node->keys[i];

		if (strcmp(key->name, name) != 0)
			continue;
		memmove(&node->keys[nfound + 1], &node->keys[nfound],
				sizeof(ShapeNode *) * (i - nfound));
		node->keys[nfound] = key;
		return key;
	}
	return NULL;
}

/* Sets a value from its node, to which its string belongs. */
static void
set_value(CphJsonValue *value, struct json_object *node)
{
	value->kind = CPH_JSON_OTHER;
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
		default:
			break;
	}
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

/*
 * Reads a time: YYYY-MM-DD, T or a blank, HH:MM, perhaps :SS and a fraction
 * of up to nine digits, perhaps Z, +HH, +HHMM or +HH:MM (or -); UTC if it has
 * no zone.  What it takes, it takes as timestamptz does; false for anything
 * else.  Years have four digits, so no time is out of range.
 */
bool
cph_parse_time(const char *text, TimestampTz *time)
{
	const char *p = text;
	int			days;
	int64		clock;
	int64		zone;

	if (!parse_date(&p, &days))
		return false;
	if (*p != 'T' && *p != ' ')
		return false;
	p++;
	if (!parse_clock(&p, &clock) || !parse_zone(&p, &zone) ||
		*p != '\0')
		return false;

	*time = days * USECS_PER_DAY + clock - zone;
	return true;
}

/* Reads a number of just so many digits and steps over it. */
static bool
parse_digits(const char **p, int ndigits, int *number)
{
	*number = 0;
	for (int i = 0; i < ndigits; i++)
	{
		char		c = **p;

		if (c < '0' || c > '9')
			return false;
		*number = *number * 10 + (c - '0');
		(*p)++;
	}
	return true;
}

/* Reads YYYY-MM-DD as days from PostgreSQL's epoch. */
static bool
parse_date(const char **p, int *days)
{
	int			year;
	int			month;
	int			day;

	if (!parse_digits(p, 4, &year) || *(*p)++ != '-' ||
		!parse_digits(p, 2, &month) || *(*p)++ != '-' ||
		!parse_digits(p, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Reads HH:MM, HH:MM:SS or HH:MM:SS.F as microseconds from midnight. */
static bool
parse_clock(const char **p, int64 *usecs)
{
	int			hour;
	int			minute;
	int			second = 0;
	fsec_t		fsec = 0;

	if (!parse_digits(p, 2, &hour) || *(*p)++ != ':' ||
		!parse_digits(p, 2, &minute))
		return false;
	if (**p == ':')
	{
		(*p)++;
		if (!parse_digits(p, 2, &second) || !parse_fraction(p, &fsec))
			return false;
	}
	/* takes 24:00:00 and a 60th second, within the day */
	if (time_overflows(hour, minute, second, fsec))
		return false;
	*usecs = ((hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second) *
		USECS_PER_SEC + fsec;
	return true;
}

/*
 * Reads a fraction of one to nine digits, if there is one, as microseconds,
 * rounded as PostgreSQL rounds them: up to 1,000,000.
 */
static bool
parse_fraction(const char **p, fsec_t *fsec)
{
	double		fraction = 0;
	double		scale = 1;

	if (**p != '.')
		return true;
	(*p)++;
	for (; **p >= '0' && **p <= '9' && scale < 1e9; (*p)++)
	{
		fraction = fraction * 10 + (**p - '0');
		scale *= 10;
	}
	if (scale == 1)
		return false;
	*fsec = rint(fraction / scale * 1000000);
	return true;
}

/* Reads Z or an offset, if there is one, as microseconds east of UTC. */
static bool
parse_zone(const char **p, int64 *usecs)
{
	char		sign = **p;
	int			hours;
	int			minutes = 0;

	*usecs = 0;
	if (sign == '\0')
		return true;
	(*p)++;
	if (sign == 'Z' || sign == 'z')
		return true;
	if ((sign != '+' && sign != '-') || !parse_digits(p, 2, &hours))
		return false;
	if (**p != '\0')
	{
		if (**p == ':')
			(*p)++;
		if (!parse_digits(p, 2, &minutes))
			return false;
	}
	if (hours > MAX_TZDISP_HOUR || minutes >= MINS_PER_HOUR)
		return false;

	*usecs = (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE *
		USECS_PER_SEC;
	if (sign == '-')
		*usecs = -*usecs;
	return true;
}
