/*
 * probe.c
 *		What the documents leave open, found out by asking.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "probe.h"

#include "jsonshape.h"
#include "mb/pg_wchar.h"

/*
 * To find out what a fuzzy filter finds takes two requests, which is worth it
 * for a list of more pages than that.
 */
#define PAGES_WORTH_PROBING 3

/* Characters that a filter may take for something else. */
#define SPECIAL "\\%_*?"

/*
 * Returns the inside of a name, palloc'd: the longest run without a special
 * character between its first and its last character.  NULL if there is none
 * that does not begin the name as well.
 */
static char *
inside_of_name(const char *name)
{
	int			end = strlen(name);
	int			best = 0;
	int			length = 0;

	/* leave out the last character, of one byte or more */
	while (end > 0 && (name[--end] & 0xC0) == 0x80)
		;
	for (int at = *name ? pg_encoding_mblen(PG_UTF8, name) : 0; at < end;)
	{
		int			run = Min(strcspn(name + at, SPECIAL), end - at);

		if (run > length && strncmp(name, name + at, run) != 0)
		{
			best = at;
			length = run;
		}
		at += run + 1;
	}
	return length > 0 ? pnstrdup(name + best, length) : NULL;
}

/* Returns the name of the first item of a page, or NULL. */
static const char *
first_name(const CphFilter *filter, const CphPage *page)
{
	CphShape   *shape = cph_json_shape(&filter->field, 1);
	CphJsonValue value;

	if (page->nitems == 0)
		return NULL;
	cph_json_read(shape, &page->items[0].value, &value);
	return value.kind == CPH_JSON_STRING ? value.string : NULL;
}

/*
 * Finds out whether the endpoint's fuzzy filter finds names by their inside,
 * by that of the newest name: two requests.
 */
static CphShown
probe_substring(CphClient *client, const CphEndpoint *endpoint,
				const CphFilter *filter, int page_size)
{
	CphParam	param = {filter->param, NULL};
	CphPage    *page;
	const char *name;

	if (cph_client_fetch(client, endpoint, NULL, 0, 0, 1,
						 &page) != CPH_CALL_PAGE ||
		page->count <= PAGES_WORTH_PROBING * page_size)
		return CPH_UNKNOWN;
	name = first_name(filter, page);
	param.value = name ? inside_of_name(name) : NULL;
	if (param.value == NULL ||
		cph_client_fetch(client, endpoint, &param, 1, 0, 1,
						 &page) != CPH_CALL_PAGE)
		return CPH_UNKNOWN;
	name = first_name(filter, page);
	if (name == NULL)
		return CPH_REFUTED;
	name = strstr(name, param.value) == name ? NULL : strstr(name, param.value);
	return name ? CPH_SHOWN : CPH_UNKNOWN;
}

/*
 * Tells whether the endpoint's fuzzy filter finds names by their inside.  Asks
 * the service, once for a connection, if the list is long enough.
 */
bool
cph_probe_substring(CphClient *client, const CphOptions *options,
					const CphEndpoint *endpoint)
{
	CphFacts   *facts = cph_client_facts(client, endpoint);
	int			page_size = cph_options_page_size(options, endpoint);

	/* a list that was short when it was last seen is not asked about */
	if (facts->total >= 0 && facts->total <= PAGES_WORTH_PROBING * page_size)
		return facts->finds_substring == CPH_SHOWN;
	for (int i = 0; i < endpoint->nfilters; i++)
	{
		const CphFilter *filter = &endpoint->filters[i];

		if (filter->kind == CPH_FILTER_FUZZY &&
			facts->finds_substring == CPH_UNKNOWN)
			facts->finds_substring = probe_substring(client, endpoint, filter,
													 page_size);
	}
	return facts->finds_substring == CPH_SHOWN;
}
