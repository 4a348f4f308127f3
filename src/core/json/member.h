/*
 * json/member: one member of a JSON object, in a text that json/scan has found to be right.
 * It checks nothing again: on any other text the answer means nothing, though nothing is read past
 * its end. For answers that are small and rare; the hot ones are json/scan's. Pure; any thread.
 */
#ifndef ITR_CORE_JSON_MEMBER_H
#define ITR_CORE_JSON_MEMBER_H

#include "core/json/string.h"

/* Return the value of the member `name` of an object, as it is written ("\"a\"", "7", "{...}"); of
 * two with one name the last. Absent (at is NULL): there is none, or `object` is no object. */
struct itr_json_piece itr_json_member(struct itr_json_piece object, const char *name);

#endif
