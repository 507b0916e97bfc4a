/*
 * idset.h
 *		Sets of identifiers.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_IDSET_H
#define CPH_IDSET_H

#include "compat.h"

typedef struct CphIdSet CphIdSet;

extern CphIdSet *cph_idset_create(void);
extern bool cph_idset_add(CphIdSet *set, const char *id);
extern bool cph_idset_add_ranked(CphIdSet *set, const char *id, int rank);
extern bool cph_idset_has(CphIdSet *set, const char *id);
extern int	cph_idset_rank(CphIdSet *set, const char *id);
extern void cph_idset_clear(CphIdSet *set);

#endif							/* CPH_IDSET_H */
