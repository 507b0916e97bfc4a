/*
 * text.c
 *		Texts, and strings of the service in the database's encoding.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "lib/lib.h"

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

/*
 * Returns a string of the service, of libcurl or of a header for a message,
 * palloc'd: control characters become blanks, and so that a message about an
 * error does not raise another, each byte of what is not valid in the
 * database's encoding a question mark.
 */
char *
cph_message_text(const char *string)
{
	int			encoding = GetDatabaseEncoding();
	char	   *result = pstrdup(string);
	bool		valid = encoding == PG_SQL_ASCII ||
		(encoding == PG_UTF8 &&
		 pg_verify_mbstr(PG_UTF8, string, strlen(string), true));

	for (unsigned char *p = (unsigned char *) result; *p != '\0'; p++)
	{
		if (*p < ' ' || *p == 0x7f)
			*p = ' ';
		else if (valid && encoding == PG_UTF8 && p[0] == 0xc2 && p[1] < 0xa0)
			p[0] = p[1] = ' ';	/* U+0080 to U+009F */
		else if (IS_HIGHBIT_SET(*p) && !valid)
			*p = '?';
	}
	return result;
}

/* Tells whether a list of texts (char *) has one. */
bool
cph_has_text(const List *texts, const char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}
