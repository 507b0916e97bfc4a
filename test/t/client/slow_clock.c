/*
 * slow_clock.c
 *		A machine so busy that each look at the clock takes a while, for
 *		pauses.pl: preloaded into the server, for cph_fdw alone.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int			(*next) (clockid_t, struct timespec *) =
		dlsym(RTLD_NEXT, "clock_gettime");
	Dl_info		caller;

	if (dladdr(__builtin_return_address(0), &caller) != 0 &&
		caller.dli_fname != NULL && strstr(caller.dli_fname, "cph_fdw") != NULL)
		usleep(60000);
	return next(clock, now);
}
