#include "transport/curl_outcome.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bound.h"
#include "core/base/clock.h"
#include "core/os/descriptors.h"
#include "transport/curl_error.h"
#include "transport/curl_origin.h"

bool itr_curl_outcome_sent(const struct itr_curl_request *r)
{
#if ITR_CURL_HAS_PREREQ
    return r->sent;
#else
    long n = 0;

    /* Also what went to a proxy; rather too often than too seldom. */
    curl_easy_getinfo(r->easy, CURLINFO_REQUEST_SIZE, &n);
    return n > 0;
#endif
}

static bool has_time(const struct itr_curl_request *r, CURLINFO which)
{
    curl_off_t us = 0;

    curl_easy_getinfo(r->easy, which, &us);
    return us > 0;
}

/* CONNECT_TIME alone does not do: libcurl 7.88 sets it when the TLS handshake is complete, too; and
 * since 8.14 neither is set when a limit ends the handshake. */
static bool has_tcp(const struct itr_curl_request *r)
{
    long port = 0;

    curl_easy_getinfo(r->easy, CURLINFO_LOCAL_PORT, &port);
    return port > 0 || has_time(r, CURLINFO_CONNECT_TIME_T) ||
           (r->opened != NULL && itr_curl_socket_is_connected(r->opened));
}

static enum itr_curl_phase phase_of(const struct itr_curl_request *r)
{
    if (itr_curl_outcome_sent(r))
        return has_time(r, CURLINFO_STARTTRANSFER_TIME_T) ? ITR_CURL_RECEIVE : ITR_CURL_SEND;
    if (!has_time(r, CURLINFO_NAMELOOKUP_TIME_T))
        return ITR_CURL_RESOLVE;
    if (!has_tcp(r))
        return ITR_CURL_CONNECT;
    if (strncmp(r->exchange->request.url, "https:", 6) == 0 &&
        !has_time(r, CURLINFO_APPCONNECT_TIME_T))
        return ITR_CURL_TLS;
    return ITR_CURL_SEND;
}

/* While connecting, the smaller of two limits counts. */
static int64_t limit_of(const struct itr_curl_request *r, enum itr_curl_phase phase)
{
    const struct itr_exchange *x = r->exchange;
    int64_t all = x->request.timeout_ms, connect = r->settings->connect_timeout_ms;

    if (phase < ITR_CURL_SEND && connect > 0 && x->response.elapsed_us / 1000 < all)
        return connect < all ? connect : all;
    return all;
}

static void say(struct itr_response *a, enum itr_status carried, const char *text)
{
    a->carried = carried;
    (void)snprintf(a->detail, sizeof a->detail, "%s", text);
}

/* Return why it could not be sent, if that is for want of a descriptor; else 0. libcurl shows that
 * as a host that cannot be resolved, a CA file that cannot be read, or a failed connection. */
static int lack_of_descriptors(const struct itr_curl_request *r, CURLcode code)
{
    int error = r->sockets->open_error;

    if (code == CURLE_OPERATION_TIMEDOUT || itr_curl_outcome_sent(r))
        return 0;
    return itr_descriptors_is_lack(error) ? error : itr_descriptors_exhausted();
}

static void describe(struct itr_curl_request *r, CURLcode code)
{
    char text[ITR_DESCRIPTORS_TEXT];
    int error;

    struct itr_response *a = &r->exchange->response;
    struct itr_curl_failure f = {.code = code, .text = r->text};
    long os_errno = 0;

    if ((error = lack_of_descriptors(r, code)) != 0) {
        a->no_descriptors = true;
        say(a, ITR_NETWORK, itr_descriptors_explain(error, text));
        return;
    }
    curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os_errno);
    f.phase = phase_of(r);
    f.origin = r->exchange->request.url;
    f.origin_len = itr_curl_origin_length(f.origin);
    f.os_errno = (int)os_errno;
    f.has_proxy = r->settings->proxy != NULL && r->settings->proxy[0] != '\0' &&
                  r->settings->unix_socket == NULL;
    if (!itr_curl_outcome_sent(r))
        curl_easy_getinfo(r->easy, CURLINFO_HTTP_CONNECTCODE, &f.proxy_said);
    f.limit_ms = limit_of(r, f.phase);
    a->carried = itr_curl_error_describe(&f, a->detail, sizeof a->detail);
}

static void say_body_too_large(struct itr_response *a)
{
    a->carried = ITR_HTTP;
    (void)snprintf(a->detail, sizeof a->detail,
                   "the answer is larger than max_response_bytes (%zu bytes)", a->body.max);
}

static void explain(struct itr_curl_request *r, CURLcode code)
{
    struct itr_response *a = &r->exchange->response;

    switch (r->stop) {
    case ITR_CURL_GOES_ON:
        if (code == CURLE_FILESIZE_EXCEEDED)
            say_body_too_large(a);
        else
            describe(r, code);
        return;
    case ITR_CURL_BODY_TOO_LARGE:
        say_body_too_large(a);
        return;
    case ITR_CURL_HEAD_TOO_LARGE:
        say(a, ITR_HTTP, "the head of the answer is too large");
        return;
    case ITR_CURL_NO_MEMORY:
        say(a, ITR_NOMEM, "no memory for the answer");
        return;
    case ITR_CURL_HELD:
        say(a, ITR_NETWORK, "not sent: the caller cancelled it");
        return;
    case ITR_CURL_STALE:
        say(a, ITR_NETWORK, "the server closed each kept connection before it was used");
        return;
    case ITR_CURL_REFUSED:
        say(a, ITR_NETWORK,
            "the server refused the HTTP/2 stream on each connection; the request was not "
            "executed");
        return;
    case ITR_CURL_REPEAT:
        say(a, ITR_NETWORK,
            "the kept connection was closed before the answer; the request may "
            "have been executed and is not retried");
        return;
    }
}

/* libcurl's 0 is "none"; so is a Retry-After of 0, which asks for nothing. */
static int64_t retry_after_ms(const struct itr_curl_request *r)
{
    curl_off_t s = 0;

    curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &s);
    if (s == 0)
        return r->retry_date ? 0 : -1;
    if (s < 0) /* a date that is past */
        return 0;
    return s > INT_MAX ? (int64_t)INT_MAX * 1000 : (int64_t)s * 1000;
}

static bool is_late(const struct itr_curl_request *r)
{
    return itr_clock_mono_ms(itr_clock_system()) >= r->deadline_mono_ms;
}

/* Return whether all that was announced of the body came; true if nothing was. */
static bool is_whole(const struct itr_curl_request *r)
{
    curl_off_t announced = -1, came = 0;

    curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &came);
    return announced < 0 || announced == came;
}

/* Return whether the server answered and then ended the HTTP/2 stream well, before it had read the
 * body: a whole answer (RFC 9113, 8.1). libcurl before 8.1 takes that for an error, the only one
 * with this code that it has no words for. */
static bool is_early_answer(const struct itr_curl_request *r, CURLcode code)
{
    return code == CURLE_HTTP2_STREAM && r->stop == ITR_CURL_GOES_ON && r->text[0] == '\0' &&
           r->settings->refusal == ITR_CURL_REFUSAL_7 && r->head_whole && is_whole(r);
}

void itr_curl_outcome_read(struct itr_curl_request *r, CURLcode code)
{
    struct itr_response *a = &r->exchange->response;
    long status = 0;
    curl_off_t us = 0;

    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->easy, CURLINFO_TOTAL_TIME_T, &us);
    a->http_status = status >= 200 ? (int)status : 0;
    a->elapsed_us = us + r->tries.spent_us;
    if (code == CURLE_OPERATION_TIMEDOUT && is_late(r)) /* libcurl measures only when it acts */
        a->elapsed_us = itr_max64(a->elapsed_us, r->exchange->request.timeout_ms * 1000);
    a->sent = itr_curl_outcome_sent(r);
    if (status >= 300)
        a->retry_after_ms = retry_after_ms(r);
    if (is_early_answer(r, code))
        code = CURLE_OK;
    if (code == CURLE_OK && (!r->head_whole || status < 200))
        code = CURLE_PARTIAL_FILE;
    if (code != CURLE_OK)
        explain(r, code);
}
