#include "itriggerd/app.h"

#include <stdlib.h>
#include <string.h>

static void release_counters(struct app_counters *c)
{
    if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
        free(c);
}

static bool copy_texts(struct app *a, const struct app_settings *s)
{
    return settings_set(&a->name, s->name) && settings_set(&a->app_id, s->config.app_id) &&
           settings_set(&a->gateway, s->config.gateway) &&
           (s->token_file == NULL || settings_set(&a->token_file, s->token_file));
}

static enum itr_status fill(struct app *a, const struct app_settings *s,
                            const struct itr_parts *parts, struct itr_error *e)
{
    if (!copy_texts(a, s) || (a->counters = calloc(1, sizeof *a->counters)) == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    atomic_init(&a->counters->refs, 1);
    return itr_source_open(&s->config, parts, &a->source, e);
}

enum itr_status app_new(const struct app_settings *settings, const struct itr_parts *parts,
                        struct app **out, struct itr_error *e)
{
    struct app *a = calloc(1, sizeof *a);
    enum itr_status s;

    *out = NULL;
    if (a == NULL)
        return itr_error_set(e, ITR_NOMEM, "no memory");
    atomic_init(&a->refs, 1);
    atomic_init(&a->used, !settings->used_only);
    a->used_only = settings->used_only;
    itr_error_clear(&a->told);
    if ((s = fill(a, settings, parts, e)) != ITR_OK) {
        app_release(a);
        return s;
    }
    *out = a;
    return ITR_OK;
}

struct app *app_retain(struct app *a)
{
    atomic_fetch_add(&a->refs, 1);
    return a;
}

static void leave_source(struct app *a)
{
    if (a->due_out)
        itr_source_forget(a->source, &a->due);
    if (a->news_out)
        itr_source_forget(a->source, &a->news);
    itr_source_release(a->source);
}

void app_release(struct app *a)
{
    if (a == NULL || atomic_fetch_sub(&a->refs, 1) != 1)
        return;
    if (a->source != NULL)
        leave_source(a);
    release_counters(a->counters);
    free(a->name);
    free(a->app_id);
    free(a->gateway);
    free(a->token_file);
    free(a);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool app_same(const struct app *a, const struct app *b)
{
    /* Two configurations with which a token is fetched the same way have one source. */
    return a->source == b->source && a->used_only == b->used_only && same_text(a->name, b->name) &&
           same_text(a->token_file, b->token_file);
}

void app_hand_on(struct app *a, struct app *successor)
{
    release_counters(successor->counters);
    atomic_fetch_add(&a->counters->refs, 1);
    successor->counters = a->counters;
}

void app_note_use(struct app *a)
{
    if (!atomic_load_explicit(&a->used, memory_order_relaxed))
        atomic_store(&a->used, true);
}

bool app_is_ready(const struct app *a, int64_t now_mono_ms)
{
    if (a->used_only && !atomic_load(&a->used))
        return true;
    return now_mono_ms < atomic_load(&a->usable_until_mono_ms);
}
