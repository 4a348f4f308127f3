#include "itriggerd/daemon.h"

#include <microhttpd.h>
#include <string.h>
#include <unistd.h>

#include "core/thread.h"
#include "itriggerd/http_server.h"
#include "itriggerd/log.h"
#include "itriggerd/parts.h"

#define DRAIN_MS 3500 /* requests may wait so long yet */
#define LAST_MS 1000  /* then they are told to go, and have so long to */
#define END_MS 4900   /* the process is gone by then, whatever happens */
#define LOOK_MS 10
#define NAME_MAX_BYTES 200

static int64_t now_mono(void)
{
    return itr_clock_mono_ms(itr_clock_system());
}

static void nap(int64_t ms)
{
    itr_clock_sleep_ms(itr_clock_system(), ms);
}

/* ---- TLS ---- */

static void digest_tls(const struct tls_files *t, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;
    size_t i;

    itr_sha256_init(&h);
    itr_sha256_update(&h, itr_buf_str(&t->cert), t->cert.len);
    itr_sha256_update(&h, itr_buf_str(&t->key), t->key.len);
    itr_sha256_final(&h, digest);
    for (i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * i] = '\0';
}

/* Without a socket: the library looks at both, and that they belong together. */
enum itr_status daemon_check_tls(const struct settings *settings, struct itr_error *e)
{
    struct tls_files t;
    struct MHD_Daemon *http;
    enum itr_status s;

    if (settings->tls_cert == NULL)
        return ITR_OK;
    if ((s = tls_files_read(&t, settings->tls_cert, settings->tls_key, e)) != ITR_OK)
        return s;
    http =
        MHD_start_daemon(MHD_USE_TLS | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, http_server_access,
                         NULL, MHD_OPTION_HTTPS_MEM_CERT, itr_buf_str(&t.cert),
                         MHD_OPTION_HTTPS_MEM_KEY, itr_buf_str(&t.key), MHD_OPTION_END);
    tls_files_clear(&t);
    if (http == NULL)
        return itr_error_set(e, ITR_CONFIG,
                             "tls_cert and tls_key must be PEM files that belong together");
    MHD_stop_daemon(http);
    return ITR_OK;
}

/* All listeners serve with what the files have now. */
static enum itr_status serve_all(struct daemon *d, const struct settings *s, struct itr_error *e)
{
    struct tls_files t;
    enum itr_status st = ITR_OK;
    size_t i;

    if (s->tls_cert != NULL && (st = tls_files_read(&t, s->tls_cert, s->tls_key, e)) != ITR_OK)
        return st;
    for (i = 0; i < d->n_listeners && st == ITR_OK; i++) {
        bool tls = s->tls_cert != NULL && !d->listeners[i].address.is_unix;
        if (tls || d->listeners[i].http == NULL)
            st = listener_start(&d->listeners[i], tls ? &t : NULL, (unsigned)s->threads, e);
    }
    if (s->tls_cert != NULL) {
        if (st == ITR_OK)
            digest_tls(&t, d->tls_seen);
        tls_files_clear(&t);
    }
    return st;
}

/* ---- start ---- */

static enum itr_status open_all(struct daemon *d, struct itr_error *e)
{
    enum itr_status s = ITR_OK;

    for (; d->n_listeners < d->settings.n_listen && s == ITR_OK; d->n_listeners++)
        s = listener_open(&d->listeners[d->n_listeners], &d->server,
                          d->settings.listen[d->n_listeners], e);
    return s;
}

static void say_where(const struct daemon *d)
{
    char name[NAME_MAX_BYTES];
    size_t i;

    for (i = 0; i < d->n_listeners; i++) {
        listener_name(&d->listeners[i], name, sizeof name);
        log_info("listen", NULL, "%s%s", name,
                 d->settings.tls_cert != NULL && !d->listeners[i].address.is_unix ? " (TLS)" : "");
    }
    log_info("start", NULL, "ready: %zu app(s), %zu client(s)", d->settings.n_apps,
             d->settings.n_clients);
}

enum itr_status daemon_start(struct daemon *d, struct settings *settings, struct itr_error *e)
{
    struct world *world;
    enum itr_status s;

    *d = (struct daemon){.settings = *settings}; /* d now owns them */
    settings_init(settings);
    server_init(&d->server);
    log_use_json(d->settings.json_log);
    if ((s = parts_init(&d->parts, d->settings.token_store, e)) != ITR_OK)
        return s;
    if ((s = world_new(&d->settings, &d->parts, NULL, &world, e)) != ITR_OK)
        return s;
    server_set_world(&d->server, world);
    if ((s = open_all(d, e)) != ITR_OK)
        return s;
    if (clockwork_start(&d->clockwork, &d->server) != 0)
        return itr_error_set(e, ITR_NOMEM, "no thread could be made");
    d->ticks = true;
    if ((s = serve_all(d, &d->settings, e)) == ITR_OK)
        say_where(d);
    return s;
}

/* ---- reload ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_listen(const struct settings *a, const struct settings *b)
{
    size_t i;

    if (a->n_listen != b->n_listen)
        return false;
    for (i = 0; i < a->n_listen; i++)
        if (strcmp(a->listen[i], b->listen[i]) != 0)
            return false;
    return true;
}

static void keep(char **now, char **fresh)
{
    char *other = *fresh;

    *fresh = *now;
    *now = other;
}

/* What stays as it is until a restart: said, and carried over into the new settings. */
static void keep_fixed(struct settings *now, struct settings *fresh)
{
    size_t i, most = now->n_listen > fresh->n_listen ? now->n_listen : fresh->n_listen;

    if (!same_listen(now, fresh)) {
        log_warning("reload", NULL, "listen changed: needs a restart");
        for (i = 0; i < most; i++)
            keep(&now->listen[i], &fresh->listen[i]);
        i = now->n_listen;
        now->n_listen = fresh->n_listen;
        fresh->n_listen = i;
    }
    if (!same_text(now->token_store, fresh->token_store)) {
        log_warning("reload", NULL, "token_store changed: needs a restart");
        keep(&now->token_store, &fresh->token_store);
    }
    if (now->threads != fresh->threads)
        log_warning("reload", NULL, "threads changed: needs a restart");
    fresh->threads = now->threads;
    if ((now->tls_cert == NULL) != (fresh->tls_cert == NULL)) {
        log_warning("reload", NULL, "TLS was turned on or off: needs a restart");
        keep(&now->tls_cert, &fresh->tls_cert);
        keep(&now->tls_key, &fresh->tls_key);
    }
}

static bool tls_changed(const struct daemon *d, const struct settings *s)
{
    struct tls_files t;
    struct itr_error e;
    char seen[65];

    if (s->tls_cert == NULL)
        return false;
    if (tls_files_read(&t, s->tls_cert, s->tls_key, &e) != ITR_OK)
        return true; /* whoever reads them again says why */
    digest_tls(&t, seen);
    tls_files_clear(&t);
    return strcmp(seen, d->tls_seen) != 0;
}

static enum itr_status reload(struct daemon *d, struct settings *fresh, struct itr_error *e)
{
    struct world *world;
    enum itr_status s;

    if ((s = world_new(fresh, &d->parts, d->server.world, &world, e)) != ITR_OK)
        return s;
    if (tls_changed(d, fresh)) {
        if ((s = daemon_check_tls(fresh, e)) == ITR_OK) {
            atomic_fetch_add(&d->server.generation, 1);
            s = serve_all(d, fresh, e);
        }
    }
    if (s != ITR_OK) {
        world_release(world);
        return s;
    }
    server_set_world(&d->server, world);
    return ITR_OK;
}

void daemon_reload(struct daemon *d, struct settings *settings)
{
    struct settings before;
    struct itr_error e;

    keep_fixed(&d->settings, settings);
    if (reload(d, settings, &e) != ITR_OK) {
        log_warning("reload", NULL, "%s; the old configuration stays", e.text);
        settings_clear(settings);
        return;
    }
    before = d->settings;
    d->settings = *settings;
    settings_init(settings);
    settings_clear(&before);
    log_use_json(d->settings.json_log);
    log_info("reload", NULL, "done: %zu app(s), %zu client(s)", d->settings.n_apps,
             d->settings.n_clients);
}

void daemon_sweep(struct daemon *d)
{
    size_t i;

    for (i = 0; i < d->n_listeners; i++)
        listener_sweep(&d->listeners[i], false);
}

/* ---- stop ---- */

static void *end_anyway(void *arg)
{
    (void)arg;
    nap(END_MS);
    _exit(0);
}

static void wait_until_idle(struct daemon *d, int64_t ms)
{
    int64_t until = now_mono() + ms;

    while (atomic_load(&d->server.busy) > 0 && now_mono() < until)
        nap(LOOK_MS);
}

static void drain(struct daemon *d)
{
    size_t i;

    atomic_store(&d->server.draining, true);
    for (i = 0; i < d->n_listeners; i++)
        listener_quiesce(&d->listeners[i]);
    waiting_cut(&d->server.waiting, now_mono() + DRAIN_MS);
    wait_until_idle(d, DRAIN_MS + LAST_MS);
}

void daemon_stop(struct daemon *d)
{
    size_t i;

    (void)itr_thread_start(end_anyway, NULL);
    drain(d);
    for (i = 0; i < d->n_listeners; i++)
        listener_close(&d->listeners[i]);
    if (d->ticks)
        clockwork_stop(&d->clockwork);
    server_clear(&d->server);
    parts_clear(&d->parts);
    settings_clear(&d->settings);
}
