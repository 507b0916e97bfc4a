/*
 * poller.h
 *		One descriptor for many sockets and a timer.
 *
 * The descriptor is readable while one of the sockets is as it was asked for,
 * or the timer has gone off.  Where the system has no epoll there is no
 * descriptor, nothing is ever taken, and waiting is a short sleep.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_POLLER_H
#define CPH_POLLER_H

#include "compat.h"

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

extern void cph_poller_open(CphPoller *poller);
extern void cph_poller_close(CphPoller *poller);
extern bool cph_poller_watch(CphPoller *poller, int socket, bool read,
							 bool write);
extern void cph_poller_arm(CphPoller *poller, int64 at_us);
extern int	cph_poller_take(CphPoller *poller, CphPollerEvent *events,
							int nevents);
extern void cph_poller_wait(CphPoller *poller, uint32 wait_event);
extern int64 cph_poller_now(void);

#endif							/* CPH_POLLER_H */
