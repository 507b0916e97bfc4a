/*
 * optionrule.h
 *		What an option's value may be.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_OPTIONRULE_H
#define CPH_OPTIONRULE_H

#include "compat.h"

/* Where an option may stand. */
#define CPH_OF_SERVER	0x01
#define CPH_OF_TABLE	0x02
#define CPH_OF_COLUMN	0x04
#define CPH_OF_MAPPING	0x08

/* How an option's text becomes a value. */
typedef enum CphOptionKind
{
	CPH_KIND_STRING,			/* char * */
	CPH_KIND_BOOLEAN,			/* bool */
	CPH_KIND_INTEGER,			/* int */
	CPH_KIND_KILOBYTES,			/* int, with the units of postgresql.conf */
	CPH_KIND_COST,				/* double, not negative */
	CPH_KIND_CHOICE				/* int: the number of the word in choices */
} CphOptionKind;

/* Returns what is wrong with a value, or NULL. */
typedef const char *(*CphOptionCheck) (const char *value);

/* An option, and what its value may be. */
typedef struct CphOptionRule
{
	const char *name;
	int			places;			/* CPH_OF_xxx */
	CphOptionKind kind;
	size_t		offset;			/* in CphOptions or CphMappingOptions */
	const char *initial;		/* value where none is given, or NULL */
	int			min;
	int			max;
	const char *const *choices; /* NULL-terminated */
	CphOptionCheck check;		/* of CPH_KIND_STRING, or NULL */
	bool		superuser_only;
} CphOptionRule;

/* The setting cph_fdw.allowed_hosts */
extern char *cph_allowed_hosts;

extern void cph_option_set(const CphOptionRule *rule, const char *value,
						   char *base);

/* Checks of values: each returns what is wrong, or NULL */
extern const char *cph_check_endpoint(const char *value);
extern const char *cph_check_field(const char *value);
extern const char *cph_check_project_id(const char *value);
extern const char *cph_check_proxy(const char *value);
extern const char *cph_check_region(const char *value);
extern const char *cph_check_resource(const char *value);

#endif							/* CPH_OPTIONRULE_H */
