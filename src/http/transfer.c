/*
 * transfer.c
 *		One request: put to libcurl, gathered, ended, dropped.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"
#include "lib/lib.h"

/*
 * Bytes of headers in one answer.  A token in a header has up to 32 kB, and
 * libcurl before 8.4 bounds one line (at 100 kB) but not their sum.
 */
#define HEADERS_MAX (128 * 1024)

/* First size of a body's buffer: what libcurl hands over at once. */
#define BODY_FIRST CURL_MAX_WRITE_SIZE

/* libcurl's callback for a header line, which it keeps itself.  No throw. */
static size_t
take_header(char *data, size_t size, size_t count, void *arg)
{
	CphTransfer *transfer = arg;

	if (transfer->header_length == 0 && cph_trust_is_stray(transfer))
		transfer->refusal = CPH_TRANSFER_BROKEN;
	else if (transfer->header_length + size * count > HEADERS_MAX)
		transfer->refusal = CPH_TRANSFER_TOO_LARGE;
	if (transfer->refusal != CPH_TRANSFER_PENDING)
		return CURL_WRITEFUNC_ERROR;
	transfer->header_length += size * count;
	return size * count;
}

/*
 * Makes room for that many bytes, doubling, never beyond max_body and the
 * terminator.  False: no memory.
 */
static bool
reserve(CphTransfer *transfer, Size needed)
{
	Size		most = transfer->transport->options.max_body + 1;
	Size		capacity = Max(transfer->capacity, BODY_FIRST);
	char	   *body;

	if (needed <= transfer->capacity)
		return true;
	while (capacity < needed)
		capacity *= 2;
	capacity = Min(capacity, most);
	body = realloc(transfer->body, capacity);
	if (body == NULL)
		return false;
	transfer->body = body;
	transfer->capacity = capacity;
	return true;
}

/* libcurl's callback for the body: keeps it, within the bound.  No throw. */
static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
	CphTransfer *transfer = arg;
	Size		bytes = size * count;

	if (bytes > transfer->transport->options.max_body - transfer->length)
		transfer->refusal = CPH_TRANSFER_TOO_LARGE;
	else if (!reserve(transfer, transfer->length + bytes + 1))
		transfer->refusal = CPH_TRANSFER_NO_MEMORY;
	if (transfer->refusal != CPH_TRANSFER_PENDING)
		return CURL_WRITEFUNC_ERROR;

	memcpy(transfer->body + transfer->length, data, bytes);
	transfer->length += bytes;
	transfer->body[transfer->length] = '\0';
	return bytes;
}

/* Says in a transfer's error why its answer was refused, or what libcurl says. */
static void
explain(CphTransfer *transfer, CURLcode result)
{
	if (transfer->refusal == CPH_TRANSFER_BROKEN)
		strlcpy(transfer->error, "the connection held an answer to nothing",
				sizeof(transfer->error));
	else if (transfer->refusal == CPH_TRANSFER_TOO_LARGE && transfer->length == 0)
		snprintf(transfer->error, sizeof(transfer->error),
				 "more than %d bytes of headers", HEADERS_MAX);
	else if (transfer->refusal == CPH_TRANSFER_TOO_LARGE)
		snprintf(transfer->error, sizeof(transfer->error),
				 "more than %zu bytes", transfer->transport->options.max_body);
	else if (transfer->error[0] == '\0')
		strlcpy(transfer->error, curl_easy_strerror(result),
				sizeof(transfer->error));
}

/*
 * Moves a transfer to its end state.  Its connection is free for others, its
 * headers stay readable.  Only between cph_curl_enter and cph_curl_leave, if
 * it is attached.
 */
void
cph_transfer_end(CphTransfer *transfer, CURLcode result)
{
	if (transfer->attached)
	{
		/* what a silent link has must not be used by others */
		if (transfer->lost)
			(void) curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
		(void) curl_multi_remove_handle(transfer->transport->multi,
										transfer->easy);
		transfer->attached = false;
	}
	transfer->state = transfer->refusal;
	if (transfer->refusal == CPH_TRANSFER_PENDING)
		transfer->state = cph_curl_state(transfer, result);
	transfer->neglected = transfer->transport->neglected;
	cph_trust_ended(transfer);
	if (transfer->state == CPH_TRANSFER_ANSWERED)
		transfer->error[0] = '\0';
	else
		explain(transfer, result);
}

/* Hands the transfer to libcurl, or ends it as failed. */
static void
attach(CphTransfer *transfer)
{
	CphTransport *transport = transfer->transport;
	CURLcode	result = transfer->setup;
	sigset_t	saved;

	cph_curl_enter(&saved);
	if (result == CURLE_OK &&
		curl_multi_add_handle(transport->multi, transfer->easy) != CURLM_OK)
		result = CURLE_FAILED_INIT;
	transfer->attached = result == CURLE_OK;
	if (!transfer->attached)
		cph_transfer_end(transfer, result);
	cph_curl_leave(transport, &saved);
}

/*
 * Attaches a transfer again whose connection was refused, for another one: a
 * new one, where libcurl would find the same.  Between cph_curl_enter and
 * cph_curl_leave.
 */
void
cph_transfer_reattach(CphTransfer *transfer)
{
	CURLM	   *multi = transfer->transport->multi;

	(void) curl_multi_remove_handle(multi, transfer->easy);
	transfer->attached = false;
	transfer->refused = false;
	transfer->sent_at = 0;
	transfer->error[0] = '\0';
	cph_curl_set(transfer, CURLOPT_FORBID_REUSE, 0L);
	cph_curl_set(transfer, CURLOPT_FRESH_CONNECT, transfer->shared ? 1L : 0L);
	if (curl_multi_add_handle(multi, transfer->easy) == CURLM_OK)
		transfer->attached = true;
	else
		cph_transfer_end(transfer, CURLE_FAILED_INIT);
}

/* Adds a copy of a header line. */
static void
add_header(CphTransfer *transfer, const char *line)
{
	struct curl_slist *list = curl_slist_append(transfer->headers, line);

	if (list == NULL)
		cph_curl_no_memory("copy a header");
	transfer->headers = list;
}

/*
 * Copies what may be secret to where it is wiped on release: libcurl would
 * copy a body itself, and not wipe it.
 */
static void
copy_secrets(CphTransfer *transfer, const CphHttpRequest *request)
{
	if (request->body != NULL)
	{
		transfer->post = MemoryContextStrdup(transfer->transport->context,
											 request->body);
		add_header(transfer, "Expect:");	/* no round trip to ask first */
	}
	if (request->headers != NULL)
		for (const char *const *line = request->headers; *line != NULL; line++)
			add_header(transfer, *line);
}

/*
 * Returns a transfer of the request, never NULL, whose descriptors the caller
 * has counted.  It goes on in cph_transport_perform and is the transport's: it
 * lives until it is released or the transport is given back.  It may have
 * ended already, if libcurl refuses the request.
 */
CphTransfer *
cph_transfer_make(CphTransport *transport, const CphHttpRequest *request)
{
	CphTransfer *transfer = MemoryContextAllocZero(transport->context,
												   sizeof(CphTransfer));

	transfer->transport = transport;
	dlist_push_tail(&transport->transfers, &transfer->node);
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		cph_curl_no_memory("make a handle");
	transfer->fresh_after = request->fresh_after;
	copy_secrets(transfer, request);
	cph_curl_setup(transfer, request);
	cph_curl_set(transfer, CURLOPT_HEADERFUNCTION, take_header);
	cph_curl_set(transfer, CURLOPT_HEADERDATA, transfer);
	cph_curl_set(transfer, CURLOPT_WRITEFUNCTION, take_body);
	cph_curl_set(transfer, CURLOPT_WRITEDATA, transfer);
	cph_curl_set(transfer, CURLOPT_OPENSOCKETFUNCTION, cph_socket_open);
	cph_curl_set(transfer, CURLOPT_OPENSOCKETDATA, transport);
	cph_curl_set(transfer, CURLOPT_CLOSESOCKETFUNCTION, cph_socket_close);
	cph_curl_set(transfer, CURLOPT_CLOSESOCKETDATA, transport);
	cph_curl_set(transfer, CURLOPT_PREREQFUNCTION, cph_trust_admit);
	cph_curl_set(transfer, CURLOPT_PREREQDATA, transfer);
	cph_curl_set(transfer, CURLOPT_ERRORBUFFER, transfer->error);
	cph_curl_set(transfer, CURLOPT_PRIVATE, transfer);
	attach(transfer);
	return transfer;
}

/* Overwrites the headers of an answer, which libcurl keeps: one is a token. */
static void
wipe_answer_headers(CphTransfer *transfer)
{
	struct curl_header *header = NULL;

	if (transfer->easy == NULL)
		return;
	while ((header = curl_easy_nextheader(transfer->easy, CURLH_HEADER, -1,
										  header)) != NULL)
		cph_secret_wipe(header->value);
}

/*
 * Drops a transfer in whatever state, with all that was got from it, and
 * wipes its secrets; NULL is harmless.  Throws nothing, waits for nothing.
 */
void
cph_transfer_release(CphTransfer *transfer)
{
	sigset_t	saved;

	if (transfer == NULL)
		return;
	dlist_delete(&transfer->node);

	cph_curl_enter(&saved);
	if (transfer->attached)
		(void) curl_multi_remove_handle(transfer->transport->multi,
										transfer->easy);
	if (transfer->post != NULL)
		wipe_answer_headers(transfer);
	curl_easy_cleanup(transfer->easy);
	cph_curl_leave(transfer->transport, &saved);

	for (struct curl_slist *line = transfer->headers; line != NULL;
		 line = line->next)
		cph_secret_wipe(line->data);
	curl_slist_free_all(transfer->headers);
	cph_secret_wipe(transfer->post);
	if (transfer->post != NULL)
		pfree(transfer->post);
	free(transfer->body);
	pfree(transfer);
}
