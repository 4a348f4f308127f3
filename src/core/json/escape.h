/*
 * json/escape: text as a JSON string. Pure.
 */
#ifndef ITR_CORE_JSON_ESCAPE_H
#define ITR_CORE_JSON_ESCAPE_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/status.h"

/* Append n bytes of well-formed UTF-8 as a JSON string, with its quotes. ITR_FULL, ITR_NOMEM. */
enum itr_status itr_json_escape(const char *text, size_t n, struct itr_buf *out);

#endif
