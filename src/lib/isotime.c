/*
 * isotime.c
 *		Times as the service writes them: ISO 8601.
 *
 * PostgreSQL's own reader takes more for a time: "now", "infinity", 1/2/2024 by
 * DateStyle, and what has no zone for a time in the session's.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "lib/lib.h"

#include <math.h>

#include "utils/date.h"
#include "utils/datetime.h"

/* Steps over a character; tells whether it comes next. */
static bool
skip(const char **p, char character)
{
	if (**p != character)
		return false;
	(*p)++;
	return true;
}

/*
 * Steps over a number of just so many digits and returns it; -1, which no part
 * of a time can be, if something else comes next.
 */
static int
read_number(const char **p, int ndigits)
{
	int			number = 0;

	for (; ndigits > 0; ndigits--, (*p)++)
	{
		if (**p < '0' || **p > '9')
			return -1;
		number = number * 10 + (**p - '0');
	}
	return number;
}

/* Reads YYYY-MM-DD as days from PostgreSQL's epoch. */
static bool
read_date(const char **p, int *days)
{
	int			year = read_number(p, 4);
	int			month = skip(p, '-') ? read_number(p, 2) : -1;
	int			day = skip(p, '-') ? read_number(p, 2) : -1;

	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/*
 * Reads the one to nine digits of a fraction as microseconds, rounded as
 * PostgreSQL rounds them: up to 1,000,000; -1 if there are none.
 */
static fsec_t
read_fraction(const char **p)
{
	double		fraction = 0;
	double		scale = 1;

	for (; **p >= '0' && **p <= '9' && scale < 1e9; (*p)++)
	{
		fraction = fraction * 10 + (**p - '0');
		scale *= 10;
	}
	return scale == 1 ? -1 : rint(fraction / scale * 1000000);
}

/* Reads HH:MM, HH:MM:SS or HH:MM:SS.F as microseconds from midnight. */
static bool
read_clock(const char **p, int64 *usecs)
{
	int			hour = read_number(p, 2);
	int			minute = skip(p, ':') ? read_number(p, 2) : -1;
	bool		seconds = skip(p, ':');
	int			second = seconds ? read_number(p, 2) : 0;
	fsec_t		fsec = seconds && skip(p, '.') ? read_fraction(p) : 0;

	/* takes 24:00:00 and a 60th second, within the day; refuses what is < 0 */
	if (time_overflows(hour, minute, second, fsec))
		return false;
	*usecs = ((hour * MINS_PER_HOUR + minute) * SECS_PER_MINUTE + second) *
		USECS_PER_SEC + fsec;
	return true;
}

/* Reads Z or an offset, if there is one, as microseconds east of UTC. */
static bool
read_zone(const char **p, int64 *usecs)
{
	int			sign = **p == '-' ? -1 : 1;
	int			hours;
	int			minutes = 0;

	*usecs = 0;
	if (**p == '\0' || skip(p, 'Z') || skip(p, 'z'))
		return true;
	if (!skip(p, '+') && !skip(p, '-'))
		return false;
	hours = read_number(p, 2);
	if (**p != '\0')
	{
		(void) skip(p, ':');
		minutes = read_number(p, 2);
	}
	if (hours < 0 || hours > MAX_TZDISP_HOUR || minutes < 0 ||
		minutes >= MINS_PER_HOUR)
		return false;
	*usecs = sign * (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE *
		USECS_PER_SEC;
	return true;
}

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

	if (!read_date(&p, &days) || !(skip(&p, 'T') || skip(&p, ' ')) ||
		!read_clock(&p, &clock) || !read_zone(&p, &zone) || *p != '\0')
		return false;
	*time = days * USECS_PER_DAY + clock - zone;
	return true;
}
