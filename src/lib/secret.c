/*
 * secret.c
 *		Memory for secrets, which is overwritten before it is freed.
 *
 * A secret is palloc'd and must not be pfree'd or grown: it goes with its
 * memory context, whatever throws, and is wiped then.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "lib/lib.h"

#include "utils/palloc.h"

/*
 * A secret and as much of one's beginning, at the end of a text that was cut,
 * are masked from this length on: less would mask ordinary words.
 */
#define MASK_LENGTH_MIN 4

/* A secret, and what wipes it. */
typedef struct Secret
{
	MemoryContextCallback callback;
	Size		size;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} Secret;

/* The reset callback of a secret. */
static void
wipe_secret(void *arg)
{
	Secret	   *secret = arg;

	explicit_bzero(secret->text, secret->size);
}

/* Returns that many bytes, zeroed, in the current memory context. */
char *
cph_secret_alloc(Size size)
{
	Secret	   *secret = palloc0(offsetof(Secret, text) + size);

	secret->size = size;
	secret->callback.func = wipe_secret;
	secret->callback.arg = secret;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &secret->callback);
	return secret->text;
}

/* Returns a copy of a text. */
char *
cph_secret_copy(const char *text)
{
	Size		size = strlen(text) + 1;

	return memcpy(cph_secret_alloc(size), text, size);
}

/* Returns a text as psprintf does, but without leaving pieces of it behind. */
char *
cph_secret_printf(const char *format,...)
{
	va_list		args;
	int			length;
	char	   *result;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		elog(ERROR, "could not format a text");
	result = cph_secret_alloc((Size) length + 1);
	va_start(args, format);
	vsnprintf(result, (Size) length + 1, format, args);
	va_end(args);
	return result;
}

/* Overwrites a text that is not ours to free.  NULL is harmless. */
void
cph_secret_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
}

/*
 * Tells whether a text may be a word of a sentence.  A secret that is one is no
 * key and no token, and no password that the service takes, which has letters of
 * two kinds at least; to mask it in "The username or password is wrong." would
 * give it away.
 */
static bool
is_word(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

/*
 * Overwrites a secret with asterisks wherever a text holds it, and where the
 * text ends within it; but not one that may be a word.  NULL is no secret, and
 * no text.
 */
void
cph_secret_mask(char *text, const char *secret)
{
	Size		length = secret ? strlen(secret) : 0;

	if (text == NULL || length < MASK_LENGTH_MIN || is_word(secret))
		return;
	for (char *p = text; *p; p++)
	{
		Size		same = 0;

		while (same < length && p[same] == secret[same])
			same++;
		if (same == length || (p[same] == '\0' && same >= MASK_LENGTH_MIN))
			memset(p, '*', same);
	}
}
