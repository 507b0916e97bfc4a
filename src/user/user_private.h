/*
 * user_private.h
 *		What the files of this folder share: rules of options, ways to log in.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_USER_PRIVATE_H
#define CPH_USER_PRIVATE_H

#include "user/user.h"

#include "pgtime.h"

/*
 * What an option's value may be.
 */

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
	CPH_KIND_COST,				/* double, not negative */
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
} CphOptionRule;

/* The setting cph_fdw.allowed_hosts */
extern char *cph_allowed_hosts;

extern void cph_option_set(const CphOptionRule *rule, const char *value,
						   char *base);

/* Checks of values: each returns what is wrong, or NULL */
extern const char *cph_check_endpoint(const char *value);
extern const char *cph_check_field(const char *value);
extern const char *cph_check_project_id(const char *value);
extern const char *cph_check_proxy(const char *value);
extern const char *cph_check_region(const char *value);
extern const char *cph_check_resource(const char *value);

/*
 * Signatures of requests: SDK-HMAC-SHA256.
 *
 * Pure functions: a request, a key and a date give text.
 */

/* A header that is signed. */
typedef struct CphSignedHeader
{
	const char *name;			/* lower case */
	const char *value;			/* without blanks at its ends */
} CphSignedHeader;

/* What is signed of a request. */
typedef struct CphSignedRequest
{
	const char *method;
	const char *path;			/* encoded */
	const char *query;			/* canonical, as cph_request_query writes it */
	const char *body;			/* "" for none */
	const CphSignedHeader *headers; /* in byte order of their names */
	int			nheaders;
} CphSignedRequest;

/* Bytes of a SHA-256 in hexadecimal digits, and of a date, with the end. */
#define CPH_HEX_SIZE 65
#define CPH_DATE_SIZE 17

extern void cph_sign_date(pg_time_t time, char *date);
extern char *cph_sign_names(const CphSignedRequest *request);
extern void cph_sign_digest(const CphSignedRequest *request, char *hex);
extern void cph_sign_request(const CphSignedRequest *request,
							 const char *secret_key, const char *date,
							 char *hex);

/*
 * Files that hold a token or keys.
 *
 * A file is read whenever its content is needed, so that replacing it is all
 * that a rotation takes.  Errors tell what is wrong with it, never what it
 * holds; its path only to the server's log.
 */

extern void cph_credfile_token(const char *path, CphMappingOptions *used);
extern void cph_credfile_keys(const char *path, const char *profile,
							  CphMappingOptions *used);

/*
 * What a connection remembers of logging in: its tokens, and whether the
 * service takes its credential.
 *
 * A credential is known here by its fingerprint, a hash that does not tell it.
 */
typedef struct CphLogin
{
	MemoryContext context;		/* that it is in */
	slist_head	tokens;			/* CphToken */
	bool		accepted;		/* the service has taken a credential */
	uint64		refused;		/* fingerprint of one that was; 0: none */
	int64		refused_at;		/* time of cph_transport_now */
	char	   *detail;			/* of that error */
	char	   *hint;			/* what to do about it, or NULL */
} CphLogin;

extern CphLogin *cph_login_create(MemoryContext context);
extern uint64 cph_login_fingerprint(const CphMappingOptions *used);
extern const char *cph_login_refuse(CphLogin *login, CphAuthMethod method,
									uint64 fingerprint,
									const CphTransfer *transfer,
									const CphServiceError *error,
									const char *detail);
extern bool cph_login_is_refused(const CphLogin *login, uint64 fingerprint,
								 const char *server_name, CphFailure *failure);

/*
 * Tokens: a user's name and password into what the service takes.
 */

/* A token that was given.  It is wiped when its context goes. */
typedef struct CphToken
{
	slist_node	node;			/* in the login's */
	MemoryContext context;		/* its own */
	char	   *scope;			/* cph_token_scope of what was asked for */
	char	   *text;			/* secret */
	char	   *project_id;		/* that it is good for, or NULL */
	int64		renew_at;		/* time of cph_transport_now; 0: unknown */
} CphToken;

extern char *cph_token_scope(const CphOptions *options);
extern void cph_token_request(const CphOptions *options, CphRequest *request);
extern char *cph_token_body(const CphMappingOptions *mapping,
							const char *scope);
extern void cph_token_judge(const CphTransfer *transfer, CphOutcome *outcome);
extern const char *cph_token_read(CphLogin *login, const char *scope,
								  const CphTransfer *transfer);
extern CphToken *cph_token_find(CphLogin *login, const char *scope);
extern void cph_token_drop(CphLogin *login, CphToken *token);

#endif							/* CPH_USER_PRIVATE_H */
