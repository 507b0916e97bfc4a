/*
 * connection.c
 *		What a backend remembers of a server.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cph_fdw_get_connections);
PG_FUNCTION_INFO_V1(cph_fdw_disconnect);
PG_FUNCTION_INFO_V1(cph_fdw_disconnect_all);

/* The backend's connections, at most one of a user mapping valid. */
static dlist_head connections = DLIST_STATIC_INIT(connections);

/*
 * Marks the connections of a changed server or user mapping as no longer
 * valid.  hash is 0 where everything may have changed.
 */
static void
invalidate_connections(Datum arg, int cacheid, uint32 hash)
{
	dlist_iter	iter;

	dlist_foreach(iter, &connections)
	{
		CphConnection *connection = dlist_container(CphConnection, node,
													iter.cur);

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

/*
 * Closes the transports of a connection that is no longer valid, and forgets
 * it, and its secrets, unless it is still in use.
 */
static void
forget(CphConnection *connection)
{
	connection->valid = false;
	cph_transport_discard(connection->umid);
	if (connection->users > 0)
		return;
	dlist_delete(&connection->node);
	MemoryContextDelete(connection->context);
}

/* Returns a connection as it is before its first request. */
static CphConnection *
create_connection(const UserMapping *mapping)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "cph_fdw connection",
												  ALLOCSET_SMALL_SIZES);
	CphConnection *connection = MemoryContextAllocZero(context,
													   sizeof(CphConnection));

	connection->context = context;
	connection->umid = mapping->umid;
	connection->serverid = mapping->serverid;
	connection->server_hash =
		GetSysCacheHashValue1(FOREIGNSERVEROID,
							  ObjectIdGetDatum(mapping->serverid));
	connection->mapping_hash =
		GetSysCacheHashValue1(USERMAPPINGOID, ObjectIdGetDatum(mapping->umid));
	cph_pace_reset(&connection->pace);
	connection->login = cph_login_create(context);
	connection->valid = true;
	dlist_push_tail(&connections, &connection->node);
	return connection;
}

/*
 * Returns the connection of a user mapping, to be closed.  Whatever is no
 * longer valid is forgotten: the server or the mapping may be gone, and nobody
 * ask for it again.
 */
CphConnection *
cph_connection_open(const UserMapping *mapping)
{
	CphConnection *result = NULL;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &connections)
	{
		CphConnection *connection = dlist_container(CphConnection, node,
													iter.cur);

		if (!connection->valid)
			forget(connection);
		else if (connection->umid == mapping->umid)
			result = connection;
	}
	if (result == NULL)
		result = create_connection(mapping);
	result->users++;
	return result;
}

/* Ends one use of a connection.  NULL is harmless. */
void
cph_connection_close(CphConnection *connection)
{
	if (connection != NULL)
		connection->users--;
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
			*known = MemoryContextAllocZero(connection->context,
											sizeof(CphFacts));
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
	int64		rows = -1;
	dlist_iter	iter;

	dlist_foreach(iter, &connections)
	{
		CphConnection *connection = dlist_container(CphConnection, node,
													iter.cur);

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
	dlist_iter	iter;

	InitMaterializedSRF(fcinfo, 0);
	dlist_foreach(iter, &connections)
	{
		CphConnection *connection = dlist_container(CphConnection, node,
													iter.cur);
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
	bool		closed = false;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &connections)
	{
		CphConnection *connection = dlist_container(CphConnection, node,
													iter.cur);

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
		forget(connection);
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
