/*
 * jsonb.h
 *		A value of the service's as jsonb.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSONB_H
#define CPH_JSONB_H

#include "json.h"

extern Datum cph_jsonb(const CphJsonValue *value);

#endif							/* CPH_JSONB_H */
