/*
 * isotime.h
 *		Times as the service writes them: ISO 8601.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_ISOTIME_H
#define CPH_ISOTIME_H

#include "compat.h"

#include "datatype/timestamp.h"

/* PostgreSQL's epoch, 2000-01-01, in seconds of Unix time. */
#define CPH_EPOCH_SECONDS \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY)

extern bool cph_parse_time(const char *text, TimestampTz *time);

#endif							/* CPH_ISOTIME_H */
