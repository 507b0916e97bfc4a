/*
 * floor.c
 *		What no reader of a list can do without: a bare program that fetches
 *		its pages, so many at once, and throws them away, or parses them first.
 *
 *		floor fetch|parse URL TOKEN ROWS PAGE IN_FLIGHT
 *
 * URL is that of the list, without parameters, and ROWS its length.  Each page
 * starts with the last row of the page before, as cph_fdw asks for them, and
 * libcurl's options are cph_fdw's as far as they cost or save anything.
 * Prints the seconds that it took, those of the processor, in the program and
 * in the system, and how many items it parsed, a page's first among them.
 *
 *		cc -O2 -o floor floor.c $(pkg-config --cflags --libs libcurl json-c)
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include <curl/curl.h>
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* More than any service bears. */
#define MAX_IN_FLIGHT 256

/* A request that is used again and again, and the body of its answer. */
typedef struct Request
{
	CURL	   *easy;
	char	   *body;
	size_t		length;
	size_t		size;
} Request;

static int	parsing;
static const char *url;
static long next_offset = 0;
static long rows;
static long page;
static long failures = 0;
static long items = 0;

/* Returns the seconds of a clock that only goes forward. */
static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* libcurl's callback for the body: it is kept only to be parsed. */
static size_t
receive(char *data, size_t size, size_t count, void *arg)
{
	Request    *request = arg;
	size_t		more = size * count;

	if (!parsing)
		return more;
	if (request->length + more > request->size)
	{
		request->size = 2 * (request->length + more);
		request->body = realloc(request->body, request->size);
		if (request->body == NULL)
			return 0;
	}
	memcpy(request->body + request->length, data, more);
	request->length += more;
	return more;
}

/* Parses a body, counts its items, and forgets it. */
static void
parse(Request *request)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;
	struct json_object *array;

	root = json_tokener_parse_ex(tokener, request->body, (int) request->length);
	if (json_object_object_get_ex(root, "phones", &array))
		items += json_object_array_length(array);
	else
		failures++;
	json_object_put(root);
	json_tokener_free(tokener);
	request->length = 0;
}

/* Asks for the next page.  Returns 0 if there is none. */
static int
ask(CURLM *multi, Request *request)
{
	char		target[1024];

	if (next_offset > 0 && next_offset + 1 >= rows)
		return 0;
	snprintf(target, sizeof(target), "%s?limit=%ld&offset=%ld", url, page,
			 next_offset);
	next_offset += page - 1;
	curl_easy_setopt(request->easy, CURLOPT_URL, target);
	curl_multi_add_handle(multi, request->easy);
	return 1;
}

/* Takes what has ended, and asks for as many pages.  Returns how many fewer. */
static int
turn(CURLM *multi)
{
	CURLMsg    *message;
	int			left;
	int			fewer = 0;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL	   *easy = message->easy_handle;
		CURLcode	result = message->data.result;
		Request    *request;
		long		status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &request);
		failures += result != CURLE_OK || status != 200;
		curl_multi_remove_handle(multi, easy);
		if (parsing)
			parse(request);
		fewer += !ask(multi, request);
	}
	return fewer;
}

/* Begins with as many requests as may be in flight.  Returns how many are. */
static int
begin(CURLM *multi, struct curl_slist *headers, int in_flight)
{
	int			open = 0;

	for (int i = 0; i < in_flight; i++)
	{
		Request    *request = calloc(1, sizeof(Request));
		CURL	   *easy = request->easy = curl_easy_init();

		curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
		curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
		curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
						 (long) CURL_HTTP_VERSION_2TLS);
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
		open += ask(multi, request);
	}
	return open;
}

/* Fetches all pages. */
static void
fetch(struct curl_slist *headers, int in_flight)
{
	CURLM	   *multi = curl_multi_init();
	int			open = begin(multi, headers, in_flight);

	while (open > 0)
	{
		int			running;

		curl_multi_perform(multi, &running);
		open -= turn(multi);
		if (open > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

int
main(int argc, char **argv)
{
	char		header[16384];
	double		start;
	struct rusage before,
				after;

	parsing = argc == 7 && strcmp(argv[1], "parse") == 0;
	if (argc != 7 || (!parsing && strcmp(argv[1], "fetch") != 0) ||
		atoi(argv[6]) < 1 || atoi(argv[6]) > MAX_IN_FLIGHT)
	{
		fprintf(stderr,
				"usage: floor fetch|parse URL TOKEN ROWS PAGE IN_FLIGHT\n");
		return 2;
	}
	url = argv[2];
	rows = atol(argv[4]);
	page = atol(argv[5]);
	snprintf(header, sizeof(header), "X-Auth-Token: %s", argv[3]);
	curl_global_init(CURL_GLOBAL_DEFAULT);

	getrusage(RUSAGE_SELF, &before);
	start = now();
	fetch(curl_slist_append(NULL, header), atoi(argv[6]));
	getrusage(RUSAGE_SELF, &after);
#define SECONDS(field) \
	((after.field.tv_sec - before.field.tv_sec) + \
	 (after.field.tv_usec - before.field.tv_usec) / 1e6)
	printf("%.4f %.4f %.4f %ld\n", now() - start, SECONDS(ru_utime),
		   SECONDS(ru_stime), items);
	return failures > 0;
}
