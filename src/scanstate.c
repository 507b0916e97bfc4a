/*
 * scanstate.c
 *		A scan while it is executed: what reading and counting share.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "scanstate.h"

#include "mb/pg_wchar.h"

/*
 * To find out what a fuzzy filter finds takes two requests, which is worth it
 * for a list of more pages than that.
 */
#define PAGES_WORTH_PROBING 3

/* Returns the scan's client, which is opened by the first request. */
CphClient *
cph_scan_client(CphScanState *state)
{
	MemoryContext caller;

	if (state->client == NULL)
	{
		caller = MemoryContextSwitchTo(state->context);
		state->client = cph_client_open(state->options, state->userid,
										&state->counters);
		MemoryContextSwitchTo(caller);
	}
	return state->client;
}

/* Evaluates the scan's specification, with names found as is said. */
static CphQuery *
evaluate_query(ForeignScanState *node, CphNameFilter names)
{
	CphScanState *state = node->fdw_state;

	return cph_query_evaluate(state->spec, state->endpoint, state->options,
							  names, state->exprs,
							  node->ss.ps.ps_ExprContext, state->unsent);
}

/*
 * Returns the inside of a name, palloc'd: without its first and last
 * character.  NULL if that is none, or has a character that a filter may take
 * for something else.
 */
static char *
inside_of_name(const char *name)
{
	int			length = strlen(name);
	int			first = pg_encoding_mblen(PG_UTF8, name);

	if (length < 3 || strpbrk(name, "\\%_*?") != NULL ||
		IS_HIGHBIT_SET(name[length - 1]) || first >= length - 1)
		return NULL;
	return pnstrdup(name + first, length - 1 - first);
}

/* Returns the name of the first item of a page, or NULL. */
static const char *
first_name(const CphFilter *filter, const CphPage *page)
{
	CphShape   *shape = cph_json_shape(&filter->field, 1);
	CphJsonValue value;

	if (page->nitems == 0)
		return NULL;
	cph_json_read(shape, &page->items[0], &value);
	return value.kind == CPH_JSON_STRING ? value.string : NULL;
}

/*
 * Finds out whether the endpoint's fuzzy filter finds names by their inside,
 * by that of the newest name: two requests.
 */
static CphShown
probe_insides(CphScanState *state, const CphFilter *filter)
{
	CphClient  *client = cph_scan_client(state);
	int			page_size = cph_options_page_size(state->options,
												  state->endpoint);
	CphParam	param = {filter->param, NULL};
	CphPage    *page;
	const char *name;

	if (cph_client_fetch(client, state->endpoint, NULL, 0, 0, 1,
						 &page) != CPH_CALL_PAGE ||
		page->count <= PAGES_WORTH_PROBING * page_size)
		return CPH_UNKNOWN;
	name = first_name(filter, page);
	param.value = name ? inside_of_name(name) : NULL;
	if (param.value == NULL ||
		cph_client_fetch(client, state->endpoint, &param, 1, 0, 1,
						 &page) != CPH_CALL_PAGE)
		return CPH_UNKNOWN;
	name = first_name(filter, page);
	if (name == NULL)
		return CPH_REFUTED;
	name = strstr(name, param.value) == name ? NULL : strstr(name, param.value);
	return name ? CPH_SHOWN : CPH_UNKNOWN;
}

/* Tells whether the service finds names by their inside, asking it if need be. */
static bool
finds_insides(CphScanState *state)
{
	CphFacts   *facts =
		cph_connection_facts(cph_client_connection(cph_scan_client(state)),
							 state->endpoint);

	for (int i = 0; i < state->endpoint->nfilters; i++)
	{
		const CphFilter *filter = &state->endpoint->filters[i];

		if (filter->kind == CPH_FILTER_FUZZY &&
			facts->finds_insides == CPH_UNKNOWN)
			facts->finds_insides = probe_insides(state, filter);
	}
	return facts->finds_insides == CPH_SHOWN;
}

/*
 * Returns what the scan asks for with the values that its expressions have
 * now, in the current memory context.
 */
CphQuery *
cph_scan_query(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	CphQuery   *query = evaluate_query(node, state->options->name_filter);

	if (query->needs_insides && !query->none && finds_insides(state))
		query = evaluate_query(node, CPH_NAME_SUBSTRING);
	return query;
}

/*
 * Fills in what a pager is to read for a query.  Of several streams each has
 * to hold as many rows as are wanted of all.
 */
void
cph_scan_pager_options(CphScanState *state, const CphQuery *query,
					   CphPagerOptions *pager)
{
	const CphOptions *options = state->options;

	memset(pager, 0, sizeof(CphPagerOptions));
	pager->endpoint = state->endpoint;
	pager->params = query->params;
	pager->nparams = query->nparams;
	pager->page_size = cph_options_page_size(options, state->endpoint);
	pager->wanted = -1;
	pager->ordered = options->enable_order_pushdown &&
		state->endpoint->time_field != NULL;
	pager->needs_time = state->spec->ordered;
	pager->stable_ties = options->stable_ties;
	pager->counts = query->filters == 0 ||
		cph_connection_facts(cph_client_connection(cph_scan_client(state)),
							 state->endpoint)->counts_filter[query->filters];
	if (pager->ordered)
	{
		pager->has_oldest = query->has_oldest;
		pager->oldest = query->oldest;
		pager->has_newest = query->has_newest;
		pager->newest = query->newest;
	}
	pager->first_limit = Min(state->spec->first_rows, pager->page_size);
}
