/*
 * page.c
 *		An answer of the service: bytes into a page of items.
 *
 * The object that an answer is, and the array of items in it, are taken apart
 * here, and the rest is left to the parser: each item by itself.  Of two fields
 * of one name the later counts, as in the values that the parser makes.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"
#include "lib/lib.h"

/*
 * The values that an answer may hold.  A server with three addresses has 38,
 * and it is the longest item; the rest is for fields to come.
 */
#define CPH_VALUES_PER_ROW		64
#define CPH_VALUES_BESIDE_ROWS	1000

/* A page that is being decoded. */
typedef struct Decoding
{
	CphJsonParser *parser;
	const CphEndpoint *endpoint;
	int			limit;			/* rows that were asked for */
	CphPage    *page;
	const char *reason;
	int			id_at;			/* where an item had its id last */
	int			time_at;		/* and its time */
} Decoding;

/*
 * Returns a field, or NULL if it is absent.  at is where it is looked for
 * first, and becomes where it is.
 */
static const CphJsonValue *
get_field(const CphJsonValue *object, const char *name, int *at)
{
	for (int i = 0; i < object->length; i++)
	{
		int			place = (*at + i) % object->length;
		const CphJsonField *field = &object->fields[place];

		if (strcmp(field->name, name) != 0)
			continue;
		*at = place;
		return &field->value;
	}
	return NULL;
}

/*
 * Returns a field's string; NULL if it is absent, no string, or holds a zero
 * byte.  at is as in get_field.
 */
static const char *
get_text(const CphJsonValue *object, const char *name, int *at)
{
	const CphJsonValue *value = get_field(object, name, at);

	if (value == NULL || value->kind != CPH_JSON_STRING ||
		strlen(value->string) != value->length)
		return NULL;
	return value->string;
}

/* Orders fields by name, in byte order. */
static int
compare_fields(const void *a, const void *b)
{
	return strcmp(((const CphJsonField *) a)->name,
				  ((const CphJsonField *) b)->name);
}

/*
 * Returns an id with all that the item holds beside it but one field, palloc'd.
 * The order of the fields makes no difference, nor whether one that is null is
 * there.
 */
static const char *
extend_id(const char *id, const CphJsonValue *object, const char *without)
{
	CphJsonField *fields = palloc(sizeof(CphJsonField) * object->length);
	CphJsonValue rest = {.kind = CPH_JSON_OBJECT, .fields = fields};

	for (int i = 0; i < object->length; i++)
	{
		const CphJsonField *field = &object->fields[i];

		if (field->value.kind != CPH_JSON_NULL &&
			strcmp(field->name, without) != 0)
			fields[rest.length++] = *field;
	}
	qsort(fields, rest.length, sizeof(CphJsonField), compare_fields);
	return psprintf("%s" CPH_ID_SEPARATOR "%s", id, cph_json_text(&rest));
}

/* Returns what identifies an item; NULL if it has nothing that does. */
static const char *
get_id(Decoding *decoding, const CphJsonValue *object)
{
	const CphEndpoint *endpoint = decoding->endpoint;
	const char *id = get_text(object, endpoint->id_field, &decoding->id_at);

	if (id == NULL || id[0] == '\0')
		return NULL;
	return endpoint->id_all_but == NULL ? id :
		extend_id(id, object, endpoint->id_all_but);
}

/* Parses the item that comes next. */
static bool
decode_item(Decoding *decoding, CphItem *item, const CphItem *like)
{
	const CphEndpoint *endpoint = decoding->endpoint;
	const char *created;

	if (!cph_json_next(decoding->parser, &item->value,
					   like ? &like->value : NULL, &decoding->reason))
		return false;
	if (item->value.kind != CPH_JSON_OBJECT)
	{
		decoding->reason = psprintf("an element of \"%s\" is no object",
									endpoint->item_key);
		return false;
	}
	item->id = get_id(decoding, &item->value);
	if (endpoint->time_field == NULL)
		return true;
	created = get_text(&item->value, endpoint->time_field, &decoding->time_at);
	item->has_time = created != NULL && cph_parse_time(created, &item->time);
	return true;
}

/* Parses the array of items that comes next, in place of an earlier one. */
static bool
decode_items(Decoding *decoding)
{
	CphPage    *page = decoding->page;
	CphJsonParser *parser = decoding->parser;
	CphItem    *like = NULL;

	page->nitems = 0;
	page->items = palloc0(sizeof(CphItem) * Max(decoding->limit, 1));
	if (!cph_json_expect(parser, '[', &decoding->reason))
		return false;
	while (cph_json_peek(parser) != ']')
	{
		if (page->nitems == decoding->limit)
		{
			decoding->reason = "more rows than asked for";
			return false;
		}
		if (like != NULL && !cph_json_expect(parser, ',', &decoding->reason))
			return false;
		if (!decode_item(decoding, &page->items[page->nitems], like))
			return false;
		like = &page->items[page->nitems++];
	}
	return cph_json_expect(parser, ']', &decoding->reason);
}

/* Parses the field that comes next. */
static bool
decode_field(Decoding *decoding)
{
	CphPage    *page = decoding->page;
	CphJsonParser *parser = decoding->parser;
	const char *total_field = decoding->endpoint->total_field;
	CphJsonValue name;
	CphJsonValue value;
	bool		is_items;

	if (cph_json_peek(parser) != '"')
		return cph_json_expect(parser, '"', &decoding->reason);
	if (!cph_json_next(parser, &name, NULL, &decoding->reason) ||
		!cph_json_expect(parser, ':', &decoding->reason))
		return false;
	is_items = strcmp(name.string, decoding->endpoint->item_key) == 0;
	if (is_items && cph_json_peek(parser) == '[')
		return decode_items(decoding);
	if (!cph_json_next(parser, &value, NULL, &decoding->reason))
		return false;
	if (is_items)
		page->items = NULL;
	if (total_field != NULL && strcmp(name.string, total_field) == 0)
	{
		page->has_count = value.kind == CPH_JSON_INTEGER && value.integer >= 0;
		page->count = page->has_count ? value.integer : 0;
	}
	return true;
}

/* Parses the object that the answer is. */
static bool
decode_page(Decoding *decoding)
{
	CphJsonParser *parser = decoding->parser;
	bool		first = true;

	if (!cph_json_expect(parser, '{', &decoding->reason))
		return false;
	for (; cph_json_peek(parser) != '}'; first = false)
	{
		if (!first && !cph_json_expect(parser, ',', &decoding->reason))
			return false;
		if (!decode_field(decoding))
			return false;
	}
	if (!cph_json_expect(parser, '}', &decoding->reason) ||
		!cph_json_expect(parser, '\0', &decoding->reason))
		return false;
	if (decoding->page->items == NULL)
		decoding->reason = psprintf("no array \"%s\"",
									decoding->endpoint->item_key);
	return decoding->page->items != NULL;
}

/*
 * Returns the page of items in a body of at most limit rows; NULL and a reason
 * if the body is none.  All lives in the current memory context and goes with
 * it.
 */
CphPage *
cph_page_decode(const CphEndpoint *endpoint, const char *body, Size length,
				int limit, const char **reason)
{
	Decoding	decoding = {.endpoint = endpoint, .limit = limit};
	int			max_values = limit * CPH_VALUES_PER_ROW + CPH_VALUES_BESIDE_ROWS;

	decoding.parser = cph_json_parser(body, length, max_values, reason);
	if (decoding.parser == NULL)
		return NULL;
	decoding.page = palloc0(sizeof(CphPage));
	if (decode_page(&decoding))
		return decoding.page;
	*reason = decoding.reason;
	return NULL;
}

/*
 * Returns the text that an item's own answer has in the locator's field,
 * palloc'd; NULL if it has none, with a reason if the body cannot be read.
 */
char *
cph_page_locate(const CphLocator *locator, const char *body, Size length,
				const char **reason)
{
	CphJsonValue *object = cph_json_document(body, length, reason);
	const char *text = object ? cph_json_text_at(object, locator->field) : NULL;

	return text ? pstrdup(text) : NULL;
}
