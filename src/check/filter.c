/*
 * filter.c
 *		cph_fdw_check: does a filter of a list do what is documented, and what
 *		do the documents leave open of it?
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "check/check_private.h"
#include "lib/lib.h"
#include "json/json.h"

#include "utils/timestamp.h"

/* What no filter takes for anything but itself. */
#define PLAIN \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

/* Returns a field of an item as text, or NULL. */
static const char *
field_text(const CphItem *item, const char *field)
{
	CphShape   *shape = cph_json_shape(&field, 1);
	CphJsonValue value;

	cph_json_read(shape, &item->value, &value);
	return cph_json_scalar(&value, palloc(CPH_JSON_INTEGER_BYTES));
}

/* Tells whether each row of a page has a value in a field. */
static bool
all_have(const CphPage *page, const char *field, const char *value)
{
	for (int i = 0; i < page->nitems; i++)
	{
		const char *text = field_text(&page->items[i], field);

		if (text == NULL || strcmp(text, value) != 0)
			return false;
	}
	return true;
}

/*
 * Returns a value of the filter's field that may be sent, of the first row
 * that has one, or NULL.
 */
static const char *
first_value(const CphPage *page, const CphFilter *filter)
{
	for (int i = 0; i < page->nitems; i++)
	{
		const char *value = field_text(&page->items[i], filter->field);

		if (value != NULL && cph_filter_class(filter, value) != CPH_LOCAL)
			return value;
	}
	return NULL;
}

/*
 * Checks that an exact filter filters, and that count follows it, by a value
 * of the first page.
 */
static void
check_equal(CphCheck *check, const char *item, const CphFilter *filter)
{
	const char *value = first_value(check->first, filter);
	int			limit = check->endpoint->page_max;
	char	   *shown;
	CphPage    *page;

	if (value == NULL)
	{
		cph_check_report(check, item, "unknown", "No row of the first page has a value for it.");
		return;
	}
	page = cph_check_fetch(check, item, filter->param, value, 0, limit);
	if (page == NULL)
		return;
	shown = psprintf("%s=%s", filter->param, cph_message_text(value));
	if (!all_have(page, filter->field, value))
		cph_check_report(check, item, "differs",
						 psprintf("%s returns other rows too; they are left out here.", shown));
	else if (check->endpoint->total_field == NULL)
		cph_check_report(check, item, "ok", psprintf("%s returns matching rows.", shown));
	else if (!page->has_count || page->count == check->total)
		cph_check_report(check, item, "ok",
						 psprintf("%s returns matching rows; whether count follows is not to be seen.",
								  shown));
	else if (page->nitems < limit && page->count != page->nitems)
		cph_check_report(check, item, "differs",
						 psprintf("count is " INT64_FORMAT " for %d rows of %s; count(*) finds out and reads them.",
								  page->count, page->nitems, shown));
	else
		cph_check_report(check, item, "ok",
						 psprintf("%s returns matching rows, and count follows: " INT64_FORMAT ".",
								  shown, page->count));
}

/* Returns whether a fuzzy filter finds any row: 1 or 0; -1: it failed. */
static int
fuzzy_finds(CphCheck *check, const char *item, const CphFilter *filter,
			const char *value)
{
	CphPage    *page = cph_check_fetch(check, item, filter->param, value, 0, 1);

	return page ? page->nitems : -1;
}

/* Returns a name with upper and lower case exchanged, palloc'd. */
static char *
other_case(const char *name)
{
	char	   *other = pstrdup(name);

	for (char *p = other; *p; p++)
		*p = islower((unsigned char) *p) ? pg_toupper(*p) : pg_tolower(*p);
	return other;
}

/* Finds out what a fuzzy filter finds, by parts of the newest name. */
static void
check_fuzzy(CphCheck *check, const char *item, const CphFilter *filter)
{
	const char *name = field_text(&check->first->items[0], filter->field);
	int			length = name ? strlen(name) : 0;
	int			whole;
	int			prefix;
	int			inside;

	if (length < 4 || strspn(name, PLAIN) != length)
	{
		cph_check_report(check, item, "unknown", "The newest name is not a plain one.");
		return;
	}
	whole = fuzzy_finds(check, item, filter, name);
	prefix = fuzzy_finds(check, item, filter, pnstrdup(name, length - 1));
	inside = fuzzy_finds(check, item, filter, pnstrdup(name + 1, length - 2));
	if (whole < 0 || prefix < 0 || inside < 0)
		return;
	if (whole == 0)
		cph_check_advise(check, item, "differs",
						 psprintf("It does not find \"%s\" by its whole name", name),
						 "name_filter", "off");
	else if (prefix == 0)
		cph_check_advise(check, item, "differs", "It finds whole names only",
						 "name_filter", "exact");
	else
		cph_check_report(check, item, "ok",
						 psprintf("It finds names by their %s, and %s between upper and lower case.",
								  inside > 0 ? "inside" : "beginning",
								  fuzzy_finds(check, item, filter, other_case(name)) > 0 ?
								  "does not distinguish" : "distinguishes"));
}

/* Finds out in which unit a filter takes a time. */
static void
check_since(CphCheck *check, const char *item, const CphFilter *filter)
{
	int64		seconds = GetCurrentTimestamp() / USECS_PER_SEC +
		CPH_EPOCH_SECONDS + SECS_PER_DAY;
	CphPage    *page;

	/* a day from now: in seconds nothing, in milliseconds all */
	page = cph_check_fetch(check, item, filter->param,
						   psprintf(INT64_FORMAT, seconds), 0, 1);
	if (page == NULL)
		return;
	if (page->nitems == 0)
		cph_check_advise(check, item, "advice",
						 "It takes seconds, and both bounds can be sent",
						 "time_unit", "s");
	else
		cph_check_advise(check, item, "differs",
						 "It does not take seconds, but perhaps milliseconds",
						 "time_unit", "ms");
}

/* Checks a filter of the list at hand, by rows of its first page. */
void
cph_check_filter(CphCheck *check, const CphFilter *filter)
{
	char	   *item = psprintf("filter %s", filter->param);

	if (filter->kind == CPH_FILTER_EQUAL && filter->class != CPH_SUPERSET)
		check_equal(check, item, filter);
	else if (filter->kind == CPH_FILTER_FUZZY)
		check_fuzzy(check, item, filter);
	else if (filter->kind == CPH_FILTER_SINCE)
		check_since(check, item, filter);
}
