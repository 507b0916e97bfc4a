/*
 * json.h
 *		JSON text into values, paths into them, and values out again.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSON_H
#define CPH_JSON_H

#include "compat.h"

/*
 * JSON text into values.
 *
 * This is the only user of json-c.  A value of json-c's is copied into the
 * parser's memory and released at once: what a page keeps is a sixth of what
 * json-c makes of it, and json-c gets back the memory that it had just used.
 *
 * Nothing here raises an error for what the bytes hold: that is a reason, a
 * phrase to stand behind a colon.  Interrupts are served while a large body is
 * parsed.
 */

/* What a JSON value is.  Zero: a field that is absent is null. */
typedef enum CphJsonKind
{
	CPH_JSON_NULL,
	CPH_JSON_BOOLEAN,
	CPH_JSON_INTEGER,			/* fits an int64 */
	CPH_JSON_NUMBER,			/* any other, as the service wrote it */
	CPH_JSON_STRING,
	CPH_JSON_OBJECT,
	CPH_JSON_ARRAY
} CphJsonKind;

/* A value.  What it points to lives as long as its page or document. */
typedef struct CphJsonValue
{
	CphJsonKind kind;
	int			length;			/* bytes of a string or number, fields of an
								 * object, elements of an array */
	bool		boolean;
	int64		integer;
	const char *string;			/* of a string or number: UTF-8,
								 * zero-terminated; there may be zero bytes
								 * within */
	const struct CphJsonField *fields;
	const struct CphJsonValue *elements;
} CphJsonValue;

/* A field of an object. */
typedef struct CphJsonField
{
	const char *name;			/* UTF-8, zero-terminated */
	CphJsonValue value;
} CphJsonField;

/* A body that is parsed value by value. */
typedef struct CphJsonParser CphJsonParser;

extern CphJsonParser *cph_json_parser(const char *body, Size length,
									  int max_values, const char **reason);
extern bool cph_json_next(CphJsonParser *parser, CphJsonValue *value,
						  const CphJsonValue *like, const char **reason);
extern char cph_json_peek(CphJsonParser *parser);
extern bool cph_json_expect(CphJsonParser *parser, char byte,
							const char **reason);
extern CphJsonValue *cph_json_document(const char *body, Size length,
									   const char **reason);

/*
 * Paths into an object, prepared for reading many objects.
 *
 * A path is names with dots between, or "$" for the whole object; a name with a
 * dot in it cannot be reached.
 */

typedef struct CphShape CphShape;

extern CphShape *cph_json_shape(const char *const *paths, int npaths);
extern void cph_json_read(CphShape *shape, const CphJsonValue *object,
						  CphJsonValue *values);
extern const char *cph_json_text_at(const CphJsonValue *object,
									const char *path);

/*
 * A value of the service's as jsonb, as JSON text, or as what it says.
 */

/* Room for the text of an integer: a sign, 19 digits, a zero byte. */
#define CPH_JSON_INTEGER_BYTES	21

extern Datum cph_jsonb(const CphJsonValue *value);
extern char *cph_json_text(const CphJsonValue *value);
extern const char *cph_json_scalar(const CphJsonValue *value, char *room);

#endif							/* CPH_JSON_H */
