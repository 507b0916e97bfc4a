/*
 * jsonout.h
 *		A value of the service's as jsonb, or as JSON text.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSONOUT_H
#define CPH_JSONOUT_H

#include "json.h"

extern Datum cph_jsonb(const CphJsonValue *value);
extern char *cph_json_text(const CphJsonValue *value);

#endif							/* CPH_JSONOUT_H */
