#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "store/stores.h"

/*
 * "memory:": a short list of values, for one process. The lock is held for a copy only. A fork
 * takes the lock of the process-wide store first, so that the child finds it whole and free.
 */

struct entry {
    struct entry *next;
    char *key;
    struct itr_buf value; /* secret */
};

struct memory {
    struct itr_store head;
    char id[40];
    atomic_uint refs;
    const struct itr_clock *clock;
    pthread_mutex_t lock;
    struct entry *entries; /* under lock */
};

static struct memory *of(struct itr_store *s)
{
    return (struct memory *)s;
}

/* ---- entries ---- */

static void entry_free(struct entry *en)
{
    itr_buf_clear(&en->value);
    free(en->key);
    free(en);
}

static struct entry *entry_find(struct memory *m, const char *key)
{
    struct entry *en = m->entries;

    while (en != NULL && strcmp(en->key, key) != 0)
        en = en->next;
    return en;
}

/* Find or make it; NULL without memory. */
static struct entry *entry_get(struct memory *m, const char *key)
{
    struct entry *en = entry_find(m, key);

    if (en != NULL || (en = calloc(1, sizeof *en)) == NULL)
        return en;
    itr_buf_init_secret(&en->value, ITR_STORE_VALUE_MAX);
    if ((en->key = strdup(key)) == NULL) {
        entry_free(en);
        return NULL;
    }
    en->next = m->entries;
    m->entries = en;
    return en;
}

static bool entry_is(const struct entry *en, const char *bytes, size_t len)
{
    return en->value.len == len && (len == 0 || memcmp(en->value.data, bytes, len) == 0);
}

/* ---- the interface ---- */

static enum itr_status load(struct itr_store *s, const char *key, struct itr_buf *bytes,
                            int64_t *now_wall_ms, struct itr_error *e)
{
    struct memory *m = of(s);
    enum itr_status st = ITR_OK;
    struct entry *en;

    pthread_mutex_lock(&m->lock);
    en = entry_find(m, key);
    if (en != NULL)
        st = itr_buf_append(bytes, en->value.data, en->value.len);
    pthread_mutex_unlock(&m->lock);
    *now_wall_ms = itr_clock_wall_ms(m->clock);
    return st == ITR_OK ? ITR_OK : itr_error_set(e, ITR_NOMEM, "no memory");
}

/* With the lock held. The old value stays when there is no memory for the new one. */
static enum itr_status replace(struct entry *en, const char *bytes, size_t len)
{
    struct itr_buf fresh;
    enum itr_status st;

    itr_buf_init_secret(&fresh, en->value.max);
    st = itr_buf_append(&fresh, bytes, len);
    if (st != ITR_OK)
        return st;
    itr_buf_clear(&en->value);
    en->value = fresh; /* the entry now owns it */
    return ITR_OK;
}

static enum itr_status swap(struct itr_store *s, const char *key, const char *old, size_t old_len,
                            const char *new_bytes, size_t new_len, int64_t keep_for_ms, bool *done,
                            struct itr_error *e)
{
    struct memory *m = of(s);
    enum itr_status st = ITR_NOMEM;
    struct entry *en;

    (void)keep_for_ms; /* a process's memory is forgotten with it */
    *done = false;
    pthread_mutex_lock(&m->lock);
    en = entry_get(m, key);
    if (en != NULL) {
        st = ITR_OK;
        if (entry_is(en, old, old_len)) {
            st = replace(en, new_bytes, new_len);
            *done = st == ITR_OK;
        }
    }
    pthread_mutex_unlock(&m->lock);
    return st == ITR_OK ? ITR_OK : itr_error_set(e, ITR_NOMEM, "no memory");
}

static void retain(struct itr_store *s)
{
    atomic_fetch_add(&of(s)->refs, 1);
}

static void release(struct itr_store *s)
{
    struct memory *m = of(s);
    struct entry *en;

    if (atomic_fetch_sub(&m->refs, 1) != 1)
        return;
    while ((en = m->entries) != NULL) {
        m->entries = en->next;
        entry_free(en);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct itr_store_ops ops = {
    ITR_STORE_VERSION, ITR_FROM_MEMORY, load, swap, retain, release, NULL,
};

struct itr_store *itr_store_memory_new(const struct itr_clock *clock)
{
    struct memory *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    snprintf(m->id, sizeof m->id, "memory:%p", (void *)m);
    m->head.ops = &ops;
    m->head.id = m->id;
    atomic_init(&m->refs, 1);
    m->clock = clock;
    pthread_mutex_init(&m->lock, NULL);
    return &m->head;
}

/* ---- the process-wide one ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct memory *shared; /* one reference is never given back */

static void before_fork(void)
{
    pthread_mutex_lock(&shared->lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&shared->lock);
}

static void make_shared(void)
{
    shared = (struct memory *)itr_store_memory_new(itr_clock_system());
    if (shared != NULL)
        (void)pthread_atfork(before_fork, after_fork, after_fork);
}

struct itr_store *itr_store_memory(void)
{
    (void)pthread_once(&once, make_shared);
    if (shared == NULL)
        return NULL;
    retain(&shared->head);
    return &shared->head;
}
