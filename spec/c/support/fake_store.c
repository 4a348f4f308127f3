#include "support/fake_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/stores.h"
#include "support/fixture.h"

static struct fake_store *of(struct itr_store *s)
{
    return (struct fake_store *)s;
}

static bool fails(int *left)
{
    if (*left == 0)
        return false;
    if (*left > 0)
        --*left;
    return true;
}

static enum itr_status load(struct itr_store *store, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e)
{
    struct fake_store *s = of(store);
    enum itr_status st;
    int64_t ahead;
    bool failed;
    int nth;

    fake_world_lock();
    nth = ++s->loads;
    failed = fails(&s->fail_loads);
    fake_world_unlock();
    if (s->before_load != NULL)
        s->before_load(s, nth);
    if (failed)
        return itr_error_set(e, ITR_STORE, "the store is down (load)");
    st = s->inner->ops->load(s->inner, key, bytes, now_wall_ms, e);
    fake_world_lock();
    ahead = s->clock_ahead;
    fake_world_unlock();
    *now_wall_ms += ahead;
    return st;
}

static enum itr_status swap(struct itr_store *store, const char *key, const char *old,
                            size_t old_len, const char *new_bytes, size_t new_len,
                            int64_t keep_for_ms, bool *done, struct itr_error *e)
{
    struct fake_store *s = of(store);
    enum itr_status st;
    bool failed;
    int nth;

    fake_world_lock();
    nth = ++s->swaps;
    s->keep_for_ms = keep_for_ms;
    failed = fails(&s->fail_swaps);
    fake_world_unlock();
    *done = false;
    if (s->before_swap != NULL)
        s->before_swap(s, nth);
    if (failed)
        return itr_error_set(e, ITR_STORE, "the store is down (swap)");
    st = s->inner->ops->swap(s->inner, key, old, old_len, new_bytes, new_len, keep_for_ms, done, e);
    fake_world_lock();
    if (st == ITR_OK && *done)
        s->stored++;
    fake_world_changed();
    fake_world_unlock();
    return st;
}

static void retain(struct itr_store *store)
{
    fake_world_lock();
    of(store)->refs++;
    fake_world_unlock();
}

static void release(struct itr_store *store)
{
    fake_world_lock();
    of(store)->refs--;
    fake_world_changed();
    fake_world_unlock();
}

struct fake_store *fake_store_new(struct fake_clock *clock)
{
    struct fake_store *s = calloc(1, sizeof *s);

    assert(s != NULL);
    s->clock = clock;
    s->refs = 1;
    s->inner = itr_store_memory_new(&clock->clock);
    assert(s->inner != NULL);
    s->ops = (struct itr_store_ops){
        ITR_STORE_VERSION, ITR_FROM_MEMORY, load, swap, retain, release, NULL,
    };
    s->head.ops = &s->ops;
    s->head.id = s->inner->id;
    return s;
}

bool fake_store_free(struct fake_store *s)
{
    bool last;

    fake_world_lock();
    last = s->refs == 1;
    fake_world_unlock();
    s->inner->ops->release(s->inner);
    free(s);
    return last;
}

/* ---- what a test does to it ---- */

void fake_store_fail(struct fake_store *s, int loads, int swaps)
{
    fake_world_lock();
    s->fail_loads = loads;
    s->fail_swaps = swaps;
    fake_world_unlock();
}

void fake_store_step(struct fake_store *s, int64_t ms)
{
    fake_world_lock();
    s->clock_ahead += ms;
    fake_world_unlock();
}

int64_t fake_store_now(struct fake_store *s)
{
    int64_t now;

    fake_world_lock();
    now = s->clock->wall + s->clock_ahead;
    fake_world_unlock();
    return now;
}

int fake_store_loads(struct fake_store *s)
{
    int n;

    fake_world_lock();
    n = s->loads;
    fake_world_unlock();
    return n;
}

void fake_store_await_alone(struct fake_store *s)
{
    fake_world_lock();
    while (s->refs > 1)
        fake_world_wait();
    fake_world_unlock();
}

void fake_store_await_stored(struct fake_store *s, int n)
{
    fake_world_lock();
    while (s->stored < n)
        fake_world_wait();
    fake_world_unlock();
}

/* ---- the record ---- */

static void key_of_app(char key[ITR_RECORD_KEY])
{
    itr_record_key(FIXTURE_GATEWAY, FIXTURE_APP, key);
}

/* Loads the bytes as they are, past the wrapper. */
static void load_inner(struct fake_store *s, struct itr_buf *bytes)
{
    char key[ITR_RECORD_KEY];
    struct itr_error e;
    int64_t now;

    key_of_app(key);
    itr_buf_init_secret(bytes, ITR_STORE_VALUE_MAX);
    if (s->inner->ops->load(s->inner, key, bytes, &now, &e) != ITR_OK)
        abort();
}

static void swap_inner(struct fake_store *s, const char *text, size_t len)
{
    char key[ITR_RECORD_KEY];
    struct itr_buf old;
    struct itr_error e;
    bool done;

    key_of_app(key);
    load_inner(s, &old);
    if (s->inner->ops->swap(s->inner, key, old.data, old.len, text, len, 1, &done, &e) != ITR_OK ||
        !done)
        abort();
    itr_buf_clear(&old);
}

void fake_store_read(struct fake_store *s, struct itr_record *out)
{
    struct itr_buf bytes;
    struct itr_error e;

    load_inner(s, &bytes);
    if (itr_record_decode(itr_buf_str(&bytes), bytes.len, out, &e) != ITR_OK)
        abort();
    itr_buf_clear(&bytes);
}

void fake_store_write(struct fake_store *s, const struct itr_record *r)
{
    struct itr_buf text;

    itr_buf_init_secret(&text, ITR_RECORD_MAX);
    if (itr_record_encode(r, &text) != ITR_OK)
        abort();
    swap_inner(s, text.data, text.len);
    itr_buf_clear(&text);
}

void fake_store_forget(struct fake_store *s)
{
    swap_inner(s, "", 0);
}
