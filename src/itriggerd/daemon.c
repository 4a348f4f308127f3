#include "itriggerd/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/os/thread.h"
#include "itriggerd/credential.h"
#include "itriggerd/http_server.h"
#include "itriggerd/log.h"
#include "itriggerd/now.h"
#include "itriggerd/parts.h"

#define DRAIN_MS 3500 /* requests may wait so long yet */
#define LAST_MS 1000  /* then they are told to go, and have so long to */
#define END_MS 4900   /* the process has ended by then, whatever happens */
#define LOOK_MS 10
#define DAY_S 86400
#define CERT_WARN_S (14 * DAY_S)
#define NAME_MAX_BYTES 200

static void nap(int64_t ms)
{
    itr_clock_sleep_ms(itr_clock_system(), ms);
}

/* ---- TLS ---- */

static void warn_certificate(const struct certificate *c)
{
    int64_t left_s = c->end_wall_s - itr_clock_wall_ms(itr_clock_system()) / 1000;

    if (c->end_wall_s != 0 && left_s <= 0)
        log_error("tls", NULL,
                  "a certificate in tls_cert expired %" PRId64
                  " day(s) ago; clients will reject it",
                  -left_s / DAY_S);
    else if (c->end_wall_s != 0 && left_s < CERT_WARN_S)
        log_warning("tls", NULL, "a certificate in tls_cert expires in %" PRId64 " day(s)",
                    left_s / DAY_S);
}

/* NULL without TLS. */
static enum itr_status read_certificate(const struct settings *s, struct certificate **out,
                                        struct itr_error *e)
{
    enum itr_status st;

    *out = NULL;
    if (s->tls_cert == NULL)
        return ITR_OK;
    if ((st = certificate_read(s->tls_cert, s->tls_key, out, e)) == ITR_OK)
        warn_certificate(*out);
    return st;
}

/* ---- check ---- */

static enum itr_status check_socket(const char *listen, struct itr_error *e)
{
    struct address a;
    char path[sizeof(struct sockaddr_un)];
    struct stat st;

    (void)address_parse(listen, &a); /* checked already */
    if (!a.is_unix)
        return ITR_OK;
    (void)snprintf(path, sizeof path, "%s", ((const struct sockaddr_un *)&a.at)->sun_path);
    strrchr(path, '/')[1] = '\0';
    if (stat(path, &st) == 0)
        return ITR_OK;
    return itr_error_set(e, ITR_CONFIG, "listen = %.200s: its directory: %s", listen,
                         strerror(errno));
}

enum itr_status daemon_check(const struct settings *settings, struct itr_error *e)
{
    struct certificate *certificate = NULL;
    enum itr_status s = ITR_OK;
    size_t i;

    if (settings->tls_key != NULL && !credential_is_hidden(settings->tls_key))
        s = read_certificate(settings, &certificate, e);
    certificate_release(certificate);
    if (s == ITR_OK)
        s = parts_check(settings->token_store, e);
    for (i = 0; i < settings->n_listen && s == ITR_OK; i++)
        s = check_socket(settings->listen[i], e);
    return s;
}

/* ---- start ---- */

static void configure_log(const struct settings *s)
{
    log_configure(s->log == 1, s->log_level, s->access_log);
}

static enum itr_status open_all(struct daemon *d, struct itr_error *e)
{
    enum itr_status s = ITR_OK;

    for (; d->n_listeners < d->settings.n_listen && s == ITR_OK; d->n_listeners++)
        s = listener_open(&d->listeners[d->n_listeners], &d->server,
                          d->settings.listen[d->n_listeners], e);
    return s;
}

static bool has_tls(const struct daemon *d, const struct listener *l)
{
    return d->settings.tls_cert != NULL && !l->address.is_unix;
}

/* All listeners of a kind share one HTTP server, and so its threads. */
static enum itr_status serve_all(struct daemon *d, struct itr_error *e)
{
    size_t i;

    for (i = 0; i < d->n_listeners; i++) {
        bool tls = has_tls(d, &d->listeners[i]);
        struct MHD_Daemon **http = tls ? &d->https : &d->http;
        if (*http == NULL)
            *http = http_server_start(&d->server, tls, (unsigned)d->settings.threads);
        if (*http == NULL || listener_start(&d->listeners[i], *http) != 0)
            return itr_error_set(e, ITR_NETWORK, "the HTTP server does not start: %s",
                                 "no more threads, files or memory");
    }
    return ITR_OK;
}

static void say_where(const struct daemon *d)
{
    char name[NAME_MAX_BYTES];
    size_t i;

    for (i = 0; i < d->n_listeners; i++) {
        listener_name(&d->listeners[i], name, sizeof name);
        log_info("listen", NULL, "%s%s", name, has_tls(d, &d->listeners[i]) ? " (TLS)" : "");
    }
    log_info("start", NULL, "ready: %zu app(s), %zu client(s)", d->server.snapshot->n_apps,
             d->server.snapshot->n_clients);
}

static bool start_threads(struct daemon *d)
{
    d->ticks = timer_start(&d->timer, &d->server) == 0;
    d->watches = store_watch_start(&d->store_watch, &d->server, &d->parts) == 0;
    d->checks = token_check_start(&d->token_check, &d->server, &d->parts) == 0;
    return d->ticks && d->watches && d->checks;
}

enum itr_status daemon_start(struct daemon *d, struct settings *settings, struct itr_error *e)
{
    struct certificate *certificate;
    struct snapshot *snapshot;
    enum itr_status s;

    *d = (struct daemon){.settings = *settings}; /* d now owns them */
    settings_init(settings);
    server_init(&d->server, connections_limit());
    configure_log(&d->settings);
    if ((s = parts_init(&d->parts, d->settings.token_store, e)) != ITR_OK)
        return s;
    if ((s = snapshot_new(&d->settings, &d->parts, NULL, &snapshot, e)) != ITR_OK)
        return s;
    server_set_snapshot(&d->server, snapshot);
    settings_clear_sections(&d->settings); /* the snapshot has what is needed of them */
    if ((s = read_certificate(&d->settings, &certificate, e)) != ITR_OK)
        return s;
    server_set_certificate(&d->server, certificate);
    if ((s = open_all(d, e)) != ITR_OK)
        return s;
    if (!start_threads(d))
        return itr_error_set(e, ITR_NOMEM, "cannot start a thread");
    if ((s = serve_all(d, e)) == ITR_OK)
        say_where(d);
    return s;
}

/* ---- reload ---- */

static bool same_listen(const struct settings *a, const struct settings *b)
{
    size_t i;

    for (i = 0; i < SETTINGS_LISTEN_MAX; i++)
        if (!settings_same(a->listen[i], b->listen[i]))
            return false;
    return true;
}

static void warn_fixed(const struct settings *now, const struct settings *fresh)
{
    static const char *const effect = "it takes effect after a restart";

    if (!same_listen(now, fresh))
        log_warning("reload", NULL, "listen changed; %s", effect);
    if (!settings_same(now->token_store, fresh->token_store))
        log_warning("reload", NULL, "token_store changed; %s", effect);
    if (now->threads != fresh->threads)
        log_warning("reload", NULL, "threads changed; %s", effect);
    if ((now->tls_cert == NULL) != (fresh->tls_cert == NULL))
        log_warning("reload", NULL, "TLS was turned on or off; %s", effect);
}

/* Polls of an app that the reload removed or replaced wait for a token that nobody fetches. */
static void end_polls_of_replaced(struct daemon *d, const struct snapshot *before)
{
    const struct snapshot *now = d->server.snapshot;
    size_t i;

    for (i = 0; i < before->n_apps; i++)
        if (snapshot_app(now, before->apps[i]->config->app_id) != before->apps[i])
            waiting_end_polls(&d->server.waiting, before->apps[i]->counters);
}

/* All of it, or nothing. The certificate is read again where there is one before and after. */
static enum itr_status take_over(struct daemon *d, const struct settings *fresh,
                                 struct itr_error *e)
{
    bool tls = d->settings.tls_cert != NULL && fresh->tls_cert != NULL;
    struct certificate *certificate = NULL;
    struct snapshot *snapshot, *before = d->server.snapshot;
    enum itr_status s = tls ? read_certificate(fresh, &certificate, e) : ITR_OK;

    if (s == ITR_OK)
        s = snapshot_new(fresh, &d->parts, before, &snapshot, e);
    if (s != ITR_OK) {
        certificate_release(certificate);
        return s;
    }
    if (tls)
        server_set_certificate(&d->server, certificate);
    (void)snapshot_retain(before);
    server_set_snapshot(&d->server, snapshot);
    end_polls_of_replaced(d, before);
    snapshot_release(before);
    configure_log(fresh);
    return ITR_OK;
}

void daemon_reload_failed(struct daemon *d, const char *why)
{
    server_note_reload(&d->server, false);
    log_warning("reload", NULL, "%s; the old configuration stays", why);
}

void daemon_reload(struct daemon *d, const struct settings *fresh)
{
    struct itr_error e;

    warn_fixed(&d->settings, fresh);
    if (take_over(d, fresh, &e) != ITR_OK) {
        daemon_reload_failed(d, e.text);
        return;
    }
    server_note_reload(&d->server, true);
    log_info("reload", NULL, "done: %zu app(s), %zu client(s)", fresh->n_apps, fresh->n_clients);
}

/* ---- stop ---- */

static void *end_anyway(void *arg)
{
    const int *exit_code = arg;

    nap(END_MS);
    _exit(*exit_code);
}

static void wait_until_idle(struct daemon *d, int64_t ms)
{
    int64_t until = now_mono() + ms;

    while (atomic_load(&d->server.busy) > 0 && now_mono() < until)
        nap(LOOK_MS);
}

/* The library's panic is the end of the process: it must not be stopped under a request that is
 * suspended. If one hangs, end_anyway ends it all. */
static void wait_until_none_waits(struct daemon *d)
{
    size_t n, polls;

    for (waiting_count(&d->server.waiting, &n, &polls); n > 0;
         waiting_count(&d->server.waiting, &n, &polls))
        nap(LOOK_MS);
}

static void drain(struct daemon *d)
{
    size_t i;

    atomic_store(&d->server.draining, true);
    connections_close(&d->server.connections);
    for (i = 0; i < d->n_listeners; i++)
        listener_stop(&d->listeners[i]);
    waiting_drain(&d->server.waiting, now_mono() + DRAIN_MS);
    wait_until_idle(d, DRAIN_MS + LAST_MS);
    wait_until_none_waits(d);
}

void daemon_stop(struct daemon *d, int exit_code)
{
    static int code; /* that thread may outlive this call */

    code = exit_code;
    (void)itr_thread_start(end_anyway, &code);
    drain(d);
    http_server_stop(d->http);
    http_server_stop(d->https);
    if (d->ticks)
        timer_stop(&d->timer);
    if (d->watches)
        store_watch_stop(&d->store_watch);
    if (d->checks)
        token_check_stop(&d->token_check);
    server_clear(&d->server);
    parts_clear(&d->parts);
    settings_clear(&d->settings);
}
