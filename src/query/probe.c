/*
 * probe.c
 *		What the documents leave open, found out by asking.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "query/query.h"
#include "json/json.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

/*
 * To find out what a fuzzy filter finds takes two requests, which is worth it
 * for a list of more pages than that.
 */
#define PAGES_WORTH_PROBING 3

/* Characters that a filter may take for something else. */
#define SPECIAL "\\%_*?"

/*
 * Tells whether a name has a part within a word, and nowhere at the beginning
 * of the name or of a word: a filter that goes by beginnings, of upper or lower
 * case, does not find it by that part.
 */
static bool
has_inside(const char *name, const char *part)
{
	int			length = strlen(part);
	bool		found = false;

	for (const char *p = name; *p != '\0'; p++)
	{
		if (pg_strncasecmp(p, part, length) != 0)
			continue;
		if (p == name || !(isalnum((unsigned char) p[-1]) || IS_HIGHBIT_SET(p[-1])))
			return false;
		found |= strncmp(p, part, length) == 0;
	}
	return found;
}

/*
 * Returns the inside of a name, palloc'd: the longest run without a special
 * character, less its first character and the name's last.  NULL if there is
 * none that has_inside tells of.
 */
static char *
inside_of_name(const char *name)
{
	int			end = strlen(name);
	char	   *best = NULL;

	/* leave out the last character, of one byte or more */
	while (end > 0 && (name[--end] & 0xC0) == 0x80)
		;
	for (int at = 0; at < end;)
	{
		int			first = pg_encoding_mblen(PG_UTF8, name + at);
		int			run = Min((int) strcspn(name + at, SPECIAL), end - at);

		if (run - first > (best ? (int) strlen(best) : 0))
		{
			char	   *part = pnstrdup(name + at + first, run - first);

			if (has_inside(name, part))
				best = part;
		}
		at += run + 1;
	}
	return best;
}

/* Returns the name of the first item of a page, or NULL. */
static const char *
first_name(const CphFilter *filter, const CphPage *page)
{
	return page->nitems == 0 ? NULL :
		cph_json_text_at(&page->items[0].value, filter->field);
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
	return has_inside(name, param.value) ? CPH_SHOWN : CPH_UNKNOWN;
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
