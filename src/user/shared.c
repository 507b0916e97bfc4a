/*
 * shared.c
 *		What sessions remember together: records, each found by its key.
 *
 * There is a region for all sessions, where the server has the memory for it,
 * and one of the backend's own for what is not to be shared or finds no room;
 * nobody else asks which.  Neither grows: what was not used for an hour makes
 * room.
 *
 * While a record is open nothing is raised, sent or waited for.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "http/http.h"

/* What has not been used for that long makes room for what is new. */
#define UNUSED_US (INT64CONST(3600) * USECS_PER_SEC)

/* A region as the backend sees it. */
typedef struct View
{
	CphRegion  *region;			/* NULL: there is none */
	dsa_area   *area;
} View;

static View shared;
static View own;
static View *locked = NULL;		/* one of these, while a record is open */
static CphRecord *opened = NULL;	/* that one */
static bool attached = false;	/* the shared one has been looked for */

/* The bytes of each kind's data. */
static const Size sizes[] = {
	[CPH_RECORD_TICKET] = sizeof(CphTicket),
	[CPH_RECORD_STATS] = sizeof(CphStats),
	[CPH_RECORD_PACE] = sizeof(CphPace),
	[CPH_RECORD_LOGIN] = sizeof(CphLogin),
	[CPH_RECORD_TOKEN] = sizeof(CphToken),
	[CPH_RECORD_FACTS] = sizeof(CphKnown),
	[CPH_RECORD_ANSWER] = sizeof(CphKept),
};

/*
 * Tells whether what is remembered is known to other sessions.  Looks, once, for
 * the shared region; raises an error if it cannot be made.
 */
bool
cph_shared_is(void)
{
	if (!attached)
		shared.region = cph_region_shared(&shared.area);
	attached = true;
	return shared.region != NULL;
}

/* Wipes and frees the text of a record. */
static void
free_text(View *view, CphRecord *record)
{
	if (!DsaPointerIsValid(record->text))
		return;
	explicit_bzero(dsa_get_address(view->area, record->text), record->length);
	dsa_free(view->area, record->text);
	record->text = InvalidDsaPointer;
	record->length = 0;
}

/* Wipes and frees a record.  The last one takes its place. */
static void
free_record(View *view, CphRecord *record)
{
	CphRecord  *last = &view->region->records[--view->region->nrecords];

	free_text(view, record);
	explicit_bzero(dsa_get_address(view->area, record->data),
				   sizes[record->key.kind]);
	dsa_free(view->area, record->data);
	*record = *last;
	if (opened == last)
		opened = record;
}

/*
 * Frees what was used longest ago to make room for a record of a kind, if it may
 * go: answers, for whatever it be, and other things, if it is no answer.  In the
 * backend's own region that is all but what is open.  Returns whether anything
 * was freed.
 */
static bool
make_room(View *view, CphRecordKind kind)
{
	CphRegion  *region = view->region;
	CphRecord  *oldest = NULL;
	bool		is_answer = false;	/* the oldest */

	for (int i = 0; i < region->nrecords; i++)
	{
		CphRecord  *record = &region->records[i];
		bool		answer = record->key.kind == CPH_RECORD_ANSWER;

		if (record->key.kind == CPH_RECORD_TICKET || record == opened ||
			answer < (is_answer || kind == CPH_RECORD_ANSWER) ||
			(oldest != NULL && answer == is_answer &&
			 record->used_at >= oldest->used_at))
			continue;
		oldest = record;
		is_answer = answer;
	}
	if (oldest == NULL ||
		(view == &shared && !is_answer &&
		 cph_transport_now() - oldest->used_at < UNUSED_US))
		return false;
	free_record(view, oldest);
	return true;
}

/* Returns memory for a kind of record, zeroed, or InvalidDsaPointer. */
static dsa_pointer
allocate(View *view, CphRecordKind kind, Size size)
{
	dsa_pointer result;

	do
		result = dsa_allocate_extended(view->area, size,
									   DSA_ALLOC_NO_OOM | DSA_ALLOC_ZERO);
	while (!DsaPointerIsValid(result) && make_room(view, kind));
	return result;
}

/* Finds a record by its key; NULL: there is none. */
static CphRecord *
find_record(CphRegion *region, const CphRecordKey *key)
{
	for (int i = 0; i < region->nrecords; i++)
	{
		CphRecord  *record = &region->records[i];

		/* most differ in these */
		if (record->key.part == key->part && record->key.kind == key->kind &&
			memcmp(&record->key, key, sizeof(CphRecordKey)) == 0)
			return record;
	}
	return NULL;
}

/* Makes a record of zeroes.  Returns NULL if there is no room for it. */
static CphRecord *
make_record(View *view, const CphRecordKey *key)
{
	CphRegion  *region = view->region;
	dsa_pointer data = allocate(view, key->kind, sizes[key->kind]);
	CphRecord  *record;

	if (!DsaPointerIsValid(data))
		return NULL;
	if (region->nrecords == CPH_MAX_RECORDS && !make_room(view, key->kind))
	{
		dsa_free(view->area, data);
		return NULL;
	}
	record = &region->records[region->nrecords++];
	record->key = *key;
	record->data = data;
	record->text = InvalidDsaPointer;
	record->length = 0;
	return record;
}

/*
 * Locks a region and returns the data of a record in it.  If there is none,
 * and none is to be made or has room, returns NULL and has nothing locked.
 */
static void *
open_in(View *view, const CphRecordKey *key, bool make)
{
	LWLockAcquire(&view->region->lock, LW_EXCLUSIVE);
	opened = find_record(view->region, key);
	if (opened == NULL && make)
		opened = make_record(view, key);
	if (opened == NULL)
	{
		LWLockRelease(&view->region->lock);
		return NULL;
	}
	locked = view;
	opened->used_at = cph_transport_now();
	return dsa_get_address(view->area, opened->data);
}

/* Tells the server's log, once, that the shared region is full. */
static void
tell_full(void)
{
	if (shared.region->full)
		return;
	shared.region->full = true;
	ereport(LOG,
			(errmsg("the memory that sessions share for foreign servers is full"),
			 errdetail("What finds no room is remembered by each session for itself."),
			 errhint("Raise the setting \"cph_fdw.shared_memory\".")));
}

/*
 * Opens the record of a key as cph_shared_open does, if there is one.  Returns
 * NULL, with nothing to close, if not.  Raises no error.
 */
void *
cph_shared_find(const CphRecordKey *key, bool own_only)
{
	void	   *data = NULL;

	if (own.region != NULL)
		data = open_in(&own, key, false);
	if (data == NULL && shared.region != NULL && !own_only)
		data = open_in(&shared, key, false);
	return data;
}

/*
 * Opens the record of a key, made of zeroes if there is none, and returns its
 * data, to be read and written until it is closed; nothing else may be done
 * meanwhile.  It is the backend's own where own_only says so or there is no
 * room in what is shared.  Raises an error if there is no room at all.
 */
void *
cph_shared_open(const CphRecordKey *key, bool own_only)
{
	void	   *data;

	Assert(locked == NULL);
	(void) cph_shared_is();
	data = cph_shared_find(key, own_only);
	if (data == NULL && shared.region != NULL && !own_only)
	{
		data = open_in(&shared, key, true);
		if (data == NULL)
			tell_full();
	}
	if (data == NULL)
	{
		if (own.region == NULL)
			own.region = cph_region_create(&own.area);
		data = open_in(&own, key, true);
	}
	if (data == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Nothing more can be remembered of foreign servers.")));
	return data;
}

/* Closes the open record. */
void
cph_shared_close(void)
{
	View	   *view = locked;

	Assert(view != NULL);
	opened = NULL;
	locked = NULL;
	LWLockRelease(&view->region->lock);
}

/* Returns the data of another record in the open one's region, or NULL. */
void *
cph_shared_beside(const CphRecordKey *key)
{
	const CphRecord *record = find_record(locked->region, key);

	return record ? dsa_get_address(locked->area, record->data) : NULL;
}

/*
 * Returns the data of the next record of a kind in the region of the open
 * record, from *place on, which is 0 at first; NULL: there is none.
 */
void *
cph_shared_next(CphRecordKind kind, int *place)
{
	CphRegion  *region = locked->region;

	while (*place < region->nrecords)
	{
		const CphRecord *record = &region->records[(*place)++];

		if (record->key.kind == kind)
			return dsa_get_address(locked->area, record->data);
	}
	return NULL;
}

/* Frees the open record, which closes it.  Raises no error. */
void
cph_shared_drop(void)
{
	CphRecord  *record = opened;

	opened = NULL;
	free_record(locked, record);
	cph_shared_close();
}

/*
 * Frees all records of a user mapping, under the options that the key is of.
 * Raises no error.
 */
void
cph_shared_forget(const CphRecordKey *key)
{
	View	   *views[] = {&shared, &own};

	for (int i = 0; i < lengthof(views); i++)
	{
		View	   *view = views[i];

		if (view->region == NULL)
			continue;
		LWLockAcquire(&view->region->lock, LW_EXCLUSIVE);
		for (int n = view->region->nrecords - 1; n >= 0; n--)
		{
			CphRecord  *record = &view->region->records[n];

			if (record->key.kind >= CPH_RECORD_LOGIN &&
				record->key.database == key->database &&
				record->key.userid == key->userid &&
				record->key.hash == key->hash)
				free_record(view, record);
		}
		LWLockRelease(&view->region->lock);
	}
}

/*
 * Copies the next record of a kind, from *place on, which is 0 at first.
 * Returns false if there is none.
 */
bool
cph_shared_copy(CphRecordKind kind, int *place, CphRecordKey *key, void *data)
{
	(void) cph_shared_is();
	while (*place < 2 * CPH_MAX_RECORDS)
	{
		View	   *view = *place < CPH_MAX_RECORDS ? &shared : &own;
		int			number = (*place)++ % CPH_MAX_RECORDS;
		bool		found;

		if (view->region == NULL || number >= view->region->nrecords)
		{
			*place = view == &shared ? CPH_MAX_RECORDS : 2 * CPH_MAX_RECORDS;
			continue;
		}
		LWLockAcquire(&view->region->lock, LW_SHARED);
		*key = view->region->records[number].key;
		found = number < view->region->nrecords && key->kind == kind;
		if (found)
			memcpy(data, dsa_get_address(view->area,
										 view->region->records[number].data),
				   sizes[kind]);
		LWLockRelease(&view->region->lock);
		if (found)
			return true;
	}
	return false;
}

/*
 * Returns the text of the open record, which lasts until it is closed or given
 * another one; NULL: it has none.
 */
const void *
cph_shared_text(Size *length)
{
	*length = opened->length;
	return DsaPointerIsValid(opened->text) ?
		dsa_get_address(locked->area, opened->text) : NULL;
}

/*
 * Gives the open record a text in place of the one that it has; NULL: none.
 * Returns false, and it has none, if there is no room.
 */
bool
cph_shared_set_text(const void *text, Size length)
{
	free_text(locked, opened);
	if (text == NULL)
		return true;
	opened->text = allocate(locked, opened->key.kind, length);
	if (!DsaPointerIsValid(opened->text))
		return false;
	opened->length = length;
	memcpy(dsa_get_address(locked->area, opened->text), text, length);
	return true;
}
