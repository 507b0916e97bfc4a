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
#include "http/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/varlena.h"

/* RFC 1035, 2.3.4 */
#define MAX_HOST_LENGTH 255

/* Tells whether a text is the number of a port. */
static bool
is_port(const char *text)
{
	return *text != '\0' && strlen(text) <= 5 &&
		strspn(text, "0123456789") == strlen(text) &&
		atoi(text) >= 1 && atoi(text) <= 65535;
}

/* Tells whether a text is a host name, or an IPv4 address, in lower case. */
static bool
is_host_name(const char *text)
{
	return *text != '\0' && *text != '.' && *text != '-' &&
		text[strlen(text) - 1] != '.' && strlen(text) <= MAX_HOST_LENGTH &&
		strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(text);
}

/* Tells whether a text is an IPv6 address without a zone. */
static bool
is_ipv6(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, text, &address) == 1;
}

/*
 * Returns a host as libcurl sends it, palloc'd: an address in its one usual
 * form.  A signature is for just those bytes.
 */
static char *
usual_host(const char *host)
{
	char		buf[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	struct in_addr in4;

	if (inet_pton(AF_INET6, host, &in6) == 1)
		return pstrdup(inet_ntop(AF_INET6, &in6, buf, sizeof(buf)));
	if (inet_aton(host, &in4) != 0)
		return pstrdup(inet_ntop(AF_INET, &in4, buf, sizeof(buf)));
	return pstrdup(host);
}

/*
 * Returns the host, in brackets if it is an IPv6 address, and the port, unless
 * it is NULL or the protocol's own; palloc'd.
 */
static char *
usual_authority(const CphUrl *url, const char *port)
{
	int			number = port ? atoi(port) : 0;
	char	   *host = url->host;

	if (is_ipv6(host))
		host = psprintf("[%s]", host);
	if (number == 0 || number == (url->https ? 443 : 80))
		return host;
	return psprintf("%s:%d", host, number);
}

/*
 * Splits "https://host[:port][/]" into its parts, palloc'd.  Returns NULL, or
 * what is wrong.  A path, a query, a fragment, a user and a password are
 * refused: a base URL has none, and they would be shown.
 */
const char *
cph_url_parse(const char *text, CphUrl *url)
{
	const char *rest;
	char	   *authority;
	char	   *host;
	char	   *port;

	if (pg_strncasecmp(text, "https://", 8) == 0)
		rest = text + 8;
	else if (pg_strncasecmp(text, "http://", 7) == 0)
		rest = text + 7;
	else
		return "The URL must begin with \"https://\".";
	url->https = rest == text + 8;
	if (strchr(rest, '@') != NULL)
		return "The URL must not carry a user or a password.";
	authority = asc_tolower(rest, strlen(rest));
	if (strlen(authority) > 0 && authority[strlen(authority) - 1] == '/')
		authority[strlen(authority) - 1] = '\0';
	if (strpbrk(authority, "/?#") != NULL)
		return "The URL must not have a path or a query.";
	host = pstrdup(authority);
	if (*host == '[')
	{
		port = strchr(++host, ']');
		if (port == NULL)
			return "The URL's address lacks a \"]\".";
		*port++ = '\0';
		if (!is_ipv6(host) || (*port != '\0' && *port != ':'))
			return "The URL has no valid IPv6 address.";
	}
	else
		port = strchr(host, ':');
	if (port != NULL && *port != ':')
		port = NULL;
	if (port != NULL)
	{
		*port++ = '\0';
		if (!is_port(port))
			return "The URL has no valid port.";
	}
	if (!is_ipv6(host) && !is_host_name(host))
		return "The URL has no valid host.";
	url->host = usual_host(host);
	url->authority = usual_authority(url, port);
	return NULL;
}

/*
 * Reads a host that is a number in any form that resolvers take (as
 * 2852039166 or 0xa9.254.43518) as its IPv4 address, in host byte order.
 */
static bool
ipv4_of_host(const char *host, uint32 *address)
{
	struct in_addr in4;
	struct in6_addr in6;

	if (inet_aton(host, &in4) != 0)
	{
		*address = ntohl(in4.s_addr);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6) == 1 && IN6_IS_ADDR_V4MAPPED(&in6))
	{
		memcpy(address, &in6.s6_addr[12], sizeof(*address));
		*address = ntohl(*address);
		return true;
	}
	return false;
}

/* Tells whether a host is a link-local address: 169.254.0.0/16, fe80::/10. */
static bool
is_link_local(const char *host)
{
	struct in6_addr in6;
	uint32		in4;

	if (ipv4_of_host(host, &in4))
		return (in4 >> 16) == 0xA9FE;
	return inet_pton(AF_INET6, host, &in6) == 1 && IN6_IS_ADDR_LINKLOCAL(&in6);
}

/* Tells whether a host is this machine: 127.0.0.0/8, ::1, localhost. */
static bool
is_loopback(const char *host)
{
	struct in6_addr in6;
	uint32		in4;

	if (ipv4_of_host(host, &in4))
		return (in4 >> 24) == 127;
	if (inet_pton(AF_INET6, host, &in6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&in6);
	return strcmp(host, "localhost") == 0;
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

	if (is_link_local(url->host))
		return "A link-local address is never called.";
	if (!url->https && !loopback)
		return "Without TLS only a loopback address may be called.";
	if (!superuser && (loopback || !url->https))
		return "A loopback address may be called only by a superuser's server.";
	if (!superuser && !is_allowed(url->host, allowed_hosts))
		return "The setting \"cph_fdw.allowed_hosts\" does not name the host.";
	return NULL;
}
