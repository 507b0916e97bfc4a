/*
 * multi.c
 *		libcurl's multi handle: driven, and waited for.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"
#include "lib/lib.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "miscadmin.h"

/* Connections kept in a transport: as many as are in use at most. */
#define CONNECTIONS_MAX CPH_MAX_CONCURRENT

/* Events taken at once: two sockets a connection while IPv4 and 6 race. */
#define EVENTS_MAX (2 * CONNECTIONS_MAX)

/* Sets an option and checks the result; no option is set otherwise. */
#define set_multi_option(transport, option, value) \
	do { \
		if (curl_multi_setopt((transport)->multi, option, value) != CURLM_OK) \
			elog(ERROR, "libcurl refused %s", #option); \
	} while (0)

/*
 * Who calls libcurl that much later than it wanted did not wait for it: the
 * reader of a cursor took a break.
 */
#define NEGLECTED_US INT64CONST(1000000)

/* How often memory that libcurl asked for was not there. */
static volatile int shortages = 0;

static void *libcurl_malloc(size_t size);
static void *libcurl_realloc(void *memory, size_t size);
static void *libcurl_calloc(size_t count, size_t size);
static char *libcurl_strdup(const char *string);
static void note_neglect(CphTransport *transport);
static CURLMcode drive(CphTransport *transport);
static CURLMcode drive_all(CphTransport *transport);
static void arm_timer(CphTransport *transport);
static int	watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
						 void *unused);
static int	watch_timer(CURLM *multi, long timeout_ms, void *arg);
static bool is_link_local(const struct sockaddr *address);

/*
 * Makes libcurl usable.  Not done when the library is loaded, which may be in
 * the postmaster, before the fork.  libcurl copies headers and bodies into
 * buffers of its own: they are wiped when it frees them, unless another
 * extension of this backend has made libcurl usable before.
 */
void
cph_multi_init(void)
{
	const curl_version_info_data *info;
	int			before = shortages;

	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, libcurl_malloc,
							 cph_secret_free, libcurl_realloc,
							 libcurl_strdup, libcurl_calloc) != CURLE_OK)
		ereport(ERROR,
				(errcode(shortages != before ? ERRCODE_OUT_OF_MEMORY :
						 ERRCODE_FDW_ERROR),
				 errmsg("could not initialize libcurl")));
	info = curl_version_info(CURLVERSION_NOW);
	if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("libcurl was built without asynchronous name resolution"),
				 errdetail("A look-up could not be cancelled.")));
}

/* Returns memory for libcurl, and counts it if it is NULL. */
static void *
noted(void *memory)
{
	if (memory == NULL)
		shortages++;
	return memory;
}

/* libcurl's functions of memory: as those of the system. */
static void *
libcurl_malloc(size_t size)
{
	return noted(malloc(size));
}

/* See above; what is left is wiped. */
static void *
libcurl_realloc(void *memory, size_t size)
{
	return noted(cph_secret_realloc(memory, size));
}

/* See above. */
static void *
libcurl_calloc(size_t count, size_t size)
{
	return noted(calloc(count, size));
}

/* See above. */
static char *
libcurl_strdup(const char *string)
{
	return noted(strdup(string));
}

/*
 * How often libcurl was short of memory so far: a transfer during which that
 * changes has failed.  libcurl's results do not tell: 7.88 says the same of a
 * header line that is too long, and where it cannot copy the query of a URL,
 * it sends the request without it and is content.
 */
int
cph_multi_shortages(void)
{
	return shortages;
}

/*
 * Acquires the multi handle and the descriptors.  Throws if one is not to be
 * had, even after closing what is idle; what was acquired is then the
 * transport's to close.
 */
void
cph_multi_open(CphTransport *transport)
{
	cph_pool_claim(transport, 0);
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

/* Releases the multi handle and its descriptors.  Throws nothing. */
void
cph_multi_close(CphTransport *transport)
{
	sigset_t	saved;

	cph_curl_enter(&saved);
	(void) curl_multi_cleanup(transport->multi);
	cph_curl_leave(transport, &saved);
	cph_poller_close(&transport->poller);
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
	arm_timer(transport);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
	RESUME_INTERRUPTS();
}

/*
 * Takes note, until the transport is performed, that it should have been long
 * ago.  To be called before another time is set: a new transfer does that.
 */
static void
note_neglect(CphTransport *transport)
{
	if (transport->curl_at != 0 &&
		transport->curl_at + NEGLECTED_US < cph_transport_now())
		transport->neglected = true;
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

	note_neglect(transport);
	cph_curl_enter(&saved);
	if (drive(transport) != CURLM_OK)
	{
		/* libcurl failed: nothing more will come of these transfers */
		dlist_iter	iter;

		transport->closing = true;
		dlist_foreach(iter, &transport->transfers)
		{
			CphTransfer *transfer = dlist_container(CphTransfer, node,
													iter.cur);

			if (transfer->state == CPH_TRANSFER_PENDING)
				cph_transfer_end(transfer, CURLE_FAILED_INIT);
		}
	}
	while ((message = curl_multi_info_read(transport->multi, &left)) != NULL)
	{
		CphTransfer *transfer = NULL;

		if (message->msg == CURLMSG_DONE &&
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
							  &transfer) == CURLE_OK)
			cph_transfer_end(transfer, message->data.result);
	}
	transport->neglected = false;
	cph_curl_leave(transport, &saved);
}

/* Tells libcurl what has happened since.  Between enter and cph_curl_leave. */
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
		transport->sockets_changed = true;
	while (result == CURLM_OK && transport->sockets_changed)
	{
		transport->sockets_changed = false;
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

/* Microseconds of a clock that only goes forward; its zero means nothing. */
int64
cph_transport_now(void)
{
	return cph_poller_now();
}

/* libcurl's callback for what it wants to know of a socket.  No throw. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	CphTransport *transport = arg;
	bool		read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	bool		write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;

	if (what == CURL_POLL_REMOVE)
		transport->sockets_changed = true;
	return cph_poller_watch(&transport->poller, fd, read, write) ? 0 : -1;
}

/* libcurl's callback for when it wants to go on.  No throw. */
static int
watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	CphTransport *transport = arg;

	note_neglect(transport);
	transport->curl_at = timeout_ms < 0 ? 0 :
		cph_transport_now() + (int64) timeout_ms * 1000;
	return 0;
}

/*
 * libcurl's callback for a new socket: closed on exec, and never to a
 * link-local address, where clouds give their secrets away.  No throw.
 */
curl_socket_t
cph_multi_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
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
	transport->sockets_changed = true;
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
