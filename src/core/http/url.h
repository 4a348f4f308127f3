/*
 * url: checks and encodes addresses: the gateway, paths, headers; redacts what is shown of them.
 * Parameters are in query.h, which this includes.
 *
 * Rules: docs/design.md section 5, RFC 3986. Pure; any thread.
 */
#ifndef ITR_CORE_HTTP_URL_H
#define ITR_CORE_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/http/query.h"

/*
 * Check a gateway's base address and append its normal form to out: scheme and host in lower
 * case, no trailing slash, no port if it is the scheme's own. Refused (ITR_CONFIG, naming the
 * option "gateway" and what to write instead): not an absolute URL; another scheme than https, or
 * http off loopback (localhost, 127.0.0.0/8, [::1]); a user, a path (a lone "/" is right), a query,
 * a fragment; an empty or invalid host; an invalid port; spaces and control characters.
 */
enum itr_status itr_base_url(const char *gateway, struct itr_buf *out, struct itr_error *e);

/* Do the same with a central token server's address in the option token_store. */
enum itr_status itr_url_token_server(const char *server, struct itr_buf *out, struct itr_error *e);

/* Return whether the host of a URL in normal form is loopback. */
bool itr_url_is_loopback(const char *url);

/*
 * Check an API path of n bytes and append it percent-encoded: kept are the unreserved characters,
 * "/" and the sub-delims, ":" and "@"; every other byte ("%" too) becomes %XX. Refused (ITR_USAGE):
 * empty or without "/" in front, "//" in front, "?" (is_get decides what the error advises), "#",
 * a segment "." or "..", control characters, a backslash, a scheme or host, invalid UTF-8, more
 * than 2048 bytes.
 */
enum itr_status itr_url_path(const char *path, size_t n, bool is_get, struct itr_buf *out,
                             struct itr_error *e);

/* Append n bytes percent-encoded: all but unreserved characters (RFC 3986, 2.3). */
enum itr_status itr_url_escape(const char *bytes, size_t n, struct itr_buf *out);

/* Check one header, name and value apart. Refused (ITR_USAGE): a name that is not a token of RFC
 * 9110 or is Host, Content-Length, Transfer-Encoding, Connection (any case); CR, LF, NUL or other
 * control characters but tab in the value. */
enum itr_status itr_url_header(const char *name, size_t name_len, const char *value,
                               size_t value_len, struct itr_error *e);

/* Append a URL as it may be shown: the values of accessToken, appSecret and of a user part are
 * replaced by "***". */
enum itr_status itr_redact_url(const char *url, struct itr_buf *out);

/* Overwrite every occurrence of `secret` (n bytes; nothing when n < 8) in text with '*', in
 * place. Also where bytes of it are percent-encoded, or ASCII written as an escape of JSON. */
void itr_redact_mask(char *text, size_t len, const char *secret, size_t n);
/* Do the same with a text that was cut off: the beginning of the secret at its end goes too. */
void itr_redact_mask_cut(char *text, size_t len, const char *secret, size_t n);

#endif
