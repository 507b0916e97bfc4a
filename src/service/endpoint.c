/*
 * endpoint.c
 *		Descriptors of the list endpoints.
 *
 * Sources: the service's documents "Querying Cloud Phones" (2025-01-16),
 * "Querying Cloud Phone Servers" (2024-08-09) and "Querying Cloud Phone
 * Flavors" (2025-10-28), and for the error codes its "Error Codes".
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(cph_phone_status);
PG_FUNCTION_INFO_V1(cph_server_status);

/*
 * Phones
 */
static const CphColumn phone_columns[] = {
	{"phone_name", "text"},
	{"server_id", "text"},
	{"phone_id", "text"},
	{"phone_model_name", "text"},
	{"image_id", "text"},
	{"image_version", "text"},
	{"vnc_enable", "boolean"},	/* "true" or "false" */
	{"status", "integer"},
	{"type", "integer"},
	{"imei", "text"},
	{"traffic_type", "text"},
	{"volume_mode", "integer"},
	{"availability_zone", "text"},
	{"metadata", "jsonb"},
	{"has_encrypt", "boolean"},
	{"create_time", "timestamptz"},
	{"update_time", "timestamptz"},
};

/*
 * Status 0 appears in answers and means "creating" as 1 does, but is no value
 * of the filter: what status=1 returns of the two is not said.
 */
static const CphFilterValue phone_statuses[] = {
	{"1", CPH_SUPERSET},
	{"2", CPH_EXACT}, {"3", CPH_EXACT}, {"4", CPH_EXACT},
	{"6", CPH_EXACT}, {"7", CPH_EXACT}, {"8", CPH_EXACT},
	{"-5", CPH_EXACT}, {"-6", CPH_EXACT}, {"-7", CPH_EXACT},
	{"-8", CPH_EXACT}, {"-9", CPH_EXACT},
};

static const CphFilterValue phone_types[] = {
	{"0", CPH_EXACT},
};

static const CphFilter phone_filters[] = {
	{
		.param = "server_id", .field = "server_id",
		.type = CPH_FIELD_STRING, .kind = CPH_FILTER_EQUAL,
		.class = CPH_EXACT,
		.invalid_code = "CPS.0016", .invalid_is_none = true
	},
	{
		.param = "status", .field = "status",
		.type = CPH_FIELD_INTEGER, .kind = CPH_FILTER_EQUAL,
		.values = phone_statuses, .nvalues = lengthof(phone_statuses),
		.invalid_code = "CPS.0010"
	},
	{
		.param = "type", .field = "type",
		.type = CPH_FIELD_INTEGER, .kind = CPH_FILTER_EQUAL,
		.values = phone_types, .nvalues = lengthof(phone_types)
	},
	{
		.param = "phone_name", .field = "phone_name",
		.type = CPH_FIELD_STRING, .kind = CPH_FILTER_FUZZY,
		.class = CPH_SUPERSET, .invalid_code = "CPS.0025"
	},
};

static const CphLabel phone_labels[] = {
	{0, "creating"}, {1, "creating"}, {2, "running"}, {3, "resetting"},
	{4, "restarting"}, {6, "frozen"}, {7, "stopping"}, {8, "stopped"},
	{-5, "reset failed"}, {-6, "restart failed"}, {-7, "abnormal"},
	{-8, "creation failed"}, {-9, "stop failed"},
};

/*
 * Servers
 */
static const CphColumn server_columns[] = {
	{"server_name", "text"},
	{"availability_zone", "text"},
	{"server_id", "text"},
	{"server_model_name", "text"},
	{"phone_model_name", "text"},
	{"keypair_name", "text"},
	{"status", "integer"},
	{"vpc_id", "text"},
	{"cidr", "text"},
	{"vpc_cidr", "text"},
	{"subnet_id", "text"},
	{"subnet_cidr", "text"},
	{"addresses", "jsonb"},
	{"resource_project_id", "text"},
	{"metadata", "jsonb"},
	{"network_version", "text"},
	{"enterprise_project_id", "text"},
	{"create_time", "timestamptz"},
	{"update_time", "timestamptz"},
};

/* 0, 1, 3 and 4 all mean "creating": each may return the others too. */
static const CphFilterValue server_statuses[] = {
	{"0", CPH_SUPERSET}, {"1", CPH_SUPERSET},
	{"3", CPH_SUPERSET}, {"4", CPH_SUPERSET},
	{"2", CPH_EXACT}, {"5", CPH_EXACT}, {"8", CPH_EXACT}, {"10", CPH_EXACT},
	{"11", CPH_EXACT}, {"12", CPH_EXACT}, {"13", CPH_EXACT},
};

static const CphFilterValue network_versions[] = {
	{"v1", CPH_EXACT}, {"v2", CPH_EXACT},
};

static const CphFilter server_filters[] = {
	{
		.param = "server_id", .field = "server_id",
		.type = CPH_FIELD_STRING, .kind = CPH_FILTER_EQUAL,
		.class = CPH_EXACT,
		.invalid_code = "CPS.0016", .invalid_is_none = true
	},
	{
		.param = "status", .field = "status",
		.type = CPH_FIELD_INTEGER, .kind = CPH_FILTER_EQUAL,
		.values = server_statuses, .nvalues = lengthof(server_statuses),
		.invalid_code = "CPS.0010"
	},
	{
		.param = "network_version", .field = "network_version",
		.type = CPH_FIELD_STRING, .kind = CPH_FILTER_EQUAL,
		.values = network_versions, .nvalues = lengthof(network_versions)
	},
	{
		.param = "phone_model_name", .field = "phone_model_name",
		.type = CPH_FIELD_STRING, .kind = CPH_FILTER_EQUAL,
		.class = CPH_SUPERSET, .invalid_code = "CPS.0028"
	},
	{
		.param = "server_name", .field = "server_name",
		.type = CPH_FIELD_STRING, .kind = CPH_FILTER_FUZZY,
		.class = CPH_SUPERSET, .invalid_code = "CPS.0025"
	},
	{
		.param = "create_since", .field = "create_time",
		.type = CPH_FIELD_TIME, .kind = CPH_FILTER_SINCE,
		.class = CPH_SUPERSET
	},
	{
		.param = "create_until", .field = "create_time",
		.type = CPH_FIELD_TIME, .kind = CPH_FILTER_UNTIL,
		.class = CPH_SUPERSET
	},
};

static const CphLabel server_labels[] = {
	{0, "creating"}, {1, "creating"}, {3, "creating"}, {4, "creating"},
	{2, "abnormal"}, {5, "normal"}, {8, "frozen"}, {10, "stopped"},
	{11, "being stopped"}, {12, "stop failed"}, {13, "starting"},
};

/*
 * Phone models, by "Querying Cloud Phone Flavors" (cph_api_0506, 2025-10-28).
 * It names neither an order nor a total, and no field that identifies a model:
 * models differ by any of what describes them, also by what comes to be told
 * after this release, but not by their status.
 */
static const CphColumn model_columns[] = {
	{"server_model_name", "text"},
	{"phone_model_name", "text"},
	{"status", "integer"},		/* 0 offline, 1 normal */
	{"cpu", "integer"},			/* cores */
	{"memory", "integer"},		/* MB */
	{"disk", "integer"},		/* GiB */
	{"resolution", "text"},
	{"extend_spec", "text"},	/* JSON within a string */
	{"spec_code", "text"},
	{"phone_capacity", "integer"},	/* phones a server */
	{"image_label", "text"},
	{"product_type", "integer"},	/* 0 phone, 1 game */
	{"phone_model_version", "integer"},
	{"dpi", "integer"},
	{"fps", "text"},
	{"volume_mode", "integer"},
	{"render_fps", "integer"},
	{"stream_fps", "integer"},
};

static const CphFilterValue model_statuses[] = {
	{"0", CPH_EXACT}, {"1", CPH_EXACT},
};

static const CphFilter model_filters[] = {
	{
		.param = "status", .field = "status",
		.type = CPH_FIELD_INTEGER, .kind = CPH_FILTER_EQUAL,
		.values = model_statuses, .nvalues = lengthof(model_statuses),
		.invalid_code = "CPS.0010"
	},
};

/*
 * The endpoints, in the order in which IMPORT FOREIGN SCHEMA makes their
 * tables.
 */
enum
{
	PHONES,
	SERVERS,
	MODELS
};

static const CphEndpoint endpoints[] = {
	[PHONES] = {
		.resource = "phones",
		.table = "cph_phones",
		.path = "cloud-phone/phones",
		.item_key = "phones",
		.id_field = "phone_id",
		.time_field = "create_time",
		.has_count = true,
		.page_max = 200,
		.default_rows = 10000,
		.columns = phone_columns, .ncolumns = lengthof(phone_columns),
		.filters = phone_filters, .nfilters = lengthof(phone_filters),
		.label_field = "status", .label_function = cph_phone_status,
		.labels = phone_labels, .nlabels = lengthof(phone_labels)
	},
	[SERVERS] = {
		.resource = "servers",
		.table = "cph_servers",
		.path = "cloud-phone/servers",
		.item_key = "servers",
		.id_field = "server_id",
		.time_field = "create_time",
		.has_count = true,
		.page_max = 100,
		.default_rows = 200,
		.columns = server_columns, .ncolumns = lengthof(server_columns),
		.filters = server_filters, .nfilters = lengthof(server_filters),
		.label_field = "status", .label_function = cph_server_status,
		.labels = server_labels, .nlabels = lengthof(server_labels)
	},
	[MODELS] = {
		.resource = "phone_models",
		.table = "cph_phone_models",
		.path = "cloud-phone/phone-models",
		.item_key = "phone_models",
		.id_field = "phone_model_name",
		.id_all_but = "status",
		.page_max = 100,
		.default_rows = 50,
		.columns = model_columns, .ncolumns = lengthof(model_columns),
		.filters = model_filters, .nfilters = lengthof(model_filters)
	},
};

StaticAssertDecl(lengthof(phone_filters) <= CPH_MAX_FILTERS &&
				 lengthof(server_filters) <= CPH_MAX_FILTERS &&
				 lengthof(model_filters) <= CPH_MAX_FILTERS,
				 "raise the bounds in endpoint.h");

/* Returns the endpoint of that number from 0 on, or NULL past the last. */
const CphEndpoint *
cph_endpoint_at(int number)
{
	return number < lengthof(endpoints) ? &endpoints[number] : NULL;
}

/* Returns the endpoint that the table option resource names, or NULL. */
const CphEndpoint *
cph_endpoint_find(const char *resource)
{
	for (int i = 0; i < lengthof(endpoints); i++)
	{
		if (strcmp(endpoints[i].resource, resource) == 0)
			return &endpoints[i];
	}
	return NULL;
}

/* Returns the documented label of a number, or NULL if there is none. */
static const char *
label_of(const CphEndpoint *endpoint, int value)
{
	for (int i = 0; i < endpoint->nlabels; i++)
	{
		if (endpoint->labels[i].value == value)
			return endpoint->labels[i].label;
	}
	return NULL;
}

/*
 * Returns the class of sending this value, a number in decimal or a string.
 * A value that the documents do not list is CPH_LOCAL: it must not be sent.
 */
CphClass
cph_filter_class(const CphFilter *filter, const char *value)
{
	if (filter->values == NULL)
		return filter->class;
	for (int i = 0; i < filter->nvalues; i++)
	{
		if (strcmp(filter->values[i].value, value) == 0)
			return filter->values[i].class;
	}
	return CPH_LOCAL;
}

/* Returns the label of argument 0 as text, or NULL if there is none. */
static Datum
label_of_argument(const CphEndpoint *endpoint, FunctionCallInfo fcinfo)
{
	const char *label = label_of(endpoint, PG_GETARG_INT32(0));

	if (label == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(label));
}

/* cph_phone_status(integer) returns text */
Datum
cph_phone_status(PG_FUNCTION_ARGS)
{
	return label_of_argument(&endpoints[PHONES], fcinfo);
}

/* cph_server_status(integer) returns text */
Datum
cph_server_status(PG_FUNCTION_ARGS)
{
	return label_of_argument(&endpoints[SERVERS], fcinfo);
}
