/*
 * slow_names.c
 *		A name server that does not answer, for cancel.pl: preloaded into
 *		the server, it has each look-up below .slow.test take a minute.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int
getaddrinfo(const char *node, const char *service,
			const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*next) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");

	if (node != NULL && strstr(node, ".slow.test") != NULL)
		sleep(60);
	return next(node, service, hints, result);
}
