/*
 * rule.c
 *		How the text of an option becomes a value.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"

#include <fcntl.h>

#include "common/username.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/*
 * Raises the error for a bad value.  A secret's value is not shown, nor one
 * that may be a URL with a password.
 */
pg_noreturn static void
bad_value(const CphOptionRule *rule, const char *value, const char *reason)
{
	bool		secret = (rule->places & CPH_OF_MAPPING) != 0 ||
		(strchr(value, '@') != NULL && rule->check != cph_check_field);

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 secret ? errmsg("invalid value for option \"%s\"", rule->name) :
			 errmsg("invalid value for option \"%s\": \"%.200s\"",
					rule->name, value),
			 errdetail("%s", reason)));
}

/* Warns of a project that can be none, such as the name of one. */
static void
warn_of_project(const char *value)
{
	if (strlen(value) != 32 ||
		strspn(value, "0123456789abcdefABCDEF") != 32)
		ereport(WARNING,
				(errmsg("\"%s\" does not look like the ID of a project",
						value),
				 errdetail("An ID has 32 hexadecimal digits."),
				 errhint("The console shows it beside the project's name, on the page \"My Credentials\".")));
}

/* Returns, palloc'd, who reads the files that options name. */
char *
cph_file_reader(void)
{
	char	   *unused;
	const char *user = get_user_name(&unused);

	return psprintf("It is read by the operating system's user \"%s\".",
					user ? user : "unknown");
}

/* Warns of a file that cannot be opened here and now; a pipe is not waited for. */
static void
warn_of_file(const CphOptionRule *rule, const char *path)
{
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	int			error = errno;

	if (fd >= 0)
	{
		CloseTransientFile(fd);
		return;
	}
	errno = error;
	ereport(WARNING,
			(errcode_for_file_access(),
			 errmsg("could not open the file that option \"%s\" names: %m",
					rule->name),
			 errdetail_internal("%s", cph_file_reader()),
			 rule->places & CPH_OF_MAPPING ? 0 :
			 errhint("Without the option the system's authorities are trusted, which the package ca-certificates holds.")));
}

/*
 * Warns of a value that is none that can work, but must not be refused: what
 * it depends on may be another when a dump is restored.  To be called when it
 * is known that this user may set it.
 */
void
cph_option_warn(const CphOptionRule *rule, const char *value)
{
	if (rule->check == cph_check_project_id)
		warn_of_project(value);
	else if (rule->check == cph_check_path ||
			 strcmp(rule->name, "sslrootcert") == 0)
		warn_of_file(rule, value);
}

/* Returns the number of a word among the choices; raises an error for none. */
static int
parse_choice(const CphOptionRule *rule, const char *value)
{
	StringInfoData words;

	initStringInfo(&words);
	for (int i = 0; rule->choices[i] != NULL; i++)
	{
		if (strcmp(rule->choices[i], value) == 0)
			return i;
		appendStringInfo(&words, "%s%s", i ? ", " : "", rule->choices[i]);
	}
	bad_value(rule, value, psprintf("The value must be one of %s.", words.data));
}

/* Returns an integer value; raises an error for one out of the rule's range. */
static int
parse_integer(const CphOptionRule *rule, const char *value)
{
	static const int units[] = {
		[CPH_KIND_KILOBYTES] = GUC_UNIT_KB,[CPH_KIND_SECONDS] = GUC_UNIT_S
	};
	int			flags = rule->kind == CPH_KIND_INTEGER ? 0 : units[rule->kind];
	const char *hint = NULL;
	int			result;
	double		exact;

	if (!parse_int(value, &result, flags, &hint) ||
		!parse_real(value, &exact, flags, &hint))
		bad_value(rule, value, hint ? hint : "The value must be a whole number.");
	/* less than a second is not to become 0, which has a meaning of its own */
	if (rule->kind == CPH_KIND_SECONDS && exact != result)
		bad_value(rule, value, "The value must be whole seconds.");
	if (result < rule->min || result > rule->max)
		bad_value(rule, value, psprintf("The value must be from %d to %d%s.",
										rule->min, rule->max,
										flags == GUC_UNIT_KB ? " kB" :
										flags == GUC_UNIT_S ? " seconds" : ""));
	return result;
}

/*
 * Puts the value of an option where its rule says within base, or, if base is
 * NULL, only checks it.  Raises an error for a bad value.
 */
void
cph_option_set(const CphOptionRule *rule, const char *value, char *base)
{
	char	   *target = base ? base + rule->offset : NULL;
	const char *reason = rule->check && !base ? rule->check(value) : NULL;
	bool		boolean = false;
	int			integer = 0;
	double		cost = 0;

	if (reason != NULL)
		bad_value(rule, value, reason);
	if (rule->kind == CPH_KIND_BOOLEAN && !parse_bool(value, &boolean))
		bad_value(rule, value, "The value must be true or false.");
	if (rule->kind == CPH_KIND_COST &&
		(!parse_real(value, &cost, 0, NULL) || !(cost >= 0 && cost < 1e10)))
		bad_value(rule, value, "The value must be a number, 0 or more.");
	if (rule->kind == CPH_KIND_RATE &&
		(!parse_real(value, &cost, 0, NULL) || !(cost >= 0.001 && cost < 1e6)))
		bad_value(rule, value, "The value must be a number between 0.001 and 1000000.");
	if (rule->kind == CPH_KIND_CHOICE)
		integer = parse_choice(rule, value);
	if (rule->kind == CPH_KIND_INTEGER || rule->kind == CPH_KIND_KILOBYTES ||
		rule->kind == CPH_KIND_SECONDS)
		integer = parse_integer(rule, value);
	if (target == NULL)
		return;
	if (rule->kind == CPH_KIND_STRING)
		*(char **) target = rule->places & CPH_OF_MAPPING ?
			cph_secret_copy(value) : pstrdup(value);
	else if (rule->kind == CPH_KIND_BOOLEAN)
		*(bool *) target = boolean;
	else if (rule->kind == CPH_KIND_COST || rule->kind == CPH_KIND_RATE)
		*(double *) target = cost;
	else
		*(int *) target = integer;
}
