/*
 * stream.h
 *		The rows of a scan: one stream, or several put together.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_STREAM_H
#define CPH_STREAM_H

#include "pager.h"

#include "nodes/pg_list.h"

typedef struct CphStreams CphStreams;
typedef struct CphMatch CphMatch;

/* Fields and the values that an item must have in them */
extern CphMatch *cph_match_create(List *fields, List *values);
extern bool cph_match_item(CphMatch *match, const CphItem *item);

/* Streams */
extern CphStreams *cph_streams_create(CphClient *client,
									  const CphPagerOptions *options,
									  const CphFilter *fan, List *values);
extern CphStep cph_streams_next(CphStreams *streams, const CphItem **item);
extern const CphItem *cph_streams_peek(const CphStreams *streams, int ahead);
extern const CphFilter *cph_streams_invalid(const CphStreams *streams);
extern void cph_streams_close(CphStreams *streams);

#endif							/* CPH_STREAM_H */
