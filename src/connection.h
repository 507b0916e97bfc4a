/*
 * connection.h
 *		What a backend remembers of a server, for each user mapping: how fast
 *		it may ask, and what the service has shown of itself.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_CONNECTION_H
#define CPH_CONNECTION_H

#include "facts.h"
#include "option.h"

/* Endpoints of projects of which a connection remembers something. */
#define CPH_MAX_FACTS 24

/*
 * A connection in the sense of postgres_fdw: a user at a server.  It is
 * forgotten with its server or user mapping, and when it is disconnected.
 */
typedef struct CphConnection
{
	Oid			umid;			/* hash key: the user mapping */
	Oid			serverid;
	uint32		server_hash;	/* of the catalog entries, for invalidation */
	uint32		mapping_hash;
	bool		valid;			/* false: the server or mapping has changed */
	uint64		generation;		/* a new number for each time it is opened */

	/* Pace.  Times are microseconds of the monotonic clock, 0 is never. */
	int			limit;			/* requests of one scan in flight; INT_MAX:
								 * unbounded */
	int			successes;		/* answers since the limit was changed */
	int64		resume_at;		/* no request before this time */
	int64		throttled_since;	/* no success since this time */
	bool		noticed;		/* the user knows of it */

	/* What credentials leave here; wiped when the connection is forgotten */
	MemoryContext context;
	struct CphLogin *login;		/* or NULL */

	/*
	 * What the service has shown of each endpoint and project used last; the
	 * rest is NULL.  Each stays where it is for the backend's life.
	 */
	CphFacts   *facts[CPH_MAX_FACTS];
} CphConnection;

extern void cph_connection_init(void);
extern CphConnection *cph_connection_open(const UserMapping *mapping);

extern int64 cph_connection_throttled(CphConnection *connection, int64 now,
									  int64 wait_us, int in_flight,
									  int64 timeout_us);
extern CphFacts *cph_connection_facts(CphConnection *connection,
									  const CphEndpoint *endpoint,
									  const char *project_id);
extern int64 cph_connection_rows(Oid serverid, const CphEndpoint *endpoint,
								 const CphParam *params, int nparams);
extern void cph_connection_succeeded(CphConnection *connection);

#endif							/* CPH_CONNECTION_H */
