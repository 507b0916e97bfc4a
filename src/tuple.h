/*
 * tuple.h
 *		An item of a page into the columns of a foreign table.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_TUPLE_H
#define CPH_TUPLE_H

#include "page.h"
#include "option.h"

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

typedef struct CphTupleReader CphTupleReader;

extern CphTupleReader *cph_tuple_reader(Relation rel,
										const CphEndpoint *endpoint,
										const CphOptions *options,
										const char *project_id,
										List *attnums);
extern void cph_tuple_store(CphTupleReader *reader, const CphItem *item,
							TupleTableSlot *slot);

#endif							/* CPH_TUPLE_H */
