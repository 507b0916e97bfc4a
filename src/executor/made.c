/*
 * made.c
 *		Rows that are made of what filters tell, as many alike as are counted.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "utils/json.h"

/* Returns the values of the covering filter of a class, char *. */
List *
cph_cover_class(const CphCover *cover, CphClass class)
{
	const CphFilter *filter = cover->query->cover;
	List	   *values = NIL;

	for (int i = 0; i < filter->nvalues; i++)
	{
		if (filter->values[i].class == class)
			values = lappend(values, unconstify(char *, filter->values[i].value));
	}
	return values;
}

/* Appends a field of an item and its value, which is JSON. */
static void
append_field(StringInfo item, const char *field, const char *value)
{
	if (item->data[item->len - 1] != '{')
		appendStringInfoChar(item, ',');
	escape_json(item, field);
	appendStringInfo(item, ":%s", value);
}

/* Returns a value that is sent as JSON, palloc'd. */
char *
cph_cover_json(const CphEndpoint *endpoint, const char *field, const char *value)
{
	StringInfoData json;

	for (int i = 0; i < endpoint->nfilters; i++)
	{
		if (strcmp(endpoint->filters[i].field, field) == 0 &&
			endpoint->filters[i].type == CPH_FIELD_INTEGER)
			return pstrdup(value);
	}
	initStringInfo(&json);
	escape_json(&json, value);
	return json.data;
}

/*
 * Returns an item as the service would have it, with the fields that the
 * filters tell: of the one that fans out the value given, of the covering one
 * the JSON given; both may be NULL.
 */
static const CphItem *
make_item(const CphCover *cover, const char *fan_value, const char *json)
{
	const CphQuery *query = cover->query;
	const CphEndpoint *endpoint = cover->state->endpoint;
	const char *reason;
	StringInfoData body;
	CphPage    *page;
	ListCell   *lc;
	ListCell   *lc2;

	initStringInfo(&body);
	appendStringInfo(&body, "{\"%s\":[{", endpoint->item_key);
	forboth(lc, query->fields, lc2, query->values)
	{
		const char *field = lfirst(lc);
		const char *value = linitial((List *) lfirst(lc2));

		if (query->fan != NULL && strcmp(field, query->fan->field) == 0)
			value = fan_value;
		append_field(&body, field, cph_cover_json(endpoint, field, value));
	}
	if (json != NULL)
		append_field(&body, query->cover->field, json);
	appendStringInfoString(&body, "}]}");
	page = cph_page_decode(endpoint, body.data, body.len, 1, &reason);
	if (page == NULL)
		elog(ERROR, "an item could not be made: %s", reason);
	return &page->items[0];
}

/* Adds rows that are all alike. */
CphAlike *
cph_cover_add(CphCover *cover, const char *fan_value, const char *json, int64 rows)
{
	CphAlike   *alike = palloc(sizeof(CphAlike));

	alike->fan_value = fan_value ? pstrdup(fan_value) : NULL;
	alike->value = json ? pstrdup(json) : NULL;
	alike->item = make_item(cover, fan_value, json);
	alike->rows = rows;
	cover->alike = lappend(cover->alike, alike);
	return alike;
}
