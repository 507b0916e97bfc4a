/*
 * user.h
 *		Options, user mappings, and what is remembered of a server.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_USER_H
#define CPH_USER_H

#include "service/service.h"

#include "foreign/foreign.h"

/*
 * The options of servers, tables, columns and user mappings, and the
 * settings.
 *
 * Options are text in the catalogs; here they become typed values.  An option
 * is known from the day on which it has its effect, and from then on for
 * ever, since options are checked again when a dump is restored.
 */

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

/* Values of the server option detail_not_found: what that means of a row. */
typedef enum CphNotFound
{
	CPH_NOT_FOUND_READ,			/* nothing: the list is read */
	CPH_NOT_FOUND_NONE			/* there is none */
}			CphNotFound;

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
	int			keepalive_idle; /* seconds */
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
	int			detail_not_found;	/* a CphNotFound */
	bool		stable_ties;
	double		max_requests_per_second;	/* 0: any number */
	int			max_server_requests;
	double		fdw_request_cost;
	double		fdw_tuple_cost;

	/* Of the server or the table */
	char	   *project_id;		/* or NULL */
	int			fetch_size;		/* rows; 0: the endpoint's maximum */
	bool		async_capable;
	int			cache_ttl;		/* seconds; 0: no answer is used again */

	/* Of the table */
	char	   *resource;		/* or NULL */
	int			field_check;	/* user/'s own */
} CphOptions;

extern int	cph_max_requests;

extern void cph_option_init(void);
extern CphOptions *cph_server_options(Oid serverid);
extern CphOptions *cph_table_options(Oid relid);
extern char *cph_column_field(Oid relid, AttrNumber attnum,
							  const char *column);

extern Oid	cph_mapping_find(Oid userid, Oid serverid);
extern List *cph_unlisted_columns(Oid relid, const CphOptions *options);
extern void cph_unlisted_warn(Oid relid, const CphOptions *options);
extern bool cph_field_is_constant(const char *field);
extern const char *cph_options_constant(const CphOptions *options,
										const char *field);
extern char *cph_options_endpoint(const CphOptions *options);
extern char *cph_options_host(const CphOptions *options);
extern const CphEndpoint *cph_options_resource(const CphOptions *options);
extern bool cph_options_ordered(const CphOptions *options,
								const CphEndpoint *endpoint);
extern int	cph_options_page_size(const CphOptions *options,
								  const CphEndpoint *endpoint);

/*
 * What a service has shown of an endpoint that its documents leave open,
 * and the sizes of what was read of it.
 */

/* What can be found out about a service that its documents leave open. */
typedef enum CphShown
{
	CPH_UNKNOWN,				/* not asked yet */
	CPH_SHOWN,
	CPH_REFUTED
} CphShown;

/* The number of rows that some parameters leave of a list. */
typedef struct CphSize
{
	uint32		shape;			/* of the parameters; 0: none is kept here */
	int64		rows;
} CphSize;

#define CPH_MAX_SIZES 64		/* kept, of an endpoint */

/*
 * What the service has shown of an endpoint, for one project; shared by all
 * sessions of a user mapping.
 */
typedef struct CphFacts
{
	CphShown	finds_substring;	/* a fuzzy filter finds parts of names */
	bool		denies_details; /* the user may not ask where an item is */
	int64		total;			/* last count without a filter; -1: none */
	uint32		uncovered;		/* filters, as bits by their number, of which
								 * some rows have none of the documented
								 * values */

	/* By the set of filters, as bits */
	bool		counts_filter[CPH_MAX_FILTER_SETS]; /* count is the number of
													 * their rows */
	int64		proved_count[CPH_MAX_FILTER_SETS];	/* one that was, by the
													 * rows; 0: none */
	CphSize		sizes[CPH_MAX_SIZES];	/* by their shape, for estimates */
} CphFacts;

extern void cph_facts_note_rows(CphFacts *facts, const CphParam *params,
								int nparams, int64 rows);
extern int64 cph_facts_rows(const CphFacts *facts, const CphParam *params,
							int nparams);

/*
 * How fast a server is asked, by all sessions.  Times are microseconds of the
 * monotonic clock, 0 is never.
 */
typedef struct CphPace
{
	int			limit;			/* requests in flight; 0: unbounded */
	int			successes;		/* answers since the limit was changed */
	int64		resume_at;		/* no request before this time */
	int64		throttled_since;	/* no success since this time */
	int64		next_at;		/* when the rate allows another one */
	uint64		places;			/* in the line for turns, given so far */
} CphPace;

/*
 * What a backend remembers of a server, for each user mapping: how fast
 * it may ask, how it logs in, and what the service has shown of itself.
 */

/* What a client waits for; the names of the events in pg_stat_activity. */
typedef enum CphWait
{
	CPH_WAIT_NONE,
	CPH_WAIT_REQUEST,			/* an answer */
	CPH_WAIT_BACKOFF,			/* the next try */
	CPH_WAIT_THROTTLE,			/* the service asked for patience */
	CPH_WAIT_TURN,				/* other sessions' requests */
	CPH_WAIT_TOKEN,				/* a token that it or another asked for */
	CPH_WAIT_CONNECT,			/* a connection */
	CPH_WAIT_NAME,				/* ... of whose host it has no address yet */
	CPH_WAIT_ANSWER				/* what another session asks for */
} CphWait;

/* What a statement waits for, as a user is told. */
typedef struct CphNotice
{
	TimestampTz statement;		/* when it began */
	int64		since;			/* of cph_transport_now */
	CphWait		wait;
	int			failures;		/* of the request before */
} CphNotice;

/* What the clients of a connection have in common; they read and write it. */
typedef struct CphCommon
{
	CphPace		pace;			/* when cph_pace_look was last called */
	int64		noticed;		/* the user knows of this throttled_since */
	CphNotice	notice;			/* the user was told last */

	/*
	 * The call that finds out what others wait for, a token or whether the
	 * service takes the credential; NULL: none does.
	 */
	struct CphCall *trial;
} CphCommon;

/*
 * A connection in the sense of postgres_fdw: a user at a server.  When the
 * server or the user mapping changes, or it is disconnected, the next who opens
 * it gets another; this one is forgotten, and wiped, after its last user.
 */
typedef struct CphConnection CphConnection;

extern void cph_connection_init(void);
extern CphConnection *cph_connection_open(const UserMapping *mapping);
extern CphCommon *cph_connection_common(CphConnection *connection);
extern void cph_connection_close(CphConnection *connection);
extern CphFacts *cph_facts_find(CphConnection *connection,
								const CphEndpoint *endpoint,
								const char *project_id);
extern bool cph_connection_denies_details(const CphOptions *options,
										  const CphEndpoint *endpoint);
extern int64 cph_connection_rows(const CphOptions *options, Oid userid,
								 const CphEndpoint *endpoint,
								 const CphParam *params, int nparams);
extern void cph_facts_share(const CphConnection *connection);

/* What a server was asked, by whom: statistics, and the progress of clients */

/* What was done, counted; for EXPLAIN (ANALYZE) and the statistics. */
typedef struct CphCounters
{
	int64		requests;		/* sent, tries included */
	int64		retries;		/* tries but the first */
	int64		throttled;		/* answers that asked for patience */
	int64		failed;			/* calls that ended in an error */
	int64		timed_out;		/* tries that had no answer in time */
	int64		rows;			/* in the pages that were read */
	int64		bytes;			/* received, as they came over the wire */
	int64		tokens;			/* that were given */
	int64		repairs;		/* pages that were stepped back from */
	int64		connections;	/* that were opened */
	int64		cached;			/* pages that were not asked for again */
	int64		dropped;		/* requests whose answer was not read */
	int64		throttled_us;	/* time in which the service asked to wait */
	int64		waited_us;		/* time spent waiting for the service */
} CphCounters;

extern void cph_stats_add(Oid serverid, Oid userid, const CphCounters *counters,
						  CphCounters *added);

/*
 * A client that others may wait for goes on with its calls at least that often,
 * so that they can tell it from one that nobody reads from any more.
 */
#define CPH_ATTEND_US INT64CONST(100000)

/* For who only has requests in flight that is longer: few take more. */
#define CPH_HOLD_US INT64CONST(2000000)

/*
 * Who waits for another client of its session, or cannot be woken, looks again
 * after that.
 */
#define CPH_LOOK_AGAIN_US INT64CONST(10000)

/*
 * A client that is open, as all sessions see it.  It may write what is a number
 * of its progress at any time.
 */
typedef struct CphTicket CphTicket;

/* How far a client is. */
typedef struct CphProgress
{
	int64		pages;			/* read */
	int64		rows;			/* that were on them */
	int64		expected;		/* rows of the list, by the service; -1:
								 * unknown */
	int			in_flight;
} CphProgress;

extern CphTicket *cph_ticket_open(Oid serverid, const char *server, Oid userid);
extern CphProgress *cph_ticket_progress(CphTicket *ticket);
extern void cph_ticket_show(CphTicket *ticket, const char *resource,
							const char *path, const char *query);
extern uint32 cph_ticket_wait(CphTicket *ticket, CphWait wait);
extern void cph_ticket_close(CphTicket *ticket);

extern void cph_pace_look(CphConnection *connection, CphTicket *ticket);
extern bool cph_pace_throttled(CphConnection *connection,
							   const CphTicket *ticket, int64 wait_us,
							   int64 timeout_us);
extern void cph_pace_succeeded(CphConnection *connection, int most);
extern bool cph_pace_take(CphConnection *connection, CphTicket *ticket,
						  const CphOptions *options, int64 *look_at);
extern void cph_pace_give(CphConnection *connection, CphTicket *ticket);
extern void cph_pace_leave(CphConnection *connection, CphTicket *ticket);

/* An answer that may be used again: to one request, or to many. */
typedef struct CphAnswer
{
	int64		begun_at;		/* when it was first asked for; time of
								 * cph_transport_now */
	bool		whole;			/* nothing follows that would have been asked
								 * for */
	char	   *data;			/* NULL: there is none */
	Size		length;
	bool		claimed;		/* it is asked for, for all sessions */
	uint64		asker;			/* another one that can be waited for, by its
								 * ticket; 0: none */
} CphAnswer;

extern bool cph_cache_allowed(const CphOptions *options);
extern Size cph_cache_room(void);
extern void cph_cache_find(const CphConnection *connection,
						   const CphOptions *options, const char *inquiry,
						   CphAnswer *answer);
extern void cph_cache_claim(const CphConnection *connection,
							const char *inquiry, const CphTicket *ticket,
							CphAnswer *answer);
extern void cph_cache_keep(const CphConnection *connection,
						   const char *inquiry, const CphAnswer *answer);
extern void cph_cache_unclaim(const CphConnection *connection,
							  const char *inquiry, const CphTicket *ticket);

/* Memory of all sessions */
extern void cph_region_init(void);
extern bool cph_shared_is(void);

/* A user mapping into what a request logs in with */

typedef struct CphCredential CphCredential;

/* What a credential lacks before a request can be logged in. */
typedef enum CphLack
{
	CPH_LACK_NOTHING,
	CPH_LACK_PROOF,				/* the service has not taken its signature
								 * yet: the request is to be the only one */
	CPH_LACK_TOKEN,				/* to be asked for */
	CPH_LACK_PROJECT			/* to be looked up */
} CphLack;

extern bool cph_credential_is_readable(Oid userid, Oid serverid,
									   CphFailure *failure);
extern CphCredential *cph_credential_open(const CphOptions *options,
										  UserMapping *mapping,
										  CphConnection *connection);
extern const CphTransportOptions *cph_credential_route(const CphCredential *credential);
extern CphLack cph_credential_lacks(CphCredential *credential);
extern bool cph_credential_claim(CphCredential *credential,
								 const CphTicket *ticket);
extern void cph_credential_unclaim(CphCredential *credential,
								   const CphTicket *ticket);
extern const char *cph_credential_project(CphCredential *credential);

/* A question: what is lacking is asked for, in place of a page */
extern void cph_credential_question(CphCredential *credential,
									CphRequest *request);
extern const char *cph_credential_learn(CphCredential *credential,
										const CphRequest *request,
										const CphTransfer *transfer);

/* A request of either kind */
extern bool cph_credential_log_in(CphCredential *credential,
								  const CphRequest *request,
								  CphHttpRequest *http, uint64 *fingerprint,
								  CphFailure *refusal);
extern void cph_credential_judge(CphCredential *credential,
								 const CphRequest *request,
								 const CphTransfer *transfer,
								 CphServiceError *error, CphOutcome *outcome);
extern bool cph_credential_renew(CphCredential *credential,
								 const CphRequest *request, uint64 fingerprint);
extern const char *cph_credential_refused(CphCredential *credential,
										  const CphRequest *request,
										  uint64 fingerprint,
										  const CphTransfer *transfer,
										  const CphServiceError *error,
										  const char *detail);
extern void cph_credential_mask(const CphCredential *credential, char *text);

#endif							/* CPH_USER_H */
