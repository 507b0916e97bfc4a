/*
 * test_sign.c
 *		The signatures' functions as SQL functions, for sign.pl.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "lib/secret.c"
#include "user/sign.c"
#include "service/request.c"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "utils/array.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_signature);
PG_FUNCTION_INFO_V1(test_query);
PG_FUNCTION_INFO_V1(test_date);
PG_FUNCTION_INFO_V1(test_mask);

/* Returns the elements of a text[] argument as strings, palloc'd. */
static char **
strings_of(ArrayType *array, int *count)
{
	Datum	   *values;
	char	  **strings;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, NULL,
					  count);
	strings = palloc(sizeof(char *) * (*count + 1));
	for (int i = 0; i < *count; i++)
		strings[i] = TextDatumGetCString(values[i]);
	return strings;
}

/*
 * test_signature(method, path, query, body, names text[], values text[],
 * secret_key, date) returns text: signed headers, digest and signature
 */
Datum
test_signature(PG_FUNCTION_ARGS)
{
	int			count;
	char	  **names = strings_of(PG_GETARG_ARRAYTYPE_P(4), &count);
	char	  **values = strings_of(PG_GETARG_ARRAYTYPE_P(5), &count);
	CphParam *headers = palloc(sizeof(CphParam) * (count + 1));
	SignedRequest request = {
		text_to_cstring(PG_GETARG_TEXT_PP(0)),
		text_to_cstring(PG_GETARG_TEXT_PP(1)),
		text_to_cstring(PG_GETARG_TEXT_PP(2)),
		text_to_cstring(PG_GETARG_TEXT_PP(3)),
		headers, count
	};
	char		digest[HEX_SIZE];
	char		signature[HEX_SIZE];

	for (int i = 0; i < count; i++)
		headers[i] = (CphParam) {names[i], values[i]};
	write_form_digest(&request, digest);
	write_signature(&request, text_to_cstring(PG_GETARG_TEXT_PP(6)),
					 text_to_cstring(PG_GETARG_TEXT_PP(7)), signature);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s %s %s",
											  signed_names(&request),
											  digest, signature)));
}

/* test_query(names text[], values text[]) returns text */
Datum
test_query(PG_FUNCTION_ARGS)
{
	int			count;
	char	  **names = strings_of(PG_GETARG_ARRAYTYPE_P(0), &count);
	char	  **values = strings_of(PG_GETARG_ARRAYTYPE_P(1), &count);
	CphParam   *params = palloc(sizeof(CphParam) * (count + 1));

	for (int i = 0; i < count; i++)
		params[i] = (CphParam) {names[i], values[i]};
	PG_RETURN_TEXT_P(cstring_to_text(cph_request_query(params, count)));
}

/* test_date(seconds bigint) returns text */
Datum
test_date(PG_FUNCTION_ARGS)
{
	char		date[DATE_SIZE];

	write_date((pg_time_t) PG_GETARG_INT64(0), date);
	PG_RETURN_TEXT_P(cstring_to_text(date));
}

/* test_mask(message text, secret text) returns text */
Datum
test_mask(PG_FUNCTION_ARGS)
{
	char	   *message = text_to_cstring(PG_GETARG_TEXT_PP(0));

	cph_secret_mask(message, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_TEXT_P(cstring_to_text(message));
}
