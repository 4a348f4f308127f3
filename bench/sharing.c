/*
 * sharing: how many hits a second threads get from one token source, all together.
 *
 *   sharing GATEWAY THREADS SECONDS
 *
 * Prints hits a second. A hit is what a call pays for its token: itr_source_ask and the release
 * of what it gave. The source is over the store in memory; on a hit no store is asked.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/source/source.h"
#include "store/stores.h"
#include "transport/curl_loop.h"

#define THREADS_MAX 64

struct worker {
    pthread_t thread;
    struct itr_source *source;
    unsigned long hits;
    char apart[64]; /* two of them never share a cache line */
};

static atomic_bool stop;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "sharing: %s\n", what);
    exit(1);
}

static void wake(void *ctx)
{
    atomic_store((atomic_bool *)ctx, true);
}

static void hit(struct itr_source *s)
{
    static const struct itr_token_ask ask = {0};
    struct itr_wait w = {0};

    if (!itr_source_ask(s, &ask, &w) || w.token == NULL)
        fail("no hit");
    itr_token_release(w.token);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    unsigned long i = 0;

    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        hit(w->source);
        i++;
    }
    w->hits = i;
    return NULL;
}

static struct itr_source *open_source(const char *gateway)
{
    struct itr_parts parts = {itr_clock_system(), itr_curl_loop_factory(), itr_store_memory()};
    struct itr_source *s;
    struct itr_config c;
    struct itr_error e;

    itr_config_init(&c);
    if (itr_config_set_text(&c, "gateway", gateway, &e) != ITR_OK ||
        itr_config_set_text(&c, "app_id", "bench", &e) != ITR_OK ||
        itr_config_set_text(&c, "app_secret", "bench-secret", &e) != ITR_OK ||
        itr_config_finish(&c, &e) != ITR_OK || itr_source_open(&c, &parts, &s, &e) != ITR_OK)
        fail(e.text);
    itr_config_clear(&c);
    return s;
}

static void fetch(struct itr_source *s)
{
    static atomic_bool woken;
    static struct itr_wait w;

    w.wake = wake;
    w.ctx = &woken;
    if (!itr_source_ask(s, &(struct itr_token_ask){0}, &w))
        while (!atomic_load(&woken))
            (void)usleep(1000);
    if (w.token == NULL)
        fail(w.error.text);
    itr_token_release(w.token);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct worker all[THREADS_MAX];
    unsigned long hits = 0;
    int i, threads = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
    struct itr_source *s;
    double from;

    if (threads < 1 || threads > THREADS_MAX)
        fail("usage: sharing GATEWAY THREADS SECONDS");
    s = open_source(argv[1]);
    fetch(s);
    from = now();
    for (i = 0; i < threads; i++) {
        all[i].source = s;
        if (pthread_create(&all[i].thread, NULL, work, &all[i]) != 0)
            fail("no thread");
    }
    (void)usleep((useconds_t)(strtod(argv[3], NULL) * 1e6));
    atomic_store(&stop, true);
    for (i = 0; i < threads; i++) {
        (void)pthread_join(all[i].thread, NULL);
        hits += all[i].hits;
    }
    printf("%.0f\n", (double)hits / (now() - from));
    itr_source_release(s);
    return 0;
}
