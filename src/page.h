/*
 * page.h
 *		An answer of the service: bytes into a page of items.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_PAGE_H
#define CPH_PAGE_H

#include "endpoint.h"
#include "json.h"

#include "datatype/timestamp.h"

/* An item, and what the pager reads of every one. */
typedef struct CphItem
{
	const char *id;				/* UTF-8, zero-terminated; NULL: absent,
								 * empty, no string, or with a zero byte
								 * within */
	TimestampTz time;			/* valid if has_time */
	bool		has_time;		/* the time field is there and is a time */
	CphJsonValue value;			/* an object */
} CphItem;

/* A decoded page. */
typedef struct CphPage
{
	int			nitems;
	CphItem    *items;
	bool		has_count;		/* count is there, and is a number >= 0 */
	int64		count;
} CphPage;

extern CphPage *cph_page_decode(const CphEndpoint *endpoint,
								const char *body, Size length, int limit,
								const char **reason);

#endif							/* CPH_PAGE_H */
