#include "itriggerd/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "itriggerd/app_status.h"
#include "itriggerd/log.h"
#include "itriggerd/metrics.h"
#include "itriggerd/now.h"
#include "itriggerd/page.h"

#define OPEN_MAX 4                    /* of more apps, those without trouble are folded */
#define ANSWER_MAX ((size_t)16 << 20) /* some thousand apps */

static void begin(struct reply *r, const char *type)
{
    itr_buf_clear(&r->body);
    itr_buf_init(&r->body, ANSWER_MAX); /* no secret: it need not be wiped */
    r->http_status = 200;
    r->code = 200;
    r->content_type = type;
}

static void end(struct reply *r, enum itr_status s)
{
    if (s != ITR_OK)
        reply_say(r, 503, 503, "too many apps for one answer; use a key with fewer apps");
}

static bool may_see(const struct client *client, const struct app *a)
{
    return client == NULL || client->all || client_may(client, a);
}

/* Those that may be seen; returns how many. */
static size_t look(const struct snapshot *w, const struct client *client, struct app_status *out)
{
    struct itr_stats stats;
    int64_t now_mono_ms = itr_clock_mono_ms(itr_clock_system());
    size_t i, n = 0;

    for (i = 0; i < w->n_apps; i++)
        if (may_see(client, w->apps[i]))
            app_status_of(w->apps[i], now_mono_ms, &stats, &out[n++]);
    return n;
}

static void look_at_daemon(struct server *s, const struct snapshot *w,
                           struct client_status *clients, struct daemon_status *out)
{
    struct certificate *certificate = server_certificate(s);
    size_t i;

    for (i = 0; i < w->n_clients; i++) {
        const struct client_counters *c = w->clients[i].counters;
        clients[i] = (struct client_status){w->clients[i].name, atomic_load(&c->requests),
                                            atomic_load(&c->refusals), atomic_load(&c->refreshes),
                                            atomic_load(&c->failures)};
    }
    *out = (struct daemon_status){.clients = clients, .n_clients = w->n_clients};
    connections_count(&s->connections, &out->connections, &out->evicted);
    out->connections_max = s->connections.max;
    waiting_count(&s->waiting, &out->waiting, &out->polls);
    out->log_dropped = log_dropped();
    out->cert_end_wall_s = certificate != NULL ? certificate->end_wall_s : 0;
    certificate_release(certificate);
    out->reload_wall_ms = atomic_load(&s->reload_wall_ms);
    out->reload_ok = atomic_load(&s->reload_succeeded);
    out->store_ok = !atomic_load(&s->store_failing);
}

void monitor_metrics(struct server *s, const struct snapshot *snapshot, const struct client *client,
                     struct reply *r)
{
    struct app_status *apps = calloc(snapshot->n_apps + 1, sizeof *apps);
    struct client_status *clients = calloc(snapshot->n_clients + 1, sizeof *clients);
    struct daemon_status daemon;
    bool sees_all = client == NULL || client->all;

    if (apps == NULL || clients == NULL) {
        reply_say(r, 503, 503, "out of memory");
        free(apps);
        free(clients);
        return;
    }
    look_at_daemon(s, snapshot, clients, &daemon);
    begin(r, METRICS_TYPE);
    end(r, metrics_write(&r->body, apps, look(snapshot, client, apps), sees_all ? &daemon : NULL,
                         &s->requests));
    free(apps);
    free(clients);
}

/* What is wrong comes first; then by name. */
static int rank(const struct app_status *h)
{
    return !h->ready ? 0 : h->failing ? 1 : 2;
}

struct listed {
    struct app *app;
    struct app_status status;
};

static int by_trouble(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    int order = rank(&x->status) - rank(&y->status);

    return order != 0 ? order : strcmp(x->status.name, y->status.name);
}

static enum itr_status write_page(struct itr_buf *out, enum page_language l, struct listed *apps,
                                  size_t n)
{
    int64_t now_mono_ms = now_mono(), now_wall_ms = itr_clock_wall_ms(itr_clock_system());
    size_t i, of_rank[3] = {0};
    struct itr_stats stats;
    enum itr_status st;

    for (i = 0; i < n; i++)
        of_rank[rank(&apps[i].status)]++;
    st = page_begin(out, l);
    if (st == ITR_OK)
        st = page_summary(out, l, n, of_rank[0], of_rank[1]);
    for (i = 0; i < n && st == ITR_OK; i++) {
        app_status_of(apps[i].app, now_mono_ms, &stats, &apps[i].status);
        st = page_app(out, l, &apps[i].status, &stats, now_wall_ms, n > OPEN_MAX);
    }
    return st == ITR_OK ? page_end(out, l, n) : st;
}

void monitor_page(const struct snapshot *snapshot, const struct client *client,
                  enum page_language l, struct reply *r)
{
    struct listed *apps = calloc(snapshot->n_apps + 1, sizeof *apps);
    struct itr_stats stats;
    size_t i, n = 0;

    if (apps == NULL) {
        reply_say(r, 503, 503, "out of memory");
        return;
    }
    for (i = 0; i < snapshot->n_apps; i++)
        if (may_see(client, snapshot->apps[i])) {
            apps[n].app = snapshot->apps[i];
            app_status_of(apps[n].app, now_mono(), &stats, &apps[n].status);
            n++;
        }
    qsort(apps, n, sizeof *apps, by_trouble);
    begin(r, PAGE_TYPE);
    page_policy(r->policy);
    end(r, write_page(&r->body, l, apps, n));
    free(apps);
}
