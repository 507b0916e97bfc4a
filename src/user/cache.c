/*
 * cache.c
 *		Answers that may be used again: kept under what was asked, for all
 *		sessions of a user mapping, where the options of a server or table allow
 *		it.
 *
 * What is kept is bytes, with the time at which they were first asked for; what
 * they mean is the asker's to know.  They are put in place whole, and copied
 * whole, so that nobody sees a part, or has it change while it is used.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

#include "common/hashfn.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(cph_fdw_cache_clear);

/*
 * Answers that are kept at most: an eighth of the records of a region, so that
 * there is room for what sessions must know, and to look for it takes no longer.
 */
#define MAX_ANSWERS (CPH_MAX_RECORDS / 8)

/* Tells whether answers may be used again. */
bool
cph_cache_allowed(const CphOptions *options)
{
	return cph_cache && options->cache_ttl > 0 && cph_cache_size > 0;
}

/* Returns the largest number of bytes that are worth keeping. */
Size
cph_cache_room(void)
{
	return (Size) cph_cache_size * 1024;
}

/* Returns the key of what is kept for a connection's user mapping. */
static CphRecordKey
answer_key(const CphConnection *connection, const char *inquiry)
{
	return cph_connection_key(connection, CPH_RECORD_ANSWER,
							  hash_bytes_extended((const unsigned char *) inquiry,
												  strlen(inquiry), 0));
}

/* Allocates in the current memory context; NULL: there is not so much. */
static char *
try_palloc(Size size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

/*
 * Finds what is kept under an inquiry, if to ask for it was begun no longer ago
 * than the options say, and copies it into the current memory context.
 */
void
cph_cache_find(const CphConnection *connection, const CphOptions *options,
			   const char *inquiry, CphAnswer *answer)
{
	CphRecordKey key = answer_key(connection, inquiry);
	int64		oldest = cph_transport_now() - options->cache_ttl * USECS_PER_SEC;
	Size		head = strlen(inquiry) + 1;
	Size		length;
	const CphKept *kept = cph_shared_find(&key, false);
	const char *text;

	answer->data = NULL;
	if (kept == NULL)
		return;
	text = cph_shared_text(&length);
	if (text != NULL && kept->begun_at >= oldest && length > head &&
		memcmp(text, inquiry, head) == 0)
	{
		answer->begun_at = kept->begun_at;
		answer->whole = kept->whole;
		answer->length = length - head;
		answer->data = try_palloc(answer->length);
		if (answer->data != NULL)
			memcpy(answer->data, text + head, answer->length);
	}
	cph_shared_close();
}

/* Drops what is kept under a key, if it still is. */
static void
drop(const CphRecordKey *key)
{
	if (cph_shared_find(key, false) != NULL)
		cph_shared_drop();
}

/* Drops the oldest answers until so many bytes more are not too many. */
static void
make_room(Size size)
{
	CphRecordKey key;
	CphRecordKey oldest;
	CphKept		kept;
	int			n;

	do
	{
		int64		begun_at = PG_INT64_MAX;
		Size		taken = 0;
		int			place = 0;

		n = 0;
		while (cph_shared_copy(CPH_RECORD_ANSWER, &place, &key, &kept))
		{
			n++;
			taken += kept.length;
			if (kept.begun_at >= begun_at)
				continue;
			begun_at = kept.begun_at;
			oldest = key;
		}
		if (n < MAX_ANSWERS && taken + size <= cph_cache_room())
			return;
		if (n > 0)
			drop(&oldest);
	} while (n > 0);
}

/*
 * Has a client be the one that asks for an answer, for all sessions, until it
 * unclaims that: answer->claimed.  If another session does, that can be waited for:
 * answer->asker.  Nobody is to wait for who goes on only when it does, or to wait
 * again for who has ended, and has not brought enough.
 */
void
cph_cache_claim(const CphConnection *connection, const char *inquiry,
				const CphTicket *ticket, CphAnswer *answer)
{
	CphRecordKey key = answer_key(connection, inquiry);
	uint64		waited_for = answer->asker;
	CphKept    *kept;

	answer->asker = 0;
	if (!cph_shared_is())
		return;
	kept = cph_shared_find(&key, false);
	if (kept == NULL)
	{
		make_room(0);
		kept = cph_shared_open(&key, false);
		kept->begun_at = cph_transport_now();
	}
	answer->claimed = cph_ticket_claim(ticket, &kept->asker);
	if (!answer->claimed && (waited_for == 0 || kept->ended != waited_for) &&
		kept->asker >> CPH_TICKET_BITS != MyProcPid)
		answer->asker = kept->asker;
	cph_shared_close();
}

/* Asks no more for others; harmless for who does not. */
void
cph_cache_unclaim(const CphConnection *connection, const char *inquiry,
				  const CphTicket *ticket)
{
	CphRecordKey key = answer_key(connection, inquiry);
	CphKept    *kept = cph_shared_find(&key, false);

	if (kept == NULL)
		return;
	if (kept->asker == ticket->number)
		kept->ended = ticket->number;
	cph_ticket_unclaim(ticket, &kept->asker);
	cph_shared_close();
}

/*
 * Keeps an answer under an inquiry, unless a younger one is there, or more of
 * the same, or it was asked for before that was cleared, or it is too large, or the
 * options are others by now.
 */
void
cph_cache_keep(const CphConnection *connection, const char *inquiry,
			   const CphAnswer *answer)
{
	CphRecordKey key = answer_key(connection, inquiry);
	Size		head = strlen(inquiry) + 1;
	Size		length = head + answer->length;
	CphKept    *kept;
	char	   *text;

	if (!connection->valid || length > cph_cache_room() ||
		(text = try_palloc(length)) == NULL)
		return;
	memcpy(text, inquiry, head);
	memcpy(text + head, answer->data, answer->length);
	make_room(length);
	kept = cph_shared_open(&key, false);
	if (answer->begun_at < kept->cleared_at ||
		(kept->length > 0 &&
		 (kept->begun_at > answer->begun_at ||
		  (kept->begun_at == answer->begun_at && kept->length >= length))))
		cph_shared_close();
	else if (cph_shared_set_text(text, length))
	{
		kept->begun_at = answer->begun_at;
		kept->whole = answer->whole;
		kept->length = length;
		cph_shared_close();
	}
	else
		cph_shared_drop();
	pfree(text);
}

/*
 * Forgets the answer that is kept under a key, and whatever was asked for before
 * now: it is not to be kept when it has come, nor waited for.
 */
static void
forget(const CphRecordKey *key)
{
	CphKept    *kept = cph_shared_find(key, false);

	if (kept == NULL)
		return;
	memset(kept, 0, sizeof(CphKept));
	kept->begun_at = kept->cleared_at = cph_transport_now();
	(void) cph_shared_set_text(NULL, 0);
	cph_shared_close();
}

/*
 * cph_fdw_cache_clear(name): forgets the answers that are kept of a server of
 * this database, or, for NULL, of all its servers.
 */
Datum
cph_fdw_cache_clear(PG_FUNCTION_ARGS)
{
	Oid			serverid = InvalidOid;
	CphRecordKey key;
	CphKept		kept;
	int			place = 0;

	if (!PG_ARGISNULL(0))
		serverid = GetForeignServerByName(NameStr(*PG_GETARG_NAME(0)),
										  false)->serverid;
	while (cph_shared_copy(CPH_RECORD_ANSWER, &place, &key, &kept))
	{
		if (key.database == MyDatabaseId &&
			(!OidIsValid(serverid) || key.serverid == serverid))
			forget(&key);
	}
	PG_RETURN_VOID();
}
