/*
 * json_private.h
 *		What is refused of a body before json-c reads it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSON_PRIVATE_H
#define CPH_JSON_PRIVATE_H

#include "json/json.h"

#include "nodes/pg_list.h"

/* Bytes between two looks for interrupts: read in less than 1 ms. */
#define CPH_JSON_PIECE (64 * 1024)

extern const char *cph_json_scan(const char *body, Size length,
								 int max_values, List **long_integers);
extern const char *cph_json_skip_blanks(const char *position, const char *end);

#endif							/* CPH_JSON_PRIVATE_H */
