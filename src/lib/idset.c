/*
 * idset.c
 *		Sets of identifiers: what was read already.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "lib/lib.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

typedef struct IdEntry
{
	const char *id;
	uint32		hash;
	uint32		rank:31;
	uint32		status:1;		/* simplehash's */
} IdEntry;

#define SH_PREFIX idhash
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE const char *
#define SH_KEY id
#define SH_HASH_KEY(table, key) \
	hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) ((entry)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Most sets hold the few rows of one time. */
#define INITIAL_SIZE 8

/* Bytes of identifiers, of some 30 each, that are kept as one piece. */
#define PIECE 2000

struct CphIdSet
{
	idhash_hash *table;
	MemoryContext strings;		/* of the identifiers */
	char	   *free;			/* in the last piece */
	Size		room;			/* bytes there */
};

/* Returns an empty set, which lives in the current memory context. */
CphIdSet *
cph_idset_create(void)
{
	CphIdSet   *set = palloc0(sizeof(CphIdSet));

	set->table = idhash_create(CurrentMemoryContext, INITIAL_SIZE, NULL);
	set->strings = AllocSetContextCreate(CurrentMemoryContext,
										 "cph_fdw identifiers",
										 ALLOCSET_DEFAULT_SIZES);
	return set;
}

/* Copies an identifier.  The copies lie close: a list may have very many. */
static const char *
copy_id(CphIdSet *set, const char *id)
{
	Size		size = strlen(id) + 1;
	char	   *copy;

	if (size > set->room)
	{
		set->room = Max(size, PIECE);
		set->free = MemoryContextAlloc(set->strings, set->room);
	}
	copy = memcpy(set->free, id, size);
	set->free += size;
	set->room -= size;
	return copy;
}

/* Adds an identifier with a rank of the caller's choice, 31 bits at most. */
bool
cph_idset_add_ranked(CphIdSet *set, const char *id, int rank)
{
	bool		found;
	IdEntry    *entry = idhash_insert(set->table, id, &found);

	if (!found)
	{
		entry->id = copy_id(set, id);
		entry->rank = rank;
	}
	return !found;
}

/* Adds an identifier, which is copied.  Returns false if it was there. */
bool
cph_idset_add(CphIdSet *set, const char *id)
{
	return cph_idset_add_ranked(set, id, 0);
}

/* Tells whether an identifier is in the set. */
bool
cph_idset_has(CphIdSet *set, const char *id)
{
	return idhash_lookup(set->table, id) != NULL;
}

/* Returns the rank of an identifier; 0 if it is not in the set. */
int
cph_idset_rank(CphIdSet *set, const char *id)
{
	IdEntry    *entry = idhash_lookup(set->table, id);

	return entry ? entry->rank : 0;
}

/* Empties the set. */
void
cph_idset_clear(CphIdSet *set)
{
	if (set->table->members == 0)
		return;
	idhash_reset(set->table);
	MemoryContextReset(set->strings);
	set->room = 0;
}
