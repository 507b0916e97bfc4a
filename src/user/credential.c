/*
 * credential.c
 *		A user mapping into the headers that a request logs in with.
 *
 * A credential belongs to a client, which has the connection open.  What
 * outlives it, a token and how it was received, is known to all sessions.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

struct CphCredential
{
	const CphOptions *options;
	CphMappingOptions *mapping;
	CphAuthMethod method;
	char	   *scope;			/* of tokens, or NULL: none are asked for */
	bool		looks_up;		/* the project is to be looked up, */
	char		project_id[CPH_MAX_PROJECT_ID + 1]; /* and was; or "" */
	CphTransportOptions route;
	CphRecordKey login;			/* of how it was received */
	CphRecordKey token;			/* and, with a scope, of the token */

	/* What the last request logged in with */
	MemoryContext used_context;
	CphMappingOptions used;
};

/* Fills in how transports reach the server. */
static void
set_route(CphCredential *credential)
{
	const CphOptions *options = credential->options;
	CphTransportOptions *route = &credential->route;

	route->connect_timeout_ms = options->connect_timeout * 1000;
	route->request_timeout_ms = options->request_timeout * 1000;
	route->keepalive_idle = options->keepalive_idle;
	route->max_body = (Size) options->max_response_size * 1024;
	route->ca_file = options->sslrootcert;
	route->proxy = options->proxy;
	route->proxy_user = credential->mapping->proxy_user;
	route->proxy_password = credential->mapping->proxy_password;
}

/* Tells whether requests are signed: a wrong signature is counted. */
static bool
is_signed(const CphCredential *credential)
{
	return credential->method == CPH_AUTH_KEYS ||
		credential->method == CPH_AUTH_KEYS_FILE;
}

/* Reads the file that a mapping names, if it does, into the current context. */
static void
read_file(const CphMappingOptions *mapping, CphMappingOptions *used)
{
	if (mapping->token_file != NULL)
		cph_credfile_token(mapping->token_file, used);
	else if (mapping->credentials_file != NULL)
		cph_credfile_keys(mapping->credentials_file, mapping->profile, used);
}

/*
 * Reads what to log in with now into credential->used: without a token, where
 * that is still lacking.  Raises an error if it is not to be had.
 */
static void
read_secrets(CphCredential *credential)
{
	const CphMappingOptions *mapping = credential->mapping;
	CphMappingOptions used = *mapping;
	MemoryContext caller;

	credential->used = used;
	MemoryContextReset(credential->used_context);
	caller = MemoryContextSwitchTo(credential->used_context);
	read_file(mapping, &used);
	if (credential->scope != NULL)
		cph_token_use(&credential->token, &used);
	MemoryContextSwitchTo(caller);
	credential->used = used;
	if (is_signed(credential))
		cph_login_expect(&credential->login, cph_login_fingerprint(&used));
}

/* Returns a mapping's options, palloc'd, and wipes what they are read from. */
static CphMappingOptions *
take_options(UserMapping *mapping)
{
	CphMappingOptions *options = cph_mapping_options(mapping);
	ListCell   *lc;

	foreach(lc, mapping->options)
		cph_secret_wipe(strVal(lfirst_node(DefElem, lc)->arg));
	return options;
}

/*
 * Tells whether the file that a user's mapping names, if it does, can be read and
 * holds a credential; if not, why, in the current memory context.  The error is
 * caught, which is right because nothing but memory is held when it is raised.
 */
bool
cph_credential_is_readable(Oid userid, Oid serverid, CphFailure *failure)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "cph_fdw secrets",
												  ALLOCSET_SMALL_SIZES);
	ErrorData  *volatile error = NULL;

	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		CphMappingOptions used = {0};

		read_file(take_options(GetUserMapping(userid, serverid)), &used);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error != NULL)
		*failure = (CphFailure) {error->sqlerrcode, error->message,
		error->detail, error->hint};
	return error == NULL;
}

/*
 * Returns the credential of a user mapping, in the current memory context, and
 * wipes the mapping's options.  The server's options and the connection must
 * live as long.
 */
CphCredential *
cph_credential_open(const CphOptions *options, UserMapping *mapping,
					CphConnection *connection)
{
	CphCredential *credential = palloc0(sizeof(CphCredential));

	credential->options = options;
	credential->mapping = take_options(mapping);
	credential->method = cph_mapping_auth_method(credential->mapping);
	credential->login = cph_connection_key(connection, CPH_RECORD_LOGIN, 0);
	if (credential->method == CPH_AUTH_NONE)
		elog(ERROR, "user mapping %u names no credential", mapping->umid);
	if (credential->method == CPH_AUTH_PASSWORD)
	{
		credential->scope = cph_token_scope(options);
		credential->token = cph_connection_key(connection, CPH_RECORD_TOKEN,
											   string_hash(credential->scope,
														   PG_INT32_MAX));
	}
	credential->used_context = AllocSetContextCreate(CurrentMemoryContext,
													 "cph_fdw secrets",
													 ALLOCSET_SMALL_SIZES);
	set_route(credential);
	if (is_signed(credential) && options->project_id == NULL &&
		options->region != NULL)
	{
		read_secrets(credential);
		credential->looks_up = credential->used.project_id == NULL;
	}
	return credential;
}

/* Returns how transports reach the server; it lives as the credential does. */
const CphTransportOptions *
cph_credential_route(const CphCredential *credential)
{
	return &credential->route;
}

/*
 * Returns the project to ask for: the options', or else the one that comes
 * with the credential or was looked up, or NULL: there is none, or not yet.
 */
const char *
cph_credential_project(CphCredential *credential)
{
	if (credential->options->project_id != NULL)
		return credential->options->project_id;
	if (credential->looks_up)
		return credential->project_id[0] ? credential->project_id : NULL;
	read_secrets(credential);
	return credential->used.project_id;
}

/*
 * Tells what a credential lacks before a request for a page can be logged in.
 * Several wrong signatures at once would lock the key.
 */
CphLack
cph_credential_lacks(CphCredential *credential)
{
	if (credential->looks_up && credential->project_id[0] == '\0')
		cph_login_project(&credential->login, credential->project_id);
	if (credential->looks_up && credential->project_id[0] == '\0')
		return CPH_LACK_PROJECT;
	if (is_signed(credential))
		return cph_login_is_accepted(&credential->login) ?
			CPH_LACK_NOTHING : CPH_LACK_PROOF;
	if (credential->scope != NULL)
		return cph_token_is_good(&credential->token) ?
			CPH_LACK_NOTHING : CPH_LACK_TOKEN;
	return CPH_LACK_NOTHING;
}

/*
 * Tells whether a client is the one that may find out, by a request of its own,
 * what the credential lacks; while it does, no other client of any session may.
 */
bool
cph_credential_claim(CphCredential *credential, const CphTicket *ticket)
{
	bool		claimed;

	if (credential->scope != NULL)
	{
		CphToken   *token = cph_shared_open(&credential->token,
											!cph_share_tokens);

		claimed = cph_ticket_claim(ticket, &token->asker);
	}
	else
	{
		CphLogin   *login = cph_shared_open(&credential->login, false);

		claimed = cph_ticket_claim(ticket, &login->prover);
	}
	cph_shared_close();
	return claimed;
}

/* Ends that.  Raises no error. */
void
cph_credential_unclaim(CphCredential *credential, const CphTicket *ticket)
{
	CphLogin   *login = cph_shared_find(&credential->login, false);
	CphToken   *token;

	if (login != NULL)
	{
		cph_ticket_unclaim(ticket, &login->prover);
		cph_shared_close();
	}
	if (credential->scope == NULL)
		return;
	token = cph_shared_find(&credential->token, !cph_share_tokens);
	if (token != NULL)
	{
		cph_ticket_unclaim(ticket, &token->asker);
		cph_shared_close();
	}
}

/* Fills in the request for what is lacking, request->question; palloc'd. */
void
cph_credential_question(CphCredential *credential, CphRequest *request)
{
	if (request->question == CPH_ASK_PROJECT)
		cph_project_request(credential->options, request);
	else
		cph_token_request(credential->options, request);
}

/*
 * Takes the answer to a question, which is kept.  Returns NULL, or why it cannot
 * be.
 */
const char *
cph_credential_learn(CphCredential *credential, const CphRequest *request,
					 const CphTransfer *transfer)
{
	if (request->question == CPH_ASK_PROJECT)
		return cph_project_read(&credential->login, transfer);
	return cph_token_read(&credential->token, transfer);
}

/*
 * Adds to a request for a page, or to a question, what logs it in: header
 * lines and a body, in the current memory context; and tells the fingerprint of
 * what they are made from.  Returns false, and the error, if that was refused a
 * short while ago.
 */
bool
cph_credential_log_in(CphCredential *credential, const CphRequest *request,
					  CphHttpRequest *http, uint64 *fingerprint,
					  CphFailure *refusal)
{
	bool		token = request->question == CPH_ASK_TOKEN;
	const CphMappingOptions *used = token ? credential->mapping :
		&credential->used;
	const char **lines = palloc0(sizeof(char *) * (CPH_SIGNED_LINES + 2));

	read_secrets(credential);
	*fingerprint = cph_login_fingerprint(used);
	http->headers = lines;
	*lines++ = "X-Language: en-us"; /* of messages */
	if (token)
	{
		*lines++ = "Content-Type: application/json;charset=utf8";
		http->body = cph_token_body(used, credential->scope);
	}
	else if (is_signed(credential))
		(void) cph_sign_request(request, used, lines);
	else
		*lines = cph_secret_printf("X-Auth-Token: %s", used->token);
	return !cph_login_is_refused(&credential->login, *fingerprint,
								 credential->options->server_name, refusal);
}

/*
 * Renews a credential that the service has refused, if it can be: another
 * token is asked for, or another has come into the file in the meantime.
 */
bool
cph_credential_renew(CphCredential *credential, const CphRequest *request,
					 uint64 fingerprint)
{
	if (request->question == CPH_ASK_TOKEN)
		return false;
	switch (credential->method)
	{
		case CPH_AUTH_PASSWORD:
			read_secrets(credential);
			if (cph_login_fingerprint(&credential->used) == fingerprint)
				cph_token_drop(&credential->token, credential->used.token);
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
 * Remembers that the service has refused a request's credential, which has that
 * fingerprint; detail is that of the error.  Returns what can be done.
 */
const char *
cph_credential_refused(CphCredential *credential, const CphRequest *request,
					   uint64 fingerprint, const CphTransfer *transfer,
					   const CphServiceError *error, const char *detail)
{
	return cph_login_refuse(&credential->login,
							request->question == CPH_ASK_TOKEN ?
							CPH_AUTH_NONE : credential->method,
							fingerprint, transfer, error, detail);
}

/* Masks all secrets of the credential in a text of the service, or NULL. */
void
cph_credential_mask(const CphCredential *credential, char *text)
{
	const CphMappingOptions *used = &credential->used;
	const char *const secrets[] = {used->token, used->access_key,
		used->secret_key, used->security_token, used->iam_password,
	used->proxy_password};

	for (int i = 0; i < lengthof(secrets); i++)
		cph_secret_mask(text, secrets[i]);
}

/*
 * Takes note of an answer, masks secrets in what it says of an error, each text
 * by itself: one may have been cut within a secret; and makes what it leads to
 * for a page into what it does for a question.
 */
void
cph_credential_judge(CphCredential *credential, const CphRequest *request,
					 const CphTransfer *transfer, CphServiceError *error,
					 CphOutcome *outcome)
{
	int			status = cph_transfer_status(transfer);

	/* any other may come from something in front of the gateway that checks */
	if (status == 200 || status == 400 || status == 403 || status == 404)
		cph_login_accept(&credential->login);
	cph_credential_mask(credential, error->code);
	cph_credential_mask(credential, error->message);
	cph_credential_mask(credential, error->request_id);
	if (request->question == CPH_ASK_TOKEN)
		cph_token_judge(transfer, outcome);
	else if (request->question == CPH_ASK_PROJECT)
		cph_project_judge(transfer, outcome);
}
