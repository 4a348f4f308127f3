#include "core/http/server_address.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "core/http/url.h"

static const char socket_scheme[] = "unix:";

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

static bool is_socket(const char *address)
{
    return begins(address, socket_scheme);
}

static const char *path_of(const char *address)
{
    return address + strlen(socket_scheme);
}

bool itr_server_address_is_named(const char *token_store)
{
    return token_store != NULL && (begins(token_store, "http:") || begins(token_store, "https:") ||
                                   is_socket(token_store));
}

bool itr_server_address_is_socket(const char *server)
{
    return is_socket(server);
}

/* ---- the address ---- */

static enum itr_status refuse(struct itr_error *e, const char *what)
{
    return itr_error_set(e, ITR_CONFIG,
                         "option token_store names a socket whose path %s: write it as "
                         "unix:/run/itriggerd/itriggerd.sock",
                         what);
}

static enum itr_status check_path(const char *path, struct itr_error *e)
{
    struct sockaddr_un address;

    if (path[0] != '/' || path[1] == '/')
        return refuse(e, "must begin with one \"/\"");
    if (path[1] == '\0')
        return refuse(e, "is \"/\"");
    if (strpbrk(path, "?#") != NULL)
        return refuse(e, "contains a query or a fragment");
    if (strlen(path) >= sizeof address.sun_path)
        return refuse(e, "is too long for a socket");
    return ITR_OK;
}

static enum itr_status normal_socket(const char *token_store, struct itr_buf *out,
                                     struct itr_error *e)
{
    enum itr_status s = check_path(path_of(token_store), e);

    if (s != ITR_OK)
        return s;
    if ((s = itr_buf_append_str(out, socket_scheme)) == ITR_OK)
        s = itr_buf_append_str(out, path_of(token_store));
    return s == ITR_OK ? s : itr_error_set(e, s, "option token_store: the address is too long");
}

enum itr_status itr_server_address_normal(const char *token_store, struct itr_buf *out,
                                          struct itr_error *e)
{
    return is_socket(token_store) ? normal_socket(token_store, out, e)
                                  : itr_url_token_server(token_store, out, e);
}

void itr_server_address_transport(const char *server, struct itr_transport_options *options)
{
    if (is_socket(server))
        options->unix_socket = path_of(server);
    if (is_socket(server) || itr_url_is_loopback(server))
        options->proxy = "";
}

/* ---- what is asked ---- */

enum itr_status itr_server_address_url(const char *server, const char *app_id, bool refresh,
                                       struct itr_buf *out)
{
    /* HTTP wants a host even where the socket says who is meant. */
    const char *base = is_socket(server) ? "http://localhost" : server;
    enum itr_status s = itr_buf_append_fmt(out, "%s/v1/apps/", base);

    if (s == ITR_OK)
        s = itr_url_escape(app_id, strlen(app_id), out);
    if (s == ITR_OK)
        s = itr_buf_append_str(out, refresh ? "/refresh" : "/token");
    return s;
}

enum itr_status itr_server_address_header(const char *key, struct itr_buf *out)
{
    enum itr_status s = itr_buf_append_str(out, "Authorization: Bearer ");

    return s == ITR_OK ? itr_buf_append_str(out, key) : s;
}

enum itr_status itr_server_address_body(uint64_t refused_fence, struct itr_buf *out)
{
    if (refused_fence == 0)
        return itr_buf_append_str(out, "{}");
    return itr_buf_append_fmt(out, "{\"refused\":%" PRIu64 "}", refused_fence);
}
