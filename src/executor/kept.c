/*
 * kept.c
 *		The rows of a scan that is read again, kept for the next time.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "executor/executor_private.h"

#include "executor/executor.h"
#include "miscadmin.h"

/* Drops the rows that were kept. */
void
cph_kept_drop(CphScanState *state)
{
	if (state->kept != NULL)
		tuplestore_end(state->kept);
	if (state->kept_slot != NULL)
		ExecDropSingleTupleTableSlot(state->kept_slot);
	state->kept = NULL;
	state->kept_slot = NULL;
	state->kept_all = false;
}

/*
 * Begins to keep the rows of a run, on disk beyond work_mem.  A scan that is
 * read again with nothing changed will be read once more; a list is not to be
 * asked for as often as a join has rows.  A join rescans its inner side before
 * it reads it for the first time, so that this asks once.
 */
void
cph_kept_begin(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	state->kept = tuplestore_begin_heap(false, false, work_mem);
	state->kept_slot =
		MakeSingleTupleTableSlot(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor,
								 &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(caller);
}

/*
 * Returns the next row of those that were kept, or an empty slot.  A row from
 * disk is the kept slot's to free, later than the caller's context is reset.
 */
TupleTableSlot *
cph_kept_next(ForeignScanState *node)
{
	CphScanState *state = node->fdw_state;
	TupleTableSlot *slot = ExecClearTuple(node->ss.ss_ScanTupleSlot);
	TupleTableSlot *kept = state->kept_slot;
	int			natts = slot->tts_tupleDescriptor->natts;
	MemoryContext caller = MemoryContextSwitchTo(kept->tts_mcxt);
	bool		found = tuplestore_gettupleslot(state->kept, true, false, kept);

	MemoryContextSwitchTo(caller);
	if (!found)
		return slot;
	slot_getallattrs(kept);
	memcpy(slot->tts_values, kept->tts_values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, kept->tts_isnull, sizeof(bool) * natts);
	return ExecStoreVirtualTuple(slot);
}
