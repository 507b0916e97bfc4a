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
#include <sys/stat.h>

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

/*
 * A socket that libcurl has.  malloc'd, since it comes and goes within
 * callbacks.
 */
typedef struct CphSocket
{
	dlist_node	node;			/* in cph_sockets */
	CphTransport *transport;
	int			fd;
	char		peer[INET6_ADDRSTRLEN]; /* empty: not known yet */
	int			local_port;
	int64		opened_at;
	int64		answered_at;	/* the last answer ended; 0: there was none */
	int64		received;		/* cph_socket_received at that time */
	bool		multiplexed;	/* HTTP/2: the peer may speak at any time */
	bool		retired;		/* no further request is put on it */
} CphSocket;

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
	bool		hurried;		/* to be performed at once: transfers are lost */
	int			descriptors;	/* reported to fd.c */
	CURLM	   *multi;
	CphPoller	poller;
	int64		curl_at;		/* when libcurl wants to go on; 0: never */
	int64		wake_at;		/* when the borrower wants to; 0: never */
	struct stat ca_seen;		/* the file of authorities, last looked at */
	int64		ca_changed_at;	/* when it was found changed; 0: never */
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
	bool		neglected;		/* nobody looked after it: see excused */
	int64		fresh_after;	/* of the request */
	CphSocket  *socket;			/* that its request is on; NULL: it is on
								 * none, or that is closed */
	int64		sent_at;		/* put on it; 0: on none so far */
	int64		received;		/* cph_socket_received at that time */
	bool		kept;			/* the socket had brought an answer before */
	bool		refused;		/* by cph_trust_admit: another connection */
	bool		shared;			/* the refused one has other requests on it */
	bool		lost;			/* the link was found silent: to be ended */
	bool		stale;			/* failed by the age of its connection */
	CURLcode	setup;			/* of the first option that failed */
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

extern int	cph_socket_close(void *arg, curl_socket_t fd);
extern CphSocket *cph_socket_find(CphTransport *transport, const char *peer,
								  int local_port);
extern bool cph_socket_has_input(const CphSocket *socket);
extern bool cph_socket_has_ended(const CphSocket *socket);
extern int64 cph_socket_received(const CphSocket *socket);
extern int64 cph_socket_silence(const CphSocket *socket);
extern dlist_head cph_sockets;

/* trust.c */
extern int	cph_trust_admit(void *arg, char *peer, char *local, int peer_port,
							int local_port);
extern bool cph_trust_is_stray(const CphTransfer *transfer);
extern void cph_trust_ended(CphTransfer *transfer);

/* curl.c */
extern void cph_curl_init(void);
pg_noreturn extern void cph_curl_no_memory(const char *what);
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
extern void cph_transfer_reattach(CphTransfer *transfer);

/* multi.c */
extern void cph_multi_open(CphTransport *transport);
extern void cph_multi_close(CphTransport *transport);
extern int	cph_multi_pending(CphTransport *transport);

#endif							/* CPH_HTTP_PRIVATE_H */
