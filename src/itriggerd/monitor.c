#include "itriggerd/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "itriggerd/app_status.h"
#include "itriggerd/log.h"
#include "itriggerd/metrics.h"
#include "itriggerd/now.h"
#include "itriggerd/page.h"
#include "itriggerd/page_style.h"

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

/* Those that may be seen; *n: how many. The caller frees them. NULL: no memory. */
static struct app_status *look(const struct snapshot *w, const struct client *client, size_t *n)
{
    struct app_status *apps = calloc(w->n_apps + 1, sizeof *apps);
    size_t i;

    *n = 0;
    for (i = 0; apps != NULL && i < w->n_apps; i++)
        if (may_see(client, w->apps[i]))
            app_status_of(w->apps[i], now_mono(), &apps[(*n)++], NULL);
    return apps;
}

static void look_at_daemon(struct server *s, const struct snapshot *w,
                           struct client_status *clients, struct daemon_status *out)
{
    struct certificate *certificate = server_certificate(s);
    uint64_t evicted;
    size_t i, n, polls;

    for (i = 0; i < w->n_clients; i++) {
        clients[i].name = w->clients[i].name;
        counters_read(w->clients[i].counters, clients[i].count, CLIENT_COUNTS);
    }
    *out = (struct daemon_status){.clients = clients, .n_clients = w->n_clients};
    connections_count(&s->connections, &n, &evicted);
    out->connections = (int64_t)n;
    out->connections_max = (int64_t)s->connections.max;
    out->evicted = (int64_t)evicted;
    waiting_count(&s->waiting, &n, &polls);
    out->waiting = (int64_t)n;
    out->polls = (int64_t)polls;
    out->log_dropped = (int64_t)log_dropped();
    out->cert_end_wall_s = certificate != NULL && certificate->end_wall_s != 0
                               ? certificate->end_wall_s
                               : STATUS_UNKNOWN;
    certificate_release(certificate);
    out->reload_wall_ms = atomic_load(&s->reload_wall_ms);
    out->reload_ok = atomic_load(&s->reload_succeeded);
    out->store_ok = !atomic_load(&s->store_failing);
}

void monitor_metrics(struct server *s, const struct snapshot *snapshot, const struct client *client,
                     struct reply *r)
{
    size_t n;
    struct app_status *apps = look(snapshot, client, &n);
    struct client_status *clients = calloc(snapshot->n_clients + 1, sizeof *clients);
    struct daemon_status daemon;
    bool sees_all = client == NULL || client->all;

    if (apps != NULL && clients != NULL) {
        look_at_daemon(s, snapshot, clients, &daemon);
        begin(r, METRICS_TYPE);
        end(r, metrics_write(&r->body, apps, n, sees_all ? &daemon : NULL, &s->requests));
    } else {
        reply_say(r, 503, 503, "out of memory");
    }
    free(apps);
    free(clients);
}

/* What is wrong comes first; then by name. */
static int by_trouble(const void *a, const void *b)
{
    const struct app_status *x = a, *y = b;
    int order = (int)x->trouble - (int)y->trouble;

    return order != 0 ? order : strcmp(x->name, y->name);
}

static enum itr_status write_page(struct itr_buf *out, enum page_language l,
                                  struct app_status *apps, size_t n)
{
    int64_t now_mono_ms = now_mono(), now_wall_ms = itr_clock_wall_ms(itr_clock_system());
    size_t i, of_trouble[APP_TROUBLES] = {0};
    struct itr_event_list events;

    qsort(apps, n, sizeof *apps, by_trouble);
    for (i = 0; i < n; i++)
        of_trouble[apps[i].trouble]++;
    page_begin(out, l, of_trouble);
    for (i = 0; i < n; i++) {
        app_status_of(apps[i].app, now_mono_ms, &apps[i], &events);
        page_app(out, l, &apps[i], &events, now_wall_ms, n > OPEN_MAX);
    }
    return page_end(out, l);
}

void monitor_page(const struct snapshot *snapshot, const struct client *client,
                  enum page_language l, struct reply *r)
{
    size_t n;
    struct app_status *apps = look(snapshot, client, &n);

    if (apps == NULL) {
        reply_say(r, 503, 503, "out of memory");
        return;
    }
    begin(r, PAGE_TYPE);
    r->policy = page_policy;
    end(r, write_page(&r->body, l, apps, n));
    free(apps);
}
