/*
 * lib.h
 *		Small things that know nothing of the service.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_LIB_H
#define CPH_LIB_H

#include "compat.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * Memory for secrets, which is overwritten before it is freed.
 */

extern char *cph_secret_alloc(Size size);
extern char *cph_secret_copy(const char *text);
extern char *cph_secret_printf(const char *format,...) pg_attribute_printf(1, 2);
extern void cph_secret_wipe(char *text);
extern void cph_secret_mask(char *text, const char *secret);

/*
 * Sets of identifiers.
 */

typedef struct CphIdSet CphIdSet;

extern CphIdSet *cph_idset_create(void);
extern bool cph_idset_add(CphIdSet *set, const char *id);
extern bool cph_idset_add_ranked(CphIdSet *set, const char *id, int rank);
extern bool cph_idset_has(CphIdSet *set, const char *id);
extern int	cph_idset_rank(CphIdSet *set, const char *id);
extern void cph_idset_clear(CphIdSet *set);

/*
 * Times as the service writes them: ISO 8601.
 */

/* PostgreSQL's epoch, 2000-01-01, in seconds of Unix time. */
#define CPH_EPOCH_SECONDS \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY)

extern bool cph_parse_time(const char *text, TimestampTz *time);

/*
 * Texts, and strings of the service in the database's encoding.
 */

extern char *cph_server_text(const char *string, int *length);
extern char *cph_message_text(const char *string);
extern bool cph_has_text(const List *texts, const char *text);

#endif							/* CPH_LIB_H */
