/*
 * poller.c
 *		One descriptor for many sockets and a timer.
 *
 * Only this file knows what the system waits with.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"

#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/latch.h"

/* A sleep where there is no descriptor: far below the 100 ms of a cancel. */
#define SLEEP_MS 10

#if CPH_POLLER_HAS_FD

#include <sys/epoll.h>
#include <sys/timerfd.h>

/* Events asked of the system at once; what is left is taken the next time. */
#define EVENTS_MAX 64

/*
 * Opens the descriptors, which the caller has counted with fd.c.  Throws if
 * there are none; what was opened is then the caller's to close.
 */
void
cph_poller_open(CphPoller *poller)
{
	struct epoll_event event = {.events = EPOLLIN};

	poller->fd = epoll_create1(EPOLL_CLOEXEC);
	poller->timer_fd = timerfd_create(CLOCK_MONOTONIC,
									  TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.fd = poller->timer_fd;
	if (poller->fd < 0 || poller->timer_fd < 0 ||
		epoll_ctl(poller->fd, EPOLL_CTL_ADD, poller->timer_fd, &event) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open a descriptor to wait for connections: %m")));
}

/*
 * Watches a socket for what is given, and no more for what it was watched
 * for before; for nothing at all, then a socket already closed is harmless.
 * False: the system refused.  Throws nothing.
 */
bool
cph_poller_watch(CphPoller *poller, int socket, bool read, bool write)
{
	struct epoll_event event = {.events = 0};

	event.data.fd = socket;
	if (read)
		event.events |= EPOLLIN;
	if (write)
		event.events |= EPOLLOUT;
	if (event.events == 0)
	{
		(void) epoll_ctl(poller->fd, EPOLL_CTL_DEL, socket, &event);
		return true;
	}
	if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, socket, &event) == 0)
		return true;
	return errno == EEXIST &&
		epoll_ctl(poller->fd, EPOLL_CTL_MOD, socket, &event) == 0;
}

/*
 * Sets the timer to a time of cph_transport_now; 0: never.  Setting it to
 * another time is also what ends its having gone off.  Harmless while the
 * poller is closed.  Throws nothing.
 */
void
cph_poller_arm(CphPoller *poller, int64 at_us)
{
	struct itimerspec when = {{0, 0}, {0, 0}};

	if (at_us == poller->armed_at)
		return;
	when.it_value.tv_sec = at_us / 1000000;
	when.it_value.tv_nsec = at_us % 1000000 * 1000;
	if (timerfd_settime(poller->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		poller->armed_at = at_us;
}

/*
 * Returns the number of sockets of which there is something to tell now, at
 * most nevents, without waiting.  The timer is not told: the clock tells.
 */
int
cph_poller_take(CphPoller *poller, CphPollerEvent *events, int nevents)
{
	struct epoll_event ready[EVENTS_MAX];
	int			nready = epoll_wait(poller->fd, ready,
									Min(nevents, EVENTS_MAX), 0);
	int			taken = 0;

	for (int i = 0; i < nready; i++)
	{
		uint32		flags = ready[i].events;

		if (ready[i].data.fd == poller->timer_fd)
			continue;
		events[taken].socket = ready[i].data.fd;
		events[taken].readable = (flags & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
		events[taken].writable = (flags & (EPOLLOUT | EPOLLERR)) != 0;
		taken++;
	}
	return taken;
}

#else							/* no epoll */

/* See above: there is no descriptor. */
void
cph_poller_open(CphPoller *poller)
{
}

/* See above: every socket is tried after each sleep. */
bool
cph_poller_watch(CphPoller *poller, int socket, bool read, bool write)
{
	return true;
}

/* See above: no sleep is long enough to need a timer. */
void
cph_poller_arm(CphPoller *poller, int64 at_us)
{
}

/* See above: nothing is known of any socket. */
int
cph_poller_take(CphPoller *poller, CphPollerEvent *events, int nevents)
{
	return 0;
}

#endif							/* CPH_POLLER_HAS_FD */

/* Closes the descriptors; harmless if there are none.  Throws nothing. */
void
cph_poller_close(CphPoller *poller)
{
	if (poller->timer_fd >= 0)
		close(poller->timer_fd);
	if (poller->fd >= 0)
		close(poller->fd);
	poller->fd = poller->timer_fd = -1;
}

/*
 * Waits until the descriptor is readable or the latch is set, or for a short
 * while where there is no descriptor.  The latch is reset; the caller serves
 * interrupts.
 */
void
cph_poller_wait(CphPoller *poller, uint32 wait_event)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

	events |= poller->fd >= 0 ? WL_SOCKET_READABLE : WL_TIMEOUT;
	if (WaitLatchOrSocket(MyLatch, events, poller->fd, SLEEP_MS,
						  wait_event) & WL_LATCH_SET)
		ResetLatch(MyLatch);
}

/* Returns microseconds of a clock that only goes forward, from no known time. */
int64
cph_transport_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
