/*
 * connection.c
 *		What a backend remembers of a server.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user.h"
#include "http/http.h"

#include <limits.h>

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cph_fdw_get_connections);
PG_FUNCTION_INFO_V1(cph_fdw_disconnect);
PG_FUNCTION_INFO_V1(cph_fdw_disconnect_all);

/* Answers in a row after which one more request may be in flight. */
#define SUCCESSES_PER_STEP 16

static HTAB *connections = NULL;

/*
 * Marks the connections of a changed server or user mapping as no longer
 * valid.  hash is 0 where everything may have changed.
 */
static void
invalidate_connections(Datum arg, int cacheid, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	CphConnection *connection;

	if (connections == NULL)
		return;
	hash_seq_init(&scan, connections);
	while ((connection = hash_seq_search(&scan)) != NULL)
	{
		if (hash == 0 ||
			(cacheid == FOREIGNSERVEROID && connection->server_hash == hash) ||
			(cacheid == USERMAPPINGOID && connection->mapping_hash == hash))
			connection->valid = false;
	}
}

/* To be called once, when the library is loaded. */
void
cph_connection_init(void)
{
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID,
								  invalidate_connections, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID,
								  invalidate_connections, (Datum) 0);
}

/* Makes the table of connections.  It lives as long as the backend. */
static void
create_connections(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(CphConnection);
	control.hcxt = TopMemoryContext;
	connections = hash_create("cph_fdw connections", 8, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * Forgets what a credential has left with a connection.  Whoever still holds
 * the old generation keeps away from it.
 */
static void
forget_login(CphConnection *connection)
{
	static uint64 generation = 0;

	connection->generation = ++generation;
	connection->login = NULL;
	MemoryContextReset(connection->context);
}

/*
 * The same for all connections that are no longer valid, whose transports are
 * closed: the server or the mapping may be gone, and nobody ask for them again.
 */
static void
forget_invalid(void)
{
	HASH_SEQ_STATUS scan;
	CphConnection *connection;

	hash_seq_init(&scan, connections);
	while ((connection = hash_seq_search(&scan)) != NULL)
	{
		if (connection->valid)
			continue;
		if (connection->login != NULL)
			forget_login(connection);
		if (cph_transport_count(connection->umid) > 0)
			cph_transport_discard(connection->umid);
	}
}

/* Puts a connection back to what it is before its first request. */
static void
reset_connection(CphConnection *connection, const UserMapping *mapping)
{
	if (connection->context == NULL)
		connection->context = AllocSetContextCreate(TopMemoryContext,
													"cph_fdw login",
													ALLOCSET_SMALL_SIZES);
	forget_login(connection);
	connection->serverid = mapping->serverid;
	connection->server_hash =
		GetSysCacheHashValue1(FOREIGNSERVEROID,
							  ObjectIdGetDatum(mapping->serverid));
	connection->mapping_hash =
		GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
	connection->limit = INT_MAX;
	connection->successes = 0;
	connection->resume_at = 0;
	connection->throttled_since = 0;
	connection->noticed = false;
	for (int i = 0; i < CPH_MAX_FACTS && connection->facts[i] != NULL; i++)
		memset(connection->facts[i], 0, sizeof(CphFacts));
	connection->valid = true;
}

/*
 * Returns the connection of a user mapping.  It stays where it is for the
 * backend's life.  One whose server or mapping has changed starts anew, with
 * new transports.
 */
CphConnection *
cph_connection_open(const UserMapping *mapping)
{
	CphConnection *connection;
	Oid			umid = mapping->umid;
	bool		found;

	if (connections == NULL)
		create_connections();
	forget_invalid();
	connection = hash_search(connections, &umid, HASH_ENTER, &found);
	if (!found)
		memset((char *) connection + sizeof(umid), 0,
			   sizeof(CphConnection) - sizeof(umid));
	if (!connection->valid)
	{
		cph_transport_discard(umid);
		reset_connection(connection, mapping);
	}
	return connection;
}

/*
 * Takes note of an answer that asked for patience: no request of this server
 * before wait_us have passed, and half as many in flight as were.  Answers to
 * requests that were on their way at that time count once.
 *
 * Returns the time in which no success will have been seen when the wait is
 * over, for the caller to give up on.
 */
int64
cph_connection_throttled(CphConnection *connection, int64 now, int64 wait_us,
						 int in_flight, int64 timeout_us)
{
	/* What an earlier statement met with long ago does not count. */
	if (connection->throttled_since == 0 ||
		now - connection->resume_at > timeout_us)
	{
		connection->throttled_since = now;
		connection->noticed = false;
	}
	if (now >= connection->resume_at)
	{
		connection->limit = Max(Min(connection->limit, in_flight) / 2, 1);
		connection->successes = 0;
	}
	connection->resume_at = Max(connection->resume_at, now + wait_us);
	return connection->resume_at - connection->throttled_since;
}

/* Takes note of a success: the pace recovers, a step at a time. */
void
cph_connection_succeeded(CphConnection *connection)
{
	connection->throttled_since = 0;
	connection->noticed = false;
	if (connection->limit < INT_MAX &&
		++connection->successes >= SUCCESSES_PER_STEP)
	{
		connection->successes = 0;
		if (++connection->limit > CPH_MAX_CONCURRENT)
			connection->limit = INT_MAX;
	}
}

/*
 * Returns what the service has shown of an endpoint for a project, for reading
 * and writing.  Where there is no room, what was used longest ago is forgotten.
 */
CphFacts *
cph_connection_facts(CphConnection *connection, const CphEndpoint *endpoint,
					 const char *project_id)
{
	static uint64 uses = 0;
	CphFacts   *facts = NULL;

	for (int i = 0; i < CPH_MAX_FACTS; i++)
	{
		CphFacts  **known = &connection->facts[i];

		if (*known == NULL)
			*known = MemoryContextAllocZero(TopMemoryContext, sizeof(CphFacts));
		if ((*known)->endpoint == endpoint &&
			strcmp((*known)->project_id, project_id) == 0)
		{
			(*known)->used = ++uses;
			return *known;
		}
		if (facts == NULL || (*known)->used < facts->used)
			facts = *known;
		if (facts->endpoint == NULL)
			break;				/* as are all that follow */
	}
	memset(facts, 0, sizeof(CphFacts));
	facts->endpoint = endpoint;
	facts->total = -1;
	facts->used = ++uses;
	strlcpy(facts->project_id, project_id, sizeof(facts->project_id));
	return facts;
}

/*
 * Returns what cph_facts_rows knows of a server's list, the most for any user
 * and project; -1: nothing.
 */
int64
cph_connection_rows(Oid serverid, const CphEndpoint *endpoint,
					const CphParam *params, int nparams)
{
	HASH_SEQ_STATUS scan;
	CphConnection *connection;
	int64		rows = -1;

	if (connections == NULL)
		return -1;
	hash_seq_init(&scan, connections);
	while ((connection = hash_seq_search(&scan)) != NULL)
	{
		if (connection->serverid != serverid || !connection->valid)
			continue;
		for (int i = 0; i < CPH_MAX_FACTS; i++)
		{
			const CphFacts *facts = connection->facts[i];

			if (facts != NULL && facts->endpoint == endpoint)
				rows = Max(rows, cph_facts_rows(facts, params, nparams));
		}
	}
	return rows;
}

/* Tells whether a connection holds anything to close or to forget. */
static bool
is_open(const CphConnection *connection)
{
	return connection->valid || cph_transport_count(connection->umid) > 0;
}

/*
 * cph_fdw_get_connections() returns setof (server_name text, valid boolean):
 * the open connections of this backend.  server_name is null for a server
 * that was dropped; valid is false for one that will start anew.
 */
Datum
cph_fdw_get_connections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS scan;
	CphConnection *connection;

	InitMaterializedSRF(fcinfo, 0);
	if (connections == NULL)
		return (Datum) 0;
	hash_seq_init(&scan, connections);
	while ((connection = hash_seq_search(&scan)) != NULL)
	{
		ForeignServer *server;
		Datum		values[2] = {0};
		bool		nulls[2] = {false};

		if (!is_open(connection))
			continue;
		server = GetForeignServerExtended(connection->serverid, FSV_MISSING_OK);
		nulls[0] = server == NULL;
		if (server != NULL)
			values[0] = CStringGetTextDatum(server->servername);
		values[1] = BoolGetDatum(connection->valid);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * Closes the open connections of a server, or all for InvalidOid, and forgets
 * their tokens and what was shown.  Returns whether there was one to close.
 */
static bool
disconnect(Oid serverid)
{
	HASH_SEQ_STATUS scan;
	CphConnection *connection;
	bool		closed = false;

	if (connections == NULL)
		return false;
	hash_seq_init(&scan, connections);
	while ((connection = hash_seq_search(&scan)) != NULL)
	{
		if (!is_open(connection) ||
			(OidIsValid(serverid) && connection->serverid != serverid))
			continue;
		if (cph_transport_in_use(connection->umid))
		{
			ForeignServer *server = GetForeignServerExtended(connection->serverid,
															 FSV_MISSING_OK);

			ereport(WARNING,
					(errmsg("cannot close a connection to server \"%s\" because it is still in use",
							server ? server->servername : "(dropped)")));
			continue;
		}
		cph_transport_discard(connection->umid);
		connection->valid = false;
		forget_login(connection);
		closed = true;
	}
	return closed;
}

/* cph_fdw_disconnect(name) returns boolean */
Datum
cph_fdw_disconnect(PG_FUNCTION_ARGS)
{
	ForeignServer *server =
		GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)), false);

	PG_RETURN_BOOL(disconnect(server->serverid));
}

/* cph_fdw_disconnect_all() returns boolean */
Datum
cph_fdw_disconnect_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(disconnect(InvalidOid));
}
