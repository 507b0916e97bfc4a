/*
 * outcome.h
 *		What the end of a transfer leads to: use, try again, wait, raise.
 *
 * Which answer leads to what is told by tables; sources are the service's and
 * its gateway's tables of error codes.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#ifndef CPH_OUTCOME_H
#define CPH_OUTCOME_H

#include "jsonerror.h"
#include "option.h"
#include "transport.h"

/*
 * SQLSTATE of an answer that cannot be read, was cut off, is too large or has
 * the wrong shape: HV00L.
 */
#define CPH_ERRCODE_ANSWER ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION

/* What to do about the end of a transfer. */
typedef enum CphVerdict
{
	CPH_VERDICT_NONE,			/* not ended */
	CPH_VERDICT_USE,			/* an answer to make sense of */
	CPH_VERDICT_RETRY,
	CPH_VERDICT_THROTTLE,		/* try again when the service is ready */
	CPH_VERDICT_RENEW,			/* the credential, and try again */
	CPH_VERDICT_RAISE
} CphVerdict;

/* What the end of a transfer, an HTTP status or an error code leads to. */
typedef struct CphOutcome
{
	int			key;			/* CphTransferState or HTTP status */
	const char *code;			/* error_code, or NULL */
	CphVerdict	verdict;
	int			sqlstate;
	const char *message;		/* with a %s for the server's name */
	const char *hint;			/* or NULL */
} CphOutcome;

extern const CphOutcome *cph_outcome_find(const CphTransfer *transfer,
										  CphServiceError *error);
extern bool cph_outcome_may_retry(const CphTransfer *transfer, int failures,
								  const CphOptions *options);
extern int64 cph_outcome_backoff(const CphTransfer *transfer, int tries);
extern int64 cph_outcome_throttle_wait(const CphTransfer *transfer,
									   const CphServiceError *error, int tries);
extern char *cph_outcome_detail(const CphTransfer *transfer,
								const CphServiceError *error,
								const char *request, int tries,
								const char *reason);

#endif							/* CPH_OUTCOME_H */
