/*
 * error.c
 *		What an answer that is no page says of itself.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"

#include "mb/pg_wchar.h"

/*
 * The bytes of an error answer that is looked into.  A usual one has some
 * hundred; the message that explains a denial, encoded, some thousand.
 */
#define ERROR_BYTES_MAX (64 * 1024)

/* The bytes that an error's text is cut at; CphServiceError promises it. */
#define ERROR_TEXT_BYTES 512

/* The fields of an error: a request id, and two ways to name the others. */
enum
{
	REQUEST_ID, CODE, MESSAGE, OTHER_CODE, OTHER_MESSAGE, FIELDS
};
static const char *const fields[FIELDS] = {
	[REQUEST_ID] = "request_id",
	[CODE] = "error_code",		/* the service, the gateway, newer IAM */
	[MESSAGE] = "error_msg",
	[OTHER_CODE] = "code",		/* IAM, below "error" */
	[OTHER_MESSAGE] = "message"
};

/* Returns a copy of a string or a number, cut; NULL if it is neither. */
static char *
error_text(const CphJsonValue *value)
{
	char		room[CPH_JSON_INTEGER_BYTES];
	const char *text = cph_json_scalar(value, room);

	return text == NULL ? NULL :
		pnstrdup(text, pg_encoding_mbcliplen(PG_UTF8, text, strlen(text),
											 ERROR_TEXT_BYTES));
}

/* Reads an error from an object; tells whether it has a code or a message. */
static bool
read_error(CphShape *shape, const CphJsonValue *object, CphServiceError *error)
{
	CphJsonValue values[FIELDS];

	cph_json_read(shape, object, values);
	if (error->request_id == NULL)
		error->request_id = error_text(&values[REQUEST_ID]);
	error->code = error_text(&values[CODE]);
	error->message = error_text(&values[MESSAGE]);
	if (error->code == NULL && error->message == NULL)
	{
		error->code = error_text(&values[OTHER_CODE]);
		error->message = error_text(&values[OTHER_MESSAGE]);
	}
	return error->code != NULL || error->message != NULL;
}

/*
 * Reads what an answer that is no page says of itself, copied into the current
 * memory context, where pieces are left; whatever it does not say is NULL.  A body that cannot be
 * read says nothing.
 */
void
cph_error_read(const char *body, Size length, CphServiceError *error)
{
	CphShape   *shape = cph_json_shape(fields, FIELDS);
	CphJsonValue *answer = NULL;
	const char *reason;
	bool		found;

	memset(error, 0, sizeof(*error));
	if (length <= ERROR_BYTES_MAX)
		answer = cph_json_document(body, length, &reason);
	if (answer == NULL)
		return;
	/* of itself, or in one of the objects just below it */
	found = read_error(shape, answer, error);
	for (int i = 0; i < answer->length && !found; i++)
		found = read_error(shape, &answer->fields[i].value, error);
}
