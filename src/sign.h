/*
 * sign.h
 *		Signatures of requests: SDK-HMAC-SHA256.
 *
 * Pure functions: a request, a key and a date give text.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SIGN_H
#define CPH_SIGN_H

#include "compat.h"

#include "pgtime.h"

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

#endif							/* CPH_SIGN_H */
