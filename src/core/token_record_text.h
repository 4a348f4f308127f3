/*
 * token_record_text: the bounds of the text form, for those who fill a record or a token. Internal
 * to token_record*.c and token_grant.c; the text form itself is encode and decode in
 * token_record.h. Pure.
 */
#ifndef ITR_CORE_TOKEN_RECORD_TEXT_H
#define ITR_CORE_TOKEN_RECORD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The largest escaped forms; with these the whole record stays below ITR_RECORD_MAX. */
#define ITR_RECORD_TOKEN_ESCAPED 1024
#define ITR_RECORD_ERROR_ESCAPED 320

/* Bytes of the percent-encoded form of n bytes: control characters, space, '%' and whatever is not
 * ASCII take three. */
size_t itr_record_escaped_len(const char *text, size_t n);

/* True if a record can carry n bytes at text as its token: not empty, not longer than ITR_TOKEN_MAX
 * nor ITR_RECORD_TOKEN_ESCAPED, no control characters. */
bool itr_record_can_carry(const char *text, size_t n);

#endif
