/*
 * endpoint.h
 *		What the service documents about its list endpoints, as data.
 *
 * A further list endpoint is one more descriptor in endpoint.c.  No other
 * file knows how many endpoints there are or what they are called.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_ENDPOINT_H
#define CPH_ENDPOINT_H

#include "compat.h"

#include "fmgr.h"

/*
 * Bounds of the tables in endpoint.c: the filters of one endpoint, the sets
 * that they form, and the rows of a page.
 */
#define CPH_MAX_FILTERS		8
#define CPH_MAX_FILTER_SETS (1 << CPH_MAX_FILTERS)
#define CPH_MAX_PAGE		200

/* Bytes of a project's ID, at most. */
#define CPH_MAX_PROJECT_ID	64

/* What a field of an item that is filtered holds, by the documents. */
typedef enum CphFieldType
{
	CPH_FIELD_STRING,
	CPH_FIELD_INTEGER,
	CPH_FIELD_TIME				/* a string, ISO 8601, UTC */
} CphFieldType;

/* A field of an item, which IMPORT FOREIGN SCHEMA makes a column. */
typedef struct CphColumn
{
	const char *name;			/* of the field and of the column */
	const char *type;			/* SQL type that the column is imported with */
} CphColumn;

/*
 * How the rows that a request with a parameter returns relate to the rows
 * that match the clause it was made from.
 */
typedef enum CphClass
{
	CPH_LOCAL,					/* nothing is known: the parameter is not sent */
	CPH_SUPERSET,				/* at least the matching rows come back */
	CPH_EXACT					/* just the matching rows come back */
} CphClass;

/* What a query parameter asks of the field that it filters. */
typedef enum CphFilterKind
{
	CPH_FILTER_EQUAL,			/* the field equals the value */
	CPH_FILTER_FUZZY,			/* the field resembles the value */
	CPH_FILTER_SINCE,			/* the time is not before the value */
	CPH_FILTER_UNTIL			/* the time is not after the value */
} CphFilterKind;

/* A value that the documents list for a filter. */
typedef struct CphFilterValue
{
	const char *value;
	CphClass	class;
} CphFilterValue;

/* A query parameter that filters a list. */
typedef struct CphFilter
{
	const char *param;			/* its name in the query */
	const char *field;			/* the field of the item that it filters */
	CphFieldType type;			/* of that field */
	CphFilterKind kind;
	CphClass	class;			/* of a value, where values is NULL */
	const CphFilterValue *values;	/* the documented values; NULL: any */
	int			nvalues;
	const char *invalid_code;	/* error_code of a value called invalid, or
								 * NULL */
	bool		invalid_is_none;	/* no row has such a value; false: it is
									 * merely not understood */
} CphFilter;

/* The documented label of a number. */
typedef struct CphLabel
{
	int			value;
	const char *label;
} CphLabel;

/* A list endpoint. */
typedef struct CphEndpoint
{
	const char *resource;		/* value of the table option resource */
	const char *table;			/* the table that IMPORT FOREIGN SCHEMA makes */
	const char *path;			/* below /v1/{project_id}/ */
	const char *item_key;		/* the array of items in the answer */
	const char *id_field;		/* identifies an item ... */
	const char *const *id_more; /* ... with these, a list ended by NULL; NULL:
								 * by itself */
	const char *time_field;		/* the list is newest first by it; NULL: no
								 * order is documented */
	bool		has_count;		/* the answer holds the total, as count */
	int			page_max;		/* the largest limit */
	double		default_rows;	/* expected until anything is known */
	const CphColumn *columns;
	int			ncolumns;
	const CphFilter *filters;
	int			nfilters;
	const char *label_field;	/* the field that labels describe, or NULL */
	PGFunction	label_function; /* the SQL function that labels it, or NULL */
	const CphLabel *labels;
	int			nlabels;
} CphEndpoint;

extern const CphEndpoint *cph_endpoint_at(int number);
extern const CphEndpoint *cph_endpoint_find(const char *resource);
extern CphClass cph_filter_class(const CphFilter *filter, const char *value);

#endif							/* CPH_ENDPOINT_H */
