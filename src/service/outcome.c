/*
 * outcome.c
 *		What the end of a transfer leads to: use, try again, wait, raise.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "service/service.h"
#include "lib/lib.h"

#include "common/pg_prng.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"

/* A try is repeated after 250 ms, 500 ms, ... 8 s, less a random part. */
#define BACKOFF_FIRST_US	INT64CONST(250000)
#define BACKOFF_MAX_US		INT64CONST(8000000)

/* Waits after an answer that asks for patience but does not say how much. */
#define THROTTLE_FIRST_US	INT64CONST(1000000)
#define THROTTLE_MAX_US		INT64CONST(30000000)

/* The bytes of a request's ID that an error shows; a UUID has 36. */
#define REQUEST_ID_BYTES	64

/* By how a transfer ended. */
static const CphOutcome transfer_outcomes[] = {
	{CPH_TRANSFER_NO_CONNECTION, NULL, CPH_VERDICT_RETRY,
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
	"could not connect to server \"%s\"", NULL},
	{CPH_TRANSFER_TLS_FAILED, NULL, CPH_VERDICT_RAISE,
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"could not establish a secure connection to server \"%s\"",
	"The option \"sslrootcert\" of the server names the authorities to trust."},
	{CPH_TRANSFER_TIMED_OUT, NULL, CPH_VERDICT_RETRY,
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"server \"%s\" did not answer in time",
	"The options \"connect_timeout\" and \"request_timeout\" of the server say how long to wait."},
	{CPH_TRANSFER_BROKEN, NULL, CPH_VERDICT_RETRY, CPH_ERRCODE_ANSWER,
	"the answer of server \"%s\" broke off", NULL},
	{CPH_TRANSFER_TOO_LARGE, NULL, CPH_VERDICT_RAISE, CPH_ERRCODE_ANSWER,
		"the answer of server \"%s\" is too large",
	"The option \"max_response_size\" of the server bounds it."},
	{CPH_TRANSFER_NO_MEMORY, NULL, CPH_VERDICT_RAISE, ERRCODE_OUT_OF_MEMORY,
	"out of memory for a request to server \"%s\"", NULL},
	{CPH_TRANSFER_FAILED, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR,
	"could not send a request to server \"%s\"", NULL},
};

#define FORBIDDEN "server \"%s\" denied permission"
#define FAILED "server \"%s\" failed to answer"
#define REDIRECTED "server \"%s\" redirects to another place"
#define OTHER_PROJECT "The project may be of another region or account than the credential: see the options \"project_id\" and \"region\"."
#define NOT_FOLLOWED "Redirects are not followed, since a credential would go with them."

/* By error code, which says more than the HTTP status. */
static const CphOutcome code_outcomes[] = {
	{0, "CPS.0001", CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The user needs permission for this list of the project."},
	{0, "CPS.0002", CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR,
		"server \"%s\" refused the page",
	"If the list is too long to be read to its end, read it in parts by a filter on server_id."},
	{0, "CPS.0003", CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{0, "CPS.0006", CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The account is in arrears."},
	{0, "CPS.0007", CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The account is frozen."},
	{0, "CPS.0008", CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The account is not verified."},
	{0, "CPS.0046", CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR,
		"server \"%s\" does not know the project",
	"The option \"project_id\" of the server or the foreign table is wrong."},
	{0, "APIGW.0310", CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE,
	FORBIDDEN, OTHER_PROJECT},
	{0, "APIG.0310", CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE,
	FORBIDDEN, OTHER_PROJECT},
	{0, "APIGW.0308", CPH_VERDICT_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
	"server \"%s\" is throttling", NULL},
	{0, "APIG.0308", CPH_VERDICT_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
	"server \"%s\" is throttling", NULL},
};

/*
 * By HTTP status.  The last one stands for every other.  Tried again is what
 * says that the request was not dealt with, for a reason that may pass: 408 (it
 * did not come in time, or the connection was idle for long), 421 (this
 * connection is not for this host), 425 (too early on this connection), and
 * what a gateway says of a service that is out of order.
 */
static const CphOutcome status_outcomes[] = {
	{200, NULL, CPH_VERDICT_USE, CPH_ERRCODE_ANSWER,
	"the answer of server \"%s\" is not a page of the list", NULL},
	{401, NULL, CPH_VERDICT_RENEW, ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
	"server \"%s\" refused the credential", NULL},
	{403, NULL, CPH_VERDICT_RAISE, ERRCODE_INSUFFICIENT_PRIVILEGE, FORBIDDEN,
	"The user may lack permission for this list, or the project may be another's."},
	{404, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR,
		"server \"%s\" does not know the list",
	"The service of this region may not have it, or the option \"endpoint\" of the server names another service."},
	{429, NULL, CPH_VERDICT_THROTTLE, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"server \"%s\" is throttling",
	"The option \"throttle_timeout\" of the server says for how long to wait."},
	{408, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{421, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{425, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{500, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{502, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{503, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{504, NULL, CPH_VERDICT_RETRY, ERRCODE_FDW_ERROR, FAILED, NULL},
	{301, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR, REDIRECTED, NOT_FOLLOWED},
	{302, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR, REDIRECTED, NOT_FOLLOWED},
	{303, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR, REDIRECTED, NOT_FOLLOWED},
	{307, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR, REDIRECTED, NOT_FOLLOWED},
	{308, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR, REDIRECTED, NOT_FOLLOWED},
	{0, NULL, CPH_VERDICT_RAISE, ERRCODE_FDW_ERROR,
	"server \"%s\" answered with an error", NULL},
};

/* Finds the outcome that an answer with an error code has, or NULL. */
static const CphOutcome *
outcome_of_code(const char *code)
{
	for (int i = 0; code != NULL && i < lengthof(code_outcomes); i++)
	{
		if (strcmp(code_outcomes[i].code, code) == 0)
			return &code_outcomes[i];
	}
	return NULL;
}

/* Finds the outcome of a key in a table whose last entry is any other's. */
static const CphOutcome *
outcome_of_key(const CphOutcome *table, int length, int key)
{
	int			i = 0;

	while (i < length - 1 && table[i].key != key)
		i++;
	return &table[i];
}

/* Returns the request's ID as a header tells it, or NULL. */
static const char *
request_id_header(const CphTransfer *transfer)
{
	const char *header = cph_transfer_header(transfer, "X-Request-Id");

	return header ? header : cph_transfer_header(transfer, "X-IAM-Trace-Id");
}

/* Reads what an answer that is an error says of itself. */
static void
read_error(const CphTransfer *transfer, CphServiceError *error)
{
	const char *header = request_id_header(transfer);
	Size		length;
	const char *body = cph_transfer_body(transfer, &length);

	cph_error_read(body, length, error);
	if (error->request_id == NULL && header != NULL)
		error->request_id = pstrdup(header);
}

/*
 * Finds what the end of a transfer leads to, and what an answer that is an
 * error says of itself, palloc'd.
 */
const CphOutcome *
cph_outcome_find(const CphTransfer *transfer, CphServiceError *error)
{
	CphTransferState state = cph_transfer_state(transfer);
	int			status = cph_transfer_status(transfer);
	const CphOutcome *outcome;

	memset(error, 0, sizeof(CphServiceError));
	if (state != CPH_TRANSFER_ANSWERED)
		return outcome_of_key(transfer_outcomes, lengthof(transfer_outcomes),
							  state);
	if (status != 200)
		read_error(transfer, error);
	outcome = outcome_of_code(error->code);
	return outcome ? outcome :
		outcome_of_key(status_outcomes, lengthof(status_outcomes), status);
}

/*
 * Returns what an answer to the question where an item is comes to, by its HTTP
 * status and its error code.  Only those that are about the item or the question
 * are no errors: CPH_LOCATED stands for every other.
 */
CphLocated
cph_outcome_locate(const CphLocator *locator, int status, const char *code)
{
	if (status == 403)
		return CPH_LOCATED_DENIED;
	if (status != 400 && status != 404)
		return CPH_LOCATED;
	return code != NULL && strcmp(code, locator->not_found_code) == 0 ?
		CPH_LOCATED_NONE : CPH_LOCATED_NOT;
}

/* Returns a number of microseconds between half of a time and all of it. */
static int64
with_jitter(int64 us)
{
	return pg_prng_uint64_range(&pg_global_prng_state, us / 2, us);
}

/* Returns first doubled a number of times, but not above max. */
static int64
doubled(int64 first, int times, int64 max)
{
	return times >= 16 ? max : Min(first << times, max);
}

/*
 * Reads how long the service's limit lasts out of the text of a 429 such as
 * "... limit:60,time:1 minute".  Returns 0 if it does not say so.
 */
static int64
window_of_text(const char *text)
{
	const char *found = text ? strstr(text, ",time:") : NULL;
	char	   *unit;
	long		number;

	if (found == NULL)
		return 0;
	number = strtol(found + strlen(",time:"), &unit, 10);
	if (number < 1 || number > 3600)
		return 0;
	while (*unit == ' ')
		unit++;
	if (strncmp(unit, "second", 6) == 0)
		return number * USECS_PER_SEC;
	if (strncmp(unit, "minute", 6) == 0)
		return number * USECS_PER_MINUTE;
	if (strncmp(unit, "hour", 4) == 0)
		return number * USECS_PER_HOUR;
	return 0;
}

/*
 * Tells whether a request that has failed that often, not counting answers
 * that asked for patience, is tried again: max_retries times at the most, and
 * not where the answer asks for more than patience, in seconds.
 */
bool
cph_outcome_may_retry(const CphTransfer *transfer, int failures,
					  int max_retries, int patience)
{
	return failures <= max_retries &&
		cph_transfer_retry_after(transfer) <= patience;
}

/* Returns how long to wait after that many failures, in microseconds. */
int64
cph_outcome_backoff(const CphTransfer *transfer, int failures)
{
	int64		wait = with_jitter(doubled(BACKOFF_FIRST_US, failures - 1,
										   BACKOFF_MAX_US));

	return Max(wait, cph_transfer_retry_after(transfer) * USECS_PER_SEC);
}

/*
 * Returns how long an answer asks to be patient, in microseconds; a guess
 * where it does not say.
 */
int64
cph_outcome_throttle_wait(const CphTransfer *transfer,
						  const CphServiceError *error, int tries)
{
	int64		wait = cph_transfer_retry_after(transfer) * USECS_PER_SEC;

	if (wait == 0)
		wait = window_of_text(error->message);
	if (wait == 0)
		wait = with_jitter(doubled(THROTTLE_FIRST_US, tries - 1,
								   THROTTLE_MAX_US));
	return wait;
}

/*
 * Returns what is known of a request for the detail of an error, palloc'd: the
 * request itself, and what the service or libcurl says.  reason is added if
 * not NULL.
 */
char *
cph_outcome_detail(const CphTransfer *transfer, const CphServiceError *error,
				   const char *request, int tries, const char *reason)
{
	int			status = cph_transfer_status(transfer);
	const char *request_id = error->request_id;
	StringInfoData buf;

	if (request_id == NULL)
		request_id = request_id_header(transfer);
	initStringInfo(&buf);
	appendStringInfoString(&buf, request);
	if (status != 0)
		appendStringInfo(&buf, ": HTTP status %d", status);
	if (error->code != NULL)
		appendStringInfo(&buf, ", error code %s", cph_message_text(error->code));
	if (error->message != NULL)
		appendStringInfo(&buf, ", \"%s\"", cph_message_text(error->message));
	if (cph_transfer_state(transfer) != CPH_TRANSFER_ANSWERED)
		appendStringInfo(&buf, ": %s", cph_message_text(cph_transfer_error(transfer)));
	if (reason != NULL)
		appendStringInfo(&buf, ": %s", reason);
	if (request_id != NULL)
	{
		char	   *text = cph_message_text(request_id);

		appendStringInfo(&buf, " (request %.*s)",
						 pg_mbcliplen(text, strlen(text), REQUEST_ID_BYTES), text);
	}
	if (tries > 1)
		appendStringInfo(&buf, ", after %d tries", tries);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}
