/*
 * progress.c
 *		What a client lets others see: how far it is, and what it has done.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "client/client_private.h"

#include "common/hashfn.h"

/* Shows what a client asks for, which is about to be sent. */
void
cph_client_show(const CphCall *call)
{
	if (call->endpoint != NULL)
		cph_ticket_show(call->client->ticket, call->endpoint->resource,
						call->request.path, call->filters);
}

/*
 * Takes note of how many rows the list of a call has, and shows the sum over all
 * lists of the client.  One list too many, and the sum is not known.
 */
static void
note_expected(const CphCall *call, const CphPage *page)
{
	CphClient  *client = call->client;
	uint32		list = string_hash(call->request.path, MAXPGPATH) ^
		string_hash(call->filters, MAXPGPATH);
	int			i = 0;
	int64		sum = 0;

	while (i < client->nexpected && client->expected[i].list != list)
		i++;
	if (!page->has_count || i == lengthof(client->expected))
	{
		cph_ticket_progress(client->ticket)->expected = -1;
		return;
	}
	client->nexpected = Max(client->nexpected, i + 1);
	client->expected[i].list = list;
	client->expected[i].rows = page->count;
	for (i = 0; i < client->nexpected; i++)
		sum += client->expected[i].rows;
	cph_ticket_progress(client->ticket)->expected = sum;
}

/* Takes note of a page that was read. */
void
cph_client_note_page(const CphCall *call, const CphPage *page)
{
	CphClient  *client = call->client;

	client->counters->rows += page->nitems;
	cph_ticket_progress(client->ticket)->pages++;
	note_expected(call, page);
	cph_client_report(client);
}

/* Takes note of rows that were read for the first time. */
void
cph_client_note_rows(CphClient *client, int rows)
{
	cph_ticket_progress(client->ticket)->rows += rows;
}

/*
 * Adds what the client has done since the last time to the statistics, and lets
 * other sessions know what it has learned.  Raises no error.
 */
void
cph_client_report(CphClient *client)
{
	cph_facts_share(client->connection);
	cph_stats_add(client->options->serverid, client->userid, client->counters,
				  &client->reported);
}
