/*
 * jsonshape.h
 *		Paths into an object, prepared for reading many objects.
 *
 * A path is names with dots between, or "$" for the whole object; a name with a
 * dot in it cannot be reached.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSONSHAPE_H
#define CPH_JSONSHAPE_H

#include "json.h"

typedef struct CphShape CphShape;

extern CphShape *cph_json_shape(const char *const *paths, int npaths);
extern void cph_json_read(CphShape *shape, const CphJsonValue *object,
						  CphJsonValue *values);

#endif							/* CPH_JSONSHAPE_H */
