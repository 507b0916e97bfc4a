/*
 * option.h
 *		The options of servers, tables, columns and user mappings, and the
 *		settings.
 *
 * Options are text in the catalogs; here they become typed values.  An option
 * is known from the day on which it has its effect, and from then on for
 * ever, since options are checked again when a dump is restored.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_OPTION_H
#define CPH_OPTION_H

#include "endpoint.h"
#include "foreign/foreign.h"
#include "mapping.h"

/* The largest value of the server option max_concurrent_requests */
#define CPH_MAX_CONCURRENT 32

/* Values of the server option name_filter: what a "fuzzy" name finds. */
typedef enum CphNameFilter
{
	CPH_NAME_AUTO,				/* whole names and prefixes; parts once that
								 * is shown to work */
	CPH_NAME_SUBSTRING,
	CPH_NAME_PREFIX,
	CPH_NAME_EXACT,
	CPH_NAME_OFF
} CphNameFilter;

/* Values of the server option time_unit: of create_since, create_until. */
typedef enum CphTimeUnit
{
	CPH_TIME_AUTO,				/* only create_since, in seconds */
	CPH_TIME_SECONDS,
	CPH_TIME_MILLISECONDS,
	CPH_TIME_OFF
} CphTimeUnit;

/* The options of a server and, where they are of a table, of that table. */
typedef struct CphOptions
{
	/* What the catalogs say beside the options */
	Oid			serverid;
	Oid			server_owner;
	const char *server_name;

	/* Of the server */
	char	   *endpoint;		/* base URL without a slash at its end, or
								 * NULL: from region */
	char	   *region;			/* or NULL */
	char	   *iam_endpoint;	/* likewise */
	int			max_concurrent_requests;
	int			connect_timeout;	/* seconds */
	int			request_timeout;	/* seconds */
	int			max_retries;
	int			throttle_timeout;	/* seconds */
	int			max_response_size;	/* kilobytes */
	char	   *sslrootcert;	/* or NULL */
	char	   *proxy;			/* or NULL */
	bool		enable_order_pushdown;
	bool		enable_limit_pushdown;
	bool		enable_count_pushdown;
	int			name_filter;	/* a CphNameFilter */
	int			time_unit;		/* a CphTimeUnit */
	bool		stable_ties;
	double		fdw_request_cost;
	double		fdw_tuple_cost;

	/* Of the server or the table */
	char	   *project_id;		/* or NULL */
	int			fetch_size;		/* rows; 0: the endpoint's maximum */
	bool		async_capable;

	/* Of the table */
	char	   *resource;		/* or NULL */
} CphOptions;

extern int	cph_max_requests;

extern void cph_option_init(void);
extern CphOptions *cph_server_options(Oid serverid);
extern CphOptions *cph_table_options(Oid relid);
extern CphMappingOptions *cph_mapping_options(const UserMapping *mapping);
extern char *cph_column_field(Oid relid, AttrNumber attnum,
							  const char *column);

extern bool cph_field_is_constant(const char *field);
extern const char *cph_options_constant(const CphOptions *options,
										const char *field);
extern char *cph_options_endpoint(const CphOptions *options);
extern char *cph_options_iam_endpoint(const CphOptions *options);
extern char *cph_options_host(const CphOptions *options);
extern const CphEndpoint *cph_options_resource(const CphOptions *options);
extern bool cph_options_ordered(const CphOptions *options,
								const CphEndpoint *endpoint);
extern int	cph_options_page_size(const CphOptions *options,
								  const CphEndpoint *endpoint);

#endif							/* CPH_OPTION_H */
