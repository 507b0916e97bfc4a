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
#include "utils/memutils.h"

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
	CphSize    *of_names = &facts->sizes[names % CPH_MAX_SIZES];

	facts->sizes[shape % CPH_MAX_SIZES] = (CphSize)
	{
		shape, rows
	};
	if (names == shape)
		return;
	if (of_names->shape == names)
		rows = of_names->rows + (rows - of_names->rows) / SIZES_AVERAGED;
	*of_names = (CphSize)
	{
		names, rows
	};
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

/* Where the known begins in a CphFacts, and how much that is. */
#define KNOWN(facts) ((char *) (facts) + offsetof(CphFacts, finds_substring))
#define KNOWN_SIZE (sizeof(CphFacts) - offsetof(CphFacts, finds_substring))

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
hash_known(const CphFacts *facts)
{
	return hash_bytes_extended((const unsigned char *) KNOWN(facts), KNOWN_SIZE,
							   0);
}

/* Has a session begin with nothing known of a list. */
static void
init_facts(CphFacts *facts, const CphEndpoint *endpoint,
			   const char *project_id)
{
	memset(facts, 0, sizeof(CphFacts));
	facts->endpoint = endpoint;
	strlcpy(facts->project_id, project_id, sizeof(facts->project_id));
	facts->total = -1;
	facts->hash = hash_known(facts);
}

/* Takes over what another session has learned since the last time. */
static void
learn_facts(CphFacts *facts, const CphRecordKey *key)
{
	CphFacts   *shared = cph_shared_open(key, false);

	if (cph_transport_now() - shared->begun_at > KNOWN_US)
		shared->version = 0;
	else if (shared->version != facts->version && shared->version != 0)
	{
		memcpy(KNOWN(facts), KNOWN(shared), KNOWN_SIZE);
		facts->version = shared->version;
		facts->hash = shared->hash;
	}
	cph_shared_close();
}

/*
 * Lets other sessions know what this one has learned since the last time, if
 * anything.  Of two that learn at the same time one may have to learn again.
 * Raises no error.
 */
static void
share_facts(CphFacts *facts, const CphRecordKey *key)
{
	uint64		hash = hash_known(facts);
	CphFacts   *shared;

	if (hash == facts->hash)
		return;
	shared = cph_shared_find(key, false);
	if (shared == NULL)
		return;
	if (shared->version == 0)
		shared->begun_at = cph_transport_now();
	memcpy(KNOWN(shared), KNOWN(facts), KNOWN_SIZE);
	facts->version = shared->version = cph_transport_now();
	facts->hash = shared->hash = hash;
	cph_shared_close();
}

/* Returns the connection's copy of what a list has shown, begun if need be. */
static CphFacts *
find_facts(CphConnection *connection, const CphEndpoint *endpoint,
		   const char *project_id)
{
	CphFacts   *facts = NULL;

	for (int i = 0; i < CPH_MAX_FACTS; i++)
	{
		CphFacts  **known = &connection->facts[i];

		if (*known == NULL)
			*known = MemoryContextAllocZero(connection->context,
											sizeof(CphFacts));
		if ((*known)->endpoint == endpoint &&
			strcmp((*known)->project_id, project_id) == 0)
			return *known;
		if (facts == NULL || (*known)->used < facts->used)
			facts = *known;
		if (facts->endpoint == NULL)
			break;				/* as are all that follow */
	}
	init_facts(facts, endpoint, project_id);
	return facts;
}

/* Returns the key of what a list has shown to a connection's user mapping. */
static CphRecordKey
facts_key(const CphConnection *connection, const CphFacts *facts)
{
	return cph_connection_key(connection, CPH_RECORD_FACTS,
							  cph_facts_part(facts->endpoint, facts->project_id));
}

/*
 * Returns what the service has shown of an endpoint for a project, to any
 * session, for reading and writing; cph_connection_share tells the others.
 * Where there is no room, what was used longest ago is forgotten.
 */
CphFacts *
cph_connection_facts(CphConnection *connection, const CphEndpoint *endpoint,
					 const char *project_id)
{
	static uint64 uses = 0;
	CphFacts   *facts = find_facts(connection, endpoint, project_id);

	if (cph_shared_is())
	{
		CphRecordKey key = facts_key(connection, facts);

		share_facts(facts, &key);
		learn_facts(facts, &key);
	}
	facts->used = ++uses;
	return facts;
}

/* Lets other sessions know what this one has learned.  Raises no error. */
void
cph_connection_share(const CphConnection *connection)
{
	for (int i = 0; i < CPH_MAX_FACTS && connection->facts[i] != NULL; i++)
	{
		CphFacts   *facts = connection->facts[i];
		CphRecordKey key;

		if (facts->endpoint == NULL || !cph_shared_is())
			return;
		key = facts_key(connection, facts);
		share_facts(facts, &key);
	}
}

/* Returns what cph_facts_rows does of what all sessions know. */
int64
cph_facts_shared_rows(const CphRecordKey *key, const CphParam *params,
					  int nparams)
{
	const CphFacts *shared = cph_shared_find(key, false);
	int64		rows = -1;

	if (shared == NULL)
		return -1;
	if (shared->version != 0)
		rows = cph_facts_rows(shared, params, nparams);
	cph_shared_close();
	return rows;
}
