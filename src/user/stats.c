/*
 * stats.c
 *		What servers were asked since when, by whom: the statistics.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cph_fdw_stat_get_servers);
PG_FUNCTION_INFO_V1(cph_fdw_stat_reset);

/* Columns of cph_fdw_stat_servers. */
#define STATS_COLUMNS 16

/* Returns the key of a user's counters at a server of this database. */
static CphRecordKey
stats_key(Oid serverid, Oid userid)
{
	CphRecordKey key = {CPH_RECORD_STATS, MyDatabaseId, serverid, userid};

	return key;
}

/* Has a user's counters at a server begin, unless they have begun. */
void
cph_stats_open(Oid serverid, const char *server, Oid userid)
{
	CphRecordKey key = stats_key(serverid, userid);
	TimestampTz now = GetCurrentTimestamp();
	CphStats   *stats = cph_shared_open(&key, false);

	if (stats->since == 0)
		stats->since = now;
	strlcpy(stats->server, server, sizeof(stats->server));
	cph_shared_close();
}

/*
 * Adds what has been counted to the statistics, less what was added before,
 * which is kept in *added.  Raises no error.
 */
void
cph_stats_add(Oid serverid, Oid userid, const CphCounters *counters,
			  CphCounters *added)
{
	CphRecordKey key = stats_key(serverid, userid);
	CphStats   *stats = cph_shared_find(&key, false);

	if (stats != NULL)
	{
		int64	   *sums = (int64 *) &stats->counters;

		for (int i = 0; i < sizeof(CphCounters) / sizeof(int64); i++)
			sums[i] += ((const int64 *) counters)[i] - ((int64 *) added)[i];
		cph_shared_close();
	}
	*added = *counters;
}

/* Tells whether the current user may see what another one did. */
bool
cph_stats_visible(Oid userid)
{
	return has_privs_of_role(GetUserId(), userid) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

/* Returns the name of a database or a user, or that it has none any more. */
static Datum
name_datum(const char *name, bool *isnull)
{
	*isnull = name == NULL;
	return name ? DirectFunctionCall1(namein, CStringGetDatum(name)) : (Datum) 0;
}

/* Fills in a row of the view. */
static void
stats_row(const CphRecordKey *key, const CphStats *stats, Datum *values,
		  bool *nulls)
{
	const CphCounters *counters = &stats->counters;
	const int64 numbers[] = {counters->requests, counters->retries,
		counters->throttled, counters->failed, counters->timed_out,
		counters->rows, counters->bytes, counters->tokens, counters->repairs,
	counters->connections, counters->cached};
	int			i = 0;

	values[i] = name_datum(get_database_name(key->database), &nulls[i]);
	i++;
	values[i] = name_datum(stats->server, &nulls[i]);
	i++;
	values[i] = name_datum(GetUserNameFromId(key->userid, true), &nulls[i]);
	i++;
	for (int n = 0; n < lengthof(numbers); n++)
		values[i++] = Int64GetDatum(numbers[n]);
	values[i++] = Float8GetDatum(counters->waited_us / 1000.0);
	values[i++] = TimestampTzGetDatum(stats->since);
	Assert(i == STATS_COLUMNS);
}

/*
 * cph_fdw_stat_get_servers() returns setof record: the view's rows.  Servers of
 * this database that are gone have none.
 */
Datum
cph_fdw_stat_get_servers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CphRecordKey key;
	CphStats	stats;
	int			place = 0;

	InitMaterializedSRF(fcinfo, 0);
	while (cph_shared_copy(CPH_RECORD_STATS, &place, &key, &stats))
	{
		Datum		values[STATS_COLUMNS];
		bool		nulls[STATS_COLUMNS] = {false};

		if (!cph_stats_visible(key.userid) ||
			(key.database == MyDatabaseId &&
			 GetForeignServerExtended(key.serverid, FSV_MISSING_OK) == NULL))
			continue;
		stats_row(&key, &stats, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * cph_fdw_stat_reset(name): begins the counters of a server of this database
 * anew, or, for NULL, of all its servers.
 */
Datum
cph_fdw_stat_reset(PG_FUNCTION_ARGS)
{
	const char *server = PG_ARGISNULL(0) ? NULL : NameStr(*PG_GETARG_NAME(0));
	CphRecordKey key;
	CphStats	stats;
	int			place = 0;

	while (cph_shared_copy(CPH_RECORD_STATS, &place, &key, &stats))
	{
		CphStats   *found;

		if (key.database != MyDatabaseId ||
			(server != NULL && strcmp(stats.server, server) != 0))
			continue;
		found = cph_shared_find(&key, false);
		if (found == NULL)
			continue;
		memset(&found->counters, 0, sizeof(CphCounters));
		found->since = GetCurrentTimestamp();
		cph_shared_close();
	}
	PG_RETURN_VOID();
}
