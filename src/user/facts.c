/*
 * facts.c
 *		What a service has shown of a list: for all sessions of a user mapping,
 *		each of which has a copy to work with.  And the sizes of lists, and of
 *		what parameters leave of them, as they were last seen: for the planner,
 *		which may not ask.
 *
 * A size is kept under its parameters, and once more under their names alone,
 * for values that only a run will show.  A newer one takes the place of one
 * whose shape falls on the same place.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include "common/hashfn.h"

/* A size under names alone moves by this part towards each one that is seen. */
#define SIZES_AVERAGED 4

/*
 * Returns a number for some parameters, whatever their order; not 0.  Without
 * values it is that of their names.
 */
static uint32
shape_of(const CphParam *params, int nparams, bool values)
{
	uint32		shape = 0;

	for (int i = 0; i < nparams; i++)
	{
		uint32		hash = string_hash(params[i].name, NAMEDATALEN);

		if (values && params[i].value != NULL)
			hash = hash_combine(hash, hash_bytes((const unsigned char *) params[i].value,
												 strlen(params[i].value)));
		shape += hash;
	}
	return shape != 0 ? shape : 1;
}

/* Keeps what some parameters have left: a number of rows. */
void
cph_facts_note_rows(CphFacts *facts, const CphParam *params, int nparams,
					int64 rows)
{
	uint32		shape = shape_of(params, nparams, true);
	uint32		names = shape_of(params, nparams, false);
	CphSize    *size = &facts->sizes[shape % CPH_MAX_SIZES];
	CphSize    *of_names = &facts->sizes[names % CPH_MAX_SIZES];

	size->shape = shape;
	size->rows = rows;
	if (names == shape)
		return;
	if (of_names->shape == names)
		rows = of_names->rows + (rows - of_names->rows) / SIZES_AVERAGED;
	of_names->shape = names;
	of_names->rows = rows;
}

/*
 * Returns how many rows some parameters have last left; where each value is
 * NULL, about how many they leave for one value or another.  -1: not known.
 */
int64
cph_facts_rows(const CphFacts *facts, const CphParam *params, int nparams)
{
	uint32		shape = shape_of(params, nparams, true);
	const CphSize *size = &facts->sizes[shape % CPH_MAX_SIZES];

	return size->shape == shape ? size->rows : -1;
}

/*
 * A service may come to do what it did not, or no longer do what it did: a day's
 * sessions begin with what is known, as if they were one.
 */
#define KNOWN_US (USECS_PER_DAY)

/* Returns what tells a list of a project from another one, as part of a key. */
uint64
cph_facts_part(const CphEndpoint *endpoint, const char *project_id)
{
	return (uint64) string_hash(endpoint->resource, NAMEDATALEN) << 32 |
		string_hash(project_id, CPH_MAX_PROJECT_ID + 1);
}

/* Returns a hash of what is known. */
static uint64
hash_facts(const CphFacts *facts)
{
	return hash_bytes_extended((const unsigned char *) facts, sizeof(CphFacts),
							   0);
}

/* Has a session know nothing of its list. */
static void
forget_facts(CphKnown *known)
{
	memset(&known->facts, 0, sizeof(CphFacts));
	known->facts.total = -1;
	known->version = 0;
	known->hash = hash_facts(&known->facts);
}

/* Has a session begin with nothing known of a list. */
static void
init_known(CphKnown *known, const CphEndpoint *endpoint, const char *project_id)
{
	memset(known, 0, sizeof(CphKnown));
	known->endpoint = endpoint;
	strlcpy(known->project_id, project_id, sizeof(known->project_id));
	forget_facts(known);
}

/* Copies what is known, bytes between the fields included, which are hashed. */
static void
copy_facts(CphKnown *to, const CphKnown *from)
{
	memcpy(&to->facts, &from->facts, sizeof(CphFacts));
}

/*
 * Takes over what another session has learned since the last time, or that it was
 * forgotten.
 */
static void
learn_facts(CphKnown *known, const CphRecordKey *key)
{
	CphKnown   *shared = cph_shared_open(key, false);

	if (cph_transport_now() - shared->begun_at > KNOWN_US)
		shared->version = 0;
	if (shared->version == 0 && known->version != 0)
		forget_facts(known);
	else if (shared->version != known->version)
	{
		copy_facts(known, shared);
		known->version = shared->version;
		known->hash = shared->hash;
	}
	cph_shared_close();
}

/*
 * Lets other sessions know what this one has learned since the last time, if
 * anything.  Of two that learn at the same time one may have to learn again.
 * Raises no error.
 */
static void
share_facts(CphKnown *known, const CphRecordKey *key)
{
	uint64		hash = hash_facts(&known->facts);
	CphKnown   *shared;

	if (hash == known->hash)
		return;
	shared = cph_shared_find(key, false);
	if (shared == NULL)
		return;
	if (shared->version == 0)
		shared->begun_at = cph_transport_now();
	copy_facts(shared, known);
	known->version = shared->version = cph_transport_now();
	known->hash = shared->hash = hash;
	cph_shared_close();
}

/* Returns the connection's copy of what a list has shown, begun if need be. */
static CphKnown *
find_known(CphConnection *connection, const CphEndpoint *endpoint,
		   const char *project_id)
{
	CphKnown   *oldest = NULL;

	for (int i = 0; i < CPH_MAX_KNOWN; i++)
	{
		CphKnown  **known = &connection->known[i];

		if (*known == NULL)
			*known = MemoryContextAllocZero(connection->context,
											sizeof(CphKnown));
		if ((*known)->endpoint == endpoint &&
			strcmp((*known)->project_id, project_id) == 0)
			return *known;
		if (oldest == NULL || (*known)->used < oldest->used)
			oldest = *known;
		if (oldest->endpoint == NULL)
			break;				/* as are all that follow */
	}
	Assert(oldest != NULL);
	init_known(oldest, endpoint, project_id);
	return oldest;
}

/* Returns the key of what a list has shown to a connection's user mapping. */
static CphRecordKey
known_key(const CphConnection *connection, const CphKnown *known)
{
	return cph_connection_key(connection, CPH_RECORD_FACTS,
							  cph_facts_part(known->endpoint, known->project_id));
}

/*
 * Returns what the service has shown of an endpoint for a project, to any
 * session, for reading and writing; cph_facts_share tells the others.
 * Where there is no room, what was used longest ago is forgotten.
 */
CphFacts *
cph_facts_find(CphConnection *connection, const CphEndpoint *endpoint,
			   const char *project_id)
{
	static uint64 uses = 0;
	CphKnown   *known = find_known(connection, endpoint, project_id);

	if (cph_shared_is())
	{
		CphRecordKey key = known_key(connection, known);

		share_facts(known, &key);
		learn_facts(known, &key);
	}
	known->used = ++uses;
	return &known->facts;
}

/* Lets other sessions know what this one has learned.  Raises no error. */
void
cph_facts_share(const CphConnection *connection)
{
	for (int i = 0; i < CPH_MAX_KNOWN && connection->known[i] != NULL; i++)
	{
		CphKnown   *known = connection->known[i];
		CphRecordKey key;

		if (known->endpoint == NULL || !cph_shared_is())
			return;
		key = known_key(connection, known);
		share_facts(known, &key);
	}
}

/* Returns what cph_facts_rows does of what all sessions know. */
int64
cph_facts_shared_rows(const CphRecordKey *key, const CphParam *params,
					  int nparams)
{
	const CphKnown *shared = cph_shared_find(key, false);
	int64		rows = -1;

	if (shared == NULL)
		return -1;
	if (shared->version != 0)
		rows = cph_facts_rows(&shared->facts, params, nparams);
	cph_shared_close();
	return rows;
}
