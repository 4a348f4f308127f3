/*
 * http_server: the callbacks of libmicrohttpd. They turn a request into a serving (serve.h) and a
 * reply into a response. They run on the library's threads; ctx is the listener.
 *
 * A request that must wait is suspended, never held in a handler.
 */
#ifndef ITRIGGERD_HTTP_SERVER_H
#define ITRIGGERD_HTTP_SERVER_H

#include <microhttpd.h>
#include <stddef.h>

enum MHD_Result http_server_access(void *ctx, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **request);
void http_server_completed(void *ctx, struct MHD_Connection *c, void **request,
                           enum MHD_RequestTerminationCode why);
void http_server_connection(void *ctx, struct MHD_Connection *c, void **connection,
                            enum MHD_ConnectionNotificationCode what);
/* Set the deadline of a request whose first line was read. Return the initial value of *request:
 * NULL. */
void *http_server_begun(void *ctx, const char *uri, struct MHD_Connection *c);
/* Return the length of text, which stays percent-encoded: http_api must distinguish "/" from
 * "%2F". */
size_t http_server_unescape(void *ctx, struct MHD_Connection *c, char *text);

#endif
