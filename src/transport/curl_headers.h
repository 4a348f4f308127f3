/*
 * curl_headers: puts our header lines and the caller's into libcurl's list, and the answer's lines
 * into response.headers. Pure; any thread.
 */
#ifndef ITR_TRANSPORT_CURL_HEADERS_H
#define ITR_TRANSPORT_CURL_HEADERS_H

#include <curl/curl.h>
#include <stddef.h>

#include "core/base/buf.h"

/* Return a list of the extra lines (NULL-terminated) and of those shared ones whose name is not
 * among them, for itr_curl_headers_free; NULL: no memory. */
struct curl_slist *itr_curl_headers_make(const char *const *extra, const struct curl_slist *shared);

/* Wipe the lines, which may contain a key, and free the list. NULL is allowed. */
void itr_curl_headers_free(struct curl_slist *list);

/* Take one line as libcurl's header callback gets it, and append "name: value\n" with the name in
 * lower case. A status line forgets what came before it: only the last answer counts (there may be
 * a 100 or a proxy's answer before). ITR_FULL, ITR_NOMEM. */
enum itr_status itr_curl_headers_collect(struct itr_buf *out, const char *line, size_t n);

#endif
