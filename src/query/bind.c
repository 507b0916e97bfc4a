/*
 * bind.c
 *		Values of clauses into values of query parameters, at run time.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "query/query.h"
#include "lib/lib.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"

/*
 * Bytes of a value that is sent.  Names and ids have less than a hundred
 * characters.  A gateway may refuse a URL of 8 kB, which all filters together
 * do not reach, each byte taking up to three.
 */
#define MAX_SENT 512

/* Returns a string in UTF-8, palloc'd, or NULL if it has no valid form in it. */
static char *
to_utf8(const char *string)
{
	int			length = strlen(string);
	int			encoding = GetDatabaseEncoding();
	unsigned char *result;
	Oid			proc;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pg_verify_mbstr(PG_UTF8, string, length, true) ?
			pstrdup(string) : NULL;
	proc = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(proc))
		return NULL;
	result = palloc(length * MAX_CONVERSION_GROWTH + 1);
	if (pg_do_encoding_conversion_buf(proc, encoding, PG_UTF8,
									  (unsigned char *) unconstify(char *, string),
									  length, result,
									  length * MAX_CONVERSION_GROWTH + 1,
									  true) < length)
		return NULL;
	return (char *) result;
}

/*
 * Returns a numeric as the integer that it equals, in decimal, palloc'd, or
 * as another text that is no integer.
 */
static char *
numeric_text(Datum value)
{
	Datum		trimmed = DirectFunctionCall1(numeric_trim_scale, value);

	return DatumGetCString(DirectFunctionCall1(numeric_out, trimmed));
}

/*
 * Returns a value of a type that a clause may hold as text, palloc'd, or NULL
 * if it has none that the service could have.
 */
static char *
value_text(Oid type, Datum value)
{
	switch (getBaseType(type))
	{
		case INT2OID:
			return psprintf("%d", DatumGetInt16(value));
		case INT4OID:
			return psprintf("%d", DatumGetInt32(value));
		case INT8OID:
			return psprintf(INT64_FORMAT, DatumGetInt64(value));
		case NUMERICOID:
			return numeric_text(value);
		case TEXTOID:
		case VARCHAROID:
			return to_utf8(TextDatumGetCString(value));
		case NAMEOID:
			return to_utf8(NameStr(*DatumGetName(value)));
		default:
			return NULL;
	}
}

/*
 * Reads a time out of a value as it compares with timestamptz: a date or a
 * timestamp is one of the session's time zone.  Returns false if it is none.
 */
bool
cph_bind_time(Oid type, Datum value, TimestampTz *time)
{
	int			overflow = 0;

	switch (getBaseType(type))
	{
		case TIMESTAMPTZOID:
			*time = DatumGetTimestampTz(value);
			return true;
		case TIMESTAMPOID:
			*time = cph_timestamp_to_timestamptz(DatumGetTimestamp(value),
												 &overflow);
			break;
		case DATEOID:
			*time = cph_date_to_timestamptz(DatumGetDateADT(value), &overflow);
			break;
		default:
			return false;
	}
	if (overflow != 0)
		*time = overflow > 0 ? DT_NOEND : DT_NOBEGIN;
	return true;
}

/* Adds a value to a list of distinct ones. */
static List *
add_distinct(List *values, char *value)
{
	return cph_has_text(values, value) ? values : lappend(values, value);
}

/*
 * Finds the longest run of a LIKE pattern that stands for itself.  An escaped
 * character belongs to a run; a backslash does not, since the service may
 * take it for an escape.  Returns the run, palloc'd, and whether it begins
 * and ends the pattern.
 */
static char *
longest_run(const char *pattern, bool like, bool leading_only,
			bool *begins, bool *ends)
{
	char	   *run = palloc(strlen(pattern) + 1);
	char	   *best = pstrdup("");
	int			length = 0;
	bool		first = true;

	*begins = *ends = false;
	for (const char *p = pattern;; p++)
	{
		bool		cut = *p == '\0' || *p == '\\' ||
			(like && (*p == '%' || *p == '_'));

		if (like && *p == '\\' && p[1] != '\0' && p[1] != '\\')
		{
			cut = false;
			p++;
		}
		if (!cut)
		{
			run[length++] = *p;
			continue;
		}
		run[length] = '\0';
		if (length > strlen(best))
		{
			best = pstrdup(run);
			*begins = first;
			*ends = *p == '\0';
		}
		if (*p == '\0' || leading_only)
			return best;
		if (like && *p == '\\' && p[1] == '\\')
			p++;
		first = false;
		length = 0;
	}
}

/*
 * Returns what to ask a fuzzy filter for, so that all names come back that
 * the clause matches; NULL: nothing can be asked.
 */
static char *
fuzzy_value(CphNameFilter means, CphOp op, const char *value)
{
	bool		inside = means == CPH_NAME_SUBSTRING;
	bool		begins;
	bool		ends;
	char	   *run = longest_run(value, op == CPH_OP_LIKE, !inside,
								  &begins, &ends);

	if (*run == '\0' || means == CPH_NAME_OFF)
		return NULL;
	if (means == CPH_NAME_EXACT && (!begins || !ends || op == CPH_OP_PREFIX))
		return NULL;
	return run;
}

/* What a clause asks, and what its values have come to so far. */
typedef struct Binding
{
	CphBinding *result;
	const CphEndpoint *endpoint;
	const CphFilter *filter;
	CphOp		op;
	CphNameFilter names;
} Binding;

/* Binds the numbers that bear a label. */
static void
bind_label(Binding *b, const char *label)
{
	CphBinding *result = b->result;

	for (int i = 0; i < b->endpoint->nlabels; i++)
	{
		char	   *value = psprintf("%d", b->endpoint->labels[i].value);

		if (strcmp(b->endpoint->labels[i].label, label) != 0)
			continue;
		result->values = add_distinct(result->values, value);
		result->class = Min(result->class, cph_filter_class(b->filter, value));
	}
}

/* Binds one value, which is no array, and not null. */
static void
bind_value(Binding *b, Oid type, Datum value)
{
	CphBinding *result = b->result;
	char	   *text = value_text(type, value);

	if (text != NULL && b->op == CPH_OP_LABEL)
	{
		bind_label(b, text);
		return;
	}
	if (text != NULL && b->filter->kind == CPH_FILTER_FUZZY)
	{
		char	   *sent = fuzzy_value(b->names, b->op, text);

		if (sent == NULL && b->names == CPH_NAME_AUTO)
			result->needs_substring =
				fuzzy_value(CPH_NAME_SUBSTRING, b->op, text) != NULL;
		text = sent;
	}
	if (text == NULL || *text == '\0' || strlen(text) > MAX_SENT)
		result->class = CPH_LOCAL;
	else
		result->class = Min(result->class, cph_filter_class(b->filter, text));
	if (text != NULL)
		result->values = add_distinct(result->values, text);
}

/* Binds the elements of an array, which is not null. */
static void
bind_array(Binding *b, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			bind_value(b, type, elements[i]);
	}
}

/*
 * Returns what a clause looks for, palloc'd, and in which class that can be
 * sent.  names says what a fuzzy filter finds.  types, values and nulls are
 * those of the clause's other side, in order.  A null matches nothing, and
 * neither does a clause that is left with no value to look for.
 */
CphBinding *
cph_bind(const CphEndpoint *endpoint, int filter_number, CphOp op,
		 CphNameFilter names, List *types,
		 const Datum *values, const bool *nulls)
{
	CphBinding *result = palloc0(sizeof(CphBinding));
	Binding		b = {result, endpoint, &endpoint->filters[filter_number], op,
	names};
	ListCell   *lc;

	result->class = CPH_EXACT;
	foreach(lc, types)
	{
		int			i = foreach_current_index(lc);

		if (nulls[i])
			continue;
		if (type_is_array_domain(lfirst_oid(lc)))
			bind_array(&b, values[i]);
		else
			bind_value(&b, lfirst_oid(lc), values[i]);
	}
	result->none = result->values == NIL &&
		(result->class != CPH_LOCAL || b.filter->kind == CPH_FILTER_EQUAL);
	return result;
}
