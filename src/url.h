/*
 * url.h
 *		Base URLs: their parts, and who may name which host.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_URL_H
#define CPH_URL_H

#include "compat.h"

/* The parts of a base URL. */
typedef struct CphUrl
{
	bool		https;
	char	   *host;			/* lower case; IPv6 without brackets */
	char	   *authority;		/* host and, unless it is the protocol's own,
								 * port, as libcurl sends them */
} CphUrl;

extern const char *cph_url_parse(const char *text, CphUrl *url);
extern const char *cph_url_refusal(const CphUrl *url, bool superuser,
								   const char *allowed_hosts);

#endif							/* CPH_URL_H */
