#include "itriggerd/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* ---- apps ---- */

static int by_app_id(const void *a, const void *b)
{
    const struct app *const *x = a, *const *y = b;

    return strcmp((*x)->config->app_id, (*y)->config->app_id);
}

static int has_app_id(const void *app_id, const void *app)
{
    const struct app *const *a = app;

    return strcmp(app_id, (*a)->config->app_id);
}

struct app *snapshot_app(const struct snapshot *w, const char *app_id)
{
    struct app **found = bsearch(app_id, w->apps, w->n_apps, sizeof(struct app *), has_app_id);

    return found != NULL ? *found : NULL;
}

/* The app that is served already instead of its like; its counters at least. */
static struct app *take_over(struct snapshot *old, struct app *a)
{
    struct app *before = old != NULL ? snapshot_app(old, a->config->app_id) : NULL;

    if (before == NULL)
        return a;
    if (!app_same(before, a)) {
        app_hand_on(before, a);
        return a;
    }
    app_release(a);
    return app_retain(before);
}

static enum itr_status add_apps(struct snapshot *w, const struct settings *s,
                                const struct itr_parts *parts, struct snapshot *old,
                                struct itr_error *e)
{
    struct app *a;
    enum itr_status st = ITR_OK;

    if ((w->apps = calloc(s->n_apps, sizeof(struct app *))) == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    for (; w->n_apps < s->n_apps; w->n_apps++) {
        if ((st = app_new(&s->apps[w->n_apps], parts, &a, e)) != ITR_OK)
            return st;
        w->apps[w->n_apps] = take_over(old, a);
    }
    return ITR_OK;
}

/* ---- clients ---- */

static const struct client *find_client(const struct snapshot *w, const char *name)
{
    size_t i;

    for (i = 0; w != NULL && i < w->n_clients; i++)
        if (strcmp(w->clients[i].name, name) == 0)
            return &w->clients[i];
    return NULL;
}

/* A client keeps its counters and its budget over a reload. */
static bool add_client(struct snapshot *w, const struct client_settings *s,
                       const struct snapshot *old)
{
    const struct client *before = find_client(old, s->name);
    struct client *c = &w->clients[w->n_clients];

    *c = (struct client){.n_keys = s->n_keys, .all = s->all, .monitor = s->monitor};
    memcpy(c->keys, s->keys, sizeof c->keys);
    w->n_clients++;
    c->budget = before != NULL ? before->budget : 0;
    c->counters = before != NULL ? counters_retain(before->counters) : counters_new(CLIENT_COUNTS);
    if (c->counters == NULL || !settings_set(&c->name, s->name))
        return false;
    if (s->n_apps > 0 && (c->apps = calloc(s->n_apps, sizeof(struct app *))) == NULL)
        return false;
    for (; c->n_apps < s->n_apps; c->n_apps++)
        c->apps[c->n_apps] = w->apps[s->app[c->n_apps]]; /* not sorted yet */
    return true;
}

/* Each new client gets the budget that has been free longest, so that it is not charged for what a
 * removed client spent today. Two clients share one only if there were more clients than budgets.
 */
static void give_budgets(struct snapshot *w, const struct snapshot *old)
{
    bool taken[APP_SPENDERS] = {false};
    size_t i, tries;

    for (i = 0; i < w->n_clients; i++)
        taken[w->clients[i].budget] = true;
    w->last_budget = old != NULL ? old->last_budget : 0;
    for (i = 0; i < w->n_clients; i++) {
        if (w->clients[i].budget != 0)
            continue;
        for (tries = 0; tries < APP_SPENDERS; tries++) {
            w->last_budget = w->last_budget % (APP_SPENDERS - 1) + 1;
            if (!taken[w->last_budget])
                break;
        }
        taken[w->last_budget] = true;
        w->clients[i].budget = w->last_budget;
    }
}

static enum itr_status add_clients(struct snapshot *w, const struct settings *s,
                                   const struct snapshot *old, struct itr_error *e)
{
    bool good = true;

    if (s->n_clients == 0)
        return ITR_OK;
    if ((w->clients = calloc(s->n_clients, sizeof *w->clients)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    while (good && w->n_clients < s->n_clients)
        good = add_client(w, &s->clients[w->n_clients], old);
    give_budgets(w, old);
    return good ? ITR_OK : itr_error_set(e, ITR_NOMEM, "out of memory");
}

const struct client *snapshot_client(const struct snapshot *w, const char *key, size_t len,
                                     int *which)
{
    const struct client *found = NULL;
    struct key_digest digest;
    size_t i, k;

    *which = 0;
    if (len < KEY_MIN)
        return NULL;
    key_digest_of(key, len, &digest);
    for (i = 0; i < w->n_clients; i++)
        for (k = 0; k < w->clients[i].n_keys; k++)
            if (key_digest_same(&w->clients[i].keys[k], &digest)) {
                found = &w->clients[i];
                *which = (int)k + 1;
            }
    return found;
}

bool client_may(const struct client *c, const struct app *a)
{
    size_t i;

    for (i = 0; i < c->n_apps && c->apps[i] != a; i++)
        ;
    return c->all || i < c->n_apps;
}

/* ---- lifetime ---- */

enum itr_status snapshot_new(const struct settings *settings, const struct itr_parts *parts,
                             struct snapshot *old, struct snapshot **out, struct itr_error *e)
{
    struct snapshot *w = calloc(1, sizeof *w);
    enum itr_status s;

    *out = NULL;
    if (w == NULL)
        return itr_error_set(e, ITR_NOMEM, "out of memory");
    atomic_init(&w->refs, 1);
    w->open_status = settings->open_status;
    if ((s = add_apps(w, settings, parts, old, e)) == ITR_OK)
        s = add_clients(w, settings, old, e);
    if (s != ITR_OK) {
        snapshot_release(w);
        return s;
    }
    qsort(w->apps, w->n_apps, sizeof(struct app *), by_app_id);
    *out = w;
    return ITR_OK;
}

struct snapshot *snapshot_retain(struct snapshot *w)
{
    atomic_fetch_add(&w->refs, 1);
    return w;
}

void snapshot_release(struct snapshot *w)
{
    size_t i;

    if (w == NULL || atomic_fetch_sub(&w->refs, 1) != 1)
        return;
    for (i = 0; i < w->n_apps; i++)
        app_release(w->apps[i]);
    for (i = 0; i < w->n_clients; i++) {
        free(w->clients[i].name);
        counters_release(w->clients[i].counters);
        free(w->clients[i].apps);
    }
    free(w->apps);
    free(w->clients);
    free(w);
}
