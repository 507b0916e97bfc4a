/*
 * bind.h
 *		Values of clauses into values of query parameters, at run time.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_BIND_H
#define CPH_BIND_H

#include "option.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* What a clause asks of a field. */
typedef enum CphOp
{
	CPH_OP_EQUAL,				/* field = value, or one of several values */
	CPH_OP_ANY,					/* field = ANY (array) */
	CPH_OP_LIKE,				/* field LIKE pattern */
	CPH_OP_PREFIX,				/* field ^@ prefix */
	CPH_OP_LABEL,				/* label(field) = text, or one of several */
	CPH_OP_LABEL_ANY,			/* label(field) = ANY (array) */
	CPH_OP_NOT_BEFORE,			/* field >= time or field > time */
	CPH_OP_NOT_AFTER,			/* field <= time or field < time */
	CPH_OP_GATE					/* a condition of no field: if it fails, no
								 * row is wanted */
} CphOp;

/* Tells whether a clause bounds a time. */
static inline bool
cph_op_is_bound(CphOp op)
{
	return op == CPH_OP_NOT_BEFORE || op == CPH_OP_NOT_AFTER;
}

/* What a clause's values come to at run time. */
typedef struct CphBinding
{
	CphClass	class;			/* of sending the values; CPH_LOCAL: they must
								 * not be sent */
	bool		none;			/* no row can match */
	bool		needs_substring;	/* it could be sent if the service were
									 * known to find names by their inside */
	List	   *values;			/* distinct, char *, UTF-8; of an equality:
								 * the field is one of them */
} CphBinding;

extern CphBinding *cph_bind(const CphEndpoint *endpoint, int filter, CphOp op,
							CphNameFilter names, List *types,
							const Datum *values, const bool *nulls);
extern bool cph_bind_time(Oid type, Datum value, TimestampTz *time);

#endif							/* CPH_BIND_H */
