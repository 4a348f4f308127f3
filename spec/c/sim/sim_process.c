#include "sim/sim_process.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bound.h"
#include "sim/sim_chaos.h"
#include "sim/sim_world.h"

#define END_POLL_MS 20 /* how often a process that ends looks whether it may */
#define LATE_MS 6000   /* a swap that failed, and is done later */

bool sim_process_lives(const struct sim_process *p)
{
    return p->life % 2 == 1;
}

int64_t sim_process_mono(const struct sim_process *p)
{
    return p->world->now_ms - p->zero_ms;
}

static bool is_memory(const struct sim_process *p)
{
    return p->habits.setup.origin == ITR_FROM_MEMORY;
}

static struct sim_process *of_life(const struct sim_event *e)
{
    return e->process;
}

/* ---- calls ---- */

static void call_free(struct sim_call *c)
{
    itr_list_remove(&c->node);
    itr_token_release(c->token);
    free(c);
}

static void serve_client(struct sim_call *c, const struct itr_error *e);

/* e NULL: it succeeded. */
static void call_over(struct sim_process *p, struct sim_call *c, const struct itr_error *e)
{
    if (c->client != NULL)
        serve_client(c, e);
    else
        sim_watch_call_over(p, c, e);
    call_free(c);
    if (p->habits.script && itr_list_is_empty(&p->calls))
        sim_process_end(p);
}

static void give(struct sim_process *p, struct sim_call *c, enum itr_cache_give what);
static void carry_out(struct sim_process *p, struct itr_cache_step step);

static void call_succeeded(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    call_over(of_life(e), e->arg, NULL);
}

static void ask(struct sim_process *p, struct sim_call *c, const struct itr_token *refused)
{
    struct itr_token_ask a = {.min_valid_ms = c->min_valid_ms,
                              .refused = refused,
                              .refused_fence = c->refused,
                              .refresh = c->want == SIM_REFRESH};
    struct itr_cache_step step = itr_source_state_ask(&p->state, sim_process_mono(p), &a);

    sim_watch_given(p, &a, step);
    give(p, c, step.give);
    carry_out(p, step);
}

/* At the gateway. */
static void call_arrives(struct sim_world *w, const struct sim_event *e);

static void call_refused(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = of_life(e);
    struct sim_call *c = e->arg;
    struct itr_error error;
    struct itr_token *refused;

    sim_watch_refused(p, c);
    if (c->doubts) {
        itr_error_set(&error, ITR_TOKEN, "the gateway rejected a new token too");
        call_over(p, c, &error);
        return;
    }
    c->doubts = true;
    refused = itr_token_retain(c->token);
    ask(p, c, refused);
    itr_token_release(refused);
    (void)w;
}

static void call_arrives(struct sim_world *w, const struct sim_event *e)
{
    struct sim_call *c = e->arg;
    bool good = !of_life(e)->habits.misreads &&
                sim_gateway_accepts(&w->gateway, w->now_ms, sim_gateway_serial(c->token->text));

    sim_world_soon(w, of_life(e), 0, sim_world_delay(w, 5, 60),
                   good ? call_succeeded : call_refused, c);
}

/* Goes on only with another token than the refused one (docs/design.md 5). t is borrowed. */
static void call_token(struct sim_process *p, struct sim_call *c, struct itr_token *t,
                       const struct itr_error *error)
{
    struct itr_error e = *error;

    c->waits = false;
    if (c->client != NULL && t != NULL && e.kind == ITR_OK) {
        c->token = itr_token_retain(t);
        call_over(p, c, NULL);
        return;
    }
    if (t == NULL || (c->doubts && itr_token_same(c->token, t))) {
        if (e.kind == ITR_OK)
            itr_error_set(&e, ITR_TOKEN, "the token is refused, and no other is available");
        call_over(p, c, &e);
        return;
    }
    if (c->want != SIM_REQUEST) {
        call_over(p, c, NULL);
        return;
    }
    itr_token_release(c->token);
    c->token = itr_token_retain(t);
    sim_world_soon(p->world, p, 0, sim_world_delay(p->world, 5, 60), call_arrives, c);
}

static void call_expires(struct sim_world *w, const struct sim_event *e);

/* A call that could go on with the token that is held waits for half of its time; who asks for a
 * token, and who has none, until the deadline. */
static void wait_for_token(struct sim_process *p, struct sim_call *c)
{
    const struct itr_cache *cache = &p->state.cache;
    int64_t left = c->began_ms + p->habits.call_ms - p->world->now_ms;

    if (c->want == SIM_REQUEST && cache->token != NULL && !cache->doubted)
        left /= 2;
    c->waits = true;
    c->waits_until_ms = p->world->now_ms + itr_max64(0, left);
    sim_world_soon(p->world, p, 0, itr_max64(0, left), call_expires, c);
}

static void call_expires(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = of_life(e);
    struct sim_call *c = e->arg;
    struct itr_error error;
    struct itr_list *n = itr_list_first(&p->calls);

    while (n != NULL && n != &c->node) /* it may be over by now */
        n = itr_list_next(&p->calls, n);
    if (n == NULL || !c->waits || w->now_ms < c->waits_until_ms)
        return;
    if (p->state.cache.doubted && w->now_ms < c->began_ms + p->habits.call_ms) {
        wait_for_token(p, c);
        return;
    }
    itr_error_set(&error, ITR_TIMEOUT, "no token came in time");
    call_token(p, c, p->state.cache.doubted ? NULL : p->state.cache.token, &error);
}

static void give(struct sim_process *p, struct sim_call *c, enum itr_cache_give what)
{
    if (what == ITR_GIVE_WAIT)
        wait_for_token(p, c);
    else
        call_token(p, c, p->state.cache.token, &p->state.cache.error);
}

static void call_begins(struct sim_world *w, const struct sim_event *e)
{
    struct sim_call *c = e->arg;
    const struct itr_token *held = of_life(e)->state.cache.token;
    struct sim_store *s = of_life(e)->store;

    (void)w;
    /* A client of a central server that was refused a token which the server does not know asks. It
     * is no reason where the record has a newer one. */
    if (c->want == SIM_REFRESH || c->min_valid_ms > 0 ||
        (c->refused > (held != NULL ? held->fence : 0) &&
         c->refused >= sim_store_read(s, &s->value)->fence))
        sim_watch_reason(s);
    if (of_life(e)->ending_ms == 0)
        ask(of_life(e), c, NULL);
}

static struct sim_call *new_call(struct sim_world *w, enum sim_want want, int64_t min_valid_ms)
{
    struct sim_call *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    c->want = want;
    c->began_ms = w->now_ms;
    c->min_valid_ms = min_valid_ms;
    itr_list_init(&c->node);
    return c;
}

void sim_process_call(struct sim_process *p, enum sim_want want, int64_t min_valid_ms)
{
    struct sim_call *c = new_call(p->world, want, min_valid_ms);

    itr_list_append(&p->calls, &c->node);
    sim_world_soon(p->world, p, 0, 0, call_begins, c);
}

/* ---- the cache's owner ---- */

static void answer_all(struct sim_process *p)
{
    struct itr_list *n, *next;
    uint64_t life = p->life;

    for (n = itr_list_first(&p->calls); n != NULL && p->life == life; n = next) {
        struct sim_call *c = ITR_CONTAINER(n, struct sim_call, node);

        next = itr_list_next(&p->calls, n);
        if (c->waits)
            call_token(p, c, p->state.cache.token, &p->state.cache.error);
    }
}

static void carry_out(struct sim_process *p, struct itr_cache_step step)
{
    if (step.why != ITR_WHY_NOTHING)
        SIM_TRACE(p->world, "%d: %s (%s) %s", p->id, itr_cache_state_name(p->state.cache.state),
                  itr_cache_why_name(step.why), p->state.cache.error.text);
    if (step.answer)
        sim_watch_fetch_ended(p);
    if (step.fetch)
        sim_watch_fetch_begins(p);
    if (step.answer)
        answer_all(p);
}

/* ---- the driver: it does what the machine says ---- */

static void post(struct sim_process *p, const struct itr_machine_done *done)
{
    struct itr_cache_step step;

    p->busy = false;
    step = itr_source_state_on(&p->state, sim_process_mono(p), sim_random_next(&p->world->random),
                               done);
    SIM_TRACE(p->world, "%d: -> %s", p->id, itr_machine_state_name(p->state.machine.state));
    carry_out(p, step);
}

static void post_is(struct sim_process *p, enum itr_machine_done_is is)
{
    post(p, &(struct itr_machine_done){.is = is});
}

static void post_outcome(struct sim_process *p, enum itr_record_outcome_is is, const char *token,
                         enum itr_status kind, const char *text)
{
    struct itr_record_outcome o = {0};

    o.is = is;
    o.text = token;
    if (is != ITR_OUTCOME_TOKEN)
        (void)itr_error_set(&o.error, kind, "%s", text);
    if (is == ITR_OUTCOME_FORBIDDEN || is == ITR_OUTCOME_LIMIT) {
        o.error.has_code = true;
        o.error.code = is == ITR_OUTCOME_LIMIT ? 40004 : 40003;
    }
    post(p, &(struct itr_machine_done){.is = ITR_DONE_ANSWERED, .outcome = &o});
}

/* ---- ... the store ---- */

struct sim_access {       /* on its way to a store, or back */
    struct itr_list node; /* the world's */
    struct sim_process *process;
    uint64_t life, step;
    struct sim_store *store;
    bool is_swap;
    char owner[ITR_OWNER_MAX + 1];
    struct sim_bytes old, next; /* load: what came is in old */
    int64_t called_mono_ms, store_now_ms;
    bool failed, done;
};

static struct sim_access *new_access(struct sim_world *w)
{
    struct sim_access *a = malloc(sizeof *a);

    if (a == NULL)
        abort();
    itr_list_init(&a->node);
    itr_list_append(&w->accesses, &a->node);
    return a;
}

static void access_free(struct sim_access *a)
{
    itr_list_remove(&a->node);
    free(a);
}

static void access_returns(struct sim_world *w, const struct sim_event *e)
{
    struct sim_access *a = e->arg;
    struct sim_process *p = a->process;
    struct itr_error error;
    struct itr_machine_done d = {0};

    (void)w;
    (void)itr_error_set(&error, ITR_STORE, "the store failed");
    d.error = &error;
    if (a->is_swap) {
        d.is = a->failed ? ITR_DONE_SWAP_FAILED : a->done ? ITR_DONE_SWAPPED : ITR_DONE_CONFLICT;
    } else if (a->failed) {
        d.is = ITR_DONE_LOAD_FAILED;
    } else {
        d.is = ITR_DONE_LOADED;
        d.record = sim_store_read(a->store, &a->old);
        d.bytes_id = a->old.id;
        d.store_now_ms = a->store_now_ms;
        d.called_mono_ms = a->called_mono_ms;
        sim_bytes_copy(&p->loaded, &a->old);
    }
    access_free(a);
    post(p, &d);
}

static void swap(struct sim_world *w, struct sim_access *a, bool late)
{
    struct itr_record old;

    if (sim_store_swap(a->store, &a->old, &a->next) != SIM_SWAP_DONE)
        return;
    a->done = true;
    old = *sim_store_read(a->store, &a->old);
    sim_watch_swapped(w, a->store, a->process, a->life, late, a->owner, &old,
                      sim_store_read(a->store, &a->next));
}

static void swap_late(struct sim_world *w, const struct sim_event *e)
{
    swap(w, e->arg, true);
    access_free(e->arg);
}

static void copy_access(struct sim_access *to, const struct sim_access *from)
{
    struct itr_list node = to->node;

    *to = *from;
    to->node = node;
}

/* What goes wrong with a swap: done or not, nobody knows; or done later. */
static void fail_swap(struct sim_world *w, struct sim_access *a)
{
    struct sim_access *later;

    if (sim_random_chance(&w->random, a->store->late_per_mille)) {
        later = new_access(w);
        copy_access(later, a);
        SIM_TRACE(w, "%d: this swap fails, and is done in %d ms", a->process->id, LATE_MS);
        sim_world_soon(w, NULL, 0, LATE_MS, swap_late, later);
        a->failed = true;
    } else if (sim_random_chance(&w->random, a->store->lost_per_mille)) {
        swap(w, a, false);
        SIM_TRACE(w, "%d: the answer of this swap is lost", a->process->id);
        a->failed = true;
    }
    if (a->failed) {
        a->store->troubles++;
        sim_watch_fault(w);
    }
}

static int64_t hop_ms(struct sim_world *w, const struct sim_access *a)
{
    const struct sim_store *s = a->store;

    if (s != &w->store)
        return 0;
    return w->now_ms < s->slow_until_ms ? sim_world_delay(w, s->slow_ms / 4, s->slow_ms / 2)
                                        : sim_world_delay(w, 0, 3);
}

static void access_arrives(struct sim_world *w, const struct sim_event *e)
{
    struct sim_access *a = e->arg;
    struct sim_store *s = a->store;

    a->failed = w->now_ms < s->away_until_ms;
    s->troubles += a->failed || w->now_ms < s->slow_until_ms || w->now_ms < s->past_until_ms;
    if (!a->failed && a->is_swap) {
        fail_swap(w, a);
        if (!a->failed)
            swap(w, a, false);
    } else if (!a->failed) {
        sim_store_load(s, w->now_ms, &a->old);
        a->store_now_ms = sim_store_now(s, w->now_ms);
    }
    if (a->life != a->process->life) {
        access_free(a);
        return;
    }
    sim_world_soon(w, a->process, a->step, a->failed ? sim_world_delay(w, 0, 2000) : hop_ms(w, a),
                   access_returns, a);
}

static void access_store(struct sim_process *p, const struct itr_record *next)
{
    struct sim_access *a = new_access(p->world);

    a->process = p;
    a->life = p->life;
    a->step = p->step;
    a->store = p->store;
    a->is_swap = next != NULL;
    a->failed = a->done = false;
    a->called_mono_ms = sim_process_mono(p);
    if (next != NULL) {
        sim_bytes_copy(&a->old, &p->loaded);
        sim_store_write(next, &a->next);
        memcpy(a->owner, p->state.machine.name, sizeof a->owner);
    }
    sim_watch_accesses(p);
    sim_chaos_near_access(p);
    sim_world_soon(p->world, NULL, 0, hop_ms(p->world, a), access_arrives, a);
}

/* ---- ... the gateway ---- */

static void deadline(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = of_life(e);

    SIM_TRACE(w, "%d: no answer in time", p->id);
    if (p->state.machine.state == ITR_MACHINE_ASK) {
        struct itr_error error;

        (void)itr_error_set(&error, ITR_STORE, "the token server did not answer in time");
        post(p, &(struct itr_machine_done){
                    .is = ITR_DONE_SERVED, .error = &error, .server_wait_ms = -1});
    } else if (p->state.machine.state == ITR_MACHINE_CONNECT) {
        post_outcome(p, ITR_OUTCOME_NOT_SENT, NULL, ITR_NETWORK, "no connection in time");
    } else {
        sim_watch_answered(p, NULL);
        post_outcome(p, ITR_OUTCOME_FAILED, NULL, ITR_TIMEOUT, "no answer in time");
    }
}

static void await_deadline(struct sim_process *p)
{
    int64_t left = p->state.machine.deadline_mono_ms - sim_process_mono(p);

    sim_world_soon(p->world, p, p->step, left > 0 ? left : 0, deadline, NULL);
}

static void connected(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    post_is(of_life(e), ITR_DONE_CONNECTED);
}

static void not_connected(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    post_outcome(of_life(e), ITR_OUTCOME_NOT_SENT, NULL, ITR_NETWORK, "no connection");
}

static void connect_gateway(struct sim_process *p)
{
    struct sim_world *w = p->world;
    bool goes_wrong = sim_chaos_is_on(w, SIM_ANSWERS) && sim_random_chance(&w->random, 150);
    int64_t ms = sim_world_delay(w, 10, 200);

    if (goes_wrong) {
        sim_watch_fault(w);
        ms = sim_world_delay(w, 10, p->habits.setup.token_timeout_ms * 5 / 4);
    }
    sim_world_soon(w, p, p->step, ms,
                   goes_wrong && sim_random_chance(&w->random, 700) ? not_connected : connected,
                   NULL);
    await_deadline(p);
}

static void answered(struct sim_world *w, const struct sim_event *e)
{
    struct sim_lease *l = e->arg;
    char text[SIM_TOKEN_TEXT] = "";

    if (l->grant.is == ITR_OUTCOME_TOKEN)
        sim_gateway_text(l->grant.serial, text);
    SIM_TRACE(w, "%d: the answer is %s", l->process->id, text[0] != '\0' ? text : "an error");
    sim_watch_answered(l->process, l);
    post_outcome(l->process, l->grant.is, text, ITR_API, "the gateway's error");
}

/* At the gateway, which executes it whatever became of the process. */
static void request_arrives(struct sim_world *w, const struct sim_event *e)
{
    struct sim_lease *l = e->arg;
    int64_t back_ms = w->gateway.takes_ms + sim_world_delay(w, 20, 200);

    l->grant = sim_gateway_ask(&w->gateway, w->now_ms, l->process->habits.keeps_earlier);
    SIM_TRACE(w, "gateway: %d gets token %zu", l->process->id, l->grant.serial);
    if (l->grant.is != ITR_OUTCOME_TOKEN)
        sim_watch_fault(w);
    if (sim_chaos_is_on(w, SIM_ANSWERS) && sim_random_chance(&w->random, 150)) {
        sim_watch_fault(w);
        back_ms = sim_world_delay(w, 0, 2 * l->process->habits.setup.token_timeout_ms);
    }
    if (l->grant.answers && l->life == l->process->life)
        sim_world_soon(w, l->process, l->step, back_ms, answered, l);
}

static void send_request(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_lease *l = sim_watch_sends(p);

    SIM_TRACE(w, "%d: asks the gateway", p->id);
    if (l == NULL)
        return;
    l->step = p->step;
    sim_world_soon(w, NULL, 0, sim_world_delay(w, 10, 150), request_arrives, l);
    await_deadline(p);
}

/* ---- ... a central server: process 0 ---- */

/* The answer of the server's side: the client may be gone, or ask again by now. */
static void served(struct sim_world *w, const struct sim_event *e)
{
    struct sim_call *c = e->arg;
    struct itr_server_grant g = {0};
    struct itr_error error;
    struct itr_machine_done d = {.is = ITR_DONE_SERVED, .server_wait_ms = -1};

    (void)itr_error_set(&error, ITR_STORE, "the token server has no token");
    d.error = &error;
    if (c->token != NULL) {
        int64_t now = sim_process_mono(&w->processes[0]);

        g.fence = c->token->fence;
        g.expires_in_ms = itr_max64(0, c->token->end_mono_ms - now);
        g.refresh_in_ms = itr_max64(0, itr_min64(g.expires_in_ms, c->token->refresh_mono_ms - now));
        d.grant = &g;
        d.text = c->token->text;
    }
    post(c->client, &d);
    call_free(c);
}

static void serve_client(struct sim_call *c, const struct itr_error *e)
{
    struct sim_world *w = c->process->world;
    struct sim_call *answer = new_call(w, SIM_TOKEN, 0);

    answer->process = c->process;
    answer->client = c->client;
    answer->token = e == NULL ? itr_token_retain(c->token) : NULL;
    itr_list_append(&w->mail, &answer->node);
    if (c->client->life == c->client_life)
        sim_world_soon(w, c->client, c->client_step, sim_world_delay(w, 1, 20), served, answer);
}

static void server_reached(struct sim_world *w, const struct sim_event *e)
{
    struct sim_call *c = e->arg;
    struct sim_process *server = &w->processes[0];

    if (!sim_process_lives(server) || server->ending_ms != 0) {
        if (c->client->life == c->client_life)
            sim_world_soon(w, c->client, c->client_step, 1, served, c);
        return;
    }
    itr_list_remove(&c->node);
    itr_list_append(&server->calls, &c->node);
    c->process = server;
    sim_world_soon(w, server, 0, 0, call_begins, c);
}

static void ask_server(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_call *c = new_call(w, SIM_TOKEN, 0);

    c->client = p;
    c->client_life = p->life;
    c->client_step = p->step;
    c->refused = p->state.machine.refused[0] != '\0' ? p->state.machine.refused_fence : 0;
    itr_list_append(&w->mail, &c->node);
    sim_world_soon(w, NULL, 0, sim_world_delay(w, 1, 20), server_reached, c);
    await_deadline(p);
}

/* ---- ... and what comes next ---- */

static void woken(struct sim_world *w, const struct sim_event *e)
{
    (void)w;
    post_is(of_life(e), ITR_DONE_PAUSED);
}

static void sleep_until(struct sim_process *p)
{
    int64_t left = p->state.machine.pause_until_mono_ms - sim_process_mono(p);

    p->wake_ms = p->state.machine.pause_until_mono_ms;
    sim_world_soon(p->world, p, p->step, left > 0 ? left : 0, woken, NULL);
}

static void begin_step(struct sim_process *p)
{
    p->busy = p->state.machine.state != ITR_MACHINE_IDLE;
    p->step++;
    switch (p->state.machine.state) {
    case ITR_MACHINE_IDLE:
        break;
    case ITR_MACHINE_LOAD:
    case ITR_MACHINE_LOOK:
    case ITR_MACHINE_SETTLE_LOAD:
        access_store(p, NULL);
        break;
    case ITR_MACHINE_ACQUIRE:
    case ITR_MACHINE_SETTLE_SWAP:
        access_store(p, &p->state.machine.next);
        break;
    case ITR_MACHINE_PAUSE:
    case ITR_MACHINE_SETTLE_PAUSE:
        sleep_until(p);
        break;
    case ITR_MACHINE_CONNECT:
        connect_gateway(p);
        break;
    case ITR_MACHINE_SEND:
        send_request(p);
        break;
    case ITR_MACHINE_ASK:
        ask_server(p);
        break;
    }
}

/* begin() and end() shorten a pause and cancel a request; nothing else that is in flight. */
static void hurry(struct sim_process *p)
{
    bool pauses = p->state.machine.state == ITR_MACHINE_PAUSE ||
                  p->state.machine.state == ITR_MACHINE_SETTLE_PAUSE;

    if (pauses && p->state.machine.pause_until_mono_ms < p->wake_ms) {
        p->step++;
        sleep_until(p);
    } else if (itr_machine_cancels(&p->state.machine, sim_process_mono(p))) {
        p->step++;
        sim_world_soon(p->world, p, p->step, 0, deadline, NULL);
    }
}

static void look_at_end(struct sim_process *p);

void sim_process_go_on(struct sim_process *p)
{
    if (p->busy)
        hurry(p);
    else
        begin_step(p);
    look_at_end(p);
}

/* ---- lifetime ---- */

static void next_call(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = of_life(e);
    const struct sim_habits *h = &p->habits;

    if (!h->script)
        sim_world_soon(w, p, 0,
                       h->poisson ? sim_random_poisson_ms(&w->random, h->call_every_ms)
                                  : h->call_every_ms,
                       next_call, NULL);
    if (p->ending_ms == 0)
        sim_process_call(
            p, sim_random_chance(&w->random, h->refresh_per_mille) ? SIM_REFRESH : SIM_REQUEST,
            h->min_valid_ms);
}

static void begin_life(struct sim_process *p)
{
    struct sim_world *w = p->world;

    p->life++;
    p->pid = ++w->last_pid;
    p->zero_ms = w->now_ms - sim_random_within(&w->random, 0, SIM_DAY);
    p->stopped_until_ms = p->ending_ms = 0;
    p->busy = false;
    p->tried = p->doubted = p->asked = false;
    p->seen_fence = p->unstored = 0;
    p->fetch_began_ms = 0;
    itr_list_init(&p->calls);
}

/* As a central server looks for what others put into the store, while it fetches nothing. */
static void next_look(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = of_life(e);
    struct sim_bytes bytes;

    sim_world_soon(w, p, 0, p->habits.look_every_ms, next_look, NULL);
    if (p->busy || w->now_ms < p->store->away_until_ms)
        return;
    sim_store_load(p->store, w->now_ms, &bytes);
    carry_out(p, itr_source_state_found(&p->state, sim_process_mono(p),
                                        sim_store_read(p->store, &bytes),
                                        sim_store_now(p->store, w->now_ms)));
}

static struct sim_store *new_store(struct sim_world *w, const struct sim_store *like)
{
    struct sim_private_store *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    if (like != NULL) {
        s->store = *like;
        s->store.book.leases = NULL;
        s->store.book.current = NULL;
    }
    itr_list_append(&w->stores, &s->node);
    return &s->store;
}

void sim_process_start(struct sim_process *p)
{
    struct sim_world *w = p->world;
    const struct sim_habits *h = &p->habits;

    SIM_TRACE(w, "%d: starts", p->id);
    begin_life(p);
    p->store = is_memory(p) ? new_store(w, NULL) : &w->store;
    itr_source_state_init(&p->state, &h->setup, sim_random_next(&w->random), p->pid);
    if (h->look_every_ms > 0)
        sim_world_soon(w, p, 0, h->look_every_ms, next_look, NULL);
    if (h->call_every_ms > 0)
        sim_world_soon(w, p, 0,
                       h->script ? 0 : sim_random_within(&w->random, 0, h->call_every_ms - 1),
                       next_call, NULL);
}

static void start_again(struct sim_world *w, const struct sim_event *e)
{
    struct sim_process *p = e->arg;

    (void)w;
    if (!sim_process_lives(p))
        sim_process_start(p);
}

/* Its life is over, in whatever way. */
static void leave(struct sim_process *p)
{
    struct sim_world *w = p->world;
    int64_t again_ms =
        p->habits.script ? p->habits.call_every_ms : sim_world_delay(w, 0, SIM_MINUTE);

    p->life++;
    while (!itr_list_is_empty(&p->calls))
        call_free(ITR_CONTAINER(itr_list_first(&p->calls), struct sim_call, node));
    itr_source_state_clear(&p->state);
    if (p->replaced)
        sim_world_soon(w, NULL, 0, again_ms, start_again, p);
}

void sim_process_kill(struct sim_process *p)
{
    if (!sim_process_lives(p))
        return;
    SIM_TRACE(p->world, "%d: is killed", p->id);
    sim_watch_hit(p);
    leave(p);
}

static void poll_end(struct sim_world *w, const struct sim_event *e)
{
    sim_world_soon(w, of_life(e), 0, END_POLL_MS, poll_end, NULL);
}

void sim_process_end(struct sim_process *p)
{
    if (!sim_process_lives(p) || p->ending_ms != 0)
        return;
    SIM_TRACE(p->world, "%d: ends", p->id);
    p->ending_ms = p->world->now_ms;
    itr_source_state_end(&p->state, sim_process_mono(p));
    sim_world_soon(p->world, p, 0, 0, poll_end, NULL);
}

static void look_at_end(struct sim_process *p)
{
    if (p->ending_ms == 0 || itr_machine_is_owed(&p->state.machine, sim_process_mono(p)))
        return;
    SIM_TRACE(p->world, "%d: has ended", p->id);
    sim_watch_ended(p);
    leave(p);
}

struct sim_process *sim_process_fork(struct sim_process *p)
{
    struct sim_world *w = p->world;
    struct sim_process *child;

    if (w->options.processes >= SIM_PROCESSES)
        return NULL;
    child = &w->processes[w->options.processes];
    child->id = w->options.processes++;
    child->world = w;
    child->life = 0;
    child->habits = p->habits;
    begin_life(child);
    child->zero_ms = p->zero_ms;
    child->seen_fence = p->seen_fence;
    child->tried = p->tried;
    child->store = is_memory(p) ? new_store(w, p->store) : p->store;
    child->state = p->state;
    (void)itr_token_retain(child->state.cache.token);
    (void)itr_source_state_fork(&child->state, sim_process_mono(p), sim_random_next(&w->random),
                                child->pid);
    SIM_TRACE(w, "%d: is forked from %d", child->id, p->id);
    if (p->habits.call_every_ms > 0)
        sim_world_soon(w, child, 0, sim_world_delay(w, 0, 200), next_call, NULL);
    return child;
}
