/*
 * token.c
 *		Tokens: a user's name and password into what the service takes.
 *
 * A token is asked for by a request of its own, which is tried again as others
 * are and waited for.  It is seldom: a token lasts a day.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"
#include "json/json.h"
#include "service/service.h"

#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/*
 * The catalogue of all services, which nobody here reads, is left out of the
 * answer by any value.
 */
#define TOKEN_PATH "/v3/auth/tokens?nocatalog=true"

/*
 * A token is renewed when a tenth of its life is left, but not more than ten
 * minutes before it ends: what it was sent with has been looked at by then.
 */
#define MARGIN_PART		10
#define MARGIN_MAX_US	INT64CONST(600000000)

/* Bytes of an escaped character of JSON, at most: \u00XX */
#define ESCAPED_MAX 6

/* A request for a token on its way. */
typedef struct Exchange
{
	const CphTokenRequest *request;
	char	   *base;			/* URL of the token service */
	CphTransport *transport;
	CphTransfer *transfer;
	int			tries;			/* begun */
	int			failures;		/* of these; to be patient is none */
	int64		throttled_since;	/* 0: not */
	const CphOutcome *outcome;
	CphServiceError error;
} Exchange;

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

/* Appends a text to JSON that has room for it: it must not grow. */
static void
append_text(StringInfo json, const char *text)
{
	char	   *utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);

	escape_json(json, utf8);
	if (utf8 != text)
		cph_secret_wipe(utf8);
}

/* Returns the body of the request, a secret. */
static char *
request_body(const CphTokenRequest *request)
{
	const CphMappingOptions *mapping = request->mapping;
	char	   *scope = cph_token_scope(request->options);
	Size		size;
	StringInfoData json;

	/* a character is at most four times as long in UTF-8 as it is here */
	size = 4 * ESCAPED_MAX * (strlen(mapping->iam_user) +
							  strlen(mapping->iam_password) +
							  strlen(mapping->iam_domain)) +
		strlen(scope) + 1024;
	json.data = cph_secret_alloc(size);
	json.maxlen = (int) size;	/* it was palloc'd, so it fits */
	json.len = 0;
	json.cursor = 0;
	appendStringInfoString(&json, "{\"auth\":{\"identity\":{\"methods\":[\"password\"],"
						   "\"password\":{\"user\":{\"name\":");
	append_text(&json, mapping->iam_user);
	appendStringInfoString(&json, ",\"password\":");
	append_text(&json, mapping->iam_password);
	appendStringInfoString(&json, ",\"domain\":{\"name\":");
	append_text(&json, mapping->iam_domain);
	appendStringInfo(&json, "}}}},\"scope\":%s}}", scope);
	return json.data;
}

/* Waits until a time of cph_transport_now.  Serves interrupts. */
static void
wait_until(Exchange *exchange, int64 at)
{
	while (cph_transport_now() < at)
	{
		cph_transport_wake_at(exchange->transport, at);
		cph_transport_wait(exchange->transport,
						   cph_wait_event_new("CphBackoff"));
	}
}

/* Masks the password in what the token service says of an error. */
static void
mask_error(CphServiceError *error, const char *password)
{
	cph_secret_mask(error->code, password);
	cph_secret_mask(error->message, password);
	cph_secret_mask(error->request_id, password);
}

/* Sends the request once and waits for its end.  Serves interrupts. */
static void
try_exchange(Exchange *exchange)
{
	static const char *const headers[] =
	{"Content-Type: application/json;charset=utf8", NULL};
	CphHttpRequest http = {0};

	http.url = psprintf("%s%s", exchange->base, TOKEN_PATH);
	http.headers = headers;
	http.body = request_body(exchange->request);
	exchange->transfer = cph_transfer_start(exchange->transport, &http);
	exchange->tries++;
	while (cph_transfer_state(exchange->transfer) == CPH_TRANSFER_PENDING)
		cph_transport_wait(exchange->transport,
						   cph_wait_event_new("CphToken"));
	exchange->outcome = cph_outcome_find(exchange->transfer, &exchange->error);
	mask_error(&exchange->error, exchange->request->mapping->iam_password);
}

/*
 * Waits as the answer or its lack suggests; false: there is to be no further
 * try.
 */
static bool
wait_for_retry(Exchange *exchange)
{
	const CphOptions *options = exchange->request->options;
	int64		now = cph_transport_now();
	int64		wait;

	if (exchange->outcome->verdict == CPH_VERDICT_RETRY)
	{
		if (!cph_outcome_may_retry(exchange->transfer, ++exchange->failures,
								   options->max_retries, options->throttle_timeout))
			return false;
		wait = cph_outcome_backoff(exchange->transfer, exchange->failures);
	}
	else if (exchange->outcome->verdict == CPH_VERDICT_THROTTLE)
	{
		wait = cph_outcome_throttle_wait(exchange->transfer, &exchange->error,
										 exchange->tries);
		if (exchange->throttled_since == 0)
			exchange->throttled_since = now;
		if (now + wait - exchange->throttled_since >
			options->throttle_timeout * USECS_PER_SEC)
			return false;
	}
	else
		return false;
	cph_transfer_release(exchange->transfer);
	wait_until(exchange, now + wait);
	return true;
}

/* Returns the detail of an error, palloc'd, without the password. */
static char *
exchange_detail(const Exchange *exchange, const char *reason)
{
	const char *host = strstr(exchange->base, "://") + 3;
	char	   *detail = cph_outcome_detail(exchange->transfer, &exchange->error,
											psprintf("POST %s%s", host, TOKEN_PATH),
											exchange->tries, reason);

	cph_secret_mask(detail, exchange->request->mapping->iam_password);
	return detail;
}

/* Raises the error that no token was to be had. */
pg_noreturn static void
raise_failure(const Exchange *exchange, int sqlstate, const char *reason)
{
	int			status = cph_transfer_status(exchange->transfer);
	const char *hint = exchange->outcome->hint;

	if (exchange->outcome->verdict == CPH_VERDICT_THROTTLE)
		sqlstate = exchange->outcome->sqlstate;
	if (status == 403)
		hint = NULL;			/* it is about the lists */
	if (status == 404)
		hint = "The service may not know the project or the region: see the options \"project_id\", \"region\" and \"iam_endpoint\" of the server.";
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("could not get a token for server \"%s\"",
					exchange->request->options->server_name),
			 errdetail_internal("%s", exchange_detail(exchange, reason)),
			 hint ? errhint("%s", hint) : 0));
}

/*
 * Reads the time at which a token is to be renewed out of its life as the
 * token service tells it, whose clock may be another; 0: it does not tell.
 */
static int64
renewal_time(const CphJsonValue *expires, const CphJsonValue *issued)
{
	TimestampTz from;
	TimestampTz until;
	int64		life;

	if (expires->kind != CPH_JSON_STRING || issued->kind != CPH_JSON_STRING ||
		!cph_parse_time(expires->string, &until) ||
		!cph_parse_time(issued->string, &from) || until <= from)
		return 0;
	life = until - from;
	return cph_transport_now() + life - Min(life / MARGIN_PART, MARGIN_MAX_US);
}

/* Reads the token's life and project out of the answer's body. */
static void
read_body(Exchange *exchange, CphToken *token)
{
	static const char *const paths[] =
	{"token.expires_at", "token.issued_at", "token.project.id"};
	CphJsonValue values[lengthof(paths)];
	const char *reason;
	Size		length;
	const char *body = cph_transfer_body(exchange->transfer, &length);
	CphJsonValue *document = cph_json_document(body, length, &reason);

	if (document == NULL)
		raise_failure(exchange, CPH_ERRCODE_ANSWER, reason);
	cph_json_read(cph_json_shape(paths, lengthof(paths)), document, values);
	token->renew_at = renewal_time(&values[0], &values[1]);
	if (values[2].kind == CPH_JSON_STRING && values[2].length > 0)
		token->project_id = MemoryContextStrdup(token->context,
												values[2].string);
}

/* Returns the token of an answer, in a child of the given context. */
static CphToken *
read_token(Exchange *exchange, MemoryContext owner)
{
	const char *text = cph_transfer_header(exchange->transfer,
										   "X-Subject-Token");
	MemoryContext context;
	MemoryContext caller;
	CphToken   *token;

	if (text == NULL || cph_mapping_check_key(text) != NULL)
		raise_failure(exchange, CPH_ERRCODE_ANSWER,
					  "no token in the header X-Subject-Token");
	context = AllocSetContextCreate(owner, "cph_fdw token",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	token = palloc0(sizeof(CphToken));
	token->context = context;
	token->scope = cph_token_scope(exchange->request->options);
	token->text = cph_secret_copy(text);
	MemoryContextSwitchTo(caller);
	read_body(exchange, token);
	return token;
}

/*
 * Asks for a token and returns it in a child of the current memory context.
 * Returns NULL if the name or password is refused; the detail of the error to
 * raise is then in *refusal, palloc'd.  Raises any other error.
 */
CphToken *
cph_token_request(const CphTokenRequest *request, char **refusal)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller,
												  "cph_fdw token request",
												  ALLOCSET_DEFAULT_SIZES);
	Exchange	exchange = {.request = request};
	CphToken   *token = NULL;

	MemoryContextSwitchTo(scratch);
	exchange.base = cph_options_iam_endpoint(request->options);
	exchange.transport = cph_transport_borrow(request->umid,
											  request->transport, scratch);
	do
		try_exchange(&exchange);
	while (wait_for_retry(&exchange));
	switch (cph_transfer_status(exchange.transfer))
	{
		case 201:
			token = read_token(&exchange, caller);
			break;
		case 401:
			*refusal = MemoryContextStrdup(caller,
										   exchange_detail(&exchange, NULL));
			break;
		default:
			raise_failure(&exchange,
						  ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, NULL);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return token;
}
