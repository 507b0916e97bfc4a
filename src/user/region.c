/*
 * region.c
 *		Where the memory comes from that sessions share.
 *
 * On PostgreSQL 15 and 16 a preloaded library asks for it at the server's
 * start; later ones make it when a backend first needs it.  A backend can also
 * have a region for itself alone.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define SHARED_NAME "cph_fdw"

/* A shared region is no smaller: each kind of record takes 64 kB at a time. */
#define SHARED_MIN (1024 * 1024)

/*
 * The backend's own: no more of it is taken from the system than is used.
 */
#define OWN_SIZE (8 * 1024 * 1024)

#define AREA(region) ((char *) (region) + MAXALIGN(sizeof(CphRegion)))

/* Makes a region of new memory.  Raises an error if an area needs more. */
static void
init_region(CphRegion *region, Size size, int tranche)
{
	dsa_area   *area;
	Size		of_area = size - MAXALIGN(sizeof(CphRegion));

	LWLockInitialize(&region->lock, tranche);
	region->tranche = tranche;
	region->full = false;
	region->nrecords = 0;
	area = dsa_create_in_place(AREA(region), of_area, tranche, NULL);
	dsa_pin(area);
	dsa_set_size_limit(area, of_area);
	dsa_detach(area);
}

/* Returns the bytes of the shared region; 0: there is to be none. */
static Size
configured_size(void)
{
	if (cph_shared_memory == 0)
		return 0;
	return Max((Size) cph_shared_memory * 1024, SHARED_MIN);
}

#if CPH_SHARED_AT_START

static CphRegion *reserved = NULL;	/* that was made at the server's start */
static shmem_request_hook_type next_request;
static shmem_startup_hook_type next_startup;

/* The hook in which a preloaded library asks for memory. */
static void
request_memory(void)
{
	if (next_request != NULL)
		next_request();
	if (configured_size() > 0)
		RequestAddinShmemSpace(configured_size());
}

/* The hook in which it finds it, or makes a region of it. */
static void
find_memory(void)
{
	bool		found;
	Size		size = configured_size();

	if (next_startup != NULL)
		next_startup();
	if (size == 0)
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	reserved = ShmemInitStruct(SHARED_NAME, size, &found);
	if (!found)
		init_region(reserved, size, LWLockNewTrancheId());
	LWLockRelease(AddinShmemInitLock);
}

/* To be called once, when the library is loaded. */
void
cph_region_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	next_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = find_memory;
}

/* Returns the shared region, or NULL. */
static CphRegion *
find_region(void)
{
	return reserved;
}

#else

/* Nothing needs to be done when the library is loaded. */
void
cph_region_init(void)
{
}

static Size segment_size;		/* of the region that is to be made */

/* Keeps the size that the first backend was told, by which all others go. */
static void
init_size(void *place CPH_SEGMENT_ARG)
{
	*(Size *) place = configured_size();
}

/* Makes the region. */
static void
init_segment(void *place CPH_SEGMENT_ARG)
{
	init_region(place, segment_size, cph_tranche_new(SHARED_NAME));
}

/* Returns the shared region, which the first one makes, or NULL. */
static CphRegion *
find_region(void)
{
	bool		found;

	if (configured_size() == 0)
		return NULL;
	segment_size = *(Size *) cph_named_segment(SHARED_NAME " size", sizeof(Size),
											   init_size, &found);
	return cph_named_segment(SHARED_NAME, segment_size, init_segment, &found);
}

#endif

/* Returns the area of a region, for as long as the backend lives. */
static dsa_area *
see_area(CphRegion *region)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	dsa_area   *area = dsa_attach_in_place(AREA(region), NULL);

	dsa_pin_mapping(area);
	MemoryContextSwitchTo(caller);
	return area;
}

/* The hook in which a backend that ends gives up its part in the area. */
static void
leave(int code, Datum region)
{
	dsa_release_in_place(AREA(DatumGetPointer(region)));
}

/*
 * Returns the region that all sessions share, and its area, or NULL.  Raises
 * an error if it cannot be made.
 */
CphRegion *
cph_region_shared(dsa_area **area)
{
	CphRegion  *region = find_region();

	if (region == NULL)
		return NULL;
	cph_tranche_attach(region->tranche, SHARED_NAME);
	*area = see_area(region);
	before_shmem_exit(leave, PointerGetDatum(region));
	return region;
}

/* Returns a new region of the backend's own, and its area. */
CphRegion *
cph_region_create(dsa_area **area)
{
	CphRegion  *region = MemoryContextAlloc(TopMemoryContext, OWN_SIZE);

	init_region(region, OWN_SIZE, LWTRANCHE_PER_SESSION_DSA);
	*area = see_area(region);
	return region;
}
