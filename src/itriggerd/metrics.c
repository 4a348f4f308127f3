#include "itriggerd/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#include "core/base/version.h"

#define METRICS_LINE_MAX 1024

/* One family of samples with one value an app. */
struct family {
    const char *name, *type, *help;
    bool (*value)(const struct app_status *h, int64_t *value); /* false: there is none now */
    bool is_ms;                                                /* told in seconds */
};

/* ---- the values ---- */

static bool get_ready(const struct app_status *h, int64_t *v)
{
    *v = h->ready;
    return true;
}

static bool get_fetched(const struct app_status *h, int64_t *v)
{
    *v = (int64_t)h->fetched;
    return true;
}

static bool get_tokens(const struct app_status *h, int64_t *v)
{
    *v = (int64_t)h->tokens;
    return true;
}

static bool get_refusals(const struct app_status *h, int64_t *v)
{
    *v = (int64_t)h->refusals;
    return true;
}

static bool get_asked(const struct app_status *h, int64_t *v)
{
    *v = (int64_t)h->asked;
    return true;
}

static bool get_age(const struct app_status *h, int64_t *v)
{
    *v = h->age_ms;
    return h->fence != 0;
}

static bool get_life(const struct app_status *h, int64_t *v)
{
    *v = h->expires_in_ms;
    return h->fence != 0;
}

static bool get_refresh(const struct app_status *h, int64_t *v)
{
    *v = h->refresh_in_ms;
    return h->fence != 0;
}

static bool get_fetches_today(const struct app_status *h, int64_t *v)
{
    *v = h->fetches_today;
    return h->fetches_today >= 0;
}

static bool get_limit(const struct app_status *h, int64_t *v)
{
    *v = h->daily_limit;
    return h->daily_limit > 0;
}

static bool get_pollers(const struct app_status *h, int64_t *v)
{
    *v = h->pollers;
    return true;
}

static bool get_file_ok(const struct app_status *h, int64_t *v)
{
    *v = h->file_ok;
    return true;
}

static bool get_refused(const struct app_status *h, int64_t *v)
{
    *v = h->refused;
    return true;
}

static bool get_saved(const struct app_status *h, int64_t *v)
{
    *v = (int64_t)h->saved;
    return true;
}

static bool get_success(const struct app_status *h, int64_t *v)
{
    *v = h->fetches.good_wall_ms;
    return h->fetches.good_wall_ms != 0;
}

static bool get_last_fetch(const struct app_status *h, int64_t *v)
{
    *v = h->fetches.last_ms;
    return h->fetches.ended > 0;
}

static bool get_waiters(const struct app_status *h, int64_t *v)
{
    *v = h->waiters;
    return true;
}

static const struct family families[] = {
    {"itrigger_ready", "gauge",
     "1: the app has a usable token that the gateway does not refuse, or needs none now.",
     get_ready, false},
    {"itrigger_token_refused", "gauge", "1: the gateway refuses the token (check_interval).",
     get_refused, false},
    {"itrigger_token_file_ok", "gauge", "0: token_file cannot be written.", get_file_ok, false},
    {"itrigger_last_success_timestamp_seconds", "gauge", "When the app got a token last.",
     get_success, true},
    {"itrigger_last_fetch_seconds", "gauge", "How long the last fetch took, good or not.",
     get_last_fetch, true},
    {"itrigger_refreshes_saved_total", "counter",
     "Requests for a fetch that were answered without one, to save the day's limit.", get_saved,
     false},
    {"itrigger_pollers", "gauge", "Requests that wait for a newer token.", get_pollers, false},
    {"itrigger_fetches_total", "counter", "Tokens that this process got from the gateway.",
     get_fetched, false},
    {"itrigger_hits_total", "counter", "Answers with a token.", get_tokens, false},
    {"itrigger_refusals_total", "counter", "Reports of a refused token.", get_refusals, false},
    {"itrigger_refresh_requests_total", "counter", "Requests for one fetch.", get_asked, false},
    {"itrigger_token_age_seconds", "gauge", "Age of the token.", get_age, true},
    {"itrigger_token_remaining_seconds", "gauge",
     "Time until the token expires; negative: it has expired.", get_life, true},
    {"itrigger_token_refresh_seconds", "gauge", "Time until the token is due for refresh.",
     get_refresh, true},
    {"itrigger_fetches_today", "gauge", "Fetches of the whole fleet today (Asia/Shanghai).",
     get_fetches_today, false},
    {"itrigger_daily_limit", "gauge", "Fetches allowed a day.", get_limit, false},
    {"itrigger_waiters", "gauge", "Requests that wait for a fetch.", get_waiters, false},
};

/* ---- the format ---- */

static void begin(struct itr_buf *out, const char *name, const char *type, const char *help)
{
    (void)itr_buf_append_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void append_label(struct itr_buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\n')
            (void)itr_buf_append_str(out, "\\n");
        else if (*text == '"' || *text == '\\')
            (void)itr_buf_append_fmt(out, "\\%c", *text);
        else
            (void)itr_buf_append_char(out, *text);
}

static void append_app(struct itr_buf *out, const char *name, const struct app_status *h)
{
    (void)itr_buf_append_fmt(out, "%s{app=\"", name);
    append_label(out, h->name);
    (void)itr_buf_append_char(out, '"');
}

/* Without floating point, whose point depends on the locale. */
static void append_seconds(struct itr_buf *out, int64_t ms)
{
    uint64_t abs = ms < 0 ? (uint64_t)-ms : (uint64_t)ms;

    (void)itr_buf_append_fmt(out, "%s%" PRIu64 ".%03d", ms < 0 ? "-" : "", abs / 1000,
                             (int)(abs % 1000));
}

static void write_family(struct itr_buf *out, const struct family *f, const struct app_status *apps,
                         size_t n)
{
    int64_t value;
    size_t i;

    begin(out, f->name, f->type, f->help);
    for (i = 0; i < n; i++) {
        if (!f->value(&apps[i], &value))
            continue;
        append_app(out, f->name, &apps[i]);
        (void)itr_buf_append_str(out, "} ");
        if (f->is_ms)
            append_seconds(out, value);
        else
            (void)itr_buf_append_fmt(out, "%" PRId64, value);
        (void)itr_buf_append_char(out, '\n');
    }
}

static void append_code(struct itr_buf *out, size_t i)
{
    if (request_codes[i] != 0)
        (void)itr_buf_append_fmt(out, ",code=\"%" PRId64 "\"} ", request_codes[i]);
    else
        (void)itr_buf_append_str(out, ",code=\"other\"} ");
}

/* These are there from the start, with 0, so that a first error is an increase. */
static bool is_usual_error(int64_t code)
{
    return code == 503 || (code >= 40001 && code <= 40004);
}

static void write_errors(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    static const char name[] = "itrigger_errors_total";
    size_t i, j;

    begin(out, name, "counter", "Answers without a token, by the envelope's code.");
    for (i = 0; i < n; i++)
        for (j = 0; j < REQUEST_CODES; j++) {
            if (apps[i].errors[j] == 0 && !is_usual_error(request_codes[j]))
                continue;
            append_app(out, name, &apps[i]);
            append_code(out, j);
            (void)itr_buf_append_fmt(out, "%" PRIu64 "\n", apps[i].errors[j]);
        }
}

/* Of those kinds of error that a fetch can end with. */
static void write_failures(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    static const char name[] = "itrigger_fetch_failures_total";
    size_t i;
    int kind;

    begin(out, name, "counter", "Fetches that brought no token, by the kind of error.");
    for (i = 0; i < n; i++)
        for (kind = ITR_NETWORK; kind <= ITR_STORE; kind++) {
            append_app(out, name, &apps[i]);
            (void)itr_buf_append_fmt(out, ",kind=\"%s\"} %" PRIu64 "\n",
                                     itr_status_name((enum itr_status)kind),
                                     apps[i].fetches.failed[kind]);
        }
}

static void write_fetch_times(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    static const char name[] = "itrigger_fetch_duration_seconds";
    size_t i;

    begin(out, name, "summary", "How long fetches took, good or not.");
    for (i = 0; i < n; i++) {
        append_app(out, "itrigger_fetch_duration_seconds_sum", &apps[i]);
        (void)itr_buf_append_str(out, "} ");
        append_seconds(out, apps[i].fetches.sum_ms);
        (void)itr_buf_append_char(out, '\n');
        append_app(out, "itrigger_fetch_duration_seconds_count", &apps[i]);
        (void)itr_buf_append_fmt(out, "} %" PRIu64 "\n", apps[i].fetches.ended);
    }
}

static void write_checks(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    static const char name[] = "itrigger_token_checks_total";
    static const char *const results[] = {"ok", "refused", "failed"};
    size_t i, j;

    begin(out, name, "counter", "Checks of the token at the gateway, by what it said.");
    for (i = 0; i < n; i++) {
        const uint64_t values[] = {apps[i].checks_ok, apps[i].checks_refused,
                                   apps[i].checks_failed};
        for (j = 0; j < 3; j++) {
            append_app(out, name, &apps[i]);
            (void)itr_buf_append_fmt(out, ",result=\"%s\"} %" PRIu64 "\n", results[j], values[j]);
        }
    }
}

/* ---- the daemon ---- */

static void write_one(struct itr_buf *out, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    begin(out, name, type, help);
    (void)itr_buf_append_fmt(out, "%s %" PRIu64 "\n", name, value);
}

static void write_client(struct itr_buf *out, const struct daemon_status *d, const char *name,
                         const char *help, size_t offset)
{
    size_t i;

    begin(out, name, "counter", help);
    for (i = 0; i < d->n_clients; i++) {
        (void)itr_buf_append_fmt(out, "%s{client=\"", name);
        append_label(out, d->clients[i].name);
        (void)itr_buf_append_fmt(
            out, "\"} %" PRIu64 "\n",
            *(const uint64_t *)(const void *)((const char *)&d->clients[i] + offset));
    }
}

static void write_daemon(struct itr_buf *out, const struct daemon_status *d)
{
    write_one(out, "itrigger_connections", "gauge", "Open connections.", d->connections);
    write_one(out, "itrigger_connections_limit", "gauge", "How many may be open.",
              d->connections_max);
    write_one(out, "itrigger_connections_evicted_total", "counter",
              "Connections without a valid key that were closed for others, at the limit.",
              d->evicted);
    write_one(out, "itrigger_requests_waiting", "gauge",
              "Requests that wait for a token, polls included.", d->waiting);
    write_one(out, "itrigger_requests_polling", "gauge", "Of them: polls.", d->polls);
    write_one(out, "itrigger_log_lines_dropped_total", "counter",
              "Log lines that could not be written.", d->log_dropped);
    write_one(out, "itrigger_store_ok", "gauge", "0: the shared token store cannot be read.",
              d->store_ok);
    write_one(out, "itrigger_reload_ok", "gauge",
              "0: the last reload failed, and the old configuration is in force.", d->reload_ok);
    begin(out, "itrigger_reload_timestamp_seconds", "gauge",
          "When the configuration was read last, with success or not.");
    (void)itr_buf_append_str(out, "itrigger_reload_timestamp_seconds ");
    append_seconds(out, d->reload_wall_ms);
    (void)itr_buf_append_char(out, '\n');
    if (d->cert_end_wall_s != 0)
        write_one(out, "itrigger_certificate_expiry_timestamp_seconds", "gauge",
                  "When the certificate in use expires.", (uint64_t)d->cert_end_wall_s);
    write_client(out, d, "itrigger_client_requests_total", "Requests about a token, by client.",
                 offsetof(struct client_status, requests));
    write_client(out, d, "itrigger_client_refusals_total", "Reports of a refused token, by client.",
                 offsetof(struct client_status, refusals));
    write_client(out, d, "itrigger_client_refreshes_total", "Requests for a fetch, by client.",
                 offsetof(struct client_status, refreshes));
    write_client(out, d, "itrigger_client_failures_total", "Answers without a token, by client.",
                 offsetof(struct client_status, failures));
}

/* ---- the requests ---- */

static void write_answers(struct itr_buf *out, const struct request_metrics *t)
{
    static const char name[] = "itrigger_answers_total";
    int kind;
    size_t i;

    begin(out, name, "counter", "Answers, by the envelope's code.");
    for (kind = 0; kind < REQUEST_KINDS; kind++)
        for (i = 0; i < REQUEST_CODES; i++) {
            uint64_t value = atomic_load(&t->kinds[kind].codes[i]);
            (void)itr_buf_append_fmt(out, "%s{kind=\"%s\"", name,
                                     request_kind_name((enum request_kind)kind));
            append_code(out, i);
            (void)itr_buf_append_fmt(out, "%" PRIu64 "\n", value);
        }
}

/* The parts are read one by one while others count; so the last bucket is what was summed up here,
 * never less than the one before it. */
static void write_latency(struct itr_buf *out, const struct request_metrics_kind *k,
                          const char *kind)
{
    static const char name[] = "itrigger_answer_seconds";
    uint64_t sum = 0, count = atomic_load(&k->count);
    size_t i;

    for (i = 0; i < REQUEST_BUCKETS; i++) {
        sum += atomic_load(&k->buckets[i]);
        (void)itr_buf_append_fmt(out, "%s_bucket{kind=\"%s\",le=\"", name, kind);
        append_seconds(out, request_bounds_ms[i]);
        (void)itr_buf_append_fmt(out, "\"} %" PRIu64 "\n", sum);
    }
    count = count > sum ? count : sum;
    (void)itr_buf_append_fmt(out, "%s_bucket{kind=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, kind,
                             count);
    (void)itr_buf_append_fmt(out, "%s_sum{kind=\"%s\"} ", name, kind);
    append_seconds(out, (int64_t)atomic_load(&k->sum_ms));
    (void)itr_buf_append_fmt(out, "\n%s_count{kind=\"%s\"} %" PRIu64 "\n", name, kind, count);
}

static void write_requests(struct itr_buf *out, const struct request_metrics *t)
{
    int kind;

    write_answers(out, t);
    begin(out, "itrigger_answer_seconds", "histogram",
          "Time from a complete request to its answer, waiting included.");
    for (kind = 0; kind < REQUEST_KINDS; kind++)
        write_latency(out, &t->kinds[kind], request_kind_name((enum request_kind)kind));
}

enum itr_status metrics_write(struct itr_buf *out, const struct app_status *apps, size_t n,
                              const struct daemon_status *daemon,
                              const struct request_metrics *requests)
{
    size_t i;

    begin(out, "itrigger_build_info", "gauge", "The version that runs.");
    (void)itr_buf_append_str(out, "itrigger_build_info{version=\"" ITR_VERSION "\"} 1\n");
    for (i = 0; i < sizeof families / sizeof *families; i++)
        write_family(out, &families[i], apps, n);
    write_errors(out, apps, n);
    write_failures(out, apps, n);
    write_fetch_times(out, apps, n);
    write_checks(out, apps, n);
    if (daemon != NULL) {
        write_daemon(out, daemon);
        write_requests(out, requests);
    }
    /* No append is longer; so if one did not fit, this does not either. */
    return itr_buf_reserve(out, METRICS_LINE_MAX);
}
