/*
 * credential.c
 *		A user mapping into the headers that a request logs in with.
 *
 * A credential belongs to a client.  What outlives it, as a token does, is in
 * the connection's CphLogin.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"

#include <time.h>

#include "utils/memutils.h"

/*
 * While another scan's request tries a credential, the others look again
 * after this time: its answer does not wake them.
 */
#define LOOK_AGAIN_US 10000

/*
 * One that was not looked after for that long holds up nobody: the scan that
 * sent it may not be read again before another has its rows.
 */
#define ABANDONED_US 200000

/* The headers of a signed request, and the NULL behind them. */
#define HEADERS_MAX 5

struct CphCredential
{
	MemoryContext context;
	const CphOptions *options;
	CphMappingOptions *mapping;
	CphAuthMethod method;
	Oid			umid;
	CphTransportOptions route;
	CphConnection *connection;
	uint64		generation;		/* of the connection that it was opened with */
	CphLogin   *own;			/* in use once that is gone */
	MemoryContextCallback callback;

	/* What the last request logged in with */
	MemoryContext used_context;
	CphSecrets	used;
	char	   *project_id;		/* NULL: not known yet */
};

/*
 * Returns what is remembered of the user mapping.  A credential that was
 * opened before the mapping changed, or was forgotten, keeps its own.
 */
static CphLogin *
login_of(CphCredential *credential)
{
	CphConnection *connection = credential->connection;

	if (connection->generation == credential->generation)
	{
		if (connection->login == NULL)
			connection->login = cph_login_create(connection->context);
		return connection->login;
	}
	if (credential->own == NULL)
		credential->own = cph_login_create(credential->context);
	return credential->own;
}

/* The reset callback of a credential's context: others need not wait for it. */
static void
stop_probing(void *arg)
{
	CphCredential *credential = arg;
	CphConnection *connection = credential->connection;

	if (connection->generation == credential->generation &&
		connection->login != NULL && connection->login->prober == credential)
		connection->login->prober = NULL;
}

/* Fills in how transports reach the server. */
static void
set_route(CphCredential *credential)
{
	const CphOptions *options = credential->options;
	CphTransportOptions *route = &credential->route;

	route->connect_timeout_ms = options->connect_timeout * 1000;
	route->request_timeout_ms = options->request_timeout * 1000;
	route->max_body = (Size) options->max_response_size * 1024;
	route->ca_file = options->sslrootcert;
	route->proxy = options->proxy;
	route->proxy_user = credential->mapping->proxy_user;
	route->proxy_password = credential->mapping->proxy_password;
}

/*
 * Returns the credential of a user mapping, in the current memory context, and
 * wipes the mapping's options.  The server's options must live as long.
 */
CphCredential *
cph_credential_open(const CphOptions *options, UserMapping *mapping,
					CphConnection *connection)
{
	CphCredential *credential = palloc0(sizeof(CphCredential));
	ListCell   *lc;

	credential->context = CurrentMemoryContext;
	credential->options = options;
	credential->mapping = cph_mapping_options(mapping);
	credential->method = cph_mapping_auth_method(credential->mapping);
	credential->umid = mapping->umid;
	credential->connection = connection;
	credential->generation = connection->generation;
	credential->used_context = AllocSetContextCreate(CurrentMemoryContext,
													 "cph_fdw secrets",
													 ALLOCSET_SMALL_SIZES);
	set_route(credential);
	credential->callback.func = stop_probing;
	credential->callback.arg = credential;
	MemoryContextRegisterResetCallback(CurrentMemoryContext,
									   &credential->callback);
	foreach(lc, mapping->options)
		cph_secret_wipe(strVal(lfirst_node(DefElem, lc)->arg));
	return credential;
}

/* Returns how transports reach the server; it lives as the credential does. */
const CphTransportOptions *
cph_credential_route(const CphCredential *credential)
{
	return &credential->route;
}

/* Reads a token that the mapping's user is given, asking for it if needed. */
static void
read_token(CphCredential *credential, CphSecrets *secrets)
{
	const CphMappingOptions *mapping = credential->mapping;
	CphSecrets	password = {mapping->iam_user, mapping->iam_password,
	mapping->iam_domain};
	CphTokenRequest request = {credential->umid, credential->options, mapping,
	&credential->route};
	CphToken   *token = cph_login_token(login_of(credential), &request,
										cph_login_fingerprint(&password));

	secrets->token = cph_secret_copy(token->text);
	secrets->project_id = token->project_id ? pstrdup(token->project_id) : NULL;
}

/*
 * Reads what to log in with now into credential->used.  Raises an error if it
 * is not to be had.
 */
static void
read_secrets(CphCredential *credential)
{
	const CphMappingOptions *mapping = credential->mapping;
	CphSecrets	secrets = {0};
	MemoryContext caller;

	credential->used = secrets;
	MemoryContextReset(credential->used_context);
	caller = MemoryContextSwitchTo(credential->used_context);
	switch (credential->method)
	{
		case CPH_AUTH_TOKEN:
			secrets.token = mapping->token;
			break;
		case CPH_AUTH_TOKEN_FILE:
			cph_credfile_token(mapping->token_file, &secrets);
			break;
		case CPH_AUTH_KEYS:
			secrets.access_key = mapping->access_key;
			secrets.secret_key = mapping->secret_key;
			secrets.security_token = mapping->security_token;
			break;
		case CPH_AUTH_KEYS_FILE:
			cph_credfile_keys(mapping->credentials_file, mapping->profile,
							  &secrets);
			break;
		case CPH_AUTH_PASSWORD:
			read_token(credential, &secrets);
			break;
		case CPH_AUTH_NONE:
			elog(ERROR, "user mapping %u names no credential", credential->umid);
	}
	MemoryContextSwitchTo(caller);
	credential->used = secrets;
}

/*
 * Returns the project to ask for: the options', or else the one that comes
 * with the credential, or NULL.  May ask for a token and wait for it.
 */
const char *
cph_credential_project(CphCredential *credential)
{
	if (credential->project_id != NULL)
		return credential->project_id;
	if (credential->options->project_id == NULL)
		read_secrets(credential);
	credential->project_id = credential->options->project_id;
	if (credential->project_id == NULL && credential->used.project_id != NULL)
		credential->project_id =
			MemoryContextStrdup(credential->context, credential->used.project_id);
	return credential->project_id;
}

/* Tells whether requests are signed: a wrong signature is counted. */
static bool
is_signed(const CphCredential *credential)
{
	return credential->method == CPH_AUTH_KEYS ||
		credential->method == CPH_AUTH_KEYS_FILE;
}

/* Tells whether another scan's request tries the credential at the moment. */
static bool
is_tried(const CphCredential *credential, const CphLogin *login)
{
	return login->prober != NULL && login->prober != credential &&
		cph_transport_now() < login->attended_at + ABANDONED_US;
}

/*
 * Tells whether a request may be sent beside in_flight others.  Until the
 * service has taken a signature there is one at a time, lest several wrong
 * ones lock the key at once.
 */
bool
cph_credential_ready(CphCredential *credential, int in_flight)
{
	CphLogin   *login = login_of(credential);

	return !is_signed(credential) || login->accepted ||
		(in_flight == 0 && !is_tried(credential, login));
}

/* Returns when to look whether it may be sent, of cph_transport_now; or 0. */
int64
cph_credential_ready_at(CphCredential *credential)
{
	CphLogin   *login = login_of(credential);

	if (!is_signed(credential) || login->accepted ||
		!is_tried(credential, login))
		return 0;
	return cph_transport_now() + LOOK_AGAIN_US;
}

/* Takes note that the requests of a credential are looked after. */
void
cph_credential_attend(CphCredential *credential)
{
	CphLogin   *login = login_of(credential);

	if (login->prober == credential)
		login->attended_at = cph_transport_now();
}

/* Adds a header to those that are signed. */
static void
add_header(CphSignedRequest *request, CphSignedHeader *headers,
		   const char *name, const char *value)
{
	headers[request->nheaders].name = name;
	headers[request->nheaders].value = value;
	request->nheaders++;
}

/* Puts the headers of a signed request into lines. */
static void
sign_headers(const CphCredential *credential, const CphLoginRequest *request,
			 const char **lines)
{
	const CphSecrets *keys = &credential->used;
	char		date[CPH_DATE_SIZE];
	char		signature[CPH_HEX_SIZE];
	CphSignedHeader headers[HEADERS_MAX];
	CphSignedRequest to_sign = {request->method, request->path, request->query,
	"", headers, 0};

	cph_sign_date((pg_time_t) time(NULL), date);
	add_header(&to_sign, headers, "host", request->authority);
	add_header(&to_sign, headers, "x-project-id", credential->project_id);
	add_header(&to_sign, headers, "x-sdk-date", date);
	if (keys->security_token != NULL)
		add_header(&to_sign, headers, "x-security-token", keys->security_token);
	cph_sign_request(&to_sign, keys->secret_key, date, signature);

	*lines++ = cph_secret_printf("Authorization: SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%s",
								 keys->access_key, cph_sign_names(&to_sign),
								 signature);
	/* the host is libcurl's to send */
	for (int i = 1; i < to_sign.nheaders; i++)
		*lines++ = cph_secret_printf("%s: %s", headers[i].name,
									 headers[i].value);
}

/*
 * Returns the header lines that log a request in, ended by NULL, in the
 * current memory context, and the fingerprint of what they are made from.
 * Raises an error if that was refused a short while ago.  May ask for a token
 * and wait for it.
 */
const char *const *
cph_credential_headers(CphCredential *credential,
					   const CphLoginRequest *request, uint64 *fingerprint)
{
	const char **lines = palloc0(sizeof(char *) * HEADERS_MAX);
	CphLogin   *login;

	read_secrets(credential);
	login = login_of(credential);
	*fingerprint = cph_login_fingerprint(&credential->used);
	cph_login_check(login, *fingerprint, credential->options->server_name);
	if (!is_signed(credential))
		lines[0] = cph_secret_printf("X-Auth-Token: %s", credential->used.token);
	else
	{
		sign_headers(credential, request, lines);
		if (!login->accepted)
		{
			login->prober = credential;
			login->attended_at = cph_transport_now();
		}
	}
	return lines;
}

/*
 * Takes note of the end of a request that was logged in, NULL for one that was
 * dropped.
 */
void
cph_credential_answered(CphCredential *credential, const CphTransfer *transfer)
{
	CphLogin   *login = login_of(credential);
	int			status = transfer ? cph_transfer_status(transfer) : 0;

	if (login->prober == credential)
		login->prober = NULL;
	/* any other may come from something in front of the gateway that checks */
	if (status == 200 || status == 400 || status == 403 || status == 404)
		login->accepted = true;
}

/*
 * Renews a credential that the service has refused, if it can be: another
 * token is asked for, or another has come into the file in the meantime.
 */
bool
cph_credential_renew(CphCredential *credential, uint64 fingerprint)
{
	switch (credential->method)
	{
		case CPH_AUTH_PASSWORD:
			cph_login_drop_token(login_of(credential),
								 cph_token_scope(credential->options),
								 fingerprint);
			return true;
		case CPH_AUTH_TOKEN_FILE:
		case CPH_AUTH_KEYS_FILE:
			read_secrets(credential);
			return cph_login_fingerprint(&credential->used) != fingerprint;
		default:
			return false;
	}
}

/*
 * Remembers that the service has refused what has that fingerprint, and why;
 * detail is that of the error.
 */
void
cph_credential_refused(CphCredential *credential, uint64 fingerprint,
					   const CphTransfer *transfer,
					   const CphServiceError *error, const char *detail)
{
	int64		date = cph_transfer_date(transfer);
	int64		ahead = date != 0 ? date - (int64) time(NULL) : 0;

	cph_login_refuse(login_of(credential), fingerprint, detail,
					 cph_login_hint(credential->method, error, ahead));
}

/* Returns what can be done about the refusal that is remembered. */
const char *
cph_credential_hint(CphCredential *credential)
{
	return login_of(credential)->hint;
}

/* Masks all secrets of the credential in a text of the service, or NULL. */
void
cph_credential_mask(const CphCredential *credential, char *text)
{
	const CphSecrets *used = &credential->used;

	cph_secret_mask(text, used->token);
	cph_secret_mask(text, used->access_key);
	cph_secret_mask(text, used->secret_key);
	cph_secret_mask(text, used->security_token);
	cph_secret_mask(text, credential->mapping->iam_password);
	cph_secret_mask(text, credential->mapping->proxy_password);
}

/*
 * Masks them in what the service says of an error, each text by itself: one
 * may have been cut within a secret.
 */
void
cph_credential_mask_error(const CphCredential *credential,
						  CphServiceError *error)
{
	cph_credential_mask(credential, error->code);
	cph_credential_mask(credential, error->message);
	cph_credential_mask(credential, error->request_id);
}
