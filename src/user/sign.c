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

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#define ALGORITHM "SDK-HMAC-SHA256"

StaticAssertDecl(CPH_HEX_SIZE == PG_SHA256_DIGEST_STRING_LENGTH,
				 "a SHA-256 in hexadecimal digits");

/* Raises the error that a cryptographic library failed. */
pg_noreturn static void
crypto_error(const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not sign a request"),
			 errdetail_internal("%s", reason)));
}

/* Writes bytes in hexadecimal digits, CPH_HEX_SIZE of them. */
static void
write_hex(const uint8 *digest, char *hex)
{
	hex_encode((const char *) digest, PG_SHA256_DIGEST_LENGTH, hex);
	hex[CPH_HEX_SIZE - 1] = '\0';
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

/* Writes the date that a signature of that time bears, CPH_DATE_SIZE bytes. */
void
cph_sign_date(pg_time_t time, char *date)
{
	pg_strftime(date, CPH_DATE_SIZE, "%Y%m%dT%H%M%SZ", pg_gmtime(&time));
}

/* Returns the names of the signed headers, joined by semicolons, palloc'd. */
char *
cph_sign_names(const CphSignedRequest *request)
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
canonical_form(const CphSignedRequest *request)
{
	Size		path = strlen(request->path);
	bool		slash = path == 0 || request->path[path - 1] != '/';
	const char *headers = "";
	char		body[CPH_HEX_SIZE];

	for (int i = 0; i < request->nheaders; i++)
		headers = cph_secret_printf("%s%s:%s\n", headers,
									request->headers[i].name,
									request->headers[i].value);
	write_digest(request->body, body);
	/* the path ends with a slash here, whether it does when it is sent or not */
	return cph_secret_printf("%s\n%s%s\n%s\n%s\n%s\n%s", request->method,
							 request->path, slash ? "/" : "", request->query,
							 headers, cph_sign_names(request), body);
}

/* Writes the digest of a request's canonical form, CPH_HEX_SIZE bytes. */
void
cph_sign_digest(const CphSignedRequest *request, char *hex)
{
	write_digest(canonical_form(request), hex);
}

/*
 * Writes the signature that a secret key gives a request on a date, which is
 * to be among its headers as x-sdk-date: CPH_HEX_SIZE bytes.
 */
void
cph_sign_request(const CphSignedRequest *request, const char *secret_key,
				 const char *date, char *hex)
{
	char		digest[CPH_HEX_SIZE];

	cph_sign_digest(request, digest);
	write_hmac(secret_key, psprintf(ALGORITHM "\n%s\n%s", date, digest), hex);
}
