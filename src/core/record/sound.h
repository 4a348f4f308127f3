/*
 * record/sound: Check what a record may contain, for those who fill one and for the text form,
 * which checks it before a record is saved and after one is loaded. Internal to record*.c and
 * fetch/gateway_answer.c. Pure.
 */
#ifndef ITR_CORE_RECORD_SOUND_H
#define ITR_CORE_RECORD_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"

/* The largest escaped forms; with these the whole record stays below ITR_RECORD_MAX. */
#define ITR_RECORD_TOKEN_ESCAPED 1024
#define ITR_RECORD_ERROR_ESCAPED 320

/* The largest numbers that may be written, and read: what is written can be read again. Whoever
 * acquires begins anew where a record has no room for a higher fence. */
#define ITR_RECORD_NUMBER_MAX ((int64_t)1 << 53)
#define ITR_RECORD_FENCE_MAX ((uint64_t)ITR_RECORD_NUMBER_MAX)
#define ITR_RECORD_HTTP_MAX 999

/* Return whether the text form writes the character as it is. All others take three bytes: control
 * characters, space, '%' and whatever is not ASCII. */
bool itr_record_is_plain(char c);
/* Return how many bytes the text form needs for n bytes at text. */
size_t itr_record_escaped_len(const char *text, size_t n);

/* Return whether a record can carry n bytes at text as its token: not empty, no longer than
 * ITR_TOKEN_MAX and, escaped, no longer than ITR_RECORD_TOKEN_ESCAPED, and without control
 * characters. */
bool itr_record_can_carry(const char *text, size_t n);

/* Return whether the parts of a record fit each other, and all of them the text form. */
bool itr_record_is_sound(const struct itr_record *r);

#endif
