/*
 * jsonerror.h
 *		What an answer that is no page says of itself.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_JSONERROR_H
#define CPH_JSONERROR_H

#include "compat.h"

/*
 * UTF-8, at most 512 bytes each, NULL where the answer says nothing.  A message
 * shows them through cph_message_text.
 */
typedef struct CphServiceError
{
	char	   *code;			/* error_code; a number becomes its text */
	char	   *message;		/* error_msg */
	char	   *request_id;
} CphServiceError;

extern void cph_json_error(const char *body, Size length,
						   CphServiceError *error);

#endif							/* CPH_JSONERROR_H */
