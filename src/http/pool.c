/*
 * pool.c
 *		The backend's transports: borrowed, given back, closed.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "http/http_private.h"
#include "lib/lib.h"

#include "storage/fd.h"
#include "utils/memutils.h"

/*
 * Idle transports kept for one key.  A statement has rarely more scans of one
 * user mapping than this, and each keeps four descriptors and its
 * connections, of the thousand that a backend has by default.
 */
#define IDLE_MAX 8

/*
 * Descriptors of a transport without connections: epoll, timer, and the pair
 * by which libcurl wakes a multi handle.
 */
#define DESCRIPTORS 4

/* Descriptors that must be left: PostgreSQL needs one to wait for others. */
#define SPARE_MIN 1

/*
 * Descriptors that are left by what can do without, or wait: enough for two
 * scans elsewhere in the plan.
 */
#define SPARE_USUAL (SPARE_MIN + 2 * (DESCRIPTORS + 1))

/* The backend's transports, the last used first. */
static dlist_head pool = DLIST_STATIC_INIT(pool);
static MemoryContext pool_context = NULL;

/* Closes a transport that has no transfers.  Throws nothing. */
static void
close_transport(CphTransport *transport)
{
	dlist_delete(&transport->node);
	cph_multi_close(transport);
	while (transport->descriptors > 0)
	{
		ReleaseExternalFD();
		transport->descriptors--;
	}
	cph_secret_wipe(unconstify(char *, transport->options.proxy_password));
	MemoryContextDelete(transport->context);
}

/* Closes the idle transports of a key; InvalidOid: of all keys. */
static void
close_idle(Oid key)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (!transport->borrowed &&
			(!OidIsValid(key) || transport->key == key))
			close_transport(transport);
	}
}

/* Tells whether two strings, which may be NULL, are the same. */
static bool
same_string(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Tells whether connections made under one may serve the other. */
static bool
same_route(const CphTransportOptions *a, const CphTransportOptions *b)
{
	return same_string(a->ca_file, b->ca_file) &&
		same_string(a->proxy, b->proxy) &&
		same_string(a->proxy_user, b->proxy_user) &&
		same_string(a->proxy_password, b->proxy_password);
}

/* Returns the last used idle transport that fits, or NULL; closes the others. */
static CphTransport *
find_idle(Oid key, const CphTransportOptions *options)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (transport->key != key || transport->borrowed)
			continue;
		if (same_route(&transport->options, options))
			return transport;
		close_transport(transport);
	}
	return NULL;
}

/* Returns a copy in the current context; NULL of NULL. */
static char *
copy_string(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

/*
 * Returns a transport in the pool that holds no resource yet.  It is closed
 * when given back, until cph_multi_open has succeeded.
 */
static CphTransport *
make_transport(Oid key, const CphTransportOptions *options)
{
	MemoryContext context;
	MemoryContext old;
	CphTransport *transport;

	context = AllocSetContextCreate(CurrentMemoryContext, "cph_fdw transport",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	transport = palloc0(sizeof(CphTransport));
	transport->context = context;
	transport->key = key;
	transport->closing = true;
	transport->poller.fd = -1;
	transport->poller.timer_fd = -1;
	dlist_init(&transport->transfers);
	transport->options.ca_file = copy_string(options->ca_file);
	transport->options.proxy = copy_string(options->proxy);
	transport->options.proxy_user = copy_string(options->proxy_user);
	transport->options.proxy_password = copy_string(options->proxy_password);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(context, pool_context);
	dlist_push_head(&pool, &transport->node);
	return transport;
}

/*
 * Has fd.c count a descriptor.  Returns false if it is not to be had, even
 * after closing what is idle.
 */
static bool
claim_one(void)
{
	if (AcquireExternalFD())
		return true;
	close_idle(InvalidOid);
	return AcquireExternalFD();
}

/*
 * Has fd.c count the descriptors of a transport with that many connections,
 * and never fewer until it is closed.  Returns false, with nothing counted, if
 * they are not to be had, or so many would not be left.
 */
static bool
claim(CphTransport *transport, int connections, int spare)
{
	int			wanted = Max(DESCRIPTORS + connections - transport->descriptors, 0);
	int			taken = 0;
	bool		enough;

	while (taken < wanted + spare && claim_one())
		taken++;
	enough = taken == wanted + spare;
	if (enough)
		transport->descriptors += wanted;
	for (; taken > (enough ? wanted : 0); taken--)
		ReleaseExternalFD();
	return enough;
}

/* The same, with the least that must be left; throws where it returns false. */
static void
claim_or_raise(CphTransport *transport, int connections)
{
	if (!claim(transport, connections, SPARE_MIN))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open a connection"),
				 errdetail("There are too many open files on the local server."),
				 errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" limits.")));
}

/*
 * The end of a loan, as reset callback of the borrower's context: throws
 * nothing, waits for nothing, and may run in error recovery.
 */
static void
give_back(void *arg)
{
	CphTransport *transport = arg;
	int			idle = 0;
	dlist_iter	iter;

	while (!dlist_is_empty(&transport->transfers))
		cph_transfer_release(dlist_head_element(CphTransfer, node,
												&transport->transfers));
	dlist_foreach(iter, &pool)
	{
		CphTransport *other = dlist_container(CphTransport, node, iter.cur);

		idle += (other->key == transport->key && !other->borrowed);
	}
	if (transport->closing || idle >= IDLE_MAX)
	{
		close_transport(transport);
		return;
	}
	transport->borrowed = false;
	cph_transport_wake_at(transport, 0);
	dlist_move_head(&pool, &transport->node);
}

/*
 * Returns an idle transport of the key, or a new one, for the borrower alone
 * until owner is reset or deleted.  Then its transfers are dropped, in whatever
 * state they are, and it goes back to the pool.  Idle transports of the key
 * with another proxy or authority are closed: the options were altered.
 */
CphTransport *
cph_transport_borrow(Oid key, const CphTransportOptions *options,
					 MemoryContext owner)
{
	CphTransport *transport;

	Assert(OidIsValid(key));

	if (pool_context == NULL)
	{
		cph_curl_init();
		pool_context = AllocSetContextCreate(TopMemoryContext,
											 "cph_fdw transports",
											 ALLOCSET_SMALL_SIZES);
	}
	transport = find_idle(key, options);
	if (transport == NULL)
		transport = make_transport(key, options);

	transport->borrowed = true;
	transport->callback.func = give_back;
	transport->callback.arg = transport;
	MemoryContextRegisterResetCallback(owner, &transport->callback);

	if (transport->multi == NULL)
	{
		claim_or_raise(transport, 0);
		cph_multi_open(transport);
	}

	transport->options.connect_timeout_ms = options->connect_timeout_ms;
	transport->options.request_timeout_ms = options->request_timeout_ms;
	transport->options.keepalive_idle = options->keepalive_idle;
	transport->options.max_body = options->max_body;
	return transport;
}

/*
 * Tells whether there are descriptors for a transfer beside the pending ones.
 * The first one needs no leave: without it there is only the error.
 */
bool
cph_transport_has_room(CphTransport *transport)
{
	int			pending = cph_multi_pending(transport);

	return pending == 0 || claim(transport, pending + 1, SPARE_USUAL);
}

/*
 * Starts a transfer of the request and returns it, never NULL; see
 * cph_transfer_make.  Throws if there are no descriptors for it.
 */
CphTransfer *
cph_transfer_start(CphTransport *transport, const CphHttpRequest *request)
{
	/* There are never more connections than there were pending transfers. */
	claim_or_raise(transport, cph_multi_pending(transport) + 1);
	return cph_transfer_make(transport, request);
}

/*
 * Tells whether a transport of the key can be borrowed now and used with one
 * connection, and enough be left.  Idle ones of other keys would be closed.
 */
bool
cph_transport_available(Oid key)
{
	int			own = 0;
	int			others = 0;
	int			wanted;
	int			taken = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (transport->borrowed)
			continue;
		if (transport->key == key && own == 0)
			own = transport->descriptors;
		else
			others += transport->descriptors;
	}
	wanted = Max(DESCRIPTORS + 1 - own, 0) + SPARE_USUAL - others;
	while (taken < wanted && AcquireExternalFD())
		taken++;
	for (int i = 0; i < taken; i++)
		ReleaseExternalFD();
	return taken >= wanted;
}

/* Returns the number of transports of a key, idle and borrowed. */
int
cph_transport_count(Oid key)
{
	int			count = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &pool)
		count += (dlist_container(CphTransport, node, iter.cur)->key == key);
	return count;
}

/* Tells whether a transport of the key is borrowed. */
bool
cph_transport_in_use(Oid key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (transport->key == key && transport->borrowed)
			return true;
	}
	return false;
}

/*
 * Closes the transports of a key.  One that is borrowed goes on working and is
 * closed when it is given back.
 */
void
cph_transport_discard(Oid key)
{
	dlist_iter	iter;

	close_idle(key);
	dlist_foreach(iter, &pool)
	{
		CphTransport *transport = dlist_container(CphTransport, node, iter.cur);

		if (transport->key == key)
			transport->closing = true;
	}
}
