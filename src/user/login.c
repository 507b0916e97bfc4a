/*
 * login.c
 *		How the credential of a user mapping was received.
 *
 * The service locks an access key for five minutes when more than five
 * signatures in a row are wrong, and a user's name likewise.  A dashboard that
 * asks every second with a key of yesterday would keep it locked for all who
 * share it: what was refused once is not sent again for a while.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include <time.h>

#include "common/hashfn.h"
#include "utils/timestamp.h"

/* What was refused is not sent again for that long. */
#define REFUSED_US INT64CONST(60000000)

/* Seconds by which clocks differ when no signature is taken, whatever the key. */
#define CLOCKS_DIFFER_TOO_MUCH	(15 * 60)

/* What can be done about a refusal. */
typedef struct Refusal
{
	CphAuthMethod method;
	const char *code;			/* error_code, or NULL: any */
	const char *text;			/* part of error_msg, or NULL: any */
	const char *hint;
} Refusal;

/*
 * By the documents, and by messages of the gateway that others have met.  The
 * last one of a method stands for every other.  CPH_AUTH_NONE is the request
 * for a token.
 */
static const Refusal refusals[] = {
	{CPH_AUTH_TOKEN, "APIGW.0307", NULL,
	"The token has expired, or is of another region.  Set another by ALTER USER MAPPING ... OPTIONS (SET token ...)."},
	{CPH_AUTH_TOKEN, NULL, NULL,
	"The token is wrong or has expired.  Set another by ALTER USER MAPPING ... OPTIONS (SET token ...)."},
	{CPH_AUTH_TOKEN_FILE, "APIGW.0307", NULL,
	"The token has expired, or is of another region.  Put another into the file that the option \"token_file\" of the user mapping names."},
	{CPH_AUTH_TOKEN_FILE, NULL, NULL,
	"The token is wrong or has expired.  Put another into the file that the option \"token_file\" of the user mapping names."},
	{CPH_AUTH_KEYS, NULL, "reach the limit",
	"The service has locked the access key after too many wrong signatures.  It unlocks it after five minutes."},
	{CPH_AUTH_KEYS, NULL, "not exist",
	"The service does not know the access key.  Set another by ALTER USER MAPPING ... OPTIONS (SET access_key ..., SET secret_key ...)."},
	{CPH_AUTH_KEYS, NULL, NULL,
	"The secret key or the security token is wrong, or has expired.  Set others by ALTER USER MAPPING ... OPTIONS (SET access_key ..., SET secret_key ...)."},
	{CPH_AUTH_KEYS_FILE, NULL, "reach the limit",
	"The service has locked the access key after too many wrong signatures.  It unlocks it after five minutes."},
	{CPH_AUTH_KEYS_FILE, NULL, "not exist",
	"The service does not know the access key in the file that the option \"credentials_file\" of the user mapping names."},
	{CPH_AUTH_KEYS_FILE, NULL, NULL,
	"The secret key or the security token in the file that the option \"credentials_file\" of the user mapping names is wrong, or has expired."},
	{CPH_AUTH_NONE, NULL, NULL,
	"The options \"iam_user\", \"iam_password\" and \"iam_domain\" of the user mapping are wrong, or the user may not log in."},
	{CPH_AUTH_PASSWORD, NULL, NULL,
	"The token service gave the token, but the service does not take it: see the options \"region\", \"endpoint\" and \"iam_endpoint\" of the server."},
};

/* Tells whether the service has taken the credential of a mapping. */
bool
cph_login_is_accepted(const CphRecordKey *key)
{
	const CphLogin *login = cph_shared_find(key, false);
	bool		accepted = login != NULL && login->accepted;

	if (login != NULL)
		cph_shared_close();
	return accepted;
}

/* Remembers that it has. */
void
cph_login_accept(const CphRecordKey *key)
{
	CphLogin   *login = cph_shared_open(key, false);

	login->accepted = true;
	cph_shared_close();
}

/*
 * Takes note of the keys that requests are signed with.  What was found out
 * with others, of a file that was replaced, says nothing of these.
 */
void
cph_login_expect(const CphRecordKey *key, uint64 fingerprint)
{
	CphLogin   *login = cph_shared_open(key, false);

	if (login->sent != fingerprint)
	{
		login->accepted = false;
		login->project_id[0] = '\0';
	}
	login->sent = fingerprint;
	cph_shared_close();
}

/* Fills in the project that was looked up; "": none was. */
void
cph_login_project(const CphRecordKey *key, char *project_id)
{
	const CphLogin *login = cph_shared_find(key, false);

	*project_id = '\0';
	if (login == NULL)
		return;
	strlcpy(project_id, login->project_id, CPH_MAX_PROJECT_ID + 1);
	cph_shared_close();
}

/* Remembers it. */
void
cph_login_set_project(const CphRecordKey *key, const char *project_id)
{
	CphLogin   *login = cph_shared_open(key, false);

	strlcpy(login->project_id, project_id, sizeof(login->project_id));
	cph_shared_close();
}

/* Returns the fingerprint of what is logged in with, never 0. */
uint64
cph_login_fingerprint(const CphMappingOptions *used)
{
	const char *const parts[] = {used->token, used->access_key,
		used->secret_key, used->security_token, used->iam_user,
	used->iam_password, used->iam_domain};
	uint64		fingerprint = 0;

	for (int i = 0; i < lengthof(parts); i++)
		fingerprint = parts[i] == NULL ? fingerprint + 1 :
			hash_bytes_extended((const unsigned char *) parts[i],
								strlen(parts[i]), fingerprint);
	return fingerprint ? fingerprint : 1;
}

/* Returns the refusal that an answer is, by the method that was refused. */
static const Refusal *
find_refusal(CphAuthMethod method, const CphServiceError *error)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		const Refusal *refusal = &refusals[i];

		if (refusal->method == method &&
			(refusal->code == NULL ||
			 (error->code && strcmp(error->code, refusal->code) == 0)) &&
			(refusal->text == NULL ||
			 (error->message && strstr(error->message, refusal->text) != NULL)))
			return refusal;
	}
	elog(ERROR, "unexpected method of logging in: %d", (int) method);
}

/*
 * Returns what can be done about a credential that was refused, palloc'd or
 * constant.  Signatures are not taken where clocks differ.
 */
static const char *
hint_of(CphAuthMethod method, const CphTransfer *transfer,
		const CphServiceError *error)
{
	const char *hint = find_refusal(method, error)->hint;
	int64		date = cph_transfer_date(transfer);
	int64		ahead = date != 0 ? date - (int64) time(NULL) : 0;
	int64		distance = ahead < 0 ? -ahead : ahead;
	char	   *clock;

	if ((method != CPH_AUTH_KEYS && method != CPH_AUTH_KEYS_FILE) ||
		distance <= CPH_CLOCKS_DIFFER)
		return hint;
	clock = psprintf("This machine's clock is " INT64_FORMAT " seconds %s the service's, which takes no signature that is 15 minutes off.",
					 distance, ahead > 0 ? "behind" : "ahead of");
	return distance > CLOCKS_DIFFER_TOO_MUCH ? clock :
		psprintf("%s  %s", hint, clock);
}

/*
 * Remembers that the service has refused what has that fingerprint; detail is
 * that of the error.  Returns what can be done about it.
 */
const char *
cph_login_refuse(const CphRecordKey *key, CphAuthMethod method,
				 uint64 fingerprint, const CphTransfer *transfer,
				 const CphServiceError *error, const char *detail)
{
	const char *hint = hint_of(method, transfer, error);
	CphLogin   *login = cph_shared_open(key, false);

	login->accepted = false;
	login->refused = fingerprint;
	login->refused_at = cph_transport_now();
	strlcpy(login->detail, detail, sizeof(login->detail));
	strlcpy(login->hint, hint, sizeof(login->hint));
	cph_shared_close();
	return hint;
}

/*
 * Tells whether a credential was refused a short while ago, by whomever it was
 * sent, and is not to be sent again yet; and the error to raise then, palloc'd.
 */
bool
cph_login_is_refused(const CphRecordKey *key, uint64 fingerprint,
					 const char *server_name, CphFailure *failure)
{
	const CphLogin *known = cph_shared_find(key, false);
	CphLogin	login;
	int64		ago;

	if (known == NULL)
		return false;
	login = *known;
	cph_shared_close();
	ago = cph_transport_now() - login.refused_at;
	if (login.refused != fingerprint || ago >= REFUSED_US)
		return false;
	failure->sqlstate = ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
	failure->message = psprintf("server \"%s\" refused the credential",
								server_name);
	failure->detail = psprintf("%s  That was at %s.  It is not sent again for another " INT64_FORMAT " seconds, unless the user mapping is changed.",
							   login.detail,
							   timestamptz_to_str(GetCurrentTimestamp() - ago),
							   (REFUSED_US - ago) / USECS_PER_SEC + 1);
	failure->hint = pstrdup(login.hint);
	return true;
}
