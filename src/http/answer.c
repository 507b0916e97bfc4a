/*
 * answer.c
 *		What is to be read of a transfer: how it ended, and its answer.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

/* No answer asks for more patience than this, so that one can compute. */
#define RETRY_AFTER_MAX (24 * 60 * 60)

/* Returns how a transfer stands; it changes in cph_transport_perform only. */
CphTransferState
cph_transfer_state(const CphTransfer *transfer)
{
	return transfer->state;
}

/* Tells whether a transfer broke off, or took too long. */
static bool
is_cut_short(const CphTransfer *transfer)
{
	return transfer->state == CPH_TRANSFER_TIMED_OUT ||
		transfer->state == CPH_TRANSFER_BROKEN;
}

/*
 * Tells whether a failure says nothing of the service.  Nobody looked after
 * the transfer: it ran out of time, or the peer of patience, while its
 * transport was not performed, with an answer that may have been there.  Or its
 * connection had died while it was kept.
 */
bool
cph_transfer_excused(const CphTransfer *transfer)
{
	return transfer->stale || (transfer->neglected && is_cut_short(transfer));
}

/*
 * Returns the time after which a connection must have been made that is to
 * carry this request once more, of cph_transport_now; 0: any will do.
 */
int64
cph_transfer_fresh_after(const CphTransfer *transfer)
{
	int			status = cph_transfer_status(transfer);

	return is_cut_short(transfer) ||
		status == 408 || status == 421 || status == 425 ? transfer->sent_at : 0;
}

/* Returns the bytes of the headers that were sent, as far as they are ours. */
Size
cph_transfer_sent(const CphTransfer *transfer)
{
	Size		length = 0;

	for (struct curl_slist *line = transfer->headers; line; line = line->next)
		length += strlen(line->data) + strlen("\r\n");
	return length;
}

/*
 * Returns why a transfer ended as it did, in libcurl's words: English, without
 * secrets, perhaps with the peer's bytes.  Empty if pending or answered.
 */
const char *
cph_transfer_error(const CphTransfer *transfer)
{
	return transfer->state == CPH_TRANSFER_PENDING ? "" : transfer->error;
}

/* Returns the HTTP status; 0: none came. */
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
 * Returns the body as far as it came, decompressed, zero-terminated, never
 * NULL; it lives as long as the transfer.
 */
const char *
cph_transfer_body(const CphTransfer *transfer, Size *length)
{
	*length = transfer->length;
	return transfer->body ? transfer->body : "";
}

/*
 * Returns the value of the answer's first header of the name, in any case of
 * letters, or NULL.  It lives until the next call for the same transfer.
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

/* Returns the other end, as "ADDRESS, HTTP/2 over TLS"; palloc'd. */
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

/*
 * Returns the time of the answer by the peer's clock, in seconds since 1970; 0:
 * unknown.
 */
int64
cph_transfer_date(const CphTransfer *transfer)
{
	const char *date = cph_transfer_header(transfer, "Date");
	time_t		time = date ? curl_getdate(date, NULL) : -1;

	return time > 0 ? (int64) time : 0;
}

/* Returns the number of connections that were opened for a transfer. */
int
cph_transfer_connections(const CphTransfer *transfer)
{
	long		connections = 0;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connections);
	return (int) connections;
}

/* Returns the bytes received: headers, and the body as it was on the wire. */
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
 * Returns the seconds that the answer's Retry-After asks to wait, given as a
 * number or as a date; 0: it asks for nothing.
 */
int64
cph_transfer_retry_after(const CphTransfer *transfer)
{
	curl_off_t	seconds = 0;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
	return Max(0, Min(seconds, RETRY_AFTER_MAX));
}

/*
 * Has no other borrower use the connections of a transfer that was answered
 * with something unreadable: its end may stand before the next answer.
 */
void
cph_transfer_distrust(CphTransfer *transfer)
{
	transfer->transport->closing = true;
}
