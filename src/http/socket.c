/*
 * socket.c
 *		The sockets and the timer of a transport, as libcurl wants them.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/tcp.h>			/* the system's tcp_info; glibc's is shorter */
#endif

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
 * whoever is first, or at once.  Harmless before there is one.
 */
void
cph_socket_arm(CphTransport *transport)
{
	int64		at = transport->curl_at;

	if (at == 0 || (transport->wake_at != 0 && transport->wake_at < at))
		at = transport->wake_at;
	cph_poller_arm(&transport->poller, transport->hurried ? 1 : at);
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

/* The sockets of all transports. */
dlist_head	cph_sockets = DLIST_STATIC_INIT(cph_sockets);

/*
 * Forgets what is known of the socket of that number, and has no transfer
 * refer to it.  Throws nothing.
 */
static void
forget(int fd)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &cph_sockets)
	{
		CphSocket  *socket = dlist_container(CphSocket, node, iter.cur);
		dlist_iter	each;

		if (socket->fd != fd)
			continue;
		dlist_foreach(each, &socket->transport->transfers)
		{
			CphTransfer *transfer = dlist_container(CphTransfer, node, each.cur);

			if (transfer->socket == socket)
				transfer->socket = NULL;
		}
		dlist_delete(&socket->node);
		free(socket);
	}
}

/*
 * Sets how long what was sent may go without the other end's TCP acknowledging
 * it: then the link is dead, which nothing else would tell.
 */
static void
bound_silence(int fd, int timeout_ms)
{
#ifdef TCP_USER_TIMEOUT
	unsigned int ms = timeout_ms;

	(void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
#endif
}

/*
 * libcurl's callback for a new socket: closed on exec, and never to a
 * link-local address.  No throw.
 */
curl_socket_t
cph_socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	CphTransport *transport = arg;
	CphSocket  *record;
	int			fd;

	if (cph_url_is_link_local(&address->addr))
		return CURL_SOCKET_BAD;
	record = calloc(1, sizeof(CphSocket));
	fd = record ? socket(address->family, address->socktype,
						 address->protocol) : -1;
	if (fd < 0)
	{
		free(record);
		return CURL_SOCKET_BAD;
	}
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	bound_silence(fd, transport->options.connect_timeout_ms);
	forget(fd);
	record->transport = transport;
	record->fd = fd;
	record->opened_at = cph_transport_now();
	dlist_push_tail(&cph_sockets, &record->node);

	/*
	 * libcurl knows sockets by their numbers: it takes one that has the
	 * number of another just closed for watched, which ended with the
	 * closing.  A failure here is met by cph_socket_watch.
	 */
	(void) cph_poller_watch(&transport->poller, fd, false, true);
	transport->sockets_changed = true;
	return fd;
}

/* libcurl's callback that closes a socket.  No throw. */
int
cph_socket_close(void *arg, curl_socket_t fd)
{
	forget(fd);
	return close(fd);
}

/* Finds out between which addresses a socket is connected. */
static void
read_addresses(CphSocket *socket)
{
	union
	{
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	}			local, peer;
	socklen_t	local_length = sizeof(local);
	socklen_t	peer_length = sizeof(peer);
	bool		v6;

	memset(&local, 0, sizeof(local));
	memset(&peer, 0, sizeof(peer));
	if (getsockname(socket->fd, &local.any, &local_length) != 0 ||
		getpeername(socket->fd, &peer.any, &peer_length) != 0)
		return;
	v6 = peer.any.sa_family == AF_INET6;
	socket->local_port = ntohs(v6 ? local.v6.sin6_port : local.v4.sin_port);
	(void) inet_ntop(peer.any.sa_family,
					 v6 ? (void *) &peer.v6.sin6_addr : (void *) &peer.v4.sin_addr,
					 socket->peer, sizeof(socket->peer));
}

/*
 * Returns the transport's socket that is connected from a port to an address,
 * or NULL.  libcurl tells of a connection by these; it numbers connections only
 * from 8.2 on.
 */
CphSocket *
cph_socket_find(CphTransport *transport, const char *peer, int local_port)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cph_sockets)
	{
		CphSocket  *socket = dlist_container(CphSocket, node, iter.cur);

		if (socket->transport != transport)
			continue;
		if (socket->peer[0] == '\0')
			read_addresses(socket);
		if (socket->local_port == local_port && strcmp(socket->peer, peer) == 0)
			return socket;
	}
	return NULL;
}

/* Returns what the system has to tell of a socket at once. */
static int
happened(const CphSocket *socket, int events)
{
	struct pollfd pollfd = {.fd = socket->fd, .events = events};

	return poll(&pollfd, 1, 0) > 0 ? pollfd.revents : 0;
}

/* Tells whether there are bytes to read on a socket, or its end. */
bool
cph_socket_has_input(const CphSocket *socket)
{
	return happened(socket, POLLIN) != 0;
}

/* Tells whether the peer has ended a connection. */
bool
cph_socket_has_ended(const CphSocket *socket)
{
#ifdef POLLRDHUP
	return happened(socket, POLLRDHUP) != 0;
#else
	return (happened(socket, POLLIN) & (POLLHUP | POLLERR)) != 0;
#endif
}

#ifdef __linux__
/* Returns whether the system tells of a socket's TCP, into info. */
static bool
read_info(const CphSocket *socket, struct tcp_info *info)
{
	socklen_t	length = sizeof(*info);

	return getsockopt(socket->fd, IPPROTO_TCP, TCP_INFO, info, &length) == 0 &&
		length >= offsetof(struct tcp_info, tcpi_bytes_received) +
		sizeof(info->tcpi_bytes_received);
}
#endif

/*
 * Returns how many bytes the system has received on a socket, read or not; -1
 * where it does not tell.
 */
int64
cph_socket_received(const CphSocket *socket)
{
#ifdef __linux__
	struct tcp_info info;

	if (read_info(socket, &info))
		return (int64) info.tcpi_bytes_received;
#endif
	return -1;
}

/*
 * Returns for how many microseconds nothing has been received on a socket; 0
 * where the system does not tell.
 */
int64
cph_socket_silence(const CphSocket *socket)
{
#ifdef __linux__
	struct tcp_info info;

	if (read_info(socket, &info))
		return (int64) info.tcpi_last_data_recv * 1000;
#endif
	return 0;
}
