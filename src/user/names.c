/*
 * names.c
 *		The names of options: found, or told from what was probably meant.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include "utils/varlena.h"

/*
 * What other wrappers, the service's kits and its console call an option, and
 * its name here.
 */
static const struct
{
	const char *other;
	const char *name;
}			synonyms[] = {
	{"url", "endpoint"},
	{"uri", "endpoint"},
	{"base_url", "endpoint"},
	{"host", "endpoint"},
	{"hostname", "endpoint"},
	{"port", "endpoint"},
	{"auth_url", "iam_endpoint"},
	{"iam_url", "iam_endpoint"},
	{"region_name", "region"},
	{"region_id", "region"},
	{"project", "project_id"},
	{"projectid", "project_id"},
	{"tenant_id", "project_id"},
	{"ca_file", "sslrootcert"},
	{"cafile", "sslrootcert"},
	{"cacert", "sslrootcert"},
	{"timeout", "request_timeout"},
	{"retries", "max_retries"},
	{"batch_size", "fetch_size"},
	{"page_size", "fetch_size"},
	{"limit", "fetch_size"},
	{"table", "resource"},
	{"table_name", "resource"},
	{"list", "resource"},
	{"object", "resource"},
	{"column", "field"},
	{"column_name", "field"},
	{"path", "field"},
	{"ak", "access_key"},
	{"access_key_id", "access_key"},
	{"sk", "secret_key"},
	{"secret_access_key", "secret_key"},
	{"session_token", "security_token"},
	{"auth_token", "token"},
	{"key_file", "credentials_file"},
	{"user", "iam_user"},
	{"username", "iam_user"},
	{"user_name", "iam_user"},
	{"password", "iam_password"},
	{"domain", "iam_domain"},
	{"domain_name", "iam_domain"},
	{"account", "iam_domain"},
};

/* The objects whose options there are, and what they are called. */
static const struct
{
	int			place;
	const char *name;
}			places[] = {
	{CPH_OF_SERVER, "server"},
	{CPH_OF_TABLE, "foreign table"},
	{CPH_OF_COLUMN, "column of a foreign table"},
	{CPH_OF_MAPPING, "user mapping"},
};

/* Returns the rule of an option in one of the places, or NULL. */
const CphOptionRule *
cph_option_find(const char *name, int place)
{
	for (int i = 0; i < cph_noption_rules; i++)
	{
		const CphOptionRule *rule = &cph_option_rules[i];

		if ((rule->places & place) && strcmp(rule->name, name) == 0)
			return rule;
	}
	return NULL;
}

/* Returns the option that has, anywhere, this name or one known elsewhere. */
static const CphOptionRule *
find_meant(const char *name)
{
	const CphOptionRule *rule = cph_option_find(name, ~0);

	for (int i = 0; rule == NULL && i < lengthof(synonyms); i++)
	{
		if (pg_strcasecmp(synonyms[i].other, name) == 0)
			rule = cph_option_find(synonyms[i].name, ~0);
	}
	return rule;
}

/*
 * Returns the option of a place whose name is nearest, or NULL if more than
 * half of each is wrong.
 */
static const CphOptionRule *
find_nearest(const char *name, int place)
{
	const CphOptionRule *nearest = NULL;
	int			distance = strlen(name) / 2 + 1;

	for (int i = 0; i < cph_noption_rules && strlen(name) <= NAMEDATALEN; i++)
	{
		const CphOptionRule *rule = &cph_option_rules[i];
		int			d;

		if ((rule->places & place) == 0)
			continue;
		d = varstr_levenshtein_less_equal(name, strlen(name), rule->name,
										  strlen(rule->name), 1, 1, 1,
										  distance, true);
		if (d < distance)
		{
			nearest = rule;
			distance = d;
		}
	}
	return nearest;
}

/*
 * Returns what was probably meant by an option that a place does not have,
 * palloc'd or constant; NULL: nobody knows.
 */
static const char *
hint_for(const char *name, int place)
{
	const CphOptionRule *meant = find_meant(name);

	if (place == 0)
		return "There are no valid options in this context.";
	if (meant == NULL)
		meant = find_nearest(name, place);
	if (meant == NULL)
		return NULL;
	if (meant->places & place)
		return psprintf("Perhaps you meant the option \"%s\".", meant->name);
	for (int i = 0; i < lengthof(places); i++)
	{
		if (meant->places & places[i].place)
			return psprintf(strcmp(meant->name, name) == 0 ?
							"\"%s\" is an option of a %s." :
							"Perhaps you meant \"%s\", an option of a %s.",
							meant->name, places[i].name);
	}
	return NULL;
}

/* Raises the error for an option that a place does not have. */
void
cph_option_unknown(const char *name, int place)
{
	const char *hint = hint_for(name, place);

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 hint ? errhint("%s", hint) : 0));
}
