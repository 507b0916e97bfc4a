/*
 * report.c
 *		cph_fdw_check: the rows of its answer.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "check/check_private.h"
#include "lib/lib.h"

#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Adds a row to the answer.  The item is of the list at hand, if there is one. */
void
cph_check_report(CphCheck *check, const char *item, const char *status,
				 const char *detail)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	if (check->endpoint != NULL)
		item = psprintf("%s: %s", check->endpoint->resource, item);
	values[0] = CStringGetTextDatum(item);
	values[1] = CStringGetTextDatum(status);
	values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc,
						 values, nulls);
}

/* Adds a row for an item that could not be had. */
void
cph_check_fail(CphCheck *check, const char *item, const CphFailure *failure)
{
	cph_check_report(check, item, "failed",
					 psprintf("%s%s%s%s%s", failure->message,
							  failure->detail ? ": " : "",
							  failure->detail ? failure->detail : ".",
							  failure->hint ? "  " : "",
							  failure->hint ? failure->hint : ""));
}

/* Returns the value that an option of the server was given, or NULL. */
static const char *
given_option(const CphCheck *check, const char *name)
{
	ListCell   *lc;

	foreach(lc, check->server->options)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/* Tells whether two values of an option are the same: "off" is "false". */
static bool
same_value(const char *a, const char *b)
{
	bool		of_a;
	bool		of_b;

	return strcmp(a, b) == 0 ||
		(parse_bool(a, &of_a) && parse_bool(b, &of_b) && of_a == of_b);
}

/*
 * Adds a row for an item that is otherwise than expected, with the command
 * that tells the wrapper so.  It is fine if the server has that option.
 */
void
cph_check_advise(CphCheck *check, const char *item, const char *status,
				 const char *finding, const char *option, const char *value)
{
	const char *given = given_option(check, option);

	if (given != NULL && same_value(given, value))
		cph_check_report(check, item, "ok", psprintf("%s; the option \"%s\" says so.",
													 finding, option));
	else
		cph_check_report(check, item, status,
						 psprintf("%s: ALTER SERVER %s OPTIONS (%s %s '%s').", finding,
								  quote_identifier(check->server->servername),
								  given ? "SET" : "ADD", option, value));
}

/*
 * Fetches a page of the list at hand under one parameter, or none.  Returns
 * NULL, and adds a row for the item, where that fails.
 */
CphPage *
cph_check_fetch(CphCheck *check, const char *item, const char *param,
				const char *value, int64 offset, int limit)
{
	CphParam	params[1] = {{param, value}};
	CphFailure	failure;
	CphPage    *page;

	if (!cph_client_try(check->client, check->endpoint, params, param != NULL,
						offset, limit, &page, &failure))
	{
		check->unreachable =
			failure.sqlstate == ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
		cph_check_fail(check, item, &failure);
	}
	else if (page == NULL)
		cph_check_report(check, item, "unknown",
						 psprintf("The service does not take %s=%s.", param,
								  cph_message_text(value)));
	return page;
}
