/*
 * url.c
 *		Base URLs: their parts, and who may name which host.
 *
 * A backend that calls a URL of a user's choice is a way into the network
 * that the backend stands in.  Therefore a server that no superuser owns may
 * name only the hosts of the setting cph_fdw.allowed_hosts, and no server may
 * name a link-local address, where clouds keep the credentials of machines.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

#include <arpa/inet.h>

#include "utils/formatting.h"
#include "utils/varlena.h"

/* Bytes of a URL of a host of 255 bytes (RFC 1035, 2.3.4) and a port. */
#define BASE_LENGTH_MAX (sizeof("https://:65535/") + 255)

/*
 * Has libcurl read a URL and write it in the one form in which it would use
 * it, into a buffer.  Throws nothing, so that the handle cannot leak.
 */
static CURLUcode
normalize(const char *text, char *buf, Size size)
{
	CURLU	   *handle = curl_url();
	char	   *whole = NULL;
	CURLUcode	result = CURLUE_OUT_OF_MEMORY;

	if (handle != NULL)
		result = curl_url_set(handle, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	if (result == CURLUE_OK)
		result = curl_url_get(handle, CURLUPART_URL, &whole,
							  CURLU_NO_DEFAULT_PORT);
	if (result == CURLUE_OK && strlcpy(buf, whole, size) >= size)
		result = CURLUE_MALFORMED_INPUT;
	curl_free(whole);
	curl_url_cleanup(handle);
	return result;
}

/*
 * Tells whether a host, lower case, is an address or may be a name: libcurl
 * lets any letter pass, and asks for another host than the one it is given.
 */
static bool
is_host(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, host, &address) == 1 ||
		(*host != '\0' && *host != '.' && *host != '-' &&
		 host[strlen(host) - 1] != '.' &&
		 strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(host));
}

/*
 * Splits "https://host[:port][/]" into its parts, palloc'd, as libcurl reads
 * them.  Returns NULL, or what is wrong.  A path, a query, a fragment, a user
 * and a password are refused: a base URL has none, and they would be shown.
 */
const char *
cph_url_parse(const char *text, CphUrl *url)
{
	char		base[BASE_LENGTH_MAX];
	char	   *rest;

	/* of which newer ones of libcurl say something else */
	if (*text == '\0')
		return "The URL must begin with \"https://\".";
	switch (normalize(text, base, sizeof(base)))
	{
		case CURLUE_OK:
			break;
		case CURLUE_OUT_OF_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("libcurl could not read a URL.")));
			break;
		case CURLUE_BAD_SCHEME:
		case CURLUE_UNSUPPORTED_SCHEME:
			return "The URL must begin with \"https://\".";
		case CURLUE_USER_NOT_ALLOWED:
			return "The URL must not carry a user or a password.";
		case CURLUE_BAD_PORT_NUMBER:
			return "The URL has no valid port.";
		default:
			return "The URL has no valid host.";
	}
	url->https = strncmp(base, "https://", 8) == 0;
	if (!url->https && strncmp(base, "http://", 7) != 0)
		return "The URL must begin with \"https://\".";
	url->authority = asc_tolower(base, strlen(base)) + (url->https ? 8 : 7);
	rest = strchr(url->authority, '/');
	if (rest == NULL || rest[1] != '\0')
		return "The URL must not have a path or a query.";
	*rest = '\0';
	if (rest - 2 > url->authority && strcmp(rest - 2, ":0") == 0)
		return "The URL has no valid port.";
	url->host = *url->authority == '[' ?
		pnstrdup(url->authority + 1, strcspn(url->authority, "]") - 1) :
		pnstrdup(url->authority, strcspn(url->authority, ":"));
	return is_host(url->host) ? NULL : "The URL has no valid host.";
}

/*
 * Reads a host that is an address, in the one form that libcurl gives it, as
 * an IPv6 address.  Returns false if it is a name.
 */
static bool
address_of_host(const char *host, struct in6_addr *address)
{
	char		mapped[sizeof("::ffff:255.255.255.255")];

	if (inet_pton(AF_INET6, host, address) == 1)
		return true;
	return snprintf(mapped, sizeof(mapped), "::ffff:%s", host) < sizeof(mapped) &&
		inet_pton(AF_INET6, mapped, address) == 1;
}

/* Tells whether an address is an IPv4 one, mapped, below a prefix of 32 bits. */
static bool
is_below_ipv4(const struct in6_addr *address, uint32 prefix, uint32 mask)
{
	uint32		v4;

	memcpy(&v4, address->s6_addr + 12, sizeof(v4));
	return IN6_IS_ADDR_V4MAPPED(address) && (ntohl(v4) & mask) == prefix;
}

/*
 * Tells whether an address is link-local, where clouds give their secrets
 * away: 169.254.0.0/16, fe80::/10.  The one place that decides it, for what a
 * user names and for what a name leads to.
 */
static bool
is_link_local(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LINKLOCAL(address) ||
		is_below_ipv4(address, 0xA9FE0000, 0xFFFF0000);
}

/* Tells the same of a socket's address.  Throws nothing. */
bool
cph_url_is_link_local(const struct sockaddr *address)
{
	struct in6_addr in6 = in6addr_any;

	if (address->sa_family == AF_INET6)
		in6 = ((const struct sockaddr_in6 *) address)->sin6_addr;
	else if (address->sa_family == AF_INET)
	{
		memset(in6.s6_addr + 10, 0xFF, 2);	/* mapped */
		memcpy(in6.s6_addr + 12,
			   &((const struct sockaddr_in *) address)->sin_addr, 4);
	}
	return is_link_local(&in6);
}

/* Tells whether a host is this machine: 127.0.0.0/8, ::1, localhost. */
static bool
is_loopback(const char *host)
{
	struct in6_addr address;

	if (!address_of_host(host, &address))
		return strcmp(host, "localhost") == 0;
	return IN6_IS_ADDR_LOOPBACK(&address) ||
		is_below_ipv4(&address, 0x7F000000, 0xFF000000);
}

/*
 * Tells whether a list, separated by commas, names a host, or with an entry
 * that begins with a dot a domain that the host is below.
 */
static bool
is_allowed(const char *host, const char *allowed_hosts)
{
	char	   *copy = pstrdup(allowed_hosts ? allowed_hosts : "");
	List	   *entries;
	ListCell   *lc;

	/* unlike SplitIdentifierString, it does not cut long names */
	if (!SplitGUCList(copy, ',', &entries))
		return false;
	foreach(lc, entries)
	{
		const char *entry = lfirst(lc);
		int			excess = (int) strlen(host) - (int) strlen(entry);

		if (pg_strcasecmp(host, entry) == 0 ||
			(*entry == '.' && excess > 0 &&
			 pg_strcasecmp(host + excess, entry) == 0))
			return true;
	}
	return false;
}

/*
 * Returns why a server may not name this URL, or NULL if it may.  superuser:
 * whether a superuser owns the server, or is about to set it.
 */
const char *
cph_url_refusal(const CphUrl *url, bool superuser, const char *allowed_hosts)
{
	bool		loopback = is_loopback(url->host);
	struct in6_addr address;

	if (address_of_host(url->host, &address) && is_link_local(&address))
		return "A link-local address is never called.";
	if (!url->https && !loopback)
		return "Without TLS only a loopback address may be called.";
	if (!superuser && (loopback || !url->https))
		return "A loopback address may be called only by a superuser's server.";
	if (!superuser && !is_allowed(url->host, allowed_hosts))
		return psprintf("The setting \"cph_fdw.allowed_hosts\" does not name the host: it is \"%s\".",
						allowed_hosts);
	return NULL;
}
