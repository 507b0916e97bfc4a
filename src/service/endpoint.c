/*
 * endpoint.c
 *		Descriptors of the list endpoints.
 *
 * Sources: the service's documents "Querying Cloud Phones" (2025-01-16),
 * "Querying Cloud Phone Servers" (2024-08-09) and "Querying Cloud Phone
 * Flavors" (2025-10-28); for images, encoding servers and bandwidths, the
 * models of its own SDKs (2026-08-20); for the error codes its "Error Codes".
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"

/* The elements of an array, and how many there are. */
#define COLUMNS(array) .columns = (array), .ncolumns = lengthof(array)
#define FILTERS(array) .filters = (array), .nfilters = lengthof(array)
#define LABELS(array) .labels = (array), .nlabels = lengthof(array)
#define ONE_OF(array) .values = (array), .nvalues = lengthof(array)

/*
 * How a list is read server by server: OFFSET 0 keeps the planner from reading it
 * whole, to join it.
 */
#define BY_SERVER(table) \
	.part_param = "server_id", .part_list = "servers", \
	.parts = "FROM cph_servers s, LATERAL (SELECT * FROM " table " WHERE server_id = s.server_id OFFSET 0) t"

/* A filter by the identifier of a server: what it calls invalid, no row has. */
#define SERVER_ID_FILTER \
	{ \
		"server_id", "server_id", CPH_FIELD_STRING, CPH_FILTER_EQUAL, \
		.class = CPH_EXACT, .invalid_code = "CPS.0016", .invalid_is_none = true \
	}

/* A filter by a status, which every item has, that is one of some. */
#define STATUS_FILTER(array) \
	{ \
		"status", "status", CPH_FIELD_INTEGER, CPH_FILTER_EQUAL, \
		ONE_OF(array), .complete = true, .invalid_code = "CPS.0010" \
	}

/* Filters by bounds of the time of creation, whose unit is not documented. */
#define CREATE_TIME_FILTERS \
	{ \
		"create_since", "create_time", CPH_FIELD_TIME, CPH_FILTER_SINCE, \
		.class = CPH_SUPERSET \
	}, \
	{ \
		"create_until", "create_time", CPH_FIELD_TIME, CPH_FILTER_UNTIL, \
		.class = CPH_SUPERSET \
	}

/*
 * Phones
 */
static const CphColumn phone_columns[] = {
	{"phone_name", "text", "name of the phone"},
	{"server_id", "text", "identifier of the server that it runs on"},
	{"phone_id", "text", "identifier of the phone"},
	{"phone_model_name", "text", "phone model (flavour)"},
	{"image_id", "text", "identifier of the image that it runs"},
	{"image_version", "text", "version of the image"},
	{"vnc_enable", "boolean", "is VNC on?"},	/* "true" or "false" */
	{"status", "integer", "status; cph_phone_status() says it in words"},
	{"type", "integer", "kind of phone: 0 common, 1 trial"},
	{"imei", "text", "International Mobile Equipment Identity"},
	{"traffic_type", "text", "route: direct, or routing by the encoding container"},
	{"volume_mode", "integer", "disk: 0 not independent, 1 independent"},
	{"availability_zone", "text", "zone in which the server stands"},
	{"metadata", "jsonb", "what was bought: order_id, product_id"},
	{"has_encrypt", "boolean", "are files encrypted?"},
	{"create_time", "timestamptz", "when it was created"},
	{"update_time", "timestamptz", "when it was last changed"},
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

static const CphFilterValue phone_types[] = {{"0", CPH_EXACT}};

static const CphFilter phone_filters[] = {
	{
		"phone_id", "phone_id", CPH_FIELD_STRING, CPH_FILTER_ID,
		.class = CPH_SUPERSET
	},
	SERVER_ID_FILTER,
	STATUS_FILTER(phone_statuses),
	{
		"type", "type", CPH_FIELD_INTEGER, CPH_FILTER_EQUAL,
		ONE_OF(phone_types)
	},
	{
		"phone_name", "phone_name", CPH_FIELD_STRING, CPH_FILTER_FUZZY,
		.class = CPH_SUPERSET, .invalid_code = "CPS.0025"
	},
};

/* "Querying Details About a Cloud Phone" */
static const CphLocator phone_locator = {
	.field = "server_id", .param = "server_id", .not_found_code = "CPS.0005"
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
	{"server_name", "text", "name of the server"},
	{"availability_zone", "text", "zone in which it stands"},
	{"server_id", "text", "identifier of the server"},
	{"server_model_name", "text", "server model (flavour)"},
	{"phone_model_name", "text", "model of its phones"},
	{"keypair_name", "text", "key pair for access to its phones"},
	{"status", "integer", "status; cph_server_status() says it in words"},
	{"vpc_id", "text", "VPC of the server, the service's own for v1"},
	{"cidr", "text", "addresses of the VPC"},
	{"vpc_cidr", "text", "addresses of the VPC"},
	{"subnet_id", "text", "subnet of the server"},
	{"subnet_cidr", "text", "addresses of the subnet"},
	{"addresses", "jsonb", "array of its addresses: server_ip, public_ip; of old intranet_ip, access_ip"},
	{"resource_project_id", "text", "project that the server itself is of, not yours"},
	{"metadata", "jsonb", "what was bought: order_id, product_id, charging_mode"},
	{"network_version", "text", "v1: the service's network, v2: your own"},
	{"enterprise_project_id", "text", "enterprise project of the server"},
	{"create_time", "timestamptz", "when it was created"},
	{"update_time", "timestamptz", "when it was last changed"},
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
	SERVER_ID_FILTER,
	STATUS_FILTER(server_statuses),
	{
		"network_version", "network_version", CPH_FIELD_STRING, CPH_FILTER_EQUAL,
		ONE_OF(network_versions), .complete = true
	},
	{
		"phone_model_name", "phone_model_name", CPH_FIELD_STRING, CPH_FILTER_EQUAL,
		.class = CPH_SUPERSET, .invalid_code = "CPS.0028"
	},
	{
		"server_name", "server_name", CPH_FIELD_STRING, CPH_FILTER_FUZZY,
		.class = CPH_SUPERSET, .invalid_code = "CPS.0025"
	},
	CREATE_TIME_FILTERS,
};

static const CphLabel server_labels[] = {
	{0, "creating"}, {1, "creating"}, {3, "creating"}, {4, "creating"},
	{2, "abnormal"}, {5, "normal"}, {8, "frozen"}, {10, "stopped"},
	{11, "being stopped"}, {12, "stop failed"}, {13, "starting"},
};

/*
 * Phone models.  The document (cph_api_0506) names neither an order nor a
 * total, and no field that identifies a model: models differ by any of what
 * describes them, also by what comes to be told after this release, but not by
 * their status.
 */
static const CphColumn model_columns[] = {
	{"server_model_name", "text", "server model (flavour)"},
	{"phone_model_name", "text", "phone model (flavour)"},
	{"status", "integer", "0 offline, 1 normal"},
	{"cpu", "integer", "cores of a phone"},
	{"memory", "integer", "memory of a phone, in MB"},
	{"disk", "integer", "disk of a phone, in GiB"},
	{"resolution", "text", "resolution of the screen"},
	{"extend_spec", "text", "more of the model, JSON in a text"},
	{"spec_code", "text", "code of the model"},
	{"phone_capacity", "integer", "phones that a server holds"},
	{"image_label", "text", "kind of image that it takes"},
	{"product_type", "integer", "0 cloud phone, 1 cloud game"},
	{"phone_model_version", "integer", "version of the model"},
	{"dpi", "integer", "dots an inch"},
	{"fps", "text", "frames a second"},
	{"volume_mode", "integer", "disk: 0 not independent, 1 independent"},
	{"render_fps", "integer", "frames rendered a second"},
	{"stream_fps", "integer", "frames streamed a second"},
};

static const CphFilterValue model_statuses[] = {
	{"0", CPH_EXACT}, {"1", CPH_EXACT},
};

static const CphFilter model_filters[] = {STATUS_FILTER(model_statuses)};

/*
 * Images of the account's own, and those shared with it.  Whether image_name
 * finds more than the name is not said: it may only be taken for the whole.
 */
static const CphColumn image_columns[] = {
	{"domain_id", "text", "account of the image"},
	{"image_name", "text", "name of the image"},
	{"update_time", "timestamptz", "when it was last changed"},
	{"create_time", "timestamptz", "when it was created"},
	{"image_size", "bigint", "size in bytes"},
	{"project_id", "text", "project of a private image"},
	{"image_id", "text", "identifier of the image"},
	{"image_version", "text", "version of the image"},
	{"image_type", "text", "private, or share: another project's"},
	{"status", "integer", "0 being created, 1 usable, 2 failed"},
	{"src_project_id", "text", "project that shares it"},
};

static const CphFilterValue image_types[] = {
	{"private", CPH_EXACT}, {"share", CPH_EXACT},
};

static const CphFilterValue image_statuses[] = {
	{"0", CPH_EXACT}, {"1", CPH_EXACT}, {"2", CPH_EXACT},
};

static const CphFilter image_filters[] = {
	{
		"image_type", "image_type", CPH_FIELD_STRING, CPH_FILTER_EQUAL,
		ONE_OF(image_types)
	},
	STATUS_FILTER(image_statuses),
	{
		"image_id", "image_id", CPH_FIELD_STRING, CPH_FILTER_EQUAL,
		.class = CPH_EXACT, .id_only = true, .invalid_code = "CPS.0030"
	},
	{
		"image_name", "image_name", CPH_FIELD_STRING, CPH_FILTER_EQUAL,
		.class = CPH_SUPERSET
	},
	{
		"src_project_id", "src_project_id", CPH_FIELD_STRING, CPH_FILTER_EQUAL,
		.class = CPH_EXACT, .id_only = true
	},
	CREATE_TIME_FILTERS,
};

/*
 * Encoding servers.  The filter has other meanings than the field from 4 on,
 * and its own three for "creating": these are not sent.
 */
static const CphColumn encoder_columns[] = {
	{"encode_server_name", "text", "name of the encoding server"},
	{"encode_server_id", "text", "identifier of the encoding server"},
	{"encode_server_ip", "text", "its address"},
	{"server_id", "text", "server that it stands on"},
	{"keypair_name", "text", "key pair for access to it"},
	{"type", "integer", "0 server, 1 container"},
	{"status", "integer", "1 running, 2 abnormal, 3 restarting; 0, 4, 5 creating"},
	{"access_infos", "jsonb", "array of ports and addresses: listen_port, access_port, server_ip, public_ip ..."},
	{"encode_server_ipv6", "text", "its IPv6 address"},
};

static const CphFilterValue encoder_types[] = {
	{"0", CPH_EXACT}, {"1", CPH_EXACT},
};

static const CphFilterValue encoder_statuses[] = {
	{"1", CPH_EXACT}, {"2", CPH_EXACT}, {"3", CPH_EXACT},
};

static const CphFilter encoder_filters[] = {
	SERVER_ID_FILTER,
	STATUS_FILTER(encoder_statuses),
	{
		"type", "type", CPH_FIELD_INTEGER, CPH_FILTER_EQUAL,
		ONE_OF(encoder_types)
	},
};

/*
 * Bandwidths
 */
static const CphColumn bandwidth_columns[] = {
	{"band_width_name", "text", "name of the bandwidth"},
	{"band_width_id", "text", "identifier of the bandwidth"},
	{"band_width_size", "integer", "size in Mbit/s"},
	{"band_width_charge_mode", "integer", "charged: 0 by bandwidth, 1 by traffic"},
	{"band_width_share_type", "integer", "0 a server's own, 1 shared"},
	{"create_time", "timestamptz", "when it was created"},
	{"update_time", "timestamptz", "when it was last changed"},
};

/*
 * The endpoints, in the order in which IMPORT FOREIGN SCHEMA makes their
 * tables.
 */
static const CphEndpoint endpoints[] = {
	{
		"phones", "cph_phones", "cloud phones", "cloud-phone/phones",
		.item_key = "phones",
		.id_field = "phone_id",
		.time_field = "create_time",
		.total_field = "count",
		BY_SERVER("cph_phones"),
		.page_max = 200, .default_rows = 10000,
		COLUMNS(phone_columns), FILTERS(phone_filters),
		.locator = &phone_locator,
		.label_field = "status", .label_function = "cph_phone_status",
		LABELS(phone_labels)
	},
	{
		"servers", "cph_servers", "cloud phone servers", "cloud-phone/servers",
		.item_key = "servers",
		.id_field = "server_id",
		.time_field = "create_time",
		.total_field = "count",
		.page_max = 100, .default_rows = 200,
		COLUMNS(server_columns), FILTERS(server_filters),
		.label_field = "status", .label_function = "cph_server_status",
		LABELS(server_labels)
	},
	{
		"phone_models", "cph_phone_models", "phone models, each on a server model",
		"cloud-phone/phone-models",
		.item_key = "phone_models",
		.id_field = "phone_model_name", .id_all_but = "status",
		.page_max = 100, .default_rows = 50,
		COLUMNS(model_columns), FILTERS(model_filters)
	},
	{
		"images", "cph_images", "images, your own and those shared with you",
		"cloud-phone/images",
		.item_key = "image_infos",
		.id_field = "image_id",
		.total_field = "total",
		.page_max = 100, .default_rows = 50,
		COLUMNS(image_columns), FILTERS(image_filters)
	},
	{
		"encode_servers", "cph_encode_servers", "encoding servers",
		"cloud-phone/encode-servers",
		.item_key = "encode_servers",
		.id_field = "encode_server_id",
		BY_SERVER("cph_encode_servers"),
		.page_max = 100, .default_rows = 400,
		COLUMNS(encoder_columns), FILTERS(encoder_filters)
	},
	{
		"bandwidths", "cph_bandwidths", "bandwidths", "cloud-phone/bandwidths",
		.item_key = "band_widths",
		.id_field = "band_width_id",
		.page_max = 100, .default_rows = 50,
		COLUMNS(bandwidth_columns)
	},
};

StaticAssertDecl(lengthof(server_filters) <= CPH_MAX_FILTERS &&
				 lengthof(image_filters) <= CPH_MAX_FILTERS &&
				 lengthof(phone_statuses) <= CPH_MAX_VALUES &&
				 lengthof(server_statuses) <= CPH_MAX_VALUES &&
				 lengthof(encoder_statuses) <= CPH_MAX_VALUES,
				 "raise the bounds in service.h");

/* Returns the endpoint of that number from 0 on, or NULL past the last. */
const CphEndpoint *
cph_endpoint_at(int number)
{
	return number < lengthof(endpoints) ? &endpoints[number] : NULL;
}
