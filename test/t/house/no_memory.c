/*
 * no_memory.c
 *		Memory that runs out, for no_memory.pl: preloaded into the server,
 *		it has the n-th allocation of our library or of one that it uses fail.
 *
 * It tells by the place that an allocation is made from.  PostgreSQL's own
 * never fail.  As a module of PostgreSQL it is also what arms it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#define _GNU_SOURCE
#include "postgres.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(no_memory);

/* Allocations to let pass, and to have fail then; -1: not armed. */
static int64 to_pass = -1;
static int64 to_fail = 0;

/* What happened since it was armed last. */
static int64 counted = 0;

#undef malloc
#undef calloc
#undef realloc
#undef strdup

/*
 * Is this an address in a library whose allocations are to fail?  In json-c
 * only what makes its parsers and buffers: 0.16 looks at nothing else that it
 * is given, and crashes; later ones lose fields.  So our library asks for the
 * memory of all that a body may become before json-c does.
 */
static bool
is_ours(void *address)
{
	static const char *const libraries[] = {"/cph_fdw.so", "/libcurl", "/libjson-c"};
	Dl_info		info;

	if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
		return false;
	for (int i = 0; i < lengthof(libraries); i++)
		if (strstr(info.dli_fname, libraries[i]) != NULL)
			return i < 2 || (info.dli_sname != NULL &&
							 (strcmp(info.dli_sname, "json_tokener_new_ex") == 0 ||
							  strcmp(info.dli_sname, "printbuf_new") == 0));
	return false;
}

/* Counts an allocation; true if it is to fail. */
static bool
fails(void *address)
{
	if (to_pass < 0 || !is_ours(address))
		return false;
	counted++;
	if (to_pass > 0)
	{
		to_pass--;
		return false;
	}
	if (to_fail == 0)
		return false;
	to_fail--;
	errno = ENOMEM;
	return true;
}

/* The function that this one hides. */
#define NEXT(function) \
	static __typeof__(function) *next = NULL; \
	if (next == NULL) \
		next = (__typeof__(function) *) dlsym(RTLD_NEXT, #function)

void *
malloc(size_t size)
{
	NEXT(malloc);
	return fails(__builtin_return_address(0)) ? NULL : next(size);
}

void *
calloc(size_t count, size_t size)
{
	NEXT(calloc);
	return fails(__builtin_return_address(0)) ? NULL : next(count, size);
}

void *
realloc(void *memory, size_t size)
{
	NEXT(realloc);
	return fails(__builtin_return_address(0)) ? NULL : next(memory, size);
}

void *
mmap(void *address, size_t length, int protection, int flags, int fd,
	 off_t offset)
{
	NEXT(mmap);
	return fails(__builtin_return_address(0)) ? MAP_FAILED :
		next(address, length, protection, flags, fd, offset);
}

char *
strdup(const char *string)
{
	NEXT(strdup);
	return fails(__builtin_return_address(0)) ? NULL : next(string);
}

/*
 * no_memory(pass bigint, fail bigint) returns bigint: lets so many allocations
 * pass and has so many fail then; pass -1 ends that.  Returns the number of
 * allocations since the last call.
 */
Datum
no_memory(PG_FUNCTION_ARGS)
{
	int64		result = counted;

	to_pass = PG_GETARG_INT64(0);
	to_fail = PG_GETARG_INT64(1);
	counted = 0;
	PG_RETURN_INT64(result);
}
