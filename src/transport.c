/*
 * transport.c
 *		Bounded, interruptible, concurrent HTTP requests over libcurl.
 *
 * This is the only user of libcurl.  Four rules hold throughout.  A transport
 * is in the pool, and its owner's callback registered, before it holds
 * anything; a transfer is in its transport's list before it holds anything;
 * giving back works from any state in between and throws nothing.  libcurl is
 * only run between enter_curl and leave_curl, where signals are blocked and
 * interrupts held: a resolver thread inherits that mask and so never runs
 * PostgreSQL's handlers, and nothing can throw through libcurl's frames.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "transport.h"

#define CURL_DISABLE_DEPRECATION	/* of curl_multi_socket_all */
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "poller.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#if LIBCURL_VERSION_NUM < 0x075800
#error "cph_fdw needs libcurl 7.88 or later"
#endif

#ifndef CPH_FDW_VERSION
#define CPH_FDW_VERSION "1.0"
#endif

/*
 * Idle transports kept for one key.  A statement has rarely more scans of one
 * user mapping than this, and each keeps four descriptors and its
 * connections, of the thousand that a backend has by default.
 */
#define IDLE_MAX 8

/* Connections kept in a transport: the largest max_concurrent_requests. */
#define CONNECTIONS_MAX 32

/*
 * Descriptors of a transport without connections: epoll, timer, and the pair
 * by which libcurl wakes a multi handle.
 */
#define DESCRIPTORS 4

/*
 * Bytes of headers in one answer.  A token in a header has up to 32 kB, and
 * libcurl before 8.4 bounds one line (at 100 kB) but not their sum.
 */
#define HEADERS_MAX (128 * 1024)

/* First size of a body's buffer: what libcurl hands over at once. */
#define BODY_FIRST CURL_MAX_WRITE_SIZE

/* Events taken at once: two sockets a connection while IPv4 and 6 race. */
#define EVENTS_MAX (2 * CONNECTIONS_MAX)

/* No answer asks for more patience than this, so that one can compute. */
#define RETRY_AFTER_MAX (24 * 60 * 60)

struct CphTransport
{
	dlist_node	node;			/* in pool */
	MemoryContext context;		/* this struct, its strings, its transfers */
	MemoryContextCallback callback; /* on the borrower's context */
	Oid			key;
	CphTransportOptions options;	/* own copies */
	bool		borrowed;
	bool		closing;		/* when given back it is closed, not kept */
	bool		stirred;		/* a socket came or went: see drive */
	int			descriptors;	/* reported to fd.c */
	CURLM	   *multi;
	CphPoller	poller;
	int64		curl_at;		/* when libcurl wants to go on; 0: never */
	int64		wake_at;		/* when the borrower wants to; 0: never */
	dlist_head	transfers;
};

struct CphTransfer
{
	dlist_node	node;			/* in its transport */
	CphTransport *transport;
	CURL	   *easy;
	bool		attached;		/* easy is in the transport's multi */
	struct curl_slist *headers; /* secret */
	char	   *post;			/* secret */
	CphTransferState state;
	CphTransferState refusal;	/* why the body was refused; PENDING: not */
	CURLcode	setup;			/* the first option that failed, */
	const char *setup_option;	/* and its name */
	Size		header_length;	/* bytes of headers received */
	char	   *body;			/* malloc'd: it grows within a callback */
	Size		length;
	Size		capacity;
	char		error[CURL_ERROR_SIZE];
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
	{NAMED(CURLOPT_NETRC), CURL_NETRC_IGNORED},
	{NAMED(CURLOPT_HTTP09_ALLOWED), 0L},
	{NAMED(CURLOPT_HTTP_VERSION), CURL_HTTP_VERSION_2TLS},
	{NAMED(CURLOPT_SSL_VERIFYPEER), 1L},
	{NAMED(CURLOPT_SSL_VERIFYHOST), 2L},
	{NAMED(CURLOPT_SSLVERSION), CURL_SSLVERSION_TLSv1_2},
	{NAMED(CURLOPT_PROXY_SSLVERSION), CURL_SSLVERSION_TLSv1_2},
	{NAMED(CURLOPT_TCP_KEEPALIVE), 1L},
};

/* The backend's transports, the last used first. */
static dlist_head pool = DLIST_STATIC_INIT(pool);
static MemoryContext pool_context = NULL;

static void initialize_curl(void);
static CphTransport *find_idle(Oid key, const CphTransportOptions *options);
static bool same_route(const CphTransportOptions *a,
					   const CphTransportOptions *b);
static bool same_string(const char *a, const char *b);
static CphTransport *make_transport(Oid key,
									const CphTransportOptions *options);
static char *copy_string(const char *string);
static void open_transport(CphTransport *transport);
static void claim_descriptors(CphTransport *transport, int count);
static void give_back(void *arg);
static void close_transport(CphTransport *transport);
static void close_idle(Oid key);
static void copy_secrets(CphTransfer *transfer, const CphHttpRequest *request);
static void add_header(CphTransfer *transfer, const char *line);
static void set_fixed_options(CphTransfer *transfer);
static void set_request_options(CphTransfer *transfer,
								const CphHttpRequest *request);
static void set_route_options(CphTransfer *transfer);
static void note_option(CphTransfer *transfer, CURLcode result,
						const char *name);
static void attach(CphTransfer *transfer);
static void end_transfer(CphTransfer *transfer, CURLcode result);
static CphTransferState classify(const CphTransfer *transfer,
								 CURLcode result);
static void enter_curl(sigset_t *saved);
static void leave_curl(CphTransport *transport, const sigset_t *saved);
static void wipe(char *secret);
static void wipe_answer_headers(CphTransfer *transfer);
static size_t receive_header(char *data, size_t size, size_t count, void *arg);
static size_t receive_body(char *data, size_t size, size_t count, void *arg);
static bool reserve(CphTransfer *transfer, Size needed);
static curl_socket_t open_socket(void *arg, curlsocktype purpose,
								 struct curl_sockaddr *address);
static bool is_link_local(const struct sockaddr *address);
static int	watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
						 void *unused);
static int	watch_timer(CURLM *multi, long timeout_ms, void *arg);
static CURLMcode drive(CphTransport *transport);
static CURLMcode drive_all(CphTransport *transport);
static void arm_timer(CphTransport *transport);

/* The only ways to set an option: an unchecked one is no option. */
#define set_option(transfer, option, value) \
	note_option(transfer, \
				curl_easy_setopt((transfer)->easy, option, value), #option)
#define set_multi_option(transport, option, value) \
	do { \
		if (curl_multi_setopt((transport)->multi, option, value) != CURLM_OK) \
			elog(ERROR, "libcurl refused %s", #option); \
	} while (0)

/*
 * An idle transport of the key, or a new one, for the borrower alone until
 * owner is reset or deleted.  Then its transfers are dropped, in whatever
 * state they are, and it goes back to the pool.  Idle transports of the key
 * with another proxy or authority are closed: the options were altered.
 */
CphTransport *
cph_transport_borrow(Oid key, const CphTransportOptions *options,
					 MemoryContext owner)
{
	CphTransport *transport;

	Assert(OidIsValid(key));

	initialize_curl();
	transport = find_idle(key, options);
	if (transport == NULL)
		transport = make_transport(key, options);

	transport->borrowed = true;
	transport->callback.func = give_back;
	transport->callback.arg = transport;
	MemoryContextRegisterResetCallback(owner, &transport->callback);

	if (transport->multi == NULL)
		open_transport(transport);

	transport->options.connect_timeout_ms = options->connect_timeout_ms;
	transport->options.request_timeout_ms = options->request_timeout_ms;
	transport->options.max_body = options->max_body;
	return transport;
}

/*
 * Makes libcurl and the pool usable, once in a process.  Not done when the
 * library is loaded, which may be in the postmaster, before the fork.
 */
static void
initialize_curl(void)
{
	const curl_version_info_data *info;

	if (pool_context != NULL)
		return;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not initialize libcurl")));
	info = curl_version_info(CURLVERSION_NOW);
	if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("libcurl was built without asynchronous name resolution"),
				 errdetail("A look-up could not be cancelled.")));
	pool_context = AllocSetContextCreate(TopMemoryContext,
										 "cph_fdw transports",
										 ALLOCSET_SMALL_SIZES);
}

/* The last used idle transport that fits, or NULL; closes those outdated. */
static CphTransport *
find_idle(Oid key, const CphTransportOptions *options)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (transport->key != key || transport->borrowed)
			continue;
		if (same_route(&transport->options, options))
			return transport;
		close_transport(transport);
	}
	return NULL;
}

/* Whether connections made under one may serve the other. */
static bool
same_route(const CphTransportOptions *a, const CphTransportOptions *b)
{
	return same_string(a->ca_file, b->ca_file) &&
		same_string(a->proxy, b->proxy) &&
		same_string(a->proxy_user, b->proxy_user) &&
		same_string(a->proxy_password, b->proxy_password);
}

/* Equality of strings that may be NULL. */
static bool
same_string(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/*
 * A transport in the pool that holds no resource yet.  It is closed when
 * given back until open_transport has succeeded.
 */
static CphTransport *
make_transport(Oid key, const CphTransportOptions *options)
{
	MemoryContext context;
	MemoryContext old;
	CphTransport *transport;

	context = AllocSetContextCreate(CurrentMemoryContext, "cph_fdw transport",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	transport = palloc0(sizeof(CphTransport));
	transport->context = context;
	transport->key = key;
	transport->closing = true;
	transport->poller.fd = -1;
	transport->poller.timer_fd = -1;
	dlist_init(&transport->transfers);
	transport->options.ca_file = copy_string(options->ca_file);
	transport->options.proxy = copy_string(options->proxy);
	transport->options.proxy_user = copy_string(options->proxy_user);
	transport->options.proxy_password = copy_string(options->proxy_password);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, pool_context);
	dlist_push_head(&pool, &transport->node);
	return transport;
}

/* A copy in the current context; NULL of NULL. */
static char *
copy_string(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

/*
 * Acquires the multi handle and the descriptors.  Throws if one is not to be
 * had, even after closing what is idle; what was acquired is then the
 * transport's to close.
 */
static void
open_transport(CphTransport *transport)
{
	claim_descriptors(transport, DESCRIPTORS);
	transport->multi = curl_multi_init();
	if (transport->multi == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("libcurl could not make a handle.")));
	set_multi_option(transport, CURLMOPT_MAXCONNECTS, (long) CONNECTIONS_MAX);
	cph_poller_open(&transport->poller);
	set_multi_option(transport, CURLMOPT_SOCKETFUNCTION, watch_socket);
	set_multi_option(transport, CURLMOPT_SOCKETDATA, transport);
	set_multi_option(transport, CURLMOPT_TIMERFUNCTION, watch_timer);
	set_multi_option(transport, CURLMOPT_TIMERDATA, transport);
	transport->closing = false;
}

/*
 * Has fd.c count that many descriptors as the transport's, of which it never
 * claims fewer until it is closed.  Throws if they are not to be had, even
 * after closing what is idle.
 */
static void
claim_descriptors(CphTransport *transport, int count)
{
	while (transport->descriptors < count)
	{
		if (!AcquireExternalFD())
		{
			close_idle(InvalidOid);
			if (!AcquireExternalFD())
				ereport(ERROR,
						(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						 errmsg("could not open a connection"),
						 errdetail("There are too many open files on the local server."),
						 errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" limits.")));
		}
		transport->descriptors++;
	}
}

/*
 * The end of a loan, as reset callback of the borrower's context: throws
 * nothing, waits for nothing, and may run in error recovery.
 */
static void
give_back(void *arg)
{
	CphTransport *transport = arg;
	int			idle = 0;
	dlist_iter	iter;

	while (!dlist_is_empty(&transport->transfers))
		cph_transfer_release(dlist_head_element(CphTransfer, node,
												&transport->transfers));
	dlist_foreach(iter, &pool)
	{
		CphTransport *other = dlist_container(CphTransport, node, iter.cur);

		idle += (other->key == transport->key && !other->borrowed);
	}
	if (transport->closing || idle >= IDLE_MAX)
	{
		close_transport(transport);
		return;
	}
	transport->borrowed = false;
	cph_transport_wake_at(transport, 0);
	dlist_move_head(&pool, &transport->node);
}

/* Closes a transport that has no transfers.  Throws nothing. */
static void
close_transport(CphTransport *transport)
{
	sigset_t	saved;

	dlist_delete(&transport->node);
	enter_curl(&saved);
	(void) curl_multi_cleanup(transport->multi);
	leave_curl(transport, &saved);
	cph_poller_close(&transport->poller);
	while (transport->descriptors > 0)
	{
		ReleaseExternalFD();
		transport->descriptors--;
	}
	wipe(unconstify(char *, transport->options.proxy_password));
	MemoryContextDelete(transport->context);
}

/* Closes the idle transports of a key; InvalidOid: of all keys. */
static void
close_idle(Oid key)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (!transport->borrowed &&
			(!OidIsValid(key) || transport->key == key))
			close_transport(transport);
	}
}

/* The number of transports of a key, idle and borrowed. */
int
cph_transport_count(Oid key)
{
	int			count = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &pool)
		count += (dlist_container(CphTransport, node, iter.cur)->key == key);
	return count;
}

/* Whether a transport of the key is borrowed. */
bool
cph_transport_in_use(Oid key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (transport->key == key && transport->borrowed)
			return true;
	}
	return false;
}

/*
 * Closes the transports of a key, InvalidOid: of all keys.  One that is
 * borrowed goes on working and is closed when it is given back.
 */
void
cph_transport_discard(Oid key)
{
	dlist_iter	iter;

	close_idle(key);
	dlist_foreach(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (!OidIsValid(key) || transport->key == key)
			transport->closing = true;
	}
}

/*
 * A transfer of the request, never NULL.  It goes on in cph_transport_perform
 * and is the transport's: it lives until it is released or the transport is
 * given back.  It may have ended already, if libcurl refuses the request.
 */
CphTransfer *
cph_transfer_start(CphTransport *transport, const CphHttpRequest *request)
{
	int			pending = 1;
	dlist_iter	iter;
	CphTransfer *transfer;

	/* There are never more connections than there were pending transfers. */
	dlist_foreach(iter, &transport->transfers)
		pending += (dlist_container(CphTransfer, node, iter.cur)->state ==
					CPH_TRANSFER_PENDING);
	claim_descriptors(transport, DESCRIPTORS + pending);

	transfer = MemoryContextAllocZero(transport->context,
									  sizeof(CphTransfer));
	transfer->transport = transport;
	dlist_push_tail(&transport->transfers, &transfer->node);

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
	set_option(transfer, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	set_option(transfer, CURLOPT_ACCEPT_ENCODING, "");	/* all there are */
	set_option(transfer, CURLOPT_USERAGENT, "cph_fdw/" CPH_FDW_VERSION);
	set_option(transfer, CURLOPT_HEADERFUNCTION, receive_header);
	set_option(transfer, CURLOPT_HEADERDATA, transfer);
	set_option(transfer, CURLOPT_WRITEFUNCTION, receive_body);
	set_option(transfer, CURLOPT_WRITEDATA, transfer);
	set_option(transfer, CURLOPT_OPENSOCKETFUNCTION, open_socket);
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
		transfer->state = CPH_TRANSFER_FAILED;
		return;
	}
	enter_curl(&saved);
	transfer->attached =
		curl_multi_add_handle(transport->multi, transfer->easy) == CURLM_OK;
	leave_curl(transport, &saved);
	if (!transfer->attached)
		end_transfer(transfer, CURLE_FAILED_INIT);
}

/*
 * Goes on with all transfers as far as is possible without waiting, and ends
 * those that are complete.  Nothing that the network does throws.
 */
void
cph_transport_perform(CphTransport *transport)
{
	sigset_t	saved;
	CURLMsg    *message;
	int			left;

	enter_curl(&saved);
	if (drive(transport) != CURLM_OK)
	{
		/* libcurl has lost its mind or its memory: nothing more will come */
		dlist_iter	iter;

		transport->closing = true;
		dlist_foreach(iter, &transport->transfers)
		{
			CphTransfer *transfer = dlist_container(CphTransfer, node,
													iter.cur);

			if (transfer->state == CPH_TRANSFER_PENDING)
				end_transfer(transfer, CURLE_FAILED_INIT);
		}
	}
	while ((message = curl_multi_info_read(transport->multi, &left)) != NULL)
	{
		CphTransfer *transfer = NULL;

		if (message->msg == CURLMSG_DONE &&
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
							  &transfer) == CURLE_OK)
			end_transfer(transfer, message->data.result);
	}
	leave_curl(transport, &saved);
}

/*
 * Moves a transfer to its end state.  Its connection is free for others, its
 * headers stay readable.  Within enter_curl and leave_curl, if attached.
 */
static void
end_transfer(CphTransfer *transfer, CURLcode result)
{
	if (transfer->attached)
	{
		(void) curl_multi_remove_handle(transfer->transport->multi,
										transfer->easy);
		transfer->attached = false;
	}
	transfer->state = classify(transfer, result);
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

/* Whether transports have a descriptor to wait for, on this platform. */
bool
cph_transport_has_fd(void)
{
	return CPH_POLLER_HAS_FD;
}

/*
 * A descriptor that is readable whenever cph_transport_perform has something
 * to do, wake_at included; the transport's.  -1: there is none on this
 * system, and only cph_transport_wait can wait.
 */
int
cph_transport_fd(CphTransport *transport)
{
	return transport->poller.fd;
}

/*
 * Makes the descriptor readable at a time of cph_transport_now, for the
 * borrower's own purposes; 0: no more.  It holds once, until the first
 * cph_transport_perform at or after that time.
 */
void
cph_transport_wake_at(CphTransport *transport, int64 at_us)
{
	transport->wake_at = at_us;
	arm_timer(transport);
}

/*
 * Waits until the transport can go on, or the latch is set, serves
 * interrupts, and performs.  The caller checks whether what it waits for has
 * come, and that there is something to wait for: a pending transfer or a
 * time to wake at.
 */
void
cph_transport_wait(CphTransport *transport, uint32 wait_event)
{
	cph_poller_wait(&transport->poller, wait_event);
	CHECK_FOR_INTERRUPTS();
	cph_transport_perform(transport);
}

/* Microseconds of a clock that only goes forward; its zero means nothing. */
int64
cph_transport_now(void)
{
	return cph_poller_now();
}

/* How the transfer stands; it changes in cph_transport_perform only. */
CphTransferState
cph_transfer_state(const CphTransfer *transfer)
{
	return transfer->state;
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

	enter_curl(&saved);
	if (transfer->attached)
		(void) curl_multi_remove_handle(transfer->transport->multi,
										transfer->easy);
	if (transfer->post != NULL)
		wipe_answer_headers(transfer);
	curl_easy_cleanup(transfer->easy);
	leave_curl(transfer->transport, &saved);

	for (struct curl_slist *line = transfer->headers; line != NULL;
		 line = line->next)
		wipe(line->data);
	curl_slist_free_all(transfer->headers);
	wipe(transfer->post);
	if (transfer->post != NULL)
		pfree(transfer->post);
	free(transfer->body);
	pfree(transfer);
}

/*
 * Before libcurl is run: no handler and no interrupt until leave_curl, here
 * or in a thread that libcurl starts.
 */
static void
enter_curl(sigset_t *saved)
{
	sigset_t	all;

	HOLD_INTERRUPTS();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

/* After libcurl was run, with what enter_curl saved. */
static void
leave_curl(CphTransport *transport, const sigset_t *saved)
{
	arm_timer(transport);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
	RESUME_INTERRUPTS();
}

/* Overwrites a string; NULL is harmless. */
static void
wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
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
		wipe(header->value);
}

/* libcurl's callback for a header line, which it keeps itself.  No throw. */
static size_t
receive_header(char *data, size_t size, size_t count, void *arg)
{
	CphTransfer *transfer = arg;

	transfer->header_length += size * count;
	if (transfer->header_length <= HEADERS_MAX)
		return size * count;
	transfer->refusal = CPH_TRANSFER_TOO_LARGE;
	return CURL_WRITEFUNC_ERROR;
}

/* libcurl's callback for the body: keeps it, within the bound.  No throw. */
static size_t
receive_body(char *data, size_t size, size_t count, void *arg)
{
	CphTransfer *transfer = arg;
	Size		bytes = size * count;

	if (bytes > transfer->transport->options.max_body - transfer->length)
		transfer->refusal = CPH_TRANSFER_TOO_LARGE;
	else if (!reserve(transfer, transfer->length + bytes + 1))
		transfer->refusal = CPH_TRANSFER_FAILED;
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
 * libcurl's callback for a new socket: closed on exec, and never to a
 * link-local address, where clouds give their secrets away.  No throw.
 */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	CphTransport *transport = arg;
	int			fd;

	if (is_link_local(&address->addr))
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);

	/*
	 * libcurl knows sockets by their numbers: it takes one that has the
	 * number of another just closed for watched, which ended with the
	 * closing.  A failure here is met by watch_socket.
	 */
	(void) cph_poller_watch(&transport->poller, fd, false, true);
	transport->stirred = true;
	return fd;
}

/* Whether the address is link-local: 169.254.0.0/16, fe80::/10. */
static bool
is_link_local(const struct sockaddr *address)
{
	uint32		v4;

	if (address->sa_family == AF_INET)
		v4 = ((const struct sockaddr_in *) address)->sin_addr.s_addr;
	else if (address->sa_family == AF_INET6)
	{
		const struct in6_addr *v6 =
		&((const struct sockaddr_in6 *) address)->sin6_addr;

		if (IN6_IS_ADDR_LINKLOCAL(v6))
			return true;
		if (!IN6_IS_ADDR_V4MAPPED(v6))
			return false;
		memcpy(&v4, v6->s6_addr + 12, sizeof(v4));
	}
	else
		return false;
	return (ntohl(v4) >> 16) == 0xA9FE;
}

/* libcurl's callback for what it wants to know of a socket.  No throw. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	CphTransport *transport = arg;
	bool		read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	bool		write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;

	if (what == CURL_POLL_REMOVE)
		transport->stirred = true;
	return cph_poller_watch(&transport->poller, fd, read, write) ? 0 : -1;
}

/* libcurl's callback for when it wants to go on.  No throw. */
static int
watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	CphTransport *transport = arg;

	transport->curl_at = timeout_ms < 0 ? 0 :
		cph_transport_now() + (int64) timeout_ms * 1000;
	return 0;
}

/* Tells libcurl what has happened since.  Between enter and leave_curl. */
static CURLMcode
drive(CphTransport *transport)
{
	CphPollerEvent events[EVENTS_MAX];
	int			nevents = cph_poller_take(&transport->poller, events, EVENTS_MAX);
	int64		now = cph_transport_now();
	CURLMcode	result = CURLM_OK;
	int			running;

	for (int i = 0; i < nevents && result == CURLM_OK; i++)
		result = curl_multi_socket_action(transport->multi, events[i].socket,
										  (events[i].readable ? CURL_CSELECT_IN : 0) |
										  (events[i].writable ? CURL_CSELECT_OUT : 0),
										  &running);
	if (transport->wake_at != 0 && transport->wake_at <= now)
		transport->wake_at = 0;
	if (result == CURLM_OK &&
		transport->curl_at != 0 && transport->curl_at <= now)
	{
		transport->curl_at = 0;
		result = curl_multi_socket_action(transport->multi,
										  CURL_SOCKET_TIMEOUT, 0, &running);
	}
	return result == CURLM_OK ? drive_all(transport) : result;
}

/*
 * Calls libcurl for every transfer after a socket has come or gone, and always
 * where nothing is known of sockets: where one of a host's addresses fails,
 * libcurl 7.88 goes on with the next when it is called next, but asks for no
 * call.
 */
static CURLMcode
drive_all(CphTransport *transport)
{
	CURLMcode	result = CURLM_OK;
	int			running;

	if (transport->poller.fd < 0)
		transport->stirred = true;
	while (result == CURLM_OK && transport->stirred)
	{
		transport->stirred = false;
		result = curl_multi_socket_all(transport->multi, &running);
	}
	return result;
}

/*
 * Makes the descriptor readable at the earlier of the two times.  Harmless
 * before there is one.
 */
static void
arm_timer(CphTransport *transport)
{
	int64		at = transport->curl_at;

	if (at == 0 || (transport->wake_at != 0 && transport->wake_at < at))
		at = transport->wake_at;
	cph_poller_arm(&transport->poller, at);
}
