/*
 * secret.h
 *		Memory for secrets, which is overwritten before it is freed.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SECRET_H
#define CPH_SECRET_H

#include "compat.h"

extern char *cph_secret_alloc(Size size);
extern char *cph_secret_copy(const char *text);
extern char *cph_secret_printf(const char *format,...) pg_attribute_printf(1, 2);
extern void cph_secret_wipe(char *text);
extern void cph_secret_mask(char *text, const char *secret);

/* free and realloc of malloc'd memory that may hold secrets */
extern void cph_secret_free(void *memory);
extern void *cph_secret_realloc(void *memory, size_t size);

#endif							/* CPH_SECRET_H */
