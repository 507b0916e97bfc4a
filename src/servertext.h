/*
 * servertext.h
 *		Strings of the service in the database's encoding.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_SERVERTEXT_H
#define CPH_SERVERTEXT_H

#include "compat.h"

extern char *cph_server_text(const char *string, int *length);
extern char *cph_message_text(const char *string);

#endif							/* CPH_SERVERTEXT_H */
