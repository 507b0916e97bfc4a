/*
 * curl.c
 *		How libcurl is run, what is asked of it, and what its results mean.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

#include "datatype/timestamp.h"
#include "miscadmin.h"

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
	{CURLE_OUT_OF_MEMORY, CPH_TRANSFER_NO_MEMORY},
	{CURLE_FILESIZE_EXCEEDED, CPH_TRANSFER_TOO_LARGE},
	{(CURLcode) 100, CPH_TRANSFER_TOO_LARGE},	/* CURLE_TOO_LARGE of 8.6 */
};

/* Raises the error that libcurl could not do something for want of memory. */
void
cph_curl_no_memory(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("libcurl could not %s.", what)));
}

/*
 * Makes libcurl usable.  Not done when the library is loaded, which may be in
 * the postmaster, before the fork.  Other users of libcurl in this backend
 * have their own count of it, and the allocator stays the system's: it is
 * theirs as well.
 */
void
cph_curl_init(void)
{
	const curl_version_info_data *info;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		cph_curl_no_memory("be initialized");
	info = curl_version_info(CURLVERSION_NOW);
	if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("libcurl was built without asynchronous name resolution"),
				 errdetail("A look-up could not be cancelled.")));
}

/*
 * Before libcurl is run: no handler and no interrupt until cph_curl_leave,
 * here or in a thread that libcurl starts.
 */
void
cph_curl_enter(sigset_t *saved)
{
	sigset_t	all;

	HOLD_INTERRUPTS();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

/* After libcurl was run, with what cph_curl_enter saved. */
void
cph_curl_leave(CphTransport *transport, const sigset_t *saved)
{
	cph_socket_arm(transport);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
	RESUME_INTERRUPTS();
}

/*
 * Remembers the first option that failed, for which the transfer will fail,
 * and says so in its error.
 */
void
cph_curl_note(CphTransfer *transfer, CURLcode result, const char *name)
{
	if (result == CURLE_OK || transfer->setup != CURLE_OK)
		return;
	transfer->setup = result;
	snprintf(transfer->error, sizeof(transfer->error), "%s: %s",
			 name, curl_easy_strerror(result));
}

/*
 * Sets what the request asks for.  Requests to one https host wait for the
 * first connection to tell whether it carries them all: that is one handshake
 * once, against a connection for each.  Without TLS it never does.
 *
 * The target is given beside the URL: where libcurl 7.88 cannot copy the query
 * of a URL, it sends the request without it and is content, and so would get
 * another list.  Through a proxy without TLS the target is the whole URL.
 */
static void
set_request_options(CphTransfer *transfer, const CphHttpRequest *request)
{
	bool		tls = pg_strncasecmp(request->url, "https:", 6) == 0;
	const char *target = request->url;

	if (tls || transfer->transport->options.proxy == NULL)
	{
		target = strstr(target, "://");
		target = target ? strchr(target + 3, '/') : NULL;
	}
	cph_curl_set(transfer, CURLOPT_URL, request->url);
	cph_curl_set(transfer, CURLOPT_REQUEST_TARGET, target);
	cph_curl_set(transfer, CURLOPT_PIPEWAIT, tls ? 1L : 0L);
	cph_curl_set(transfer, CURLOPT_HTTPHEADER, transfer->headers);
	if (transfer->post != NULL)
	{
		cph_curl_set(transfer, CURLOPT_POST, 1L);
		cph_curl_set(transfer, CURLOPT_POSTFIELDS, transfer->post);
		cph_curl_set(transfer, CURLOPT_POSTFIELDSIZE_LARGE,
					 (curl_off_t) strlen(transfer->post));
	}
}

/*
 * Sets which authorities are trusted.  libcurl reads a file of them when it
 * makes a connection, and keeps what it read for a day: here no longer than
 * since the file was found changed.
 */
static void
set_authorities(CphTransfer *transfer)
{
	CphTransport *transport = transfer->transport;
	const char *file = transport->options.ca_file;
	struct stat *seen = &transport->ca_seen;
	struct stat now;
	int64		seconds = SECS_PER_DAY;

	if (file != NULL)
	{
		cph_curl_set(transfer, CURLOPT_CAINFO, file);
		cph_curl_set(transfer, CURLOPT_CAPATH, (char *) NULL);	/* it alone */
	}
	else
		file = curl_version_info(CURLVERSION_NOW)->cainfo;
	if (file != NULL && stat(file, &now) == 0)
	{
		if (seen->st_ino != 0 &&
			(seen->st_ino != now.st_ino || seen->st_dev != now.st_dev ||
			 seen->st_size != now.st_size ||
			 memcmp(&seen->st_ctim, &now.st_ctim, sizeof(now.st_ctim)) != 0))
			transport->ca_changed_at = cph_transport_now();
		*seen = now;
	}
	if (transport->ca_changed_at != 0)
		seconds = Min(seconds, (cph_transport_now() - transport->ca_changed_at) /
					  USECS_PER_SEC);

	/* not every TLS library has that, nor keeps what it read */
	(void) curl_easy_setopt(transfer->easy, CURLOPT_CA_CACHE_TIMEOUT,
							(long) seconds);
}

/* Sets the transport's options: bounds, authority, proxy. */
static void
set_route_options(CphTransfer *transfer)
{
	const CphTransportOptions *options = &transfer->transport->options;

	cph_curl_set(transfer, CURLOPT_CONNECTTIMEOUT_MS,
				 (long) options->connect_timeout_ms);
	cph_curl_set(transfer, CURLOPT_TIMEOUT_MS,
				 (long) options->request_timeout_ms);
	cph_curl_set(transfer, CURLOPT_MAXFILESIZE_LARGE,
				 (curl_off_t) options->max_body);
	cph_curl_set(transfer, CURLOPT_MAXAGE_CONN, (long) options->keepalive_idle);

	/* a link that dies while an answer is waited for: see bound_silence */
	cph_curl_set(transfer, CURLOPT_TCP_KEEPIDLE,
				 Max(options->connect_timeout_ms / 2000L, 1L));
	cph_curl_set(transfer, CURLOPT_TCP_KEEPINTVL,
				 Max(options->connect_timeout_ms / 4000L, 1L));
	set_authorities(transfer);

	/* libcurl's messages quote the URL of the proxy. */
	if (options->proxy != NULL && strchr(options->proxy, '@') != NULL)
		cph_curl_note(transfer, CURLE_LOGIN_DENIED, "credentials in proxy's URL");

	/* An empty string, unlike NULL, keeps libcurl from the environment. */
	cph_curl_set(transfer, CURLOPT_PROXY, options->proxy ? options->proxy : "");
	cph_curl_set(transfer, CURLOPT_NOPROXY, "");
	if (options->proxy_user != NULL)
		cph_curl_set(transfer, CURLOPT_PROXYUSERNAME, options->proxy_user);
	if (options->proxy_password != NULL)
		cph_curl_set(transfer, CURLOPT_PROXYPASSWORD, options->proxy_password);
}

/*
 * Sets all options of a transfer but its callbacks, for a request whose
 * headers and body it has copied.
 */
void
cph_curl_setup(CphTransfer *transfer, const CphHttpRequest *request)
{
	for (int i = 0; i < lengthof(fixed_options); i++)
		cph_curl_note(transfer,
					  curl_easy_setopt(transfer->easy, fixed_options[i].option,
									   fixed_options[i].value),
					  fixed_options[i].name);
	cph_curl_set(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
	cph_curl_set(transfer, CURLOPT_ACCEPT_ENCODING, "");	/* all there are */
	cph_curl_set(transfer, CURLOPT_USERAGENT, "cph_fdw/" CPH_FDW_VERSION);
	set_request_options(transfer, request);
	set_route_options(transfer);
}

/*
 * Returns the state that libcurl's result stands for, and says more where
 * libcurl says too little.  A proxy that refuses is not asked again: the next
 * wrong password may be one too many.
 */
CphTransferState
cph_curl_state(CphTransfer *transfer, CURLcode result)
{
	long		proxy_status = 0;
	curl_off_t	answering = 0;

	if (result != CURLE_OK &&
		curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE,
						  &proxy_status) == CURLE_OK)
	{
		if (proxy_status >= 500)
			return CPH_TRANSFER_NO_CONNECTION;
		if (proxy_status >= 400)
			return CPH_TRANSFER_FAILED;
	}

	/* so says OpenSSL of a port that answers TLS's greeting without TLS */
	if (result == CURLE_SSL_CONNECT_ERROR &&
		strstr(transfer->error, "wrong version number") != NULL)
		return CPH_TRANSFER_TLS_FAILED;

	/* before 8.6 it says the same of a line of headers that is too long */
	if (result == CURLE_OUT_OF_MEMORY && transfer->error[0] == '\0' &&
		curl_easy_getinfo(transfer->easy, CURLINFO_STARTTRANSFER_TIME_T,
						  &answering) == CURLE_OK && answering > 0)
	{
		strlcpy(transfer->error,
				"more than 100 kB in a line of headers, or out of memory",
				sizeof(transfer->error));
		return CPH_TRANSFER_TOO_LARGE;
	}
	for (int i = 0; i < lengthof(outcomes); i++)
		if (outcomes[i].result == result)
			return outcomes[i].state;
	return CPH_TRANSFER_FAILED;
}
