/*
 * http.h
 *		Bounded, interruptible, concurrent HTTP requests over libcurl; URLs.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_HTTP_H
#define CPH_HTTP_H

#include "compat.h"

/*
 * Base URLs: their parts, and who may name which host.
 */

/* The parts of a base URL. */
typedef struct CphUrl
{
	bool		https;
	char	   *host;			/* lower case; IPv6 without brackets */
	char	   *authority;		/* host and, unless it is the protocol's own,
								 * port, as libcurl sends them */
} CphUrl;

extern const char *cph_url_parse(const char *text, CphUrl *url);
extern const char *cph_url_refusal(const CphUrl *url, bool superuser,
								   const char *allowed_hosts);

/*
 * Bounded, interruptible, concurrent HTTP requests over libcurl.
 *
 * A transport is a libcurl multi handle with its live connections and one
 * descriptor that is readable whenever the transport can go on.  The backend
 * keeps a pool of them; a scan borrows one and gives it back when its memory
 * context goes.  A transport knows no JSON and nothing of the service.
 *
 * Nothing here raises an error for what the network or the peer does: every
 * transfer ends in a CphTransferState.  Errors are raised for interrupts
 * (57014 and the like), for want of memory (53200) and of descriptors (53000).
 */

/*
 * The largest number of requests that a borrower has in flight at once, and
 * so of connections that a transport keeps: the largest value of the server
 * option max_concurrent_requests.
 */
#define CPH_MAX_CONCURRENT 32

typedef struct CphTransport CphTransport;
typedef struct CphTransfer CphTransfer;

/* The state of a transfer.  The list is complete. */
typedef enum CphTransferState
{
	CPH_TRANSFER_PENDING,		/* not ended yet */
	CPH_TRANSFER_ANSWERED,		/* a whole HTTP answer, whatever its status */
	CPH_TRANSFER_NO_CONNECTION, /* name not found, refused, unreachable, TLS
								 * handshake failed or cut short */
	CPH_TRANSFER_TLS_FAILED,	/* a certificate, the peer's or ca_file, or a
								 * peer without TLS: trying again does not
								 * help */
	CPH_TRANSFER_TIMED_OUT,		/* connect_timeout or request_timeout */
	CPH_TRANSFER_BROKEN,		/* the connection was lost within the transfer */
	CPH_TRANSFER_TOO_LARGE,		/* more than max_body bytes, or 128 kB of
								 * headers, or 100 kB in one of them */
	CPH_TRANSFER_NO_MEMORY,		/* libcurl's failed, or that for the body */
	CPH_TRANSFER_FAILED			/* anything else, trying again does not help:
								 * a bad URL, a proxy that refuses, no HTTP */
} CphTransferState;

/* What a transfer waits for. */
typedef enum CphTransferPhase
{
	CPH_PHASE_NAME,				/* the address of a name */
	CPH_PHASE_CONNECTION,
	CPH_PHASE_ANSWER			/* its request was sent */
} CphTransferPhase;

/*
 * What holds for every request of one borrower.  Strings are copied where
 * they are needed; the caller keeps its own.
 */
typedef struct CphTransportOptions
{
	int			connect_timeout_ms;
	int			request_timeout_ms;
	int			keepalive_idle; /* seconds that a connection may be idle and
								 * be used again */
	Size		max_body;		/* bytes, decompressed */
	const char *ca_file;		/* PEM file of authorities; NULL: the system's */
	const char *proxy;			/* URL without credentials; NULL: none,
								 * whatever the environment says */
	const char *proxy_user;		/* or NULL */
	const char *proxy_password; /* or NULL; secret */
} CphTransportOptions;

/* A request.  Strings need to last only until cph_transfer_start returns. */
typedef struct CphHttpRequest
{
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; may hold
								 * secrets */
	const char *body;			/* sent by POST; NULL: GET */
	int64		fresh_after;	/* only a connection made after this time, of
								 * cph_transport_now, may carry it; 0: any */
} CphHttpRequest;

/* The pool */
extern CphTransport *cph_transport_borrow(Oid key,
										  const CphTransportOptions *options,
										  MemoryContext owner);
extern bool cph_transport_available(Oid key);
extern int	cph_transport_count(Oid key);
extern bool cph_transport_in_use(Oid key);
extern bool cph_transport_has_room(CphTransport *transport);
extern void cph_transport_discard(Oid key);

/* Driving a transport */
extern void cph_transport_perform(CphTransport *transport);
extern bool cph_transport_has_fd(void);
extern int	cph_transport_fd(CphTransport *transport);
extern void cph_transport_wake_at(CphTransport *transport, int64 at_us);
extern void cph_transport_wait(CphTransport *transport, uint32 wait_event);
extern CphTransferPhase cph_transport_phase(CphTransport *transport);
extern int64 cph_transport_now(void);

/* Transfers */
extern CphTransfer *cph_transfer_start(CphTransport *transport,
									   const CphHttpRequest *request);
extern CphTransferState cph_transfer_state(const CphTransfer *transfer);
extern bool cph_transfer_excused(const CphTransfer *transfer);
extern int64 cph_transfer_fresh_after(const CphTransfer *transfer);
extern Size cph_transfer_sent(const CphTransfer *transfer);
extern const char *cph_transfer_error(const CphTransfer *transfer);
extern int	cph_transfer_status(const CphTransfer *transfer);
extern const char *cph_transfer_body(const CphTransfer *transfer, Size *length);
extern const char *cph_transfer_header(const CphTransfer *transfer,
									   const char *name);
extern char *cph_transfer_peer(const CphTransfer *transfer);
extern int64 cph_transfer_date(const CphTransfer *transfer);
extern int	cph_transfer_connections(const CphTransfer *transfer);
extern int64 cph_transfer_received(const CphTransfer *transfer);
extern int64 cph_transfer_retry_after(const CphTransfer *transfer);
extern void cph_transfer_distrust(CphTransfer *transfer);
extern void cph_transfer_release(CphTransfer *transfer);

#endif							/* CPH_HTTP_H */
