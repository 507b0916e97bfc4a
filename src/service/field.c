/*
 * field.c
 *		Lists by their names, and what the service documents of a field: its
 *		values and their labels, what it means, and how it can be asked about.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(cph_phone_status);
PG_FUNCTION_INFO_V1(cph_server_status);
PG_FUNCTION_INFO_V1(cph_fdw_lists);
PG_FUNCTION_INFO_V1(cph_fdw_fields);

/* Returns the endpoint that the table option resource names, or NULL. */
const CphEndpoint *
cph_endpoint_find(const char *resource)
{
	const CphEndpoint *endpoint;

	for (int i = 0; (endpoint = cph_endpoint_at(i)) != NULL; i++)
	{
		if (strcmp(endpoint->resource, resource) == 0)
			break;
	}
	return endpoint;
}

/* Returns the names of all resources, palloc'd, with commas between. */
char *
cph_endpoint_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; cph_endpoint_at(i) != NULL; i++)
		appendStringInfo(&names, "%s%s", i ? ", " : "",
						 cph_endpoint_at(i)->resource);
	return names.data;
}

/*
 * Tells whether an id is of the documented form.  No other is sent, since it
 * becomes a part of the path.
 */
static bool
is_id(const char *value)
{
	size_t		length = strlen(value);

	return length >= 1 && length <= CPH_MAX_ID &&
		strspn(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == length;
}

/*
 * Returns the class of sending this value, a number in decimal or a string.
 * A value that the documents do not list is CPH_LOCAL: it must not be sent.
 */
CphClass
cph_filter_class(const CphFilter *filter, const char *value)
{
	if ((filter->kind == CPH_FILTER_ID || filter->id_only) && !is_id(value))
		return CPH_LOCAL;
	if (filter->values == NULL)
		return filter->class;
	for (int i = 0; i < filter->nvalues; i++)
	{
		if (strcmp(filter->values[i].value, value) == 0)
			return filter->values[i].class;
	}
	return CPH_LOCAL;
}

/*
 * Tells whether a field is the whole item, or one that is documented of a list,
 * or below one.
 */
bool
cph_field_is_listed(const CphEndpoint *endpoint, const char *field)
{
	Size		length = strcspn(field, ".");

	for (int i = 0; i < endpoint->ncolumns; i++)
	{
		if (strlen(endpoint->columns[i].name) == length &&
			memcmp(endpoint->columns[i].name, field, length) == 0)
			return true;
	}
	return strcmp(field, "$") == 0;
}

/* Tells whether a name ends with another behind an underscore. */
static bool
ends_with(const char *name, const char *other)
{
	int			begin = (int) strlen(name) - (int) strlen(other);

	return begin > 0 && name[begin - 1] == '_' &&
		strcmp(name + begin, other) == 0;
}

/*
 * Returns the field of a list whose name is nearest to one that it does not
 * have, in upper or lower case; NULL if more than half of each is wrong.
 */
const char *
cph_field_nearest(const CphEndpoint *endpoint, const char *field)
{
	int			length = Min(strcspn(field, "."), NAMEDATALEN);
	char	   *name = asc_tolower(field, length);
	const char *nearest = NULL;
	int			distance = length / 2 + 1;

	for (int i = 0; i < endpoint->ncolumns; i++)
	{
		const char *other = endpoint->columns[i].name;
		int			d = ends_with(other, name) ? 0 :
			varstr_levenshtein_less_equal(name, length, other, strlen(other),
										  1, 1, 1, distance, true);

		if (d < distance)
		{
			nearest = other;
			distance = d;
		}
	}
	return nearest;
}

/* Returns the label of argument 0, or NULL if none is documented. */
static Datum
label_of_argument(const CphEndpoint *endpoint, FunctionCallInfo fcinfo)
{
	for (int i = 0; i < endpoint->nlabels; i++)
	{
		if (endpoint->labels[i].value == PG_GETARG_INT32(0))
			PG_RETURN_TEXT_P(cstring_to_text(endpoint->labels[i].label));
	}
	PG_RETURN_NULL();
}

/* cph_phone_status(integer) returns text */
Datum
cph_phone_status(PG_FUNCTION_ARGS)
{
	return label_of_argument(cph_endpoint_find("phones"), fcinfo);
}

/* cph_server_status(integer) returns text */
Datum
cph_server_status(PG_FUNCTION_ARGS)
{
	return label_of_argument(cph_endpoint_find("servers"), fcinfo);
}

/* Appends the documented values of a filter that have a class, if there are. */
static void
append_values(StringInfo buf, const CphFilter *filter, CphClass class,
			  const char *word)
{
	const char *separator = buf->len > 0 ? "; " : "";
	bool		any = false;

	Assert(filter->nvalues == 0 || filter->values != NULL);
	for (int i = 0; i < filter->nvalues; i++)
	{
		if (filter->values[i].class != class)
			continue;
		if (!any)
			appendStringInfo(buf, "%s%s for %s", separator, word,
							 filter->values[i].value);
		else
			appendStringInfo(buf, ", %s", filter->values[i].value);
		any = true;
	}
}

/*
 * Returns how clauses on a field are sent, palloc'd: "exact" or "superset" of
 * the rows that match, for some values only; "by place" in the list; "by its own
 * address"; "not".
 */
static char *
filtering(const CphEndpoint *endpoint, const char *field)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (endpoint->time_field != NULL && strcmp(endpoint->time_field, field) == 0)
		appendStringInfoString(&buf, "by place");
	for (int i = 0; i < endpoint->nfilters; i++)
	{
		const CphFilter *filter = &endpoint->filters[i];

		if (strcmp(filter->field, field) != 0 ||
			filter->kind == CPH_FILTER_UNTIL)
			continue;			/* since is there, too */
		if (filter->kind == CPH_FILTER_ID)
			appendStringInfoString(&buf, "by its own address");
		else if (filter->values == NULL)
			appendStringInfo(&buf, "%s%s", buf.len > 0 ? "; " : "",
							 filter->class == CPH_EXACT ? "exact" : "superset");
		append_values(&buf, filter, CPH_EXACT, "exact");
		append_values(&buf, filter, CPH_SUPERSET, "superset");
	}
	if (buf.len == 0)
		appendStringInfoString(&buf, "not");
	return buf.data;
}

/*
 * Returns the list that is meant by the name of its resource, or of its table as
 * IMPORT FOREIGN SCHEMA calls it; NULL if there is none.
 */
const CphEndpoint *
cph_endpoint_meant(const char *name)
{
	for (int i = 0; cph_endpoint_at(i) != NULL; i++)
	{
		if (strcmp(cph_endpoint_at(i)->table, name) == 0)
			return cph_endpoint_at(i);
	}
	return cph_endpoint_find(name);
}

/* Adds a row of texts to the answer of a function that returns rows. */
static void
add_row(FunctionCallInfo fcinfo, const char *const *texts, int ntexts)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum	   *values = palloc(sizeof(Datum) * ntexts);

	for (int i = 0; i < ntexts; i++)
		values[i] = CStringGetTextDatum(texts[i]);
	tuplestore_putvalues(result->setResult, result->setDesc, values,
						 palloc0(sizeof(bool) * ntexts));
}

/*
 * cph_fdw_lists() returns setof (resource text, table_name text, description
 * text): the lists that are known here, in the order of IMPORT FOREIGN SCHEMA.
 */
Datum
cph_fdw_lists(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; cph_endpoint_at(i) != NULL; i++)
	{
		const CphEndpoint *endpoint = cph_endpoint_at(i);
		const char *texts[] = {endpoint->resource, endpoint->table,
		endpoint->description};

		add_row(fcinfo, texts, lengthof(texts));
	}
	return (Datum) 0;
}

/*
 * cph_fdw_fields(resource text) returns setof (field text, type text,
 * description text, filtered text): the fields of a list as they are
 * documented, in the order of the columns of its table.
 */
Datum
cph_fdw_fields(PG_FUNCTION_ARGS)
{
	char	   *resource = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CphEndpoint *endpoint = cph_endpoint_meant(resource);

	if (endpoint == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no list of the service", resource),
				 errhint("The lists are %s.", cph_endpoint_names())));
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < endpoint->ncolumns; i++)
	{
		const CphColumn *column = &endpoint->columns[i];
		const char *texts[] = {column->name, column->type, column->description,
		filtering(endpoint, column->name)};

		add_row(fcinfo, texts, lengthof(texts));
	}
	return (Datum) 0;
}
