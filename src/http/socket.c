/*
 * socket.c
 *		The sockets and the timer of a transport, as libcurl wants them.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

#include <fcntl.h>

/*
 * Who calls libcurl that much later than it wanted did not wait for it: the
 * reader of a cursor took a break.
 */
#define NEGLECTED_US INT64CONST(1000000)

/*
 * Takes note, until the transport is performed, that it should have been long
 * ago.  To be called before another time is set: a new transfer does that.
 */
void
cph_socket_note_neglect(CphTransport *transport)
{
	if (transport->curl_at != 0 &&
		transport->curl_at + NEGLECTED_US < cph_transport_now())
		transport->neglected = true;
}

/*
 * Makes the descriptor readable when libcurl or the borrower wants to go on,
 * whoever is first.  Harmless before there is one.
 */
void
cph_socket_arm(CphTransport *transport)
{
	int64		at = transport->curl_at;

	if (at == 0 || (transport->wake_at != 0 && transport->wake_at < at))
		at = transport->wake_at;
	cph_poller_arm(&transport->poller, at);
}

/* libcurl's callback for when it wants to go on.  No throw. */
int
cph_socket_watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	CphTransport *transport = arg;

	cph_socket_note_neglect(transport);
	transport->curl_at = timeout_ms < 0 ? 0 :
		cph_transport_now() + (int64) timeout_ms * 1000;
	return 0;
}

/* libcurl's callback for what it wants to know of a socket.  No throw. */
int
cph_socket_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	CphTransport *transport = arg;
	bool		read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	bool		write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;

	if (what == CURL_POLL_REMOVE)
		transport->sockets_changed = true;
	return cph_poller_watch(&transport->poller, fd, read, write) ? 0 : -1;
}

/*
 * libcurl's callback for a new socket: closed on exec, and never to a
 * link-local address.  No throw.
 */
curl_socket_t
cph_socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	CphTransport *transport = arg;
	int			fd;

	if (cph_url_is_link_local(&address->addr))
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);

	/*
	 * libcurl knows sockets by their numbers: it takes one that has the
	 * number of another just closed for watched, which ended with the
	 * closing.  A failure here is met by cph_socket_watch.
	 */
	(void) cph_poller_watch(&transport->poller, fd, false, true);
	transport->sockets_changed = true;
	return fd;
}
