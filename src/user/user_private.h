/*
 * user_private.h
 *		What the files of this folder share: rules of options, ways to log in.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_USER_PRIVATE_H
#define CPH_USER_PRIVATE_H

#include "user/user.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/dsa.h"

/* What sessions remember together */

/* What a record is of. */
typedef enum CphRecordKind
{
	CPH_RECORD_TICKET,			/* a client that is open: CphTicket */
	CPH_RECORD_STATS,			/* a user at a server: CphStats */
	CPH_RECORD_PACE,			/* a server: CphPace */
	/* of a user mapping, and forgotten with it */
	CPH_RECORD_LOGIN,			/* how its credential was received: CphLogin */
	CPH_RECORD_TOKEN,			/* a token for it: CphToken */
	CPH_RECORD_FACTS,			/* what a list has shown it: CphKnown */
	CPH_RECORD_ANSWER			/* what may be used again: CphKept */
} CphRecordKind;

/* What tells one record from another; without padding. */
typedef struct CphRecordKey
{
	CphRecordKind kind;
	Oid			database;
	Oid			serverid;
	Oid			userid;			/* or the user mapping's */
	uint64		hash;			/* of the options of server and mapping */
	uint64		part;			/* of what else there is */
} CphRecordKey;

/* A record, in its region. */
typedef struct CphRecord
{
	CphRecordKey key;
	int64		used_at;		/* time of cph_transport_now */
	dsa_pointer data;
	dsa_pointer text;			/* or InvalidDsaPointer */
	Size		length;			/* of the text */
} CphRecord;

/*
 * Records of a region, at most: those of some hundred backends, and of what is
 * known of servers and mappings.
 */
#define CPH_MAX_RECORDS 2048

/* A region of memory, as it begins; the area for data follows. */
typedef struct CphRegion
{
	LWLock		lock;
	int			tranche;		/* of the lock */
	bool		full;			/* something has found no room */
	int			nrecords;
	CphRecord	records[CPH_MAX_RECORDS];
} CphRegion;

extern CphRegion *cph_region_shared(dsa_area **area);
extern CphRegion *cph_region_create(dsa_area **area);

extern void *cph_shared_find(const CphRecordKey *key, bool own_only);
extern void *cph_shared_open(const CphRecordKey *key, bool own_only);
extern void cph_shared_close(void);
extern void *cph_shared_beside(const CphRecordKey *key);
extern void *cph_shared_next(CphRecordKind kind, int *place);
extern void cph_shared_drop(void);
extern void cph_shared_forget(const CphRecordKey *key);
extern bool cph_shared_copy(CphRecordKind kind, int *place, CphRecordKey *key,
							void *data);
extern const void *cph_shared_text(Size *length);
extern bool cph_shared_set_text(const void *text, Size length);

/* Who does not for that long holds up nobody, being several times late. */
#define CPH_ABANDONED_US (5 * CPH_ATTEND_US)

/* Bytes that are shown of a request. */
#define CPH_REQUEST_SHOWN 512

/* A client that is open. */
/* Bits of a ticket's number behind those of its process. */
#define CPH_TICKET_BITS 32

struct CphTicket
{
	CphProgress progress;
	uint64		number;			/* no other ticket's; begins with pid */
	int			pid;
	int			process;		/* of all processes of the server */
	Oid			database;
	Oid			serverid;
	Oid			userid;
	int			holds;			/* turns that it has taken */
	uint64		place;			/* in the line for another one; 0: none */
	int64		attended_at;	/* time of cph_transport_now */
	char		server[NAMEDATALEN];
	char		resource[NAMEDATALEN];
	char		request[CPH_REQUEST_SHOWN]; /* path and filters of the last
											 * one */
	TimestampTz started_at;
	CphWait		wait;
};

/* The counters of a user at a server. */
typedef struct CphStats
{
	char		server[NAMEDATALEN];
	TimestampTz since;
	CphCounters counters;
} CphStats;

/* What is known of an endpoint, by a session or by all. */
typedef struct CphKnown
{
	const CphEndpoint *endpoint;	/* NULL: nothing is kept here */
	char		project_id[CPH_MAX_PROJECT_ID + 1];
	uint64		used;			/* a larger number for each use */
	uint64		version;		/* of what all sessions know, last seen; 0: of
								 * none */
	uint64		hash;			/* of the facts, as they were then */
	int64		begun_at;		/* when all sessions began to know them, time
								 * of cph_transport_now */
	CphFacts	facts;
} CphKnown;

/* Endpoints of projects of which a connection remembers something. */
#define CPH_MAX_KNOWN 24

struct CphConnection
{
	dlist_node	node;
	MemoryContext context;		/* that it is in, with all that it knows */
	Oid			umid;			/* the user mapping */
	Oid			serverid;
	uint32		server_hash;	/* of the catalog entries, for invalidation */
	uint32		mapping_hash;
	bool		valid;			/* false: the server or mapping has changed */
	bool		closed;			/* and its transports were closed */
	int			users;			/* that have it open */
	uint64		hash;			/* of the options of both */
	CphCommon	common;
	CphKnown   *known[CPH_MAX_KNOWN];	/* what was used last; the rest is
										 * NULL */
};

/* An answer that may be used again.  The record's text is the inquiry, and it. */
typedef struct CphKept
{
	int64		begun_at;		/* when it was first asked for, time of
								 * cph_transport_now */
	bool		whole;
	Size		length;			/* of the text; 0: it has none yet */
	uint64		asker;			/* ticket of who asks for it; 0: nobody */
	uint64		ended;			/* ticket of who has done so last */
	int64		cleared_at;		/* what was asked for before is not kept */
} CphKept;

/* Returns the key of a record of a connection's user mapping. */
static inline CphRecordKey
cph_connection_key(const CphConnection *connection, CphRecordKind kind,
				   uint64 part)
{
	CphRecordKey key = {kind, MyDatabaseId, connection->serverid,
	connection->umid, connection->hash, part};

	return key;
}

extern uint64 cph_facts_part(const CphEndpoint *endpoint,
							 const char *project_id);
extern int64 cph_facts_shared_rows(const CphRecordKey *key,
								   const CphParam *params, int nparams);
extern void cph_stats_open(Oid serverid, const char *server, Oid userid);
extern bool cph_stats_visible(Oid userid);
extern bool cph_ticket_claim(const CphTicket *ticket, uint64 *holder);
extern void cph_ticket_wake_next(const CphTicket *ticket);
extern void cph_ticket_unclaim(const CphTicket *ticket, uint64 *holder);

/*
 * The settings cph_fdw.shared_memory and cph_fdw.cache_size, in kB,
 * cph_fdw.share_tokens and cph_fdw.cache
 */
extern int	cph_shared_memory;
extern int	cph_cache_size;
extern bool cph_share_tokens;
extern bool cph_cache;

/* The ways in which a user mapping logs in */

/* The ways.  A user mapping names exactly one. */
typedef enum CphAuthMethod
{
	CPH_AUTH_NONE,
	CPH_AUTH_TOKEN,
	CPH_AUTH_TOKEN_FILE,
	CPH_AUTH_KEYS,				/* an access key and its secret key */
	CPH_AUTH_KEYS_FILE,
	CPH_AUTH_PASSWORD			/* of an IAM user, who is given a token */
} CphAuthMethod;

/*
 * The options of a user mapping; with what a file holds, or the token that was
 * given, what a request logs in with.  All are secrets or lead to one.
 */
typedef struct CphMappingOptions
{
	char	   *token;
	char	   *token_file;
	char	   *access_key;
	char	   *secret_key;
	char	   *security_token;
	char	   *credentials_file;
	char	   *profile;
	char	   *iam_user;
	char	   *iam_password;
	char	   *iam_domain;
	char	   *proxy_user;
	char	   *proxy_password;
	char	   *project_id;		/* that comes with a file or a token; no
								 * option */
} CphMappingOptions;

extern uint64 cph_mapping_hash(Oid serverid, Oid umid);
extern CphAuthMethod cph_mapping_auth_method(const CphMappingOptions *mapping);
extern void cph_mapping_check(const CphMappingOptions *mapping);
extern CphMappingOptions *cph_mapping_options(const UserMapping *mapping);
extern char *cph_options_iam_endpoint(const CphOptions *options);

/* What an option's value may be */

/* Values of the table option field_check. */
typedef enum CphFieldCheck
{
	CPH_FIELD_CHECK_WARN,
	CPH_FIELD_CHECK_OFF
}			CphFieldCheck;

/* Where an option may stand. */
#define CPH_OF_SERVER	0x01
#define CPH_OF_TABLE	0x02
#define CPH_OF_COLUMN	0x04
#define CPH_OF_MAPPING	0x08

/* How an option's text becomes a value. */
typedef enum CphOptionKind
{
	CPH_KIND_STRING,			/* char * */
	CPH_KIND_BOOLEAN,			/* bool */
	CPH_KIND_INTEGER,			/* int */
	CPH_KIND_KILOBYTES,			/* int, with the units of postgresql.conf */
	CPH_KIND_SECONDS,			/* likewise; without a unit it is seconds */
	CPH_KIND_COST,				/* double, not negative */
	CPH_KIND_RATE,				/* double, positive */
	CPH_KIND_CHOICE				/* int: the number of the word in choices */
} CphOptionKind;

/* Returns what is wrong with a value, or NULL. */
typedef const char *(*CphOptionCheck) (const char *value);

/* An option, and what its value may be. */
typedef struct CphOptionRule
{
	const char *name;
	int			places;			/* CPH_OF_xxx */
	CphOptionKind kind;
	size_t		offset;			/* in CphOptions or CphMappingOptions */
	const char *initial;		/* value where none is given, or NULL */
	int			min;
	int			max;
	const char *const *choices; /* NULL-terminated */
	CphOptionCheck check;		/* of CPH_KIND_STRING, or NULL */
	bool		superuser_only;
	CphAuthMethod method;		/* that a mapping's option is part of, or NONE */
	bool		required;		/* the method needs it */
} CphOptionRule;

/* All options. */
extern const CphOptionRule cph_option_rules[];
extern const int cph_noption_rules;

extern const CphOptionRule *cph_option_find(const char *name, int place);
pg_noreturn extern void cph_option_unknown(const char *name, int place);

/* The setting cph_fdw.allowed_hosts */
extern char *cph_allowed_hosts;

extern void cph_option_set(const CphOptionRule *rule, const char *value,
						   char *base);
extern void cph_option_warn(const CphOptionRule *rule, const char *value);

/* Checks of values: each returns what is wrong, or NULL */
extern const char *cph_check_field(const char *value);
extern const char *cph_check_project_id(const char *value);
extern const char *cph_check_path(const char *value);
extern char *cph_file_reader(void);
extern const char *cph_check_key(const char *value);

/* Signatures of requests: SDK-HMAC-SHA256 */

#define CPH_SIGNED_LINES 4		/* headers of a signed request, at most */

extern const char **cph_sign_request(const CphRequest *request,
									 const CphMappingOptions *keys,
									 const char **lines);

/*
 * Files that hold a token or keys.
 *
 * A file is read whenever its content is needed, so that replacing it is all
 * that a rotation takes.  Errors tell what is wrong with it, never what it
 * holds but the names of its sections; its path only to the server's log.
 */

extern void cph_credfile_token(const char *path, CphMappingOptions *used);
extern void cph_credfile_keys(const char *path, const char *profile,
							  CphMappingOptions *used);

/*
 * What is remembered of logging in.
 *
 * A credential is known here by its fingerprint, a hash that does not tell it.
 */

/*
 * How the credential of a mapping was received.  The texts are cut where they
 * are longer than an answer's messages make them.
 */
typedef struct CphLogin
{
	char		project_id[CPH_MAX_PROJECT_ID + 1]; /* that was looked up, or
													 * "" */
	uint64		sent;			/* fingerprint of the keys that both are of */
	bool		accepted;		/* the service has taken a credential */
	uint64		prover;			/* ticket of who finds out; 0: nobody */
	uint64		refused;		/* fingerprint of one that was; 0: none */
	int64		refused_at;		/* time of cph_transport_now */
	char		detail[2048];	/* of that error */
	char		hint[512];		/* what to do about it */
} CphLogin;

extern bool cph_login_is_accepted(const CphRecordKey *key);
extern void cph_login_accept(const CphRecordKey *key);
extern void cph_login_expect(const CphRecordKey *key, uint64 fingerprint);
extern void cph_login_project(const CphRecordKey *key, char *project_id);
extern void cph_login_set_project(const CphRecordKey *key,
								  const char *project_id);
extern uint64 cph_login_fingerprint(const CphMappingOptions *used);
extern const char *cph_login_refuse(const CphRecordKey *key,
									CphAuthMethod method, uint64 fingerprint,
									const CphTransfer *transfer,
									const CphServiceError *error,
									const char *detail);
extern bool cph_login_is_refused(const CphRecordKey *key, uint64 fingerprint,
								 const char *server_name, CphFailure *failure);

/* Tokens: a user's name and password into what the service takes */

/* A token, or who asks for it.  The record's text is the token itself. */
typedef struct CphToken
{
	int64		renew_at;		/* time of cph_transport_now; 0: unknown */
	uint64		asker;			/* ticket of who asks for one; 0: nobody */
	char		project_id[CPH_MAX_PROJECT_ID + 1]; /* that it is good for, or
													 * "" */
} CphToken;

extern char *cph_token_scope(const CphOptions *options);
extern void cph_token_request(const CphOptions *options, CphRequest *request);
extern char *cph_token_body(const CphMappingOptions *mapping,
							const char *scope);
extern void cph_token_judge(const CphTransfer *transfer, CphOutcome *outcome);
extern const char *cph_token_read(const CphRecordKey *key,
								  const CphTransfer *transfer);
extern bool cph_token_is_good(const CphRecordKey *key);
extern void cph_token_use(const CphRecordKey *key, CphMappingOptions *used);
extern void cph_token_drop(const CphRecordKey *key, const char *text);

/* The project that has the name of the region, by who may look it up */

extern void cph_project_request(const CphOptions *options, CphRequest *request);
extern void cph_project_judge(const CphTransfer *transfer, CphOutcome *outcome);
extern const char *cph_project_read(const CphRecordKey *key,
									const CphTransfer *transfer);

#endif							/* CPH_USER_PRIVATE_H */
