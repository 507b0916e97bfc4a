/*
 * servertext.c
 *		Strings of the service in the database's encoding.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "servertext.h"

#include "mb/pg_wchar.h"

/*
 * Returns a string of UTF-8, which ends with a zero byte, in the database's
 * encoding, and its length there; palloc'd, or the same.  Raises an error for
 * one that has no place in a text value.
 */
char *
cph_server_text(const char *string, int *length)
{
	char	   *result;

	if (memchr(string, '\0', *length) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("unsupported Unicode escape sequence"),
				 errdetail("\\u0000 cannot be converted to text.")));
	result = pg_any_to_server(string, *length, PG_UTF8);
	if (result != string)
		*length = strlen(result);
	return result;
}
