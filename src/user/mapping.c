/*
 * mapping.c
 *		User mappings, and the methods by which they log in.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/syscache.h"

#define AUTH_HINT \
	"Set one of: \"access_key\" and \"secret_key\"; \"credentials_file\"; \"iam_user\", \"iam_password\" and \"iam_domain\"; \"token\"; \"token_file\"."

/* Returns the mapping of a user at a server, or that of all; InvalidOid: none. */
Oid
cph_mapping_find(Oid userid, Oid serverid)
{
	Oid			umid = GetSysCacheOid2(USERMAPPINGUSERSERVER,
									   Anum_pg_user_mapping_oid,
									   ObjectIdGetDatum(userid),
									   ObjectIdGetDatum(serverid));

	return OidIsValid(umid) || !OidIsValid(userid) ? umid :
		cph_mapping_find(InvalidOid, serverid);
}

/* Adds an attribute of a catalog's tuple to a hash. */
static uint64
hash_attribute(uint64 hash, int cacheid, HeapTuple tuple, AttrNumber attribute)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(cacheid, tuple, attribute, &isnull);

	if (isnull)
		return hash + 1;
	return hash_bytes_extended((const unsigned char *) DatumGetPointer(value),
							   datumGetSize(value, false, -1), hash);
}

/*
 * Returns a hash of the options of a server and a user mapping, by which what
 * was remembered under others is told; 0 if one of them is gone.
 */
uint64
cph_mapping_hash(Oid serverid, Oid umid)
{
	HeapTuple	server = SearchSysCache1(FOREIGNSERVEROID,
										 ObjectIdGetDatum(serverid));
	HeapTuple	mapping = SearchSysCache1(USERMAPPINGOID,
										  ObjectIdGetDatum(umid));
	uint64		hash = 0;

	if (HeapTupleIsValid(server) && HeapTupleIsValid(mapping))
	{
		hash = hash_attribute(hash, FOREIGNSERVEROID, server,
							  Anum_pg_foreign_server_srvoptions);
		hash = hash_attribute(hash, USERMAPPINGOID, mapping,
							  Anum_pg_user_mapping_umoptions);
		hash = Max(hash, 1);
	}
	if (HeapTupleIsValid(server))
		ReleaseSysCache(server);
	if (HeapTupleIsValid(mapping))
		ReleaseSysCache(mapping);
	return hash;
}

/* Tells whether a mapping has an option, and that is of a method. */
static bool
has_option(const CphMappingOptions *mapping, const CphOptionRule *option)
{
	return option->method != CPH_AUTH_NONE &&
		*(char *const *) ((const char *) mapping + option->offset) != NULL;
}

/* Returns the first option that a mapping has of any method but one, or NULL. */
static const CphOptionRule *
option_but_of(const CphMappingOptions *mapping, CphAuthMethod method)
{
	for (int i = 0; i < cph_noption_rules; i++)
	{
		if (cph_option_rules[i].method != method &&
			has_option(mapping, &cph_option_rules[i]))
			return &cph_option_rules[i];
	}
	return NULL;
}

/* Returns the method that a mapping logs in by, or CPH_AUTH_NONE. */
CphAuthMethod
cph_mapping_auth_method(const CphMappingOptions *mapping)
{
	const CphOptionRule *option = option_but_of(mapping, CPH_AUTH_NONE);

	return option ? option->method : CPH_AUTH_NONE;
}

/* Raises an error if option "name" is set without "other", which it needs. */
static void
require(bool has, const char *name, const char *other)
{
	if (!has)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is required with option \"%s\"",
						other, name)));
}

/* Raises an error if this user may not have the server read files. */
static void
check_may_read_files(const CphOptionRule *option)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errdetail("Only a superuser or a member of the role pg_read_server_files may set it.")));
}

/*
 * Raises an error unless a mapping names one whole method, which this user may
 * set.
 */
void
cph_mapping_check(const CphMappingOptions *mapping)
{
	const CphOptionRule *first = option_but_of(mapping, CPH_AUTH_NONE);
	const CphOptionRule *other;

	if (first == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("the user mapping names no credential"),
				 errhint(AUTH_HINT)));
	other = option_but_of(mapping, first->method);
	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("options \"%s\" and \"%s\" exclude each other",
						first->name, other->name),
				 errdetail("A user mapping names one way to log in."),
				 errhint(AUTH_HINT)));
	for (int i = 0; i < cph_noption_rules; i++)
	{
		const CphOptionRule *option = &cph_option_rules[i];

		if (option->method != first->method)
			continue;
		if (option->required)
			require(has_option(mapping, option), first->name, option->name);
		if (option->check == cph_check_path)
			check_may_read_files(option);
	}
	if (mapping->proxy_password != NULL)
		require(mapping->proxy_user != NULL, "proxy_password", "proxy_user");
}
