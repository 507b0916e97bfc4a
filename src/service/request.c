/*
 * request.c
 *		A request for a page of a list, or for an item: its path and its query.
 *
 * The query is written in the canonical form of the gateway's signatures (its
 * "SDK-HMAC-SHA256" algorithm): every byte but RFC 3986's unreserved ones encoded,
 * parameters in byte order of their names.  What is signed is thus what is
 * sent.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"

/* Appends a value with every byte encoded that RFC 3986 does not leave as is. */
void
cph_request_encode(StringInfo buf, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const unsigned char *p = (const unsigned char *) value; *p; p++)
	{
		if ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
			(*p >= '0' && *p <= '9') || strchr("-_.~", *p) != NULL)
			appendStringInfoChar(buf, *p);
		else
		{
			appendStringInfoChar(buf, '%');
			appendStringInfoChar(buf, hex[*p >> 4]);
			appendStringInfoChar(buf, hex[*p & 15]);
		}
	}
}

/*
 * Returns the path of an endpoint, or, if id is not NULL, of one of its items,
 * palloc'd.
 */
char *
cph_request_path(const CphEndpoint *endpoint, const char *project_id,
				 const char *id)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "/v1/");
	cph_request_encode(&buf, project_id);
	appendStringInfo(&buf, "/%s", endpoint->path);
	if (id != NULL)
	{
		appendStringInfoChar(&buf, '/');
		cph_request_encode(&buf, id);
	}
	return buf.data;
}

/* Orders parameters by name, in byte order. */
static int
compare_params(const void *a, const void *b)
{
	return strcmp(((const CphParam *) a)->name, ((const CphParam *) b)->name);
}

/* Returns the canonical query of some parameters, palloc'd; "" for none. */
char *
cph_request_query(const CphParam *params, int nparams)
{
	StringInfoData buf;
	CphParam   *sorted = palloc(sizeof(CphParam) * (nparams + 1));

	memcpy(sorted, params, sizeof(CphParam) * nparams);
	qsort(sorted, nparams, sizeof(CphParam), compare_params);
	initStringInfo(&buf);
	for (int i = 0; i < nparams; i++)
	{
		if (i > 0)
			appendStringInfoChar(&buf, '&');
		cph_request_encode(&buf, sorted[i].name);
		appendStringInfoChar(&buf, '=');
		cph_request_encode(&buf, sorted[i].value);
	}
	pfree(sorted);
	return buf.data;
}

/*
 * Returns the query of a page, palloc'd: the parameters with offset and
 * limit, which are always sent, since the documents contradict each other on
 * the default of limit.
 */
char *
cph_request_page_query(const CphParam *params, int nparams,
					   int64 offset, int limit)
{
	CphParam   *all = palloc(sizeof(CphParam) * (nparams + 2));
	char		offset_text[32];
	char		limit_text[32];
	char	   *query;

	snprintf(offset_text, sizeof(offset_text), INT64_FORMAT, offset);
	snprintf(limit_text, sizeof(limit_text), "%d", limit);
	if (nparams > 0)
		memcpy(all, params, sizeof(CphParam) * nparams);
	all[nparams] = cph_param("offset", offset_text);
	all[nparams + 1] = cph_param("limit", limit_text);
	query = cph_request_query(all, nparams + 2);
	pfree(all);
	return query;
}
