#include "transport/curl_settings.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/reason.h"

#define DEFAULT_HOST_CONNECTIONS 256

/* Ours, all of them: libcurl's own ones go twice through its printf, a byte at a time.
 * No Expect: libcurl would wait up to a second for a "100 Continue" before a large body. */
static const char *const GET_HEADERS[] = {"Accept: application/json", NULL};
static const char *const POST_HEADERS[] = {"Accept: application/json",
                                           "Content-Type: application/json", "Expect:", NULL};

static bool copy(char **to, const char *from)
{
    return from == NULL || (*to = strdup(from)) != NULL;
}

static bool copy_strings(struct itr_curl_settings *s, const struct itr_transport_options *o)
{
    return copy(&s->ca_file, o->ca_file) && copy(&s->proxy, o->proxy) &&
           copy(&s->user_agent, o->user_agent) && copy(&s->unix_socket, o->unix_socket);
}

static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static bool add_user_agent(struct curl_slist **list, const char *user_agent)
{
    static const char name[] = "User-Agent: ";
    size_t size = sizeof name + (user_agent != NULL ? strlen(user_agent) : 0);
    char *line;
    bool ok;

    if (user_agent == NULL)
        return true;
    if ((line = malloc(size)) == NULL)
        return false;
    (void)snprintf(line, size, "%s%s", name, user_agent);
    ok = add(list, line);
    free(line);
    return ok;
}

static bool make_list(struct curl_slist **list, const char *const *lines,
                      const struct itr_curl_settings *s)
{
    for (; *lines != NULL; lines++)
        if (!add(list, *lines))
            return false;
    return (!s->gzip || add(list, "Accept-Encoding: gzip")) && add_user_agent(list, s->user_agent);
}

/* What this libcurl was built with decides what can be asked of it. */
static enum itr_status choose_version(struct itr_curl_settings *s, enum itr_http_version wish,
                                      struct itr_error *e)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    int features = v->features;
    bool http2 = (features & CURL_VERSION_HTTP2) != 0;

    s->gzip = (features & CURL_VERSION_LIBZ) != 0;
    s->refusal = v->version_num < 0x080100   ? ITR_CURL_REFUSAL_7
                 : v->version_num < 0x080700 ? ITR_CURL_REFUSAL_81
                 : v->version_num < 0x081300 ? ITR_CURL_REFUSAL_87
                                             : ITR_CURL_REFUSAL_819;
    if (wish == ITR_HTTP_2 && !http2)
        return itr_error_set(
            e, ITR_CONFIG, "option http_version: \"2\" needs a libcurl that was built with HTTP/2");
    s->https_version =
        wish == ITR_HTTP_1_1 || !http2 ? (long)CURL_HTTP_VERSION_1_1 : (long)CURL_HTTP_VERSION_2TLS;
    return ITR_OK;
}

/* Looked at here, so that a wrong name is told at once and not as a TLS failure of each call. */
static enum itr_status check_ca_file(const char *path, struct itr_error *e)
{
    char reason[ITR_REASON];

    if (path == NULL || access(path, R_OK) == 0)
        return ITR_OK;
    return itr_error_set(e, ITR_CONFIG, "option ca_file: \"%.120s\" cannot be read: %s", path,
                         itr_reason(errno, reason));
}

static long as_long_ms(int64_t ms)
{
    return ms > INT_MAX ? (long)INT_MAX : (long)ms;
}

enum itr_status itr_curl_settings_init(struct itr_curl_settings *s,
                                       const struct itr_transport_options *o, struct itr_error *e)
{
    enum itr_status status;

    *s = (struct itr_curl_settings){0};
    s->connect_timeout_ms = as_long_ms(o->connect_timeout_ms);
    s->max_host_connections =
        o->max_host_connections > 0 ? o->max_host_connections : DEFAULT_HOST_CONNECTIONS;
    if ((status = choose_version(s, o->http_version, e)) != ITR_OK)
        return status;
    if ((status = check_ca_file(o->ca_file, e)) != ITR_OK)
        return status;
    if (copy_strings(s, o) && make_list(&s->get_headers, GET_HEADERS, s) &&
        make_list(&s->post_headers, POST_HEADERS, s))
        return ITR_OK;
    itr_curl_settings_clear(s);
    return itr_error_set(e, ITR_NOMEM, "no memory");
}

void itr_curl_settings_clear(struct itr_curl_settings *s)
{
    curl_slist_free_all(s->get_headers);
    curl_slist_free_all(s->post_headers);
    free(s->ca_file);
    free(s->proxy);
    free(s->user_agent);
    free(s->unix_socket);
    *s = (struct itr_curl_settings){0};
}
