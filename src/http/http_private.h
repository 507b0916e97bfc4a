/*
 * http_private.h
 *		What the files of this folder share: libcurl, sockets, transfers.
 *
 * Four rules hold in all of them.  A transport is in the pool, and its owner's
 * callback registered, before it holds anything; a transfer is in its
 * transport's list before it holds anything; giving back works from any state
 * in between and throws nothing.  libcurl is only run between cph_curl_enter
 * and cph_curl_leave, where signals are blocked and interrupts held: a
 * resolver thread inherits that mask and so never runs PostgreSQL's handlers,
 * and nothing can throw through libcurl's frames.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_HTTP_PRIVATE_H
#define CPH_HTTP_PRIVATE_H

#include "http/http.h"

#define CURL_DISABLE_DEPRECATION	/* of curl_multi_socket_all */
#include <curl/curl.h>
#include <signal.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/ilist.h"

#if LIBCURL_VERSION_NUM < 0x075800
#error "cph_fdw needs libcurl 7.88 or later"
#endif

/*
 * One descriptor for many sockets and a timer.
 *
 * The descriptor is readable while one of the sockets is as it was asked for,
 * or the timer has gone off.  Where the system has no epoll there is no
 * descriptor, nothing is ever taken, and waiting is a short sleep.
 */

/* The one place that knows which system has epoll. */
#ifdef __linux__
#define CPH_POLLER_HAS_FD 1
#else
#define CPH_POLLER_HAS_FD 0
#endif

/* Zeroed and with both descriptors -1 it holds nothing. */
typedef struct CphPoller
{
	int			fd;				/* readable as said above; -1: there is none */
	int			timer_fd;
	int64		armed_at;		/* when the timer goes off; 0: never */
} CphPoller;

/* A socket about which there is something to tell. */
typedef struct CphPollerEvent
{
	int			socket;
	bool		readable;		/* both are set by an error: whatever is tried */
	bool		writable;		/* meets it */
} CphPollerEvent;

struct CphTransport
{
	dlist_node	node;			/* in pool */
	MemoryContext context;		/* this struct, its strings, its transfers */
	MemoryContextCallback callback; /* on the borrower's context */
	Oid			key;
	CphTransportOptions options;	/* own copies */
	bool		borrowed;
	bool		closing;		/* when given back it is closed, not kept */
	bool		sockets_changed;	/* a socket came or went: see drive */
	bool		neglected;		/* to be performed long after libcurl wanted */
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
	CphTransferState refusal;	/* why the answer was refused; PENDING: not */
	bool		neglected;		/* see cph_transfer_neglected */
	CURLcode	setup;			/* the first option that failed, */
	const char *setup_option;	/* and its name */
	Size		header_length;	/* bytes of headers received */
	char	   *body;			/* malloc'd: it grows within a callback */
	Size		length;
	Size		capacity;
	char		error[CURL_ERROR_SIZE];
};

/* url.c */
extern bool cph_url_is_link_local(const struct sockaddr *address);

/* poller.c */
extern void cph_poller_open(CphPoller *poller);
extern void cph_poller_close(CphPoller *poller);
extern bool cph_poller_watch(CphPoller *poller, int socket, bool read,
							 bool write);
extern void cph_poller_arm(CphPoller *poller, int64 at_us);
extern int	cph_poller_take(CphPoller *poller, CphPollerEvent *events,
							int nevents);
extern void cph_poller_wait(CphPoller *poller, uint32 wait_event);

/* socket.c */
extern void cph_socket_note_neglect(CphTransport *transport);
extern void cph_socket_arm(CphTransport *transport);
extern curl_socket_t cph_socket_open(void *arg, curlsocktype purpose,
									 struct curl_sockaddr *address);
extern int	cph_socket_watch(CURL *easy, curl_socket_t fd, int what, void *arg,
							 void *unused);
extern int	cph_socket_watch_timer(CURLM *multi, long timeout_ms, void *arg);

/* curl.c */
extern void cph_curl_init(void);
extern void cph_curl_no_memory(const char *what) pg_attribute_noreturn();
extern void cph_curl_enter(sigset_t *saved);
extern void cph_curl_leave(CphTransport *transport, const sigset_t *saved);
extern void cph_curl_note(CphTransfer *transfer, CURLcode result,
						  const char *name);
extern void cph_curl_setup(CphTransfer *transfer, const CphHttpRequest *request);
extern CphTransferState cph_curl_state(CphTransfer *transfer, CURLcode result);

/* Sets an option of a transfer; if it fails, the transfer does. */
#define cph_curl_set(transfer, option, value) \
	cph_curl_note(transfer, \
				  curl_easy_setopt((transfer)->easy, option, value), #option)

/* transfer.c */
extern CphTransfer *cph_transfer_make(CphTransport *transport,
									  const CphHttpRequest *request);
extern void cph_transfer_end(CphTransfer *transfer, CURLcode result);

/* multi.c */
extern void cph_multi_open(CphTransport *transport);
extern void cph_multi_close(CphTransport *transport);
extern int	cph_multi_pending(CphTransport *transport);

#endif							/* CPH_HTTP_PRIVATE_H */
