/*
 * service.h
 *		The service as data: its lists, requests and pages, its errors and what
 *		follows from them.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SERVICE_H
#define CPH_SERVICE_H

#include "http/http.h"
#include "json/json.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

/*
 * What the service documents about its list endpoints, as data.
 *
 * A further list endpoint is one more descriptor in endpoint.c.  No other
 * file knows how many endpoints there are or what they are called.
 */

/*
 * Bounds of the tables in endpoint.c: the filters of one endpoint, the sets
 * that they form, and the rows of a page.
 */
#define CPH_MAX_FILTERS		8
#define CPH_MAX_FILTER_SETS (1 << CPH_MAX_FILTERS)
#define CPH_MAX_PAGE		200

/* Values of a filter that covers a list, at most. */
#define CPH_MAX_VALUES		16

/* Bytes of a project's ID, and of an item's that may be asked for, at most. */
#define CPH_MAX_PROJECT_ID	64
#define CPH_MAX_ID			64

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
	const char *description;	/* a phrase: what it is */
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
	CPH_FILTER_UNTIL,			/* the time is not after the value */
	CPH_FILTER_ID				/* the field is the item's id: no parameter,
								 * but the endpoint's locator takes it */
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
	bool		complete;		/* every item should have one of them, or one
								 * that a SUPERSET value finds as well */
	const char *invalid_code;	/* error_code of a value called invalid, or
								 * NULL */
	bool		id_only;		/* what has not the form of an id is not sent:
								 * no document says what would be answered */
	bool		invalid_is_none;	/* no row has such a value; false: it is
									 * merely not understood */
} CphFilter;

/*
 * What an item's own address tells of where it is found in the list: GET path/id
 * gives a field, whose value a filter takes.
 */
typedef struct CphLocator
{
	const char *field;			/* of the answer, an object */
	const char *param;			/* of the filter, which is exact */
	const char *not_found_code; /* error_code of an id that no item has */
} CphLocator;

/* What asking for an item's own address came to. */
typedef enum CphLocated
{
	CPH_LOCATED,
	CPH_LOCATED_NOT,			/* nothing follows from the answer */
	CPH_LOCATED_NONE,			/* the service knows no such item */
	CPH_LOCATED_DENIED			/* the user may not ask */
} CphLocated;

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
	const char *description;	/* a phrase: what its rows are */
	const char *path;			/* below /v1/{project_id}/ */
	const char *item_key;		/* the array of items in the answer */
	const char *id_field;		/* identifies an item ... */
	const char *id_all_but;		/* ... with all of its fields but this one;
								 * NULL: by itself */
	const char *time_field;		/* the list is newest first by it; NULL: no
								 * order is documented */
	const char *total_field;	/* the answer's total; NULL: it has none */
	const char *part_param;		/* the filter by which it can be read in
								 * parts, or NULL */
	const char *part_list;		/* the resource whose ids are its values */
	const char *parts;			/* for a hint: how, in SQL */
	int			page_max;		/* the largest limit */
	double		default_rows;	/* expected until anything is known */
	const CphColumn *columns;
	int			ncolumns;
	const CphFilter *filters;
	int			nfilters;
	const CphLocator *locator;	/* of an item by its id; NULL: none */
	const char *label_field;	/* the field that labels describe, or NULL */
	const char *label_function; /* the SQL function that labels it, or NULL */
	const CphLabel *labels;
	int			nlabels;
} CphEndpoint;

extern const CphEndpoint *cph_endpoint_at(int number);
extern const CphEndpoint *cph_endpoint_find(const char *resource);
extern const CphEndpoint *cph_endpoint_meant(const char *name);
extern char *cph_endpoint_names(void);
extern bool cph_field_is_listed(const CphEndpoint *endpoint, const char *field);
extern const char *cph_field_nearest(const CphEndpoint *endpoint,
									 const char *field);
extern CphClass cph_filter_class(const CphFilter *filter, const char *value);

/*
 * A request for a page of a list: its path and its query.
 *
 * Pure functions: an endpoint, parameters and a page give text.
 */

/* A query parameter.  The value is UTF-8 and not encoded. */
typedef struct CphParam
{
	const char *name;
	const char *value;
} CphParam;

/* Returns a parameter; its texts must live as long. */
static inline CphParam
cph_param(const char *name, const char *value)
{
	CphParam	param = {name, value};

	return param;
}

/* What a request asks for. */
typedef enum CphQuestion
{
	CPH_ASK_PAGE,				/* of a list, or where an item of it is */
	CPH_ASK_TOKEN,
	CPH_ASK_PROJECT
} CphQuestion;

/* A request. */
typedef struct CphRequest
{
	const char *method;
	char	   *base;			/* URL of the service */
	char	   *path;			/* encoded */
	char	   *query;			/* canonical */
	const char *project_id;		/* that it is about; NULL: none */
	CphQuestion question;
} CphRequest;

extern char *cph_request_path(const CphEndpoint *endpoint,
							  const char *project_id, const char *id);
extern char *cph_request_query(const CphParam *params, int nparams);
extern char *cph_request_page_query(const CphParam *params, int nparams,
									int64 offset, int limit);
extern void cph_request_encode(StringInfo buf, const char *value);

/*
 * An answer of the service: bytes into a page of items.
 */

/* Ends the id_field in an id that holds more. */
#define CPH_ID_SEPARATOR "\x1f"

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
	bool		has_count;		/* the total is there, and is a number >= 0 */
	int64		count;
} CphPage;

extern CphPage *cph_page_decode(const CphEndpoint *endpoint,
								const char *body, Size length, int limit,
								const char **reason);

extern char *cph_page_locate(const CphLocator *locator, const char *body,
							 Size length, const char **reason);

/*
 * What an answer that is no page says of itself.
 */

/*
 * UTF-8, at most 512 bytes each, NULL where the answer says nothing.  A message
 * shows them through cph_message_text.
 */
typedef struct CphServiceError
{
	char	   *code;			/* error_code; a number becomes its text */
	char	   *message;		/* error_msg */
	char	   *request_id;
} CphServiceError;

extern void cph_error_read(const char *body, Size length,
						   CphServiceError *error);

/*
 * What the end of a transfer leads to: use, try again, wait, raise.
 *
 * Which answer leads to what is told by tables; sources are the service's and
 * its gateway's tables of error codes.
 */

/*
 * SQLSTATE of an answer that cannot be read, was cut off, is too large or has
 * the wrong shape: HV00L.
 */
#define CPH_ERRCODE_ANSWER ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION

/* What to do about the end of a transfer. */
typedef enum CphVerdict
{
	CPH_VERDICT_NONE,			/* not ended */
	CPH_VERDICT_USE,			/* an answer to make sense of */
	CPH_VERDICT_RETRY,
	CPH_VERDICT_THROTTLE,		/* try again when the service is ready */
	CPH_VERDICT_RENEW,			/* the credential, and try again */
	CPH_VERDICT_RAISE
} CphVerdict;

/* What the end of a transfer, an HTTP status or an error code leads to. */
typedef struct CphOutcome
{
	int			key;			/* CphTransferState or HTTP status */
	const char *code;			/* error_code, or NULL */
	CphVerdict	verdict;
	int			sqlstate;
	const char *message;		/* with a %s for the server's name */
	const char *hint;			/* or NULL */
} CphOutcome;

/* An error that is not raised yet. */
typedef struct CphFailure
{
	int			sqlstate;
	char	   *message;
	char	   *detail;
	const char *hint;			/* or NULL */
} CphFailure;

/*
 * Clocks that differ by more seconds are told of: those of machines that are
 * looked after do not.
 */
#define CPH_CLOCKS_DIFFER	60

extern CphLocated cph_outcome_locate(const CphLocator *locator, int status,
									 const char *code);
extern const CphOutcome *cph_outcome_find(const CphTransfer *transfer,
										  CphServiceError *error);
extern bool cph_outcome_may_retry(const CphTransfer *transfer, int failures,
								  int max_retries, int patience);
extern int64 cph_outcome_backoff(const CphTransfer *transfer, int failures);
extern int64 cph_outcome_throttle_wait(const CphTransfer *transfer,
									   const CphServiceError *error, int tries);
extern char *cph_outcome_detail(const CphTransfer *transfer,
								const CphServiceError *error,
								const char *request, int tries,
								const char *reason);

#endif							/* CPH_SERVICE_H */
