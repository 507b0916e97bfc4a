/*
 * reading.c
 *		Readings: the pages of a scan, kept for later ones.
 *
 * A reading is what a scan's streams asked for and were answered, page after page,
 * as they read it.  A later scan that begins with the same inquiry goes the same
 * way, answer for answer, until it has no use for more, or there are no more: from
 * then on it asks the service, and never goes back.  It is then as if the scan
 * itself had begun when the reading was, had waited there, and went on now: what
 * holds of a scan, however long it takes, holds of it.  So pages of two readings
 * never meet.
 *
 * Several streams are disjoint only as far as rows stay where they are while
 * the scan lasts.  They take a reading as a whole, or none.  Nothing is learned of
 * the service from what it has said before, and nothing is proved by it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "list/list_private.h"
#include "http/http.h"

#include "common/pg_lzcompress.h"
#include "utils/memutils.h"

/* JSON is packed into no less than that part of itself, by far. */
#define MOST_PACKED 64

struct CphReading
{
	MemoryContext context;		/* its own, deleted by close */
	CphClient  *client;
	char	   *inquiry;
	CphAnswer	found;			/* an earlier reading; data is NULL if there
								 * is none */
	int64		begun_at;		/* of this one, and of the one that it
								 * continues */
	StringInfoData added;		/* pages beyond what was found */
	bool		several;		/* streams */
	bool		lost;			/* it cannot be kept */
};

/* What stands before the bytes of a page. */
typedef struct Head
{
	int64		offset;
	int32		limit;
	int32		stream;
	int32		length;			/* of the answer */
	int32		stored;			/* bytes that follow; if fewer, it is
								 * compressed */
} Head;

/*
 * Returns a reading of one stream or several, in a child of the current memory
 * context, for a scan that asks as the inquiry says.  NULL: none is wanted.
 */
CphReading *
cph_reading_create(CphClient *client, const char *inquiry, bool several)
{
	MemoryContext context;
	CphReading *reading;

	if (!cph_client_may_recall(client))
		return NULL;
	context = AllocSetContextCreate(CurrentMemoryContext, "cph_fdw reading",
									ALLOCSET_DEFAULT_SIZES);
	reading = MemoryContextAllocZero(context, sizeof(CphReading));
	reading->context = context;
	reading->client = client;
	reading->inquiry = MemoryContextStrdup(context, inquiry);
	reading->several = several;
	return reading;
}

/*
 * Looks for an earlier reading to begin with.  Returns false while another session
 * reads the same: the client is to wait for it.
 */
bool
cph_reading_begin(CphReading *reading)
{
	MemoryContext caller = MemoryContextSwitchTo(reading->context);
	CphRecall	recall = cph_client_recall(reading->client, reading->inquiry,
										   reading->several, &reading->found);

	if (recall == CPH_RECALL_FOUND)
		reading->begun_at = reading->found.begun_at;
	else
		reading->begun_at = cph_transport_now();
	if (recall != CPH_RECALL_WAIT)
		initStringInfo(&reading->added);
	MemoryContextSwitchTo(caller);
	return recall != CPH_RECALL_WAIT;
}

/* Tells whether there is an earlier reading to begin with.  NULL is allowed. */
bool
cph_reading_is_found(const CphReading *reading)
{
	return reading != NULL && reading->found.data != NULL;
}

/*
 * Finds the page that comes next for a stream, from *next on, and takes it as
 * what was asked for.  Returns false if there is none.
 */
bool
cph_reading_next(const CphReading *reading, int stream, Size *next,
				 CphAsked *asked)
{
	while (*next < reading->found.length)
	{
		Head		head;

		asked->place = *next;
		memcpy(&head, reading->found.data + *next, sizeof(Head));
		*next += sizeof(Head) + head.stored;
		if (head.stream != stream)
			continue;
		asked->offset = head.offset;
		asked->limit = head.limit;
		return true;
	}
	return false;
}

/* Decodes the page at a place, in the current memory context. */
CphPage *
cph_reading_page(const CphReading *reading, const CphEndpoint *endpoint, Size place)
{
	const char *stored = reading->found.data + place + sizeof(Head);
	const char *reason = "it is damaged";
	CphPage    *page = NULL;
	Head		head;
	char	   *body;

	memcpy(&head, reading->found.data + place, sizeof(Head));
	body = palloc(head.length + 1);
	body[head.length] = '\0';
	if (head.stored == head.length)
		memcpy(body, stored, head.length);
	if (head.stored == head.length ||
		pglz_decompress(stored, head.stored, body, head.length, true) == head.length)
		page = cph_page_decode(endpoint, body, head.length, head.limit, &reason);
	if (page == NULL)
		elog(ERROR, "an answer that was kept cannot be read: %s", reason);
	cph_client_note_recalled(reading->client);
	return page;
}

/*
 * Adds the answer to a call that is ready.  Without one, or if it becomes too
 * large to be kept, the reading is not.
 */
void
cph_reading_add(CphReading *reading, int stream, int64 offset, int limit,
				const CphCall *call)
{
	Head		head = {.offset = offset, .limit = limit, .stream = stream};
	StringInfo	added = &reading->added;
	Size		length;
	const char *body = cph_call_body(call, &length);
	char	   *packed;

	if (reading->lost || body == NULL ||
		reading->found.length + added->len + length / MOST_PACKED > cph_cache_room())
	{
		reading->lost = true;
		resetStringInfo(added);
		return;
	}
	packed = palloc(PGLZ_MAX_OUTPUT(length));
	head.length = length;
	head.stored = pglz_compress(body, length, packed, PGLZ_strategy_default);
	if (head.stored < 0)
		head.stored = length;
	appendBinaryStringInfo(added, (char *) &head, sizeof(Head));
	appendBinaryStringInfo(added, head.stored < length ? packed : body,
						   head.stored);
	pfree(packed);
}

/* Returns all of a reading: what was found, and what was added. */
static char *
concatenate(const CphReading *reading, Size length)
{
	char	   *data = MemoryContextAllocHuge(reading->context, length);

	if (reading->found.length > 0)
		memcpy(data, reading->found.data, reading->found.length);
	memcpy(data + reading->found.length, reading->added.data,
		   reading->added.len);
	return data;
}

/*
 * Keeps a reading for others if it goes beyond what was found, and has them wait
 * for it no more.
 */
static void
keep(CphReading *reading, bool whole)
{
	CphAnswer	answer = {0};

	answer.begun_at = reading->begun_at;
	answer.whole = whole;
	answer.claimed = reading->found.claimed;
	answer.length = reading->found.length + reading->added.len;
	if (!reading->lost && reading->added.len > 0 &&
		(whole || !reading->several))
		answer.data = concatenate(reading, answer.length);
	cph_client_keep(reading->client, reading->inquiry, &answer);
	reading->found.claimed = false;
	if (answer.data != NULL)
		pfree(answer.data);
}

/*
 * Has nobody wait for a reading that may not be gone on with: they are given what
 * there is of it.  NULL is allowed.
 */
void
cph_reading_leave(CphReading *reading)
{
	if (reading != NULL && reading->found.claimed)
		keep(reading, false);
}

/*
 * Ends a reading, which is kept for others if it goes beyond what was found.
 * whole: nothing follows that this scan would ask for.  NULL is allowed.
 */
void
cph_reading_close(CphReading *reading, bool whole)
{
	if (reading == NULL)
		return;
	keep(reading, whole);
	MemoryContextDelete(reading->context);
}
