#include "itriggerd/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/version.h"

#define METRICS_LINE_MAX 1024

/* One family of samples, with one value a row. */
struct family {
    const char *name, *type, *help;
    size_t value; /* offset of an int64_t in the row */
    bool is_ms;   /* told in seconds */
};

/* Rows of one type. */
struct rows {
    const void *at;
    size_t n, size;
    const char
        *label; /* whose value the row begins with, a string; NULL: one row without a label */
};

#define APP(member) offsetof(struct app_status, member)
#define SOURCE(member) offsetof(struct app_status, source.member)
#define APP_COUNT(which) (APP(count) + (which) * sizeof(int64_t))
#define CLIENT_COUNT(which) (offsetof(struct client_status, count) + (which) * sizeof(int64_t))
#define DAEMON(member) offsetof(struct daemon_status, member)

static const struct family app_families[] = {
    {"itrigger_ready", "gauge",
     "1: the app has a usable token that the gateway does not reject, or needs none now.",
     APP(ready), false},
    {"itrigger_token_refused", "gauge", "1: the gateway rejects the token (check_interval).",
     APP(refused), false},
    {"itrigger_token_file_ok", "gauge", "0: token_file cannot be written.", APP(file_ok), false},
    {"itrigger_last_success_timestamp_seconds", "gauge", "When the app last got a token.",
     SOURCE(fetches.good_wall_ms), true},
    {"itrigger_last_fetch_seconds", "gauge", "How long the last fetch took, successful or not.",
     SOURCE(fetches.last_ms), true},
    {"itrigger_refreshes_saved_total", "counter",
     "Requests for a fetch that were answered without one, to save the day's limit.",
     APP_COUNT(APP_SAVED), false},
    {"itrigger_pollers", "gauge", "Requests that wait for a newer token.", APP(pollers), false},
    {"itrigger_fetches_total", "counter", "Tokens that this process got from the gateway.",
     SOURCE(fetched), false},
    {"itrigger_hits_total", "counter", "Answers with a token.", APP_COUNT(APP_TOKENS), false},
    {"itrigger_refusals_total", "counter", "Reports of a rejected token.", APP_COUNT(APP_REFUSALS),
     false},
    {"itrigger_refresh_requests_total", "counter", "Requests for one fetch.", APP_COUNT(APP_ASKED),
     false},
    {"itrigger_token_age_seconds", "gauge", "Age of the token.", SOURCE(age_ms), true},
    {"itrigger_token_remaining_seconds", "gauge",
     "Time until the token expires; negative: it has expired.", SOURCE(expires_in_ms), true},
    {"itrigger_token_refresh_seconds", "gauge", "Time until the token is due for refresh.",
     SOURCE(refresh_in_ms), true},
    {"itrigger_fetches_today", "gauge", "Fetches of the whole fleet today (Asia/Shanghai).",
     SOURCE(fetches_today), false},
    {"itrigger_daily_limit", "gauge", "Fetches allowed a day.", SOURCE(daily_limit), false},
    {"itrigger_waiters", "gauge", "Requests that wait for a fetch.", SOURCE(waiters), false},
};

static const struct family daemon_families[] = {
    {"itrigger_connections", "gauge", "Open connections.", DAEMON(connections), false},
    {"itrigger_connections_limit", "gauge", "How many may be open.", DAEMON(connections_max),
     false},
    {"itrigger_connections_evicted_total", "counter",
     "Connections that were closed for others at the limit.", DAEMON(evicted), false},
    {"itrigger_requests_waiting", "gauge", "Requests that wait for a token, polls included.",
     DAEMON(waiting), false},
    {"itrigger_requests_polling", "gauge", "Of them: polls.", DAEMON(polls), false},
    {"itrigger_log_lines_dropped_total", "counter", "Log lines that could not be written.",
     DAEMON(log_dropped), false},
    {"itrigger_store_ok", "gauge", "0: the shared token store cannot be read.", DAEMON(store_ok),
     false},
    {"itrigger_reload_ok", "gauge",
     "0: the last reload failed, and the old configuration is in force.", DAEMON(reload_ok), false},
    {"itrigger_reload_timestamp_seconds", "gauge",
     "When the configuration was last read, successfully or not.", DAEMON(reload_wall_ms), true},
    {"itrigger_certificate_expiry_timestamp_seconds", "gauge",
     "When the certificate in use, or one of its chain, expires.", DAEMON(cert_end_wall_s), false},
};

static const struct family client_families[] = {
    {"itrigger_client_requests_total", "counter", "Requests about a token, by client.",
     CLIENT_COUNT(CLIENT_REQUESTS), false},
    {"itrigger_client_refusals_total", "counter", "Reports of a rejected token, by client.",
     CLIENT_COUNT(CLIENT_REFUSALS), false},
    {"itrigger_client_refreshes_total", "counter", "Requests for a fetch, by client.",
     CLIENT_COUNT(CLIENT_REFRESHES), false},
    {"itrigger_client_failures_total", "counter", "Answers without a token, by client.",
     CLIENT_COUNT(CLIENT_FAILURES), false},
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

/* Without floating point, whose point depends on the locale. */
static void append_value(struct itr_buf *out, int64_t value, bool is_ms)
{
    int64_t whole = is_ms ? value / 1000 : value;

    (void)itr_buf_append_fmt(out, "%s%" PRId64, value < 0 && whole == 0 ? "-" : "", whole);
    if (is_ms)
        (void)itr_buf_append_fmt(out, ".%03d",
                                 (int)(value % 1000 < 0 ? -(value % 1000) : value % 1000));
}

/* A sample up to its value, with one label, and `more`, another one that needs no escape, or NULL.
 */
static void append_sample(struct itr_buf *out, const char *name, const char *label,
                          const char *label_value, const char *more, const char *more_value)
{
    (void)itr_buf_append_fmt(out, "%s{%s=\"", name, label);
    append_label(out, label_value);
    if (more != NULL)
        (void)itr_buf_append_fmt(out, "\",%s=\"%s", more, more_value);
    (void)itr_buf_append_str(out, "\"} ");
}

static void end_sample(struct itr_buf *out, int64_t value, bool is_ms)
{
    append_value(out, value, is_ms);
    (void)itr_buf_append_char(out, '\n');
}

static void write_families(struct itr_buf *out, const struct family *f, size_t n,
                           const struct rows *rows)
{
    const char *row;
    int64_t value;
    size_t i;

    for (; n > 0; n--, f++)
        for (i = 0, row = rows->at; i < rows->n; i++, row += rows->size) {
            value = *(const int64_t *)(const void *)(row + f->value);
            if (i == 0 && (rows->label != NULL || value != STATUS_UNKNOWN))
                begin(out, f->name, f->type, f->help);
            if (value == STATUS_UNKNOWN)
                continue;
            if (rows->label != NULL)
                append_sample(out, f->name, rows->label, *(const char *const *)(const void *)row,
                              NULL, NULL);
            else
                (void)itr_buf_append_fmt(out, "%s ", f->name);
            end_sample(out, value, f->is_ms);
        }
}

#define WRITE(out, families, rows)                                                                 \
    write_families(out, families, sizeof(families) / sizeof *(families), rows)

/* ---- with a second label ---- */

static const char *code_text(size_t i, char text[24])
{
    if (request_codes[i] == 0)
        return "other";
    (void)snprintf(text, 24, "%" PRId64, request_codes[i]);
    return text;
}

/* These are there from the start, with 0, so that a first error is an increase. */
static bool is_usual_error(int64_t code)
{
    return code == 503 || (code >= 40001 && code <= 40004);
}

static void write_errors(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    static const char name[] = "itrigger_errors_total";
    char text[24];
    size_t i, j;

    begin(out, name, "counter", "Answers without a token, by the envelope's code.");
    for (i = 0; i < n; i++)
        for (j = 0; j < REQUEST_CODES; j++) {
            int64_t value = apps[i].count[APP_ERRORS + j];
            if (value == 0 && !is_usual_error(request_codes[j]))
                continue;
            append_sample(out, name, "app", apps[i].name, "code", code_text(j, text));
            end_sample(out, value, false);
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
            append_sample(out, name, "app", apps[i].name, "kind",
                          itr_status_name((enum itr_status)kind));
            end_sample(out, (int64_t)apps[i].source.fetches.failed[kind], false);
        }
}

static void write_checks(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    static const char name[] = "itrigger_token_checks_total";
    static const char *const results[] = {"ok", "refused", "failed"};
    size_t i, j;

    begin(out, name, "counter", "Checks of the token at the gateway, by what it said.");
    for (i = 0; i < n; i++)
        for (j = 0; j < 3; j++) {
            append_sample(out, name, "app", apps[i].name, "result", results[j]);
            end_sample(out, apps[i].count[APP_CHECKED_GOOD + j], false);
        }
}

static void write_fetch_times(struct itr_buf *out, const struct app_status *apps, size_t n)
{
    size_t i;

    begin(out, "itrigger_fetch_duration_seconds", "summary",
          "How long fetches took, successful or not.");
    for (i = 0; i < n; i++) {
        append_sample(out, "itrigger_fetch_duration_seconds_sum", "app", apps[i].name, NULL, NULL);
        end_sample(out, apps[i].source.fetches.sum_ms, true);
        append_sample(out, "itrigger_fetch_duration_seconds_count", "app", apps[i].name, NULL,
                      NULL);
        end_sample(out, (int64_t)apps[i].source.fetches.ended, false);
    }
}

/* ---- the requests ---- */

static void write_answers(struct itr_buf *out, const struct request_metrics *t)
{
    static const char name[] = "itrigger_answers_total";
    char text[24];
    int kind;
    size_t i;

    begin(out, name, "counter", "Answers, by the envelope's code.");
    for (kind = 0; kind < REQUEST_KINDS; kind++)
        for (i = 0; i < REQUEST_CODES; i++) {
            append_sample(out, name, "kind", request_kind_names[kind], "code", code_text(i, text));
            end_sample(out, (int64_t)atomic_load(&t->kinds[kind].codes[i]), false);
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
        append_value(out, request_bounds_ms[i], true);
        (void)itr_buf_append_fmt(out, "\"} %" PRIu64 "\n", sum);
    }
    count = count > sum ? count : sum;
    (void)itr_buf_append_fmt(out, "%s_bucket{kind=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, kind,
                             count);
    (void)itr_buf_append_fmt(out, "%s_sum{kind=\"%s\"} ", name, kind);
    end_sample(out, (int64_t)atomic_load(&k->sum_ms), true);
    (void)itr_buf_append_fmt(out, "%s_count{kind=\"%s\"} %" PRIu64 "\n", name, kind, count);
}

static void write_requests(struct itr_buf *out, const struct request_metrics *t)
{
    int kind;

    write_answers(out, t);
    begin(out, "itrigger_answer_seconds", "histogram",
          "Time from a complete request to its answer, waiting included.");
    for (kind = 0; kind < REQUEST_KINDS; kind++)
        write_latency(out, &t->kinds[kind], request_kind_names[kind]);
}

/* ---- all of it ---- */

static void write_daemon(struct itr_buf *out, const struct daemon_status *d)
{
    const struct rows one = {d, 1, sizeof *d, NULL};
    const struct rows clients = {d->clients, d->n_clients, sizeof *d->clients, "client"};

    WRITE(out, daemon_families, &one);
    WRITE(out, client_families, &clients);
}

enum itr_status metrics_write(struct itr_buf *out, const struct app_status *apps, size_t n,
                              const struct daemon_status *daemon,
                              const struct request_metrics *requests)
{
    const struct rows all = {apps, n, sizeof *apps, "app"};

    begin(out, "itrigger_build_info", "gauge", "The version that runs.");
    (void)itr_buf_append_str(out, "itrigger_build_info{version=\"" ITR_VERSION "\"} 1\n");
    WRITE(out, app_families, &all);
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
