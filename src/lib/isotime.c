/*
 * isotime.c
 *		Times as the service writes them: ISO 8601.
 *
 * Each part is read from the position p, which is stepped over what was read;
 * where a part is not as it must be, p is anywhere.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "lib/lib.h"

#include <math.h>

#include "utils/date.h"
#include "utils/datetime.h"

static bool parse_digits(const char **p, int ndigits, int *number);
static bool parse_date(const char **p, int *days);
static bool parse_clock(const char **p, int64 *usecs);
static bool parse_fraction(const char **p, fsec_t *fsec);
static bool parse_zone(const char **p, int64 *usecs);

/*
 * Reads a time: YYYY-MM-DD, T or a blank, HH:MM, perhaps :SS and a fraction
 * of up to nine digits, perhaps Z, +HH, +HHMM or +HH:MM (or -); UTC if it has
 * no zone.  What it takes, it takes as timestamptz does; false for anything
 * else.  Years have four digits, so no time is out of range.
 */
bool
cph_parse_time(const char *text, TimestampTz *time)
{
	const char *p = text;
	int			days;
	int64		clock;
	int64		zone;

	if (!parse_date(&p, &days))
		return false;
	if (*p != 'T' && *p != ' ')
		return false;
	p++;
	if (!parse_clock(&p, &clock) || !parse_zone(&p, &zone) ||
		*p != '\0')
		return false;

	*time = days * USECS_PER_DAY + clock - zone;
	return true;
}

/* Reads a number of just so many digits and steps over it. */
static bool
parse_digits(const char **p, int ndigits, int *number)
{
	*number = 0;
	for (int i = 0; i < ndigits; i++)
	{
		char		c = **p;

		if (c < '0' || c > '9')
			return false;
		*number = *number * 10 + (c - '0');
		(*p)++;
	}
	return true;
}

/* Reads YYYY-MM-DD as days from PostgreSQL's epoch. */
static bool
parse_date(const char **p, int *days)
{
	int			year;
	int			month;
	int			day;

	if (!parse_digits(p, 4, &year) || *(*p)++ != '-' ||
		!parse_digits(p, 2, &month) || *(*p)++ != '-' ||
		!parse_digits(p, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Reads HH:MM, HH:MM:SS or HH:MM:SS.F as microseconds from midnight. */
static bool
parse_clock(const char **p, int64 *usecs)
{
	int			hour;
	int			minute;
	int			second = 0;
	fsec_t		fsec = 0;

	if (!parse_digits(p, 2, &hour) || *(*p)++ != ':' ||
		!parse_digits(p, 2, &minute))
		return false;
	if (**p == ':')
	{
		(*p)++;
		if (!parse_digits(p, 2, &second) || !parse_fraction(p, &fsec))
			return false;
	}
	/* takes 24:00:00 and a 60th second, within the day */
	if (time_overflows(hour, minute, second, fsec))
		return false;
	*usecs = ((hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second) *
		USECS_PER_SEC + fsec;
	return true;
}

/*
 * Reads a fraction of one to nine digits, if there is one, as microseconds,
 * rounded as PostgreSQL rounds them: up to 1,000,000.
 */
static bool
parse_fraction(const char **p, fsec_t *fsec)
{
	double		fraction = 0;
	double		scale = 1;

	if (**p != '.')
		return true;
	(*p)++;
	for (; **p >= '0' && **p <= '9' && scale < 1e9; (*p)++)
	{
		fraction = fraction * 10 + (**p - '0');
		scale *= 10;
	}
	if (scale == 1)
		return false;
	*fsec = rint(fraction / scale * 1000000);
	return true;
}

/* Reads Z or an offset, if there is one, as microseconds east of UTC. */
static bool
parse_zone(const char **p, int64 *usecs)
{
	char		sign = **p;
	int			hours;
	int			minutes = 0;

	*usecs = 0;
	if (sign == '\0')
		return true;
	(*p)++;
	if (sign == 'Z' || sign == 'z')
		return true;
	if ((sign != '+' && sign != '-') || !parse_digits(p, 2, &hours))
		return false;
	if (**p != '\0')
	{
		if (**p == ':')
			(*p)++;
		if (!parse_digits(p, 2, &minutes))
			return false;
	}
	if (hours > MAX_TZDISP_HOUR || minutes >= MINS_PER_HOUR)
		return false;

	*usecs = (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE *
		USECS_PER_SEC;
	if (sign == '-')
		*usecs = -*usecs;
	return true;
}
