/*
 * token.c
 *		Tokens: a user's name and password into what the service takes.
 *
 * A token is asked for by a call as any other.  What is told here is how the
 * request looks, how its answer is read, and which tokens there are.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"
#include "json/json.h"

#include "mb/pg_wchar.h"

/*
 * A token is renewed when a tenth of its life is left, but not more than ten
 * minutes before it ends: what it was sent with has been looked at by then.
 */
#define MARGIN_PART		10
#define MARGIN_MAX_US	INT64CONST(600000000)

/*
 * Returns what a token is asked for, palloc'd: the scope in the request, which
 * also tells one token of a user mapping from another.  Raises an error if the
 * server names neither a project nor a region.
 */
char *
cph_token_scope(const CphOptions *options)
{
	if (options->project_id != NULL)
		return psprintf("{\"project\":{\"id\":\"%s\"}}", options->project_id);
	if (options->region != NULL)
		return psprintf("{\"project\":{\"name\":\"%s\"}}", options->region);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
			 errmsg("server \"%s\" names neither a project nor a region",
					options->server_name),
			 errhint("Set the option \"project_id\" or \"region\" of the server.")));
}

/*
 * Fills in where a token is asked for.  The catalogue of all services, which
 * nobody here reads, is left out of the answer by any value of nocatalog.
 */
void
cph_token_request(const CphOptions *options, CphRequest *request)
{
	request->method = "POST";
	request->base = cph_options_iam_endpoint(options);
	request->path = pstrdup("/v3/auth/tokens");
	request->query = pstrdup("nocatalog=true");
}

/*
 * Returns a text as a string of JSON, a secret.  It holds no control character:
 * see check_text.
 */
static char *
json_string(const char *text)
{
	char	   *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	char	   *result = cph_secret_alloc(2 * strlen(utf8) + 3);
	char	   *end = result;

	*end++ = '"';
	for (const char *p = utf8; *p; p++)
	{
		if (*p == '"' || *p == '\\')
			*end++ = '\\';
		*end++ = *p;
	}
	*end = '"';
	if (utf8 != text)
		cph_secret_wipe(utf8);
	return result;
}

/* Returns the body of the request, a secret. */
char *
cph_token_body(const CphMappingOptions *mapping, const char *scope)
{
	return cph_secret_printf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],"
							 "\"password\":{\"user\":{\"name\":%s,\"password\":%s,"
							 "\"domain\":{\"name\":%s}}}},\"scope\":%s}}",
							 json_string(mapping->iam_user),
							 json_string(mapping->iam_password),
							 json_string(mapping->iam_domain), scope);
}

/*
 * Makes what an answer leads to for a list into what it does for a token.  That
 * there was none is what has to be said first.
 */
void
cph_token_judge(const CphTransfer *transfer, CphOutcome *outcome)
{
	if (cph_transfer_state(transfer) != CPH_TRANSFER_ANSWERED)
		return;
	outcome->message = "could not get a token for server \"%s\"";
	if (outcome->verdict != CPH_VERDICT_THROTTLE)
		outcome->sqlstate = ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
	switch (cph_transfer_status(transfer))
	{
		case 200:
			outcome->verdict = CPH_VERDICT_RAISE;
			break;
		case 201:
			outcome->verdict = CPH_VERDICT_USE;
			outcome->sqlstate = CPH_ERRCODE_ANSWER;
			break;
		case 403:
			outcome->hint = NULL;	/* it is about the lists */
			break;
		case 404:
			outcome->hint = "The service may not know the project or the region: see the options \"project_id\", \"region\" and \"iam_endpoint\" of the server.";
			break;
	}
}

/*
 * Reads the time at which a token is to be renewed out of its life as the
 * token service tells it, whose clock may be another; 0: it does not tell.
 */
static int64
renewal_time(const char *expires, const char *issued)
{
	TimestampTz from;
	TimestampTz until;
	int64		life;

	if (expires == NULL || issued == NULL || !cph_parse_time(expires, &until) ||
		!cph_parse_time(issued, &from) || until <= from)
		return 0;
	life = until - from;
	return cph_transport_now() + life - Min(life / MARGIN_PART, MARGIN_MAX_US);
}

/*
 * Keeps a token for all sessions, or, where there is no room or tokens are not
 * to be shared, for this one.  Returns false if there is no room either.
 */
static bool
keep_token(const CphRecordKey *key, const CphToken *token, const char *text)
{
	bool		kept = false;

	for (int own_only = !cph_share_tokens; own_only <= 1 && !kept; own_only++)
	{
		CphToken   *known = cph_shared_open(key, own_only);
		uint64		asker = known->asker;

		*known = *token;
		known->asker = asker;
		kept = cph_shared_set_text(text, strlen(text) + 1);
		cph_shared_close();
	}
	return kept;
}

/*
 * Keeps the token of an answer, in place of an older one.  Returns NULL, or why
 * there is none.
 */
const char *
cph_token_read(const CphRecordKey *key, const CphTransfer *transfer)
{
	const char *reason = NULL;
	Size		length;
	const char *body = cph_transfer_body(transfer, &length);
	CphJsonValue *document = cph_json_document(body, length, &reason);
	const char *text = cph_transfer_header(transfer, "X-Subject-Token");
	const char *project_id;
	CphToken	token = {0};

	if (text == NULL || cph_check_key(text) != NULL)
		return "no token in the header X-Subject-Token";
	if (document == NULL)
		return reason;
	token.renew_at = renewal_time(cph_json_text_at(document, "token.expires_at"),
								  cph_json_text_at(document, "token.issued_at"));
	project_id = cph_json_text_at(document, "token.project.id");
	if (project_id != NULL)
		strlcpy(token.project_id, project_id, sizeof(token.project_id));
	return keep_token(key, &token, text) ? NULL :
		"no memory to keep the token in";
}

/* Tells whether there is a token that need not be renewed yet. */
bool
cph_token_is_good(const CphRecordKey *key)
{
	const CphToken *token = cph_shared_find(key, !cph_share_tokens);
	Size		length;
	bool		good;

	if (token == NULL)
		return false;
	good = cph_shared_text(&length) != NULL &&
		(token->renew_at == 0 || cph_transport_now() < token->renew_at);
	cph_shared_close();
	return good;
}

/*
 * Fills in the token, if there is one, and the project that it is good for, in
 * the current memory context.
 */
void
cph_token_use(const CphRecordKey *key, CphMappingOptions *used)
{
	char		project_id[CPH_MAX_PROJECT_ID + 1] = "";
	char	   *copy = NULL;
	Size		size = 0;
	Size		length;

	/* memory is asked for while nothing is open */
	do
	{
		const CphToken *token;
		const char *text;

		if (size > 0)
			copy = cph_secret_alloc(size);
		token = cph_shared_find(key, !cph_share_tokens);
		if (token == NULL)
			return;
		text = cph_shared_text(&length);
		if (copy != NULL && text != NULL && length <= size)
		{
			memcpy(copy, text, length);
			strlcpy(project_id, token->project_id, sizeof(project_id));
			used->token = copy;
		}
		cph_shared_close();
		size = length > size ? length : 0;
	} while (size > 0);
	if (project_id[0] != '\0')
		used->project_id = pstrdup(project_id);
}

/* Forgets a token, unless there is another one by now. */
void
cph_token_drop(const CphRecordKey *key, const char *text)
{
	const char *known;
	Size		length;

	if (cph_shared_find(key, !cph_share_tokens) == NULL)
		return;
	known = cph_shared_text(&length);
	if (known != NULL && strcmp(known, text) == 0)
		(void) cph_shared_set_text(NULL, 0);
	cph_shared_close();
}
