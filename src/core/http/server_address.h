/*
 * http/server_address: the address of a central token server (docs/design.md 4.5, 4.6) as the
 * option token_store names it, and what is asked of it: http://host:port on loopback,
 * https://host:port, or unix:/path of a socket. What it answers is fetch/server_answer.h.
 *
 * Pure; any thread.
 */
#ifndef ITR_CORE_HTTP_SERVER_ADDRESS_H
#define ITR_CORE_HTTP_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/http/transport.h"

/* Return whether token_store names a server and not a store (NULL: the default, so a store). Only
 * its scheme is looked at, in any case of letters. */
bool itr_server_address_is_named(const char *token_store);

/* Return whether a normal form is a Unix socket, which its mode guards: no key is needed there. */
bool itr_server_address_is_socket(const char *server);

/*
 * Check the address and append its normal form to out. ITR_CONFIG, naming the option token_store
 * and what to write instead: what itr_url_token_server refuses; a socket whose path is relative,
 * begins with "//", has a "?" or "#" in it, or does not fit into a socket's address.
 */
enum itr_status itr_server_address_normal(const char *token_store, struct itr_buf *out,
                                          struct itr_error *e);

/* Add what a transport to `server` (in normal form, borrowed) needs: the socket; no proxy on
 * loopback, not even one that is given, which would be shown the key. */
void itr_server_address_transport(const char *server, struct itr_transport_options *options);

/* Append the URL of what is asked about an app: {server}/v1/apps/{appId}/token to get its token,
 * .../refresh to have a newer one. ITR_FULL, ITR_NOMEM. */
enum itr_status itr_server_address_url(const char *server, const char *app_id, bool refresh,
                                       struct itr_buf *out);

/* Append the line that brings the key: "Authorization: Bearer KEY" (a secret buffer). */
enum itr_status itr_server_address_header(const char *key, struct itr_buf *out);

/* Append the body of a refresh: the fence of the token that was refused, or 0 for none. */
enum itr_status itr_server_address_body(uint64_t refused_fence, struct itr_buf *out);

#endif
