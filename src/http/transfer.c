/*
 * transfer.c
 *		One request: how it is put to libcurl, and dropped.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"
#include "lib/lib.h"

/* What holds for every transfer. */
#define NAMED(option) option, #option
static const struct
{
	CURLoption	option;
	const char *name;
	long		value;
}			fixed_options[] = {
	{NAMED(CURLOPT_NOSIGNAL), 1L},	/* SIGALRM is PostgreSQL's */
	{NAMED(CURLOPT_QUICK_EXIT), 1L},	/* else dropping a transfer joins its
										 * look-up */
	{NAMED(CURLOPT_FOLLOWLOCATION), 0L},	/* our headers are for one host */
	{NAMED(CURLOPT_DISALLOW_USERNAME_IN_URL), 1L},
	{NAMED(CURLOPT_PATH_AS_IS), 1L},	/* what was signed is what is sent */
	{NAMED(CURLOPT_HTTP_VERSION), CURL_HTTP_VERSION_2TLS},
	{NAMED(CURLOPT_SSL_VERIFYPEER), 1L},
	{NAMED(CURLOPT_SSL_VERIFYHOST), 2L},
	{NAMED(CURLOPT_SSLVERSION), CURL_SSLVERSION_TLSv1_2},
	{NAMED(CURLOPT_PROXY_SSLVERSION), CURL_SSLVERSION_TLSv1_2},
	{NAMED(CURLOPT_TCP_KEEPALIVE), 1L},
};

/* Sets an option and checks the result; no option is set otherwise. */
#define set_option(transfer, option, value) \
	note_option(transfer, \
				curl_easy_setopt((transfer)->easy, option, value), #option)

static void copy_secrets(CphTransfer *transfer, const CphHttpRequest *request);
static void add_header(CphTransfer *transfer, const char *line);
static void set_fixed_options(CphTransfer *transfer);
static void set_request_options(CphTransfer *transfer,
								const CphHttpRequest *request);
static void set_route_options(CphTransfer *transfer);
static void note_option(CphTransfer *transfer, CURLcode result,
						const char *name);
static void attach(CphTransfer *transfer);
static void wipe_answer_headers(CphTransfer *transfer);

/* The number of transfers that have not ended. */
int
cph_transport_pending(CphTransport *transport)
{
	int			pending = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &transport->transfers)
		pending += (dlist_container(CphTransfer, node, iter.cur)->state ==
					CPH_TRANSFER_PENDING);
	return pending;
}

/*
 * A transfer of the request, never NULL.  It goes on in cph_transport_perform
 * and is the transport's: it lives until it is released or the transport is
 * given back.  It may have ended already, if libcurl refuses the request.
 */
CphTransfer *
cph_transfer_start(CphTransport *transport, const CphHttpRequest *request)
{
	CphTransfer *transfer;

	/* There are never more connections than there were pending transfers. */
	cph_pool_claim(transport, cph_transport_pending(transport) + 1);

	transfer = MemoryContextAllocZero(transport->context,
									  sizeof(CphTransfer));
	transfer->transport = transport;
	dlist_push_tail(&transport->transfers, &transfer->node);

	transfer->shortages = cph_multi_shortages();
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("libcurl could not make a handle.")));
	copy_secrets(transfer, request);
	set_fixed_options(transfer);
	set_request_options(transfer, request);
	set_route_options(transfer);
	attach(transfer);
	return transfer;
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

/* Adds a copy of a header line. */
static void
add_header(CphTransfer *transfer, const char *line)
{
	struct curl_slist *list = curl_slist_append(transfer->headers, line);

	if (list == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("libcurl could not copy a header.")));
	transfer->headers = list;
}

/* Sets what is the same for every transfer of every transport. */
static void
set_fixed_options(CphTransfer *transfer)
{
	for (int i = 0; i < lengthof(fixed_options); i++)
		note_option(transfer,
					curl_easy_setopt(transfer->easy, fixed_options[i].option,
									 fixed_options[i].value),
					fixed_options[i].name);
	set_option(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
	set_option(transfer, CURLOPT_ACCEPT_ENCODING, "");	/* all there are */
	set_option(transfer, CURLOPT_USERAGENT, "cph_fdw/" CPH_FDW_VERSION);
	set_option(transfer, CURLOPT_HEADERFUNCTION, cph_answer_header);
	set_option(transfer, CURLOPT_HEADERDATA, transfer);
	set_option(transfer, CURLOPT_WRITEFUNCTION, cph_answer_body);
	set_option(transfer, CURLOPT_WRITEDATA, transfer);
	set_option(transfer, CURLOPT_OPENSOCKETFUNCTION, cph_multi_open_socket);
	set_option(transfer, CURLOPT_OPENSOCKETDATA, transfer->transport);
	set_option(transfer, CURLOPT_ERRORBUFFER, transfer->error);
	set_option(transfer, CURLOPT_PRIVATE, transfer);
}

/*
 * Sets what the request asks for.  Requests to one https host wait for the
 * first connection to tell whether it carries them all: that is one handshake
 * once, against a connection for each.  Without TLS it never does.
 */
static void
set_request_options(CphTransfer *transfer, const CphHttpRequest *request)
{
	bool		tls = pg_strncasecmp(request->url, "https:", 6) == 0;

	set_option(transfer, CURLOPT_URL, request->url);
	set_option(transfer, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
	set_option(transfer, CURLOPT_HTTPHEADER, transfer->headers);
	if (transfer->post != NULL)
	{
		set_option(transfer, CURLOPT_POST, 1L);
		set_option(transfer, CURLOPT_POSTFIELDS, transfer->post);
		set_option(transfer, CURLOPT_POSTFIELDSIZE_LARGE,
				   (curl_off_t) strlen(transfer->post));
	}
}

/* Sets the transport's options: bounds, authority, proxy. */
static void
set_route_options(CphTransfer *transfer)
{
	const CphTransportOptions *options = &transfer->transport->options;

	set_option(transfer, CURLOPT_CONNECTTIMEOUT_MS,
			   (long) options->connect_timeout_ms);
	set_option(transfer, CURLOPT_TIMEOUT_MS,
			   (long) options->request_timeout_ms);
	set_option(transfer, CURLOPT_MAXFILESIZE_LARGE,
			   (curl_off_t) options->max_body);
	if (options->ca_file != NULL)
	{
		set_option(transfer, CURLOPT_CAINFO, options->ca_file);
		set_option(transfer, CURLOPT_CAPATH, (char *) NULL);	/* it alone */
	}

	/* libcurl's messages quote the URL of the proxy. */
	if (options->proxy != NULL && strchr(options->proxy, '@') != NULL)
		note_option(transfer, CURLE_LOGIN_DENIED, "credentials in proxy's URL");

	/* An empty string, unlike NULL, keeps libcurl from the environment. */
	set_option(transfer, CURLOPT_PROXY, options->proxy ? options->proxy : "");
	set_option(transfer, CURLOPT_NOPROXY, "");
	if (options->proxy_user != NULL)
		set_option(transfer, CURLOPT_PROXYUSERNAME, options->proxy_user);
	if (options->proxy_password != NULL)
		set_option(transfer, CURLOPT_PROXYPASSWORD, options->proxy_password);
}

/* Remembers the first option that failed; attach ends the transfer for it. */
static void
note_option(CphTransfer *transfer, CURLcode result, const char *name)
{
	if (result == CURLE_OK || transfer->setup != CURLE_OK)
		return;
	transfer->setup = result;
	transfer->setup_option = name;
}

/* Hands the transfer to libcurl, or ends it as failed. */
static void
attach(CphTransfer *transfer)
{
	CphTransport *transport = transfer->transport;
	sigset_t	saved;

	if (transfer->setup != CURLE_OK)
	{
		snprintf(transfer->error, sizeof(transfer->error), "%s: %s",
				 transfer->setup_option, curl_easy_strerror(transfer->setup));
		transfer->state = transfer->shortages != cph_multi_shortages() ?
			CPH_TRANSFER_NO_MEMORY : CPH_TRANSFER_FAILED;
		return;
	}
	cph_curl_enter(&saved);
	transfer->attached =
		curl_multi_add_handle(transport->multi, transfer->easy) == CURLM_OK;
	cph_curl_leave(transport, &saved);
	if (!transfer->attached)
		cph_transfer_end(transfer, CURLE_FAILED_INIT);
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
