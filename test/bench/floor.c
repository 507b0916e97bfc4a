/*
 * floor.c
 *		The time below which no reader of a list can be: a bare program that
 *		fetches its pages, so many at once, and throws them away.
 *
 *		floor URL TOKEN ROWS PAGE IN_FLIGHT
 *
 * URL is that of the list, without parameters, and ROWS its length.  Each page
 * starts with the last row of the page before, as cph_fdw asks for them.
 * Prints the seconds that it took.
 *
 *		cc -O2 -o floor floor.c -lcurl
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* More than any service bears. */
#define MAX_IN_FLIGHT 256

static long next_offset = 0;
static long rows;
static long page;
static long failures = 0;

/* Returns the seconds of a clock that only goes forward. */
static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* libcurl's callback for the body: it is not kept. */
static size_t
discard(char *data, size_t size, size_t count, void *arg)
{
	(void) data;
	(void) arg;
	return size * count;
}

/* Asks for the next page with a handle.  Returns 0 if there is none. */
static int
ask(CURLM *multi, CURL *easy, const char *url)
{
	char		target[1024];

	if (next_offset > 0 && next_offset + 1 >= rows)
		return 0;
	snprintf(target, sizeof(target), "%s?limit=%ld&offset=%ld", url, page,
			 next_offset);
	next_offset += page - 1;
	curl_easy_setopt(easy, CURLOPT_URL, target);
	curl_multi_add_handle(multi, easy);
	return 1;
}

/* Takes what has ended, and asks for as many pages.  Returns how many fewer. */
static int
turn(CURLM *multi, const char *url)
{
	CURLMsg    *message;
	int			left;
	int			fewer = 0;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL	   *easy = message->easy_handle;
		CURLcode	result = message->data.result;
		long		status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		failures += result != CURLE_OK || status != 200;
		curl_multi_remove_handle(multi, easy);
		fewer += !ask(multi, easy, url);
	}
	return fewer;
}

/* Begins with as many requests as may be in flight.  Returns how many are. */
static int
begin(CURLM *multi, const char *url, struct curl_slist *headers, int in_flight)
{
	int			open = 0;

	for (int i = 0; i < in_flight; i++)
	{
		CURL	   *easy = curl_easy_init();

		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
		open += ask(multi, easy, url);
	}
	return open;
}

int
main(int argc, char **argv)
{
	CURLM	   *multi;
	char		header[16384];
	int			open;
	double		start;

	if (argc != 6 || atoi(argv[5]) < 1 || atoi(argv[5]) > MAX_IN_FLIGHT)
	{
		fprintf(stderr, "usage: floor URL TOKEN ROWS PAGE IN_FLIGHT\n");
		return 2;
	}
	rows = atol(argv[3]);
	page = atol(argv[4]);
	snprintf(header, sizeof(header), "X-Auth-Token: %s", argv[2]);
	curl_global_init(CURL_GLOBAL_DEFAULT);

	start = now();
	multi = curl_multi_init();
	open = begin(multi, argv[1], curl_slist_append(NULL, header), atoi(argv[5]));
	while (open > 0)
	{
		int			running;

		curl_multi_perform(multi, &running);
		open -= turn(multi, argv[1]);
		if (open > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	printf("%.3f\n", now() - start);
	return failures > 0;
}
