/*
 * scan.c
 *		What is refused of a body before json-c reads it.
 *
 * There are two reasons to.  json-c makes 2 GB of 8 MB of "{},", so the values
 * are counted first.  And what json-c takes for JSON is another thing in each
 * version, its strict mode no help: that of 0.18 refuses every character
 * beyond ASCII, all take NaN, names in single quotes, 00, 1. and, where a
 * number is cut between two pieces, 12-5 for 12.  So json-c is used without it,
 * and what is not JSON but json-c takes is refused here.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "json/json_private.h"

#include <sys/mman.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

/*
 * Memory for what json-c makes of a value, at most: an empty object has 750
 * bytes.  And for a byte: a string, and the text that is made of a number.
 */
#define CPH_MEMORY_PER_VALUE	1024
#define CPH_MEMORY_PER_BYTE		4

/*
 * An integer of so many digits fits an int64; a longer one may not, and json-c
 * would clamp it.
 */
#define INTEGER_DIGITS 18

/*
 * Tells whether a body is UTF-8 without a zero byte, as PostgreSQL sees it.
 * json-c's own check takes overlong forms and surrogates, and stumbles over a
 * character that is cut between two pieces.
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

/* Returns the first byte from position on that is no white space of JSON's. */
const char *
cph_json_skip_blanks(const char *position, const char *end)
{
	while (position < end && (*position == ' ' || *position == '\n' ||
							  *position == '\t' || *position == '\r'))
		position++;
	return position;
}

/*
 * Returns the first byte from position on that is not a string's as it is: a
 * quote, a backslash or a control character.  Looks at eight bytes at once; of
 * such a word, the highest bit of a byte is left where the byte is one of these,
 * and the lowest bit left is that of the first one.
 */
static const char *
skip_plain(const char *position, const char *end)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	const uint64 highs = ones << 7;

	for (; end - position >= sizeof(uint64); position += sizeof(uint64))
	{
		uint64		word;
		uint64		quotes;
		uint64		backslashes;
		uint64		found;

		memcpy(&word, position, sizeof(word));
#ifdef WORDS_BIGENDIAN
		word = pg_bswap64(word);
#endif
		quotes = word ^ (ones * '"');
		backslashes = word ^ (ones * '\\');
		found = (((quotes - ones) & ~quotes) |
				 ((backslashes - ones) & ~backslashes) |
				 ((word - ones * ' ') & ~word)) & highs;
		if (found != 0)
			return position + pg_rightmost_one_pos64(found) / 8;
	}
	while (position < end && *position != '"' && *position != '\\' &&
		   (unsigned char) *position >= ' ')
		position++;
	return position;
}

/* Steps over a string, or what there is of it; gives a reason or NULL. */
static const char *
scan_string(const char **position, const char *end)
{
	const char *p = skip_plain(*position + 1, end);

	while (p < end && *p == '\\')
		p = end - p > 2 ? skip_plain(p + 2, end) : end;
	if (p < end && *p != '"')
		return "a control character within a string";
	*position = p < end ? p + 1 : end;
	return NULL;
}

/* Steps over digits; false if there is none where there could be one. */
static bool
scan_digits(const char **position, const char *end)
{
	const char *start = *position;

	while (*position < end && **position >= '0' && **position <= '9')
		(*position)++;
	return *position > start || start == end;
}

/*
 * Steps over a number, or what there is of it; gives a reason or NULL.  An
 * integer that may not fit an int64 is added to a list, by its end.
 */
static const char *
scan_number(const char **position, const char *end, List **long_integers)
{
	const char *digits = *position + (**position == '-');
	const char *p = digits;
	bool		integer = true;
	bool		valid = scan_digits(&p, end);
	int			ndigits = p - digits;

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
	if (integer && ndigits > INTEGER_DIGITS)
		*long_integers = lappend(*long_integers, unconstify(char *, p));
	*position = p;
	return valid ? NULL : "a number that is not JSON's";
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
 * Raises an error unless there is memory for all that json-c may make of a
 * body.  It must not find out itself: 0.16 does not look whether it was given
 * what it asked for, and later ones still lose a field where they were not.
 *
 * The kernel is asked as malloc would ask it, so this holds where malloc can
 * fail: under vm.overcommit_memory = 2, as PostgreSQL recommends it, and under
 * a limit on the address space.  Elsewhere malloc does not fail for want of
 * memory, and there is nothing to find out.
 */
static void
reserve_memory(Size length, int nvalues)
{
	Size		size = (Size) nvalues * CPH_MEMORY_PER_VALUE +
		length * CPH_MEMORY_PER_BYTE;
	void	   *memory;

	/* not malloc, which would then keep more of what is freed */
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	(void) munmap(memory, size);
}

/*
 * Returns the reason why a body is not handed to json-c, or NULL: it is not
 * UTF-8, is no object, may hold more values than max_values, or holds what
 * json-c takes for JSON and is none.  Anything else that is wrong is left to
 * json-c.  Integers that may not fit an int64 are listed by their ends, in
 * order.  Raises an error if there is no memory for it.  Serves interrupts.
 */
const char *
cph_json_scan(const char *body, Size length, int max_values,
			  List **long_integers)
{
	const char *end = body + length;
	const char *position = cph_json_skip_blanks(body, end);
	const char *reason = NULL;
	int			nvalues = 0;
	char		last = '\0';

	*long_integers = NIL;
	if (!is_utf8(body, length))
		return "not UTF-8";
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
					reason = scan_number(&position, end, long_integers);
				else
					reason = scan_word(&position, end);
		}
		last = first;
		position = cph_json_skip_blanks(position, end);
	}
	if (reason == NULL)
		reserve_memory(length, nvalues + 1);
	return reason;
}
