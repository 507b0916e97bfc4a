/*
 * answer.c
 *		What comes of a transfer: the answer's bytes, and how it ended.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

/*
 * Bytes of headers in one answer.  A token in a header has up to 32 kB, and
 * libcurl before 8.4 bounds one line (at 100 kB) but not their sum.
 */
#define HEADERS_MAX (128 * 1024)

/* First size of a body's buffer: what libcurl hands over at once. */
#define BODY_FIRST CURL_MAX_WRITE_SIZE

/* No answer asks for more patience than this, so that one can compute. */
#define RETRY_AFTER_MAX (24 * 60 * 60)

/*
 * How libcurl's results become states; any other is CPH_TRANSFER_FAILED.  A
 * handshake that fails may have been cut short by a restart of the peer,
 * which libcurl reports no differently: it counts as no connection.  What
 * concerns certificates stays as it is.
 */
static const struct
{
	CURLcode	result;
	CphTransferState state;
}			outcomes[] = {
	{CURLE_OK, CPH_TRANSFER_ANSWERED},
	{CURLE_COULDNT_RESOLVE_PROXY, CPH_TRANSFER_NO_CONNECTION},
	{CURLE_COULDNT_RESOLVE_HOST, CPH_TRANSFER_NO_CONNECTION},
	{CURLE_COULDNT_CONNECT, CPH_TRANSFER_NO_CONNECTION},
	{CURLE_PROXY, CPH_TRANSFER_NO_CONNECTION},
	{CURLE_SSL_CONNECT_ERROR, CPH_TRANSFER_NO_CONNECTION},
	{CURLE_PEER_FAILED_VERIFICATION, CPH_TRANSFER_TLS_FAILED},
	{CURLE_SSL_CIPHER, CPH_TRANSFER_TLS_FAILED},
	{CURLE_SSL_CACERT_BADFILE, CPH_TRANSFER_TLS_FAILED},
	{CURLE_SSL_ISSUER_ERROR, CPH_TRANSFER_TLS_FAILED},
	{CURLE_SSL_INVALIDCERTSTATUS, CPH_TRANSFER_TLS_FAILED},
	{CURLE_SSL_CLIENTCERT, CPH_TRANSFER_TLS_FAILED},
	{CURLE_OPERATION_TIMEDOUT, CPH_TRANSFER_TIMED_OUT},
	{CURLE_UNSUPPORTED_PROTOCOL, CPH_TRANSFER_BROKEN},	/* no HTTP, or what an
														 * answer left over */
	{CURLE_WEIRD_SERVER_REPLY, CPH_TRANSFER_BROKEN},
	{CURLE_HTTP2, CPH_TRANSFER_BROKEN},
	{CURLE_HTTP2_STREAM, CPH_TRANSFER_BROKEN},
	{CURLE_PARTIAL_FILE, CPH_TRANSFER_BROKEN},
	{CURLE_GOT_NOTHING, CPH_TRANSFER_BROKEN},
	{CURLE_SEND_ERROR, CPH_TRANSFER_BROKEN},
	{CURLE_RECV_ERROR, CPH_TRANSFER_BROKEN},
	{CURLE_BAD_CONTENT_ENCODING, CPH_TRANSFER_BROKEN},
	{CURLE_FILESIZE_EXCEEDED, CPH_TRANSFER_TOO_LARGE},
	{CURLE_OUT_OF_MEMORY, CPH_TRANSFER_TOO_LARGE},	/* so says 7.88 of a
													 * header line */
	{(CURLcode) 100, CPH_TRANSFER_TOO_LARGE},	/* CURLE_TOO_LARGE of 8.6 */
};

static bool reserve(CphTransfer *transfer, Size needed);
static CphTransferState classify(const CphTransfer *transfer,
								 CURLcode result);

/* libcurl's callback for a header line, which it keeps itself.  No throw. */
size_t
cph_answer_header(char *data, size_t size, size_t count, void *arg)
{
	CphTransfer *transfer = arg;

	transfer->header_length += size * count;
	if (transfer->header_length <= HEADERS_MAX)
		return size * count;
	transfer->refusal = CPH_TRANSFER_TOO_LARGE;
	return CURL_WRITEFUNC_ERROR;
}

/* libcurl's callback for the body: keeps it, within the bound.  No throw. */
size_t
cph_answer_body(char *data, size_t size, size_t count, void *arg)
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
		(void) curl_multi_remove_handle(transfer->transport->multi,
										transfer->easy);
		transfer->attached = false;
	}
	transfer->state = classify(transfer, result);
	transfer->neglected = transfer->transport->neglected;
	if (transfer->state == CPH_TRANSFER_ANSWERED)
		transfer->error[0] = '\0';
	else if (transfer->header_length > HEADERS_MAX)
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
 * The state that libcurl's result stands for.  A proxy that refuses is not
 * asked again: the next wrong password may be one too many.
 */
static CphTransferState
classify(const CphTransfer *transfer, CURLcode result)
{
	long		proxy_status = 0;

	if (transfer->refusal != CPH_TRANSFER_PENDING)
		return transfer->refusal;
	if (transfer->shortages != cph_multi_shortages())
		return CPH_TRANSFER_NO_MEMORY;	/* whatever libcurl says */
	if (result != CURLE_OK &&
		curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE,
						  &proxy_status) == CURLE_OK)
	{
		if (proxy_status >= 500)
			return CPH_TRANSFER_NO_CONNECTION;
		if (proxy_status >= 400)
			return CPH_TRANSFER_FAILED;
	}
	for (int i = 0; i < lengthof(outcomes); i++)
		if (outcomes[i].result == result)
			return outcomes[i].state;
	return CPH_TRANSFER_FAILED;
}

/* How the transfer stands; it changes in cph_transport_perform only. */
CphTransferState
cph_transfer_state(const CphTransfer *transfer)
{
	return transfer->state;
}

/*
 * Whether the transfer failed because nobody looked after it: it ran out of
 * time, or the peer of patience, while its transport was not performed, with
 * an answer that may have been there.
 */
bool
cph_transfer_neglected(const CphTransfer *transfer)
{
	return transfer->neglected &&
		(transfer->state == CPH_TRANSFER_TIMED_OUT ||
		 transfer->state == CPH_TRANSFER_BROKEN);
}

/*
 * Why the transfer ended as it did, in libcurl's words: English, without
 * secrets, perhaps with the peer's bytes.  Empty if pending or answered.
 */
const char *
cph_transfer_error(const CphTransfer *transfer)
{
	return transfer->state == CPH_TRANSFER_PENDING ? "" : transfer->error;
}

/* The HTTP status; 0: none came. */
int
cph_transfer_status(const CphTransfer *transfer)
{
	long		status = 0;

	if (curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
						  &status) != CURLE_OK)
		return 0;
	return (int) status;
}

/*
 * The body as far as it came, decompressed, zero-terminated, never NULL; it
 * lives as long as the transfer.
 */
const char *
cph_transfer_body(const CphTransfer *transfer, Size *length)
{
	*length = transfer->length;
	return transfer->body ? transfer->body : "";
}

/*
 * The value of the answer's first header of the name, in any case of letters,
 * or NULL.  It lives until the next call for the same transfer.
 */
const char *
cph_transfer_header(const CphTransfer *transfer, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1,
						 &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

/* The other end of the connection, as "ADDRESS, HTTP/2 over TLS"; palloc'd. */
char *
cph_transfer_peer(const CphTransfer *transfer)
{
	char	   *address = NULL;
	char	   *scheme = NULL;
	long		version = CURL_HTTP_VERSION_NONE;

	if (curl_easy_getinfo(transfer->easy, CURLINFO_PRIMARY_IP,
						  &address) != CURLE_OK || address == NULL ||
		curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION,
						  &version) != CURLE_OK ||
		curl_easy_getinfo(transfer->easy, CURLINFO_SCHEME,
						  &scheme) != CURLE_OK || scheme == NULL)
		return pstrdup("unknown");
	return psprintf("%s, HTTP/%s %s", address,
					version == CURL_HTTP_VERSION_2_0 ? "2" : "1.1",
					pg_strcasecmp(scheme, "https") == 0 ? "over TLS" :
					"without TLS");
}

/* The time of the answer by the peer's clock, seconds since 1970; 0: unknown. */
int64
cph_transfer_date(const CphTransfer *transfer)
{
	const char *date = cph_transfer_header(transfer, "Date");
	time_t		time = date ? curl_getdate(date, NULL) : -1;

	return time > 0 ? (int64) time : 0;
}

/* Bytes received: the headers, and the body as it was on the wire. */
int64
cph_transfer_received(const CphTransfer *transfer)
{
	curl_off_t	body = 0;
	long		headers = 0;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
	(void) curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &headers);
	return (int64) body + headers;
}

/*
 * The seconds that the answer's Retry-After asks to wait, given as a number or
 * as a date; 0: it asks for nothing.
 */
int64
cph_transfer_retry_after(const CphTransfer *transfer)
{
	curl_off_t	seconds = 0;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
	return Max(0, Min(seconds, RETRY_AFTER_MAX));
}
