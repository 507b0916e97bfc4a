/*
 * connection.c
 *		What a backend remembers of a server.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include "funcapi.h"
#include "miscadmin.h"
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

static bool stale = true;		/* a server or user mapping may have changed */

/*
 * Marks the connections of a changed server or user mapping as no longer
 * valid.  hash is 0 where everything may have changed.
 */
static void
invalidate_connections(Datum arg, int cacheid, uint32 hash)
{
	dlist_iter	iter;

	stale = true;
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
 * Tells whether a user mapping of this database is gone, or has other options
 * now, as may its server.
 */
static bool
is_stale(const CphRecordKey *key, Oid unused)
{
	return key->hash != cph_mapping_hash(key->serverid, key->userid);
}

/*
 * Tells whether a user mapping is the current user's for a server, or, for
 * InvalidOid, for any, and not in use by this session.
 */
static bool
is_users(const CphRecordKey *key, Oid serverid)
{
	return (!OidIsValid(serverid) || key->serverid == serverid) &&
		key->userid == cph_mapping_find(GetUserId(), key->serverid) &&
		!cph_transport_in_use(key->userid);
}

/*
 * Forgets what any session has remembered of those user mappings of this
 * database that are meant.
 */
static void
forget_remembered(bool (*is_meant) (const CphRecordKey *key, Oid serverid),
				  Oid serverid)
{
	static const CphRecordKind kinds[] = {CPH_RECORD_LOGIN,
	CPH_RECORD_TOKEN, CPH_RECORD_FACTS, CPH_RECORD_ANSWER};
	union
	{
		CphLogin	login;
		CphToken	token;
		CphKnown	known;
		CphKept		answer;
	}			data;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		CphRecordKey key;
		int			place = 0;

		while (cph_shared_copy(kinds[i], &place, &key, &data))
		{
			if (key.database != MyDatabaseId || !is_meant(&key, serverid))
				continue;
			cph_shared_forget(&key);
			place = 0;			/* others have taken the places */
		}
	}
}

/*
 * Closes the transports of a connection that is no longer valid, but not again
 * those of the next, and forgets it, unless it is still in use.
 */
static void
forget(CphConnection *connection)
{
	connection->valid = false;
	if (!connection->closed)
		cph_transport_discard(connection->umid);
	connection->closed = true;
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
	connection->hash = cph_mapping_hash(mapping->serverid, mapping->umid);
	cph_pace_look(connection, NULL);
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

	if (stale)
		forget_remembered(is_stale, InvalidOid);
	stale = false;
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

/* Returns what its clients have in common. */
CphCommon *
cph_connection_common(CphConnection *connection)
{
	return &connection->common;
}

/* Ends one use of a connection.  NULL is harmless. */
void
cph_connection_close(CphConnection *connection)
{
	if (connection != NULL)
		connection->users--;
}

/*
 * Returns what the sessions of a user know of a list as cph_facts_rows does, if
 * the options tell the project; -1: nothing.
 */
static int64
shared_rows(const CphOptions *options, Oid userid, const CphEndpoint *endpoint,
			const CphParam *params, int nparams)
{
	CphConnection who = {.serverid = options->serverid};
	CphRecordKey key;

	if (options->project_id == NULL || !cph_shared_is())
		return -1;
	who.umid = cph_mapping_find(userid, options->serverid);
	who.hash = cph_mapping_hash(who.serverid, who.umid);
	key = cph_connection_key(&who, CPH_RECORD_FACTS,
							 cph_facts_part(endpoint, options->project_id));
	return cph_facts_shared_rows(&key, params, nparams);
}

/*
 * Tells whether a server has told this session that it may not ask where an item
 * of a list is.
 */
bool
cph_connection_denies_details(const CphOptions *options,
							  const CphEndpoint *endpoint)
{
	dlist_iter	iter;

	dlist_foreach(iter, &connections)
	{
		const CphConnection *connection = dlist_container(CphConnection, node,
														  iter.cur);

		if (connection->serverid != options->serverid || !connection->valid)
			continue;
		for (int i = 0; i < CPH_MAX_KNOWN && connection->known[i] != NULL; i++)
		{
			if (connection->known[i]->endpoint == endpoint &&
				connection->known[i]->facts.denies_details)
				return true;
		}
	}
	return false;
}

/*
 * Returns what cph_facts_rows knows of a server's list, the most for any user
 * and project of this session, or, if it has not asked for that list yet, what
 * others of the user's know; InvalidOid: the current user's.  -1: nothing.
 */
int64
cph_connection_rows(const CphOptions *options, Oid userid,
					const CphEndpoint *endpoint,
					const CphParam *params, int nparams)
{
	int64		rows = -1;
	bool		asked = false;
	dlist_iter	iter;

	dlist_foreach(iter, &connections)
	{
		CphConnection *connection = dlist_container(CphConnection, node,
													iter.cur);

		if (connection->serverid != options->serverid || !connection->valid)
			continue;
		for (int i = 0; i < CPH_MAX_KNOWN; i++)
		{
			const CphKnown *known = connection->known[i];

			if (known == NULL || known->endpoint != endpoint)
				continue;
			asked = true;
			rows = Max(rows, cph_facts_rows(&known->facts, params, nparams));
		}
	}
	if (!asked)
		rows = shared_rows(options, OidIsValid(userid) ? userid : GetUserId(),
						   endpoint, params, nparams);
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
 * their tokens and what was shown; and what other sessions have remembered of the
 * current user's mappings.  Returns whether there was one to close.
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
		CphRecordKey key;

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
		key = cph_connection_key(connection, CPH_RECORD_LOGIN, 0);
		cph_shared_forget(&key);
		forget(connection);
		closed = true;
	}
	forget_remembered(is_users, serverid);
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
