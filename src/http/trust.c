/*
 * trust.c
 *		Which connection a request is put on, and what follows from silence.
 *
 * A kept connection may have died without a word, or hold bytes that nobody
 * asked for, which would be taken for the answer to the next request.  libcurl
 * asks cph_trust_admit at the last moment before it writes a request on a
 * connection.  What libcurl and TLS do by themselves does not suffice: 7.88
 * takes a connection with readable bytes for a live one; to see whether a TLS
 * connection lives it reads from it, so that the socket looks clean; from 8.20
 * on TLS reads ahead.  Therefore the system's count of received bytes is
 * compared:
 *
 * - since the end of the last answer none may have come, and none may wait;
 * - between the request and the first byte of its answer some must have come,
 *	 or that answer was in a buffer before.
 *
 * HTTP/2 numbers its answers and has its peer speak at any time: there only an
 * end counts.  On a new connection TLS has things to say first.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

/*
 * A connection that is lost within this time was closed by the peer, which it
 * told; after it, it has been silent.
 */
#define SILENCE_US INT64CONST(1000000)

/* Tells whether a socket carries a request that waits for its answer. */
static bool
is_in_use(const CphSocket *socket)
{
	dlist_iter	iter;

	dlist_foreach(iter, &socket->transport->transfers)
	{
		CphTransfer *transfer = dlist_container(CphTransfer, node, iter.cur);

		if (transfer->socket == socket &&
			transfer->state == CPH_TRANSFER_PENDING)
			return true;
	}
	return false;
}

/* Tells whether nothing has come on a kept connection that is not asked for. */
static bool
is_clean(const CphSocket *socket)
{
	if (socket->multiplexed)
		return !cph_socket_has_ended(socket);
	return !cph_socket_has_input(socket) &&
		cph_socket_received(socket) == socket->received;
}

/* Tells whether nothing has come since a transfer's request was sent. */
static bool
is_unheard(const CphTransfer *transfer)
{
	return transfer->header_length == 0 &&
		(transfer->socket == NULL ||
		 cph_socket_received(transfer->socket) == transfer->received);
}

/* Tells whether nothing has come for any of the requests on a socket. */
static bool
are_unheard(const CphSocket *socket)
{
	dlist_iter	iter;

	dlist_foreach(iter, &socket->transport->transfers)
	{
		CphTransfer *transfer = dlist_container(CphTransfer, node, iter.cur);

		if (transfer->socket == socket && !is_unheard(transfer))
			return false;
	}
	return true;
}

/*
 * Has no request use a socket any more.  Those that wait on it are lost, and
 * their transport is to be performed.
 */
static void
retire(CphSocket *socket)
{
	CphTransport *transport = socket->transport;
	dlist_iter	iter;

	socket->retired = true;
	dlist_foreach(iter, &transport->transfers)
	{
		CphTransfer *transfer = dlist_container(CphTransfer, node, iter.cur);

		if (transfer->socket != socket ||
			transfer->state != CPH_TRANSFER_PENDING)
			continue;
		transfer->lost = true;
		transport->hurried = true;
		cph_socket_arm(transport);
	}
}

/*
 * Retires what a link has kept that has been silent since then: the connections
 * of this backend that brought their last answer before, whosever they are.
 */
static void
distrust(int64 since)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cph_sockets)
	{
		CphSocket  *socket = dlist_container(CphSocket, node, iter.cur);

		if (socket->answered_at != 0 && socket->answered_at < since &&
			are_unheard(socket))
			retire(socket);
	}
}

/* Takes note of an answer that has come on a socket. */
static void
note_answer(CphSocket *socket, const CphTransfer *transfer)
{
	long		version = CURL_HTTP_VERSION_NONE;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
	socket->multiplexed = version == CURL_HTTP_VERSION_2_0;
	socket->answered_at = cph_transport_now();
	socket->received = cph_socket_received(socket);
}

/*
 * Takes note of the answers on a socket that libcurl has ended since it was
 * driven, and not told yet.  Without HTTP/2 it offers none before that.
 */
static void
note_ended(CphSocket *socket)
{
	dlist_iter	iter;

	dlist_foreach(iter, &socket->transport->transfers)
	{
		CphTransfer *transfer = dlist_container(CphTransfer, node, iter.cur);

		if (transfer->socket == socket && transfer->header_length > 0)
			note_answer(socket, transfer);
	}
}

/*
 * libcurl has lost the connection that it put a request on, before anything
 * came, and is about to put it on another one: that must be a new one, too.
 */
static void
note_loss(CphTransfer *transfer)
{
	if (cph_transport_now() - transfer->sent_at >= SILENCE_US)
	{
		transfer->stale = true;
		distrust(transfer->sent_at);
	}
	transfer->fresh_after = transfer->sent_at;
	transfer->socket = NULL;
}

/*
 * libcurl's callback before it writes a request on a connection: not if there
 * is reason to mistrust it.  Then it is closed, unless others use it, and the
 * transfer is to be attached again.  No throw.
 */
int
cph_trust_admit(void *arg, char *peer, char *local, int peer_port,
				int local_port)
{
	CphTransfer *transfer = arg;
	CphSocket  *socket = cph_socket_find(transfer->transport, peer, local_port);

	if (transfer->sent_at != 0)
		note_loss(transfer);
	if (socket == NULL)
		return CURL_PREREQFUNC_OK;
	note_ended(socket);
	if (socket->retired || socket->opened_at < transfer->fresh_after ||
		(socket->answered_at != 0 && !is_clean(socket)))
	{
		transfer->refused = true;
		transfer->shared = is_in_use(socket);
		(void) curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 1L);
		return CURL_PREREQFUNC_ABORT;
	}
	transfer->socket = socket;
	transfer->sent_at = cph_transport_now();
	transfer->received = cph_socket_received(socket);
	transfer->kept = socket->answered_at != 0;
	transfer->header_length = 0;	/* not that of a proxy */
	return CURL_PREREQFUNC_OK;
}

/* Tells whether the answer that begins was there before it was asked for. */
bool
cph_trust_is_stray(const CphTransfer *transfer)
{
	return transfer->kept && transfer->socket != NULL &&
		!transfer->socket->multiplexed && transfer->received >= 0 &&
		cph_socket_received(transfer->socket) == transfer->received;
}

/*
 * Takes note of an answer.  408 may be a load balancer's goodbye: then nobody
 * has seen the request.
 */
static void
end_answered(CphTransfer *transfer)
{
	CphSocket  *socket = transfer->socket;
	int			status = cph_transfer_status(transfer);

	transfer->stale |= status == 408 && transfer->kept;
	if (socket != NULL)
		note_answer(socket, transfer);
	if (socket != NULL && (status == 408 || status == 421))
		socket->retired = true;
}

/*
 * Takes note of a failure.  What failed on a kept connection without a byte is
 * stale, but not a second time.  A connection is silent that brought nothing
 * during half of the time that was waited for.
 */
static void
end_failed(CphTransfer *transfer)
{
	CphSocket  *socket = transfer->socket;
	bool		unheard = is_unheard(transfer);
	int64		now = cph_transport_now();
	int64		waited = now - transfer->sent_at;
	int64		silent = waited;

	transfer->stale |= transfer->lost ||
		(transfer->kept && unheard && transfer->fresh_after == 0);
	if (!unheard)
		silent = socket ? cph_socket_silence(socket) : 0;
	if (transfer->neglected || silent < Max(SILENCE_US, waited / 2))
		return;
	if (socket != NULL)
		retire(socket);
	distrust(now - silent);
}

/*
 * Takes note of how a transfer ended, for the connection that it used and for
 * others.
 */
void
cph_trust_ended(CphTransfer *transfer)
{
	if (transfer->sent_at != 0 && transfer->state == CPH_TRANSFER_ANSWERED)
		end_answered(transfer);
	else if (transfer->sent_at != 0 &&
			 (transfer->state == CPH_TRANSFER_TIMED_OUT ||
			  transfer->state == CPH_TRANSFER_BROKEN))
		end_failed(transfer);
	transfer->socket = NULL;
}
