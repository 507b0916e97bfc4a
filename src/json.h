/*
 * json.h
 *		An answer of the service: bytes into a page of items.
 *
 * This is the only user of json-c.  A page owns its JSON tree: it is freed
 * with the memory context that the page was decoded in, whatever throws.
 *
 * Nothing here raises an error for what the bytes hold; a body that is no
 * page gives NULL and a reason, a phrase to stand behind a colon: 'no array
 * "phones"'.  Interrupts are served while a large body is parsed.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSON_H
#define CPH_JSON_H

#include "endpoint.h"

#include "datatype/timestamp.h"

/* What a JSON value is.  A field that is absent is CPH_JSON_NULL. */
typedef enum CphJsonKind
{
	CPH_JSON_NULL,
	CPH_JSON_BOOLEAN,
	CPH_JSON_INTEGER,			/* fits an int64 */
	CPH_JSON_STRING,
	CPH_JSON_OBJECT,
	CPH_JSON_ARRAY,
	CPH_JSON_NUMBER				/* any other number: see cph_json_text */
} CphJsonKind;

/* A value within a page; it lives as long as the page. */
typedef struct CphJsonValue
{
	CphJsonKind kind;
	bool		boolean;		/* of CPH_JSON_BOOLEAN */
	int64		integer;		/* of CPH_JSON_INTEGER */
	const char *string;			/* of CPH_JSON_STRING: UTF-8, zero-terminated;
								 * length counts a zero byte within */
	int			length;
	void	   *node;			/* json.c's own */
} CphJsonValue;

/* What the pager reads of every item. */
typedef struct CphItem
{
	const char *id;				/* UTF-8, zero-terminated; NULL: absent,
								 * empty, no string, or with a zero byte
								 * within */
	TimestampTz time;			/* valid if has_time */
	bool		has_time;		/* the time field is there and is a time */
	void	   *node;			/* json.c's own */
} CphItem;

/* A decoded page. */
typedef struct CphPage
{
	int			nitems;
	CphItem    *items;
	bool		has_count;		/* count is there, and is a number >= 0 */
	int64		count;
} CphPage;

/* A field of an object.  Zeroed, it stands before the first. */
typedef struct CphJsonField
{
	const char *name;
	void	   *node;			/* its value: json.c's own */
	void	   *entry;			/* json.c's own */
} CphJsonField;

extern CphPage *cph_json_page(const CphEndpoint *endpoint,
							  const char *body, Size length, int limit,
							  const char **reason);
extern CphItem *cph_json_document(const char *body, Size length,
								  const char **reason);

extern void cph_json_value(CphJsonValue *value, void *node);
extern bool cph_json_next_field(void *object, CphJsonField *field);
extern int	cph_json_length(void *array);
extern void *cph_json_element(void *array, int index);
extern const char *cph_json_text(const CphJsonValue *value, Size *length);

#endif							/* CPH_JSON_H */
