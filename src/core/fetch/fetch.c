#include "core/fetch/fetch.h"

#include <string.h>

#include "core/base/bound.h"
#include "core/base/sha256.h"
#include "core/fetch/gateway_request.h"
#include "core/fetch/server_request.h"

#define LEASE_EXTRA_MS 5000 /* a lease outlives the request it is for */
#define SLICE_MS 50         /* how often a sleeper looks whether its pause was shortened */

enum itr_token_origin itr_fetch_origin(const struct itr_parts *parts)
{
    return parts->store == NULL ? ITR_FROM_SERVER : parts->store->ops->origin;
}

void itr_fetch_setup(const struct itr_config *config, const struct itr_parts *parts,
                     struct itr_machine_setup *out)
{
    struct itr_record_rules *rules = &out->rules;

    *out = (struct itr_machine_setup){0};
    out->origin = itr_fetch_origin(parts);
    out->token_timeout_ms = config->token_timeout_ms;
    out->server = config->token_store;
    rules->token_ttl_ms = config->token_ttl_ms;
    rules->refresh_margin_ms = config->refresh_margin_ms;
    rules->min_refresh_interval_ms = config->min_refresh_interval_ms;
    rules->lease_ms = config->token_timeout_ms + LEASE_EXTRA_MS;
    rules->daily_limit = config->daily_limit;
    if (config->app_secret != NULL)
        itr_sha256_hex(config->app_secret, strlen(config->app_secret), rules->secret_digest,
                       ITR_DIGEST_MAX);
}

void itr_fetch_init(struct itr_fetch *f, const struct itr_config *config,
                    const struct itr_parts *parts)
{
    *f = (struct itr_fetch){0};
    f->config = config;
    f->parts = *parts;
    itr_record_key(config->gateway, config->app_id, f->key);
    itr_stored_init(&f->stored, parts->store, f->key);
}

void itr_fetch_clear(struct itr_fetch *f)
{
    itr_stored_clear(&f->stored);
}

void itr_fetch_fork(struct itr_fetch *f)
{
    f->in_transport = false;
    itr_stored_init(&f->stored, f->parts.store, f->key);
}

void itr_fetch_rest(struct itr_fetch *f)
{
    itr_stored_clear(&f->stored);
    itr_stored_init(&f->stored, f->parts.store, f->key);
}

/* ---- the store ---- */

static void load(struct itr_fetch *f)
{
    struct itr_machine_done d = {.is = ITR_DONE_LOADED};
    struct itr_error e;

    d.called_mono_ms = itr_clock_mono_ms(f->parts.clock);
    if (itr_stored_load(&f->stored, &e) != ITR_OK) {
        d.is = ITR_DONE_LOAD_FAILED;
        d.error = &e;
    }
    d.record = &f->stored.record;
    d.bytes_id = f->stored.bytes_id;
    d.store_now_ms = f->stored.now_wall_ms;
    f->post(f->ctx, &d);
}

static void swap(struct itr_fetch *f)
{
    struct itr_machine_done d = {.is = ITR_DONE_SWAPPED};
    struct itr_error e;
    bool done = false;

    if (itr_stored_swap(&f->stored, &f->machine->next, f->config->token_ttl_ms, &done, &e) !=
        ITR_OK) {
        d.is = ITR_DONE_SWAP_FAILED;
        d.error = &e;
    } else if (!done) {
        d.is = ITR_DONE_CONFLICT;
    }
    f->post(f->ctx, &d);
}

/* ---- sleep ---- */

static int64_t pause_left_ms(struct itr_fetch *f)
{
    int64_t until;

    pthread_mutex_lock(f->lock);
    until = f->machine->pause_until_mono_ms;
    pthread_mutex_unlock(f->lock);
    return until - itr_clock_mono_ms(f->parts.clock);
}

static void sleep_out(struct itr_fetch *f)
{
    int64_t left;

    while ((left = pause_left_ms(f)) > 0)
        itr_clock_sleep_ms(f->parts.clock, itr_min64(left, SLICE_MS));
    f->post(f->ctx, &(struct itr_machine_done){.is = ITR_DONE_PAUSED});
}

/* ---- requests ---- */

static void set_in_transport(struct itr_fetch *f, bool in)
{
    pthread_mutex_lock(f->lock);
    f->in_transport = in;
    pthread_mutex_unlock(f->lock);
}

/* Connected: looks at the lease once more, then says whether to send. */
static bool may_send(void *ctx)
{
    struct itr_fetch *f = ctx;

    f->post(f->ctx, &(struct itr_machine_done){.is = ITR_DONE_CONNECTED});
    if (f->machine->state == ITR_MACHINE_LOOK)
        load(f);
    return f->machine->state == ITR_MACHINE_SEND;
}

static enum itr_status gives_up(void *ctx, const char **why)
{
    struct itr_fetch *f = ctx;
    bool cancels, ending;

    pthread_mutex_lock(f->lock);
    cancels = itr_machine_cancels(f->machine, itr_clock_mono_ms(f->parts.clock));
    ending = f->machine->ending;
    pthread_mutex_unlock(f->lock);
    if (!cancels)
        return ITR_OK;
    *why = ending ? "the process ends" : "no answer before the lease of this fetch ends";
    return ending ? ITR_NETWORK : ITR_TIMEOUT;
}

static void ask_gateway(struct itr_fetch *f)
{
    struct itr_record_outcome outcome = {0};
    struct itr_gateway_request r = {0};
    struct itr_buf token;
    char held[sizeof f->machine->held];
    const char *const tokens[] = {held, f->machine->lease_refused, f->stored.record.text, NULL};

    r.config = f->config;
    r.transport = f->parts.transport;
    pthread_mutex_lock(f->lock);
    memcpy(held, f->machine->held, sizeof held);
    pthread_mutex_unlock(f->lock);
    r.tokens = tokens;
    r.may_send = may_send;
    r.gives_up = gives_up;
    r.ctx = f;
    itr_buf_init_secret(&token, ITR_TOKEN_MAX);
    set_in_transport(f, true);
    itr_gateway_request_run(&r, &token, &outcome);
    set_in_transport(f, false);
    outcome.text = itr_buf_str(&token);
    /* Else the machine has dropped the request before its first byte. */
    if (f->machine->state == ITR_MACHINE_CONNECT || f->machine->state == ITR_MACHINE_SEND)
        f->post(f->ctx, &(struct itr_machine_done){.is = ITR_DONE_ANSWERED, .outcome = &outcome});
    itr_buf_clear(&token);
    itr_wipe(held, sizeof held);
}

static void ask_server(struct itr_fetch *f)
{
    struct itr_machine_done d = {.is = ITR_DONE_SERVED};
    struct itr_server_request r = {0};
    struct itr_server_grant grant;
    struct itr_error e;
    struct itr_buf token;

    pthread_mutex_lock(f->lock);
    r.wants_newer = f->machine->refused[0] != '\0' || f->machine->asked;
    r.refused_fence = f->machine->refused_fence;
    pthread_mutex_unlock(f->lock);
    r.config = f->config;
    r.transport = f->parts.transport;
    r.gives_up = gives_up;
    r.ctx = f;
    itr_buf_init_secret(&token, ITR_TOKEN_MAX);
    set_in_transport(f, true);
    if (itr_server_request_run(&r, &token, &grant, &d.server_wait_ms, &e) == ITR_OK)
        d.grant = &grant;
    set_in_transport(f, false);
    d.error = &e;
    d.text = itr_buf_str(&token);
    f->post(f->ctx, &d);
    itr_buf_clear(&token);
}

/* ---- one step ---- */

void itr_fetch_act(struct itr_fetch *f)
{
    switch (f->machine->state) {
    case ITR_MACHINE_LOAD:
    case ITR_MACHINE_SETTLE_LOAD:
        load(f);
        break;
    case ITR_MACHINE_ACQUIRE:
    case ITR_MACHINE_SETTLE_SWAP:
        swap(f);
        break;
    case ITR_MACHINE_PAUSE:
    case ITR_MACHINE_SETTLE_PAUSE:
        sleep_out(f);
        break;
    case ITR_MACHINE_CONNECT:
        ask_gateway(f);
        break;
    case ITR_MACHINE_ASK:
        ask_server(f);
        break;
    case ITR_MACHINE_IDLE: /* nothing to do */
    case ITR_MACHINE_LOOK: /* inside CONNECT: may_send() */
    case ITR_MACHINE_SEND:
        break;
    }
}
