/*
 * hint.c
 *		What can be done about the error that a call ends in.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

/* The option of the server that names whom a call asks. */
static const char *
endpoint_option(const CphCall *call)
{
	return call->endpoint != NULL ? "endpoint" : "iam_endpoint";
}

/* Of a call whose port does not speak TLS. */
static const char *
no_tls(const CphCall *call)
{
	return psprintf("The port may not speak TLS: see the option \"%s\" of the server.",
					endpoint_option(call));
}

/*
 * Of a call that found no connection, or a silent one, where libcurl's text
 * tells why; or NULL.
 */
static const char *
hint_of_connection(const CphCall *call)
{
	const CphOptions *options = call->client->options;
	const char *text = cph_transfer_error(call->transfer);
	const char *given = call->endpoint != NULL ? options->endpoint :
		options->iam_endpoint;

	/* no answer to a greeting that has no end of line */
	if (strstr(text, "SSL connection timeout") != NULL)
		return no_tls(call);

	/* since 8.9 libcurl does not tell what of a connection was waited for */
	if (strncmp(call->request.base, "https://", 8) == 0 &&
		strstr(text, "Connection timed out") != NULL)
		return psprintf("The host may not be reachable from here, or the port may not speak TLS: see the option \"%s\" of the server.",
						endpoint_option(call));
	if (cph_transfer_state(call->transfer) == CPH_TRANSFER_TIMED_OUT)
		return NULL;
	if (given == NULL)
		return psprintf("The host follows from the option \"region\" of the server, which is \"%s\".",
						options->region);
	return call->endpoint != NULL ? NULL :
		"The option \"iam_endpoint\" of the server names the host that gives tokens.";
}

/* What gateways take of headers, as they are set up commonly. */
#define HEADERS_USUAL_MAX 8192

/*
 * Of a call whose answer broke off before it began: NULL, if it did not, or
 * nothing is known.
 */
static const char *
hint_of_silence(const CphCall *call)
{
	Size		sent = cph_transfer_sent(call->transfer);

	if (sent > HEADERS_USUAL_MAX && cph_transfer_status(call->transfer) == 0)
		return psprintf("The headers of the request have %zu bytes, with what it logs in by; many gateways take no more than %d.  An access key is shorter than a token.",
						sent, HEADERS_USUAL_MAX);
	if (strncmp(call->request.base, "http://", 7) != 0 ||
		cph_transfer_status(call->transfer) != 0)
		return NULL;
	return psprintf("If the port speaks TLS, the option \"%s\" of the server is to begin with \"https://\".",
					endpoint_option(call));
}

/* Tells whether an answer is a web page. */
static bool
is_web_page(const CphTransfer *transfer)
{
	Size		length;
	const char *body = cph_transfer_body(transfer, &length);

	return body[strspn(body, " \t\r\n")] == '<';
}

/*
 * Returns what can be done about the error that a call's last try was, palloc'd
 * or constant; NULL: nothing that would be known.
 */
const char *
cph_call_hint(const CphCall *call)
{
	const CphOptions *options = call->client->options;
	int64		retry_after = cph_transfer_retry_after(call->transfer);
	const char *hint = NULL;

	if (retry_after > 0 &&
		(call->outcome.verdict == CPH_VERDICT_THROTTLE ||
		 retry_after > options->throttle_timeout))
		return psprintf("The service asks to wait for " INT64_FORMAT " seconds; the option \"throttle_timeout\" of the server allows %d.",
						retry_after, options->throttle_timeout);
	switch (cph_transfer_state(call->transfer))
	{
		case CPH_TRANSFER_NO_CONNECTION:
		case CPH_TRANSFER_TIMED_OUT:
			hint = hint_of_connection(call);
			break;
		case CPH_TRANSFER_TLS_FAILED:
			if (strstr(cph_transfer_error(call->transfer),
					   "wrong version number") != NULL)
				hint = no_tls(call);
			else if (options->sslrootcert == NULL)
				hint = "The authorities to trust are the system's, which the package ca-certificates holds, unless the option \"sslrootcert\" of the server names others.";
			break;
		case CPH_TRANSFER_BROKEN:
			hint = hint_of_silence(call);
			break;
		case CPH_TRANSFER_ANSWERED:
			if (is_web_page(call->transfer))
				hint = psprintf("The answer is a web page: a proxy or gateway in between sent it, or the option \"%s\" of the server names another service.",
								endpoint_option(call));
			break;
		default:
			break;
	}
	return hint ? hint : call->outcome.hint;
}
