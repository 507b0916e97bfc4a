/*
 * recall.c
 *		Answers that are used again in place of asking.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"
#include "http/http.h"

/*
 * Returns what a client would ask, with its project, palloc'd.  NULL: it may not
 * use an answer again, or the project is not known without asking.
 */
static char *
full_inquiry(CphClient *client, const char *inquiry)
{
	if (!cph_cache_allowed(client->options) || !cph_client_has_project(client))
		return NULL;
	return psprintf("%s\n%s", client->project_id, inquiry);
}

/* Tells whether a client may use answers again, and have its own kept. */
bool
cph_client_may_recall(const CphClient *client)
{
	return cph_cache_allowed(client->options);
}

/* Tells whether an answer is there, and no less of it than is wanted. */
static bool
is_enough(const CphAnswer *answer, bool whole)
{
	return answer->data != NULL && (answer->whole || !whole);
}

/*
 * Finds the answer to an inquiry, which tells all that it depends on but the
 * server, the user mapping and the project: a whole one, or any.  It is in the
 * current memory context.  answer is zero at first, and to be given to
 * cph_client_keep in the end.
 *
 * Where there is none, or not the whole, the client is to ask for the rest, and
 * others may wait for it; or to wait for another session that asks.  One that was
 * waited for in vain may have asked for less, or for more than can be kept.
 */
CphRecall
cph_client_recall(CphClient *client, const char *inquiry, bool whole,
				  CphAnswer *answer)
{
	char	   *full = full_inquiry(client, inquiry);

	client->awaits = false;
	if (full == NULL)
		return CPH_RECALL_ASK;
	cph_cache_find(client->connection, client->options, full, answer);
	if (is_enough(answer, true))
		answer->asker = 0;
	else
		cph_cache_claim(client->connection, full, client->ticket, answer);
	/* who asked may have ended in between, and kept it */
	if (answer->claimed)
		cph_cache_find(client->connection, client->options, full, answer);
	if (answer->claimed && is_enough(answer, true))
	{
		cph_cache_unclaim(client->connection, full, client->ticket);
		answer->claimed = false;
	}
	client->claims += answer->claimed;
	client->awaits = answer->asker != 0;
	if (client->awaits)
	{
		cph_client_borrow(client);
		cph_client_schedule(client);
	}
	if (is_enough(answer, whole) && !client->awaits)
	{
		client->recalled_age = Max(client->recalled_age,
								   cph_transport_now() - answer->begun_at);
		return CPH_RECALL_FOUND;
	}
	if (answer->data != NULL)
		pfree(answer->data);
	answer->data = NULL;
	answer->length = 0;
	return client->awaits ? CPH_RECALL_WAIT : CPH_RECALL_ASK;
}

/*
 * Keeps the answer to an inquiry, if there is one.  Others wait no more for the
 * client to ask it.
 */
void
cph_client_keep(CphClient *client, const char *inquiry, const CphAnswer *answer)
{
	char	   *full = full_inquiry(client, inquiry);

	client->awaits = false;
	if (full != NULL && answer->data != NULL)
		cph_cache_keep(client->connection, full, answer);
	if (!answer->claimed)
		return;
	client->claims--;
	if (full != NULL)
		cph_cache_unclaim(client->connection, full, client->ticket);
}

/* Takes note of a page, or a count, that was not asked for again. */
void
cph_client_note_recalled(CphClient *client)
{
	client->counters->cached++;
	cph_ticket_progress(client->ticket)->pages++;
}

/* Returns the age of the oldest answer that was used again, microseconds. */
int64
cph_client_recalled_age(const CphClient *client)
{
	return client->recalled_age;
}
