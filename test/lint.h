/*
 * lint.h
 *		What cppcheck, which reads no header of the libraries, has to know of
 *		their macros: what loops, what ends a function, what is a declaration.
 *
 * Only test/lint uses it.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#define PG_VERSION_NUM 180000
#define LIBCURL_VERSION_NUM 0x075800
#define JSON_C_VERSION_NUM (16 << 8)
#define CPH_FDW_VERSION "0"

#define ERROR 21
#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) ereport(level, )
#define Assert(condition) do { if (!(condition)) abort(); } while (0)
#define pg_noreturn __attribute__((noreturn))
#define pg_attribute_printf(format, arguments)
#define PG_MODULE_MAGIC_EXT(...) extern int magic
#define PG_FUNCTION_INFO_V1(name) extern Datum name(PG_FUNCTION_ARGS)

#define foreach(cell, list) \
	for (ListCell *cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define forboth(cell, list, cell2, list2) \
	for (cell = list_head(list), cell2 = list_head(list2); \
		 cell != NULL && cell2 != NULL; \
		 cell = lnext(list, cell), cell2 = lnext(list2, cell2))
#define foreach_current_index(cell) 0
#define dlist_foreach(iter, head) \
	for (iter.cur = (head)->first; iter.cur != NULL; iter.cur = iter.cur->next)
#define dlist_foreach_modify(iter, head) dlist_foreach(iter, head)
#define slist_foreach(iter, head) dlist_foreach(iter, head)
