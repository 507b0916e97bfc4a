/*
 * multi.c
 *		libcurl's multi handle: driven, and waited for.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

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
 * Acquires the multi handle and the descriptors, which the caller has counted.
 * Throws if one is not to be had; what was acquired is then the transport's to
 * close.
 */
void
cph_multi_open(CphTransport *transport)
{
	transport->multi = curl_multi_init();
	if (transport->multi == NULL)
		cph_curl_no_memory("make a handle");
	set_multi_option(transport, CURLMOPT_MAXCONNECTS, (long) CONNECTIONS_MAX);
	cph_poller_open(&transport->poller);
	set_multi_option(transport, CURLMOPT_SOCKETFUNCTION, cph_socket_watch);
	set_multi_option(transport, CURLMOPT_SOCKETDATA, transport);
	set_multi_option(transport, CURLMOPT_TIMERFUNCTION, cph_socket_watch_timer);
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

/* Returns the number of transfers that have not ended. */
int
cph_multi_pending(CphTransport *transport)
{
	int			pending = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &transport->transfers)
		pending += (dlist_container(CphTransfer, node, iter.cur)->state ==
					CPH_TRANSFER_PENDING);
	return pending;
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
 * Ends the transfers that are pending, with a result of libcurl: all, or those
 * that were lost with their connection.
 */
static void
end_pending(CphTransport *transport, bool all, CURLcode result)
{
	dlist_iter	iter;

	dlist_foreach(iter, &transport->transfers)
	{
		CphTransfer *transfer = dlist_container(CphTransfer, node, iter.cur);

		if (transfer->state == CPH_TRANSFER_PENDING && (all || transfer->lost))
			cph_transfer_end(transfer, result);
	}
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

	cph_socket_note_neglect(transport);
	cph_curl_enter(&saved);
	if (drive(transport) != CURLM_OK)
	{
		/* libcurl failed: nothing more will come of these transfers */
		transport->closing = true;
		end_pending(transport, true, CURLE_FAILED_INIT);
	}
	while ((message = curl_multi_info_read(transport->multi, &left)) != NULL)
	{
		CphTransfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE ||
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
							  &transfer) != CURLE_OK)
			continue;
		if (transfer->refused)
			cph_transfer_reattach(transfer);
		else
			cph_transfer_end(transfer, message->data.result);
	}
	end_pending(transport, false, CURLE_RECV_ERROR);
	transport->neglected = false;
	transport->hurried = false;
	cph_curl_leave(transport, &saved);
}

/*
 * Returns how far that transfer is which is farthest of those that have not
 * ended.
 */
CphTransferPhase
cph_transport_phase(CphTransport *transport)
{
	CphTransferPhase phase = CPH_PHASE_NAME;
	dlist_iter	iter;

	dlist_foreach(iter, &transport->transfers)
	{
		CphTransfer *transfer = dlist_container(CphTransfer, node, iter.cur);
		curl_off_t	resolved = 0;

		if (transfer->state != CPH_TRANSFER_PENDING)
			continue;
		if (transfer->sent_at != 0)
			return CPH_PHASE_ANSWER;
		(void) curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T,
								 &resolved);
		if (resolved > 0)
			phase = CPH_PHASE_CONNECTION;
	}
	return phase;
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
	cph_socket_arm(transport);
}

/*
 * Waits until the transport can go on, or the latch is set, and serves
 * interrupts.  The caller sees to it that there is something to wait for, a
 * pending transfer or a time to wake at, and performs afterwards.
 */
void
cph_transport_wait(CphTransport *transport, uint32 wait_event)
{
	cph_poller_wait(&transport->poller, wait_event);
	CHECK_FOR_INTERRUPTS();
}

/* Tells whether transports have a descriptor to wait for, on this platform. */
bool
cph_transport_has_fd(void)
{
	return CPH_POLLER_HAS_FD;
}

/*
 * Returns a descriptor that is readable whenever cph_transport_perform has
 * something to do, wake_at included; the transport's.  -1: there is none on this
 * system, and only cph_transport_wait can wait.
 */
int
cph_transport_fd(CphTransport *transport)
{
	return transport->poller.fd;
}
