/*
 * probe.h
 *		What the documents leave open, found out by asking.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_PROBE_H
#define CPH_PROBE_H

#include "client.h"

extern bool cph_probe_substring(CphClient *client, const CphOptions *options,
								const CphEndpoint *endpoint);

#endif							/* CPH_PROBE_H */
