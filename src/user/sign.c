/*
 * sign.c
 *		Signatures of requests: SDK-HMAC-SHA256.
 *
 * The request is put in the gateway's canonical form, whose digest is signed;
 * the key is the secret key as it is.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"

#include <time.h>

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/builtins.h"

#define ALGORITHM "SDK-HMAC-SHA256"

/* Bytes of a SHA-256 in hexadecimal digits, and of a date, with the end. */
#define HEX_SIZE PG_SHA256_DIGEST_STRING_LENGTH
#define DATE_SIZE 17

/* What is signed of a request. */
typedef struct SignedRequest
{
	const char *method;
	const char *path;			/* encoded */
	const char *query;			/* canonical, as cph_request_query writes it */
	const char *body;			/* "" for none */
	const CphParam *headers;	/* in byte order of their names, which are
								 * lower case; values without blanks at their
								 * ends */
	int			nheaders;
} SignedRequest;

/* Raises the error that a cryptographic library failed. */
pg_noreturn static void
crypto_error(const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not sign a request"),
			 errdetail_internal("%s", reason)));
}

/* Writes bytes in hexadecimal digits, HEX_SIZE of them. */
static void
write_hex(const uint8 *digest, char *hex)
{
	hex_encode((const char *) digest, PG_SHA256_DIGEST_LENGTH, hex);
	hex[HEX_SIZE - 1] = '\0';
}

/* Writes the SHA-256 of a text in hexadecimal digits. */
static void
write_digest(const char *text, char *hex)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		done;

	if (context == NULL)
		crypto_error("out of memory");
	done = pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) >= 0 &&
		pg_cryptohash_final(context, digest, sizeof(digest)) >= 0;
	pg_cryptohash_free(context);
	if (!done)
		crypto_error("SHA-256 failed");
	write_hex(digest, hex);
}

/* Writes the HMAC-SHA-256 of a text in hexadecimal digits. */
static void
write_hmac(const char *key, const char *text, char *hex)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
	bool		done;

	if (context == NULL)
		crypto_error("out of memory");
	done = pg_hmac_init(context, (const uint8 *) key, strlen(key)) >= 0 &&
		pg_hmac_update(context, (const uint8 *) text, strlen(text)) >= 0 &&
		pg_hmac_final(context, digest, sizeof(digest)) >= 0;
	pg_hmac_free(context);
	if (!done)
		crypto_error("HMAC failed");
	write_hex(digest, hex);
}

/* Writes the date that a signature of that time bears, DATE_SIZE bytes. */
static void
write_date(pg_time_t time, char *date)
{
	pg_strftime(date, DATE_SIZE, "%Y%m%dT%H%M%SZ", pg_gmtime(&time));
}

/* Returns the names of the signed headers, joined by semicolons, palloc'd. */
static char *
signed_names(const SignedRequest *request)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < request->nheaders; i++)
		appendStringInfo(&buf, "%s%s", i ? ";" : "", request->headers[i].name);
	return buf.data;
}

/*
 * Returns the canonical form of a request, a secret, as is each piece of it: a
 * security token is among the headers.
 */
static char *
canonical_form(const SignedRequest *request)
{
	Size		path = strlen(request->path);
	bool		slash = path == 0 || request->path[path - 1] != '/';
	const char *headers = "";
	char		body[HEX_SIZE];

	for (int i = 0; i < request->nheaders; i++)
		headers = cph_secret_printf("%s%s:%s\n", headers,
									request->headers[i].name,
									request->headers[i].value);
	write_digest(request->body, body);
	/* the path ends with a slash here, whether it does when it is sent or not */
	return cph_secret_printf("%s\n%s%s\n%s\n%s\n%s\n%s", request->method,
							 request->path, slash ? "/" : "", request->query,
							 headers, signed_names(request), body);
}

/* Writes the digest of a request's canonical form, HEX_SIZE bytes. */
static void
write_form_digest(const SignedRequest *request, char *hex)
{
	write_digest(canonical_form(request), hex);
}

/*
 * Writes the signature that a secret key gives a request on a date, which is
 * to be among its headers as x-sdk-date: HEX_SIZE bytes.
 */
static void
write_signature(const SignedRequest *request, const char *secret_key,
				const char *date, char *hex)
{
	char		digest[HEX_SIZE];

	write_form_digest(request, digest);
	write_hmac(secret_key, psprintf(ALGORITHM "\n%s\n%s", date, digest), hex);
}

/*
 * Signs a request, as of now.  Writes the headers for that, secrets, into lines,
 * and returns where they end: CPH_SIGNED_LINES further at most.
 */
const char **
cph_sign_request(const CphRequest *request, const CphMappingOptions *keys,
				 const char **lines)
{
	char		date[DATE_SIZE];
	char		signature[HEX_SIZE];
	CphParam	headers[] = {
		{"host", strstr(request->base, "://") + 3},
		{"x-project-id", request->project_id},
		{"x-sdk-date", date},
		{"x-security-token", keys->security_token},
	};
	int			n = 0;
	SignedRequest to_sign = {request->method, request->path, request->query, "",
	headers};

	StaticAssertStmt(lengthof(headers) == CPH_SIGNED_LINES,
					 "a line for each, and one in place of the host's");
	write_date((pg_time_t) time(NULL), date);
	for (int i = 0; i < lengthof(headers); i++)
	{
		if (headers[i].value != NULL)
			headers[n++] = headers[i];
	}
	to_sign.nheaders = n;
	write_signature(&to_sign, keys->secret_key, date, signature);

	*lines++ = cph_secret_printf("Authorization: " ALGORITHM " Access=%s, SignedHeaders=%s, Signature=%s",
								 keys->access_key, signed_names(&to_sign),
								 signature);
	/* the host is libcurl's to send */
	for (int i = 1; i < n; i++)
		*lines++ = cph_secret_printf("%s: %s", headers[i].name,
									 headers[i].value);
	return lines;
}
