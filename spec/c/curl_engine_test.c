/* curl_engine: the contract of transports on a thread of its own, and what such a thread brings:
 * one wake for many, cancelling at any moment, forks, exits, several transports on one engine. */
#include "support/fixture.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "support/loop_fixture.h"
#include "support/transport_contract.h"
#include "transport/curl_engine.h"
#include "transport/curl_settings.h"
#include "transport/curl_worker.h"

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define MANY 100
#define MEGABYTE 1000000

static const struct raw_step ANSWER_AT_GATE[] = {
    {RAW_READ, NULL, 0}, {RAW_GATE, NULL, 0}, {RAW_SEND, OK_HELLO, 0}, {RAW_AGAIN, NULL, 0}};
static const struct raw_step SILENT[] = {{RAW_READ, NULL, 0}, {RAW_HOLD, NULL, 0}, {0}};

static const struct itr_transport_options USUAL = {.connect_timeout_ms = 10000};

static enum itr_status open_engine(const struct itr_transport_options *options,
                                   struct itr_transport **out, struct itr_error *e)
{
    return itr_curl_engine_open(options, NULL, out, e);
}

static struct itr_transport *open_with(struct itr_notifier *notifier)
{
    struct itr_transport *t;
    struct itr_error e = {0};

    if (itr_curl_engine_open(&USUAL, notifier, &t, &e) != ITR_OK)
        fail_msg("%s", e.text);
    return t;
}

static void start(struct itr_transport *t, struct itr_exchange *x)
{
    struct itr_error e = {0};

    if (t->ops->start(t, x, &e) != ITR_OK)
        fail_msg("%s", e.text);
}

/* The fixture with a notifier at its transport. */
static struct itr_notifier *init_with_notifier(struct loop_fixture *f,
                                               const struct raw_step *script,
                                               enum itr_notifier_kind kind)
{
    struct itr_notifier *notifier;
    struct itr_error e = {0};

    if (itr_notifier_new(kind, &notifier, &e) != ITR_OK)
        fail_msg("%s", e.text);
    loop_fixture_init(f, script);
    f->t->ops->free(f->t);
    f->t = open_with(notifier);
    return notifier;
}

/* ---- what is over ---- */

static int bytes_in(int fd)
{
    int n = -1;

    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
    return n;
}

static void a_hundred_that_are_over_wake_the_loop_once(void **state)
{
    static struct itr_exchange many[MANY];
    struct loop_fixture f;
    struct itr_notifier *notifier = init_with_notifier(&f, ANSWER_AT_GATE, ITR_NOTIFIER_FD);
    struct pollfd p = {.fd = itr_notifier_fd(notifier), .events = POLLIN};
    int i;

    (void)state;
    for (i = 0; i < MANY; i++) {
        loop_fixture_get(&many[i], f.url);
        start(f.t, &many[i]);
    }
    assert_null(f.t->ops->wait(f.t, 0));
    assert_int_equal(bytes_in(itr_notifier_fd(notifier)), 0);
    raw_server_open_gate(f.server);
    for (i = 0; i < MANY; i++) {
        struct itr_exchange *x = f.t->ops->wait(f.t, -1);
        assert_non_null(x);
        assert_null(x->transfer);
        loop_fixture_expect(x, ITR_OK, true, 200);
        itr_exchange_clear(x);
    }
    assert_null(f.t->ops->wait(f.t, 0));
    assert_int_equal(poll(&p, 1, -1), 1); /* wait() is woken before the notifier is */
    assert_int_equal(bytes_in(p.fd), 1);
    loop_fixture_clear(&f);
    itr_notifier_release(notifier);
}

/* A loop as a host has it: nothing but the notifier tells it to look. */
static void a_loop_that_only_looks_when_it_is_notified_gets_all(void **state)
{
    static struct itr_exchange many[MANY];
    struct loop_fixture f;
    struct itr_notifier *notifier = init_with_notifier(&f, LOOP_FIXTURE_ANSWERS, ITR_NOTIFIER_FD);
    struct pollfd p = {.fd = itr_notifier_fd(notifier), .events = POLLIN};
    struct itr_exchange *x;
    int i, over = 0;

    (void)state;
    for (i = 0; i < MANY; i++) {
        loop_fixture_get(&many[i], f.url);
        start(f.t, &many[i]);
    }
    while (over < MANY) {
        assert_int_equal(poll(&p, 1, -1), 1);
        itr_notifier_answered(notifier);
        while ((x = f.t->ops->wait(f.t, 0)) != NULL) {
            loop_fixture_expect(x, ITR_OK, true, 200);
            itr_exchange_clear(x);
            over++;
        }
    }
    loop_fixture_clear(&f);
    itr_notifier_release(notifier);
}

static void a_host_that_connects_is_told(void **state)
{
    struct loop_fixture f;
    struct itr_notifier *notifier =
        init_with_notifier(&f, LOOP_FIXTURE_ANSWERS, ITR_NOTIFIER_SOCKET);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int host = socket(AF_UNIX, SOCK_STREAM, 0);
    struct itr_error e;
    char c;

    (void)state;
    strncpy(at.sun_path, itr_notifier_path(notifier), sizeof at.sun_path - 1);
    assert_int_equal(connect(host, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(itr_notifier_accept(notifier, &e), ITR_OK);
    start(f.t, &f.x);
    assert_int_equal(read(host, &c, 1), 1);
    itr_notifier_answered(notifier);
    assert_ptr_equal(f.t->ops->wait(f.t, 0), &f.x);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);

    f.t->ops->wake(f.t);
    assert_int_equal(read(host, &c, 1), 1);
    itr_notifier_answered(notifier);
    assert_null(f.t->ops->wait(f.t, -1));
    close(host);
    loop_fixture_clear(&f);
    itr_notifier_release(notifier);
}

static void a_large_answer_comes_over_whole(void **state)
{
    static const struct raw_step script[] = {
        {RAW_READ, NULL, 0},
        {RAW_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nX-A: b\r\n\r\n", 0},
        {RAW_REPEAT, "m", MEGABYTE},
        {RAW_AGAIN, NULL, 0}};
    struct loop_fixture f;
    size_t i;
    int turn;

    (void)state;
    loop_fixture_init(&f, script);
    f.x.response.body.max = MEGABYTE;
    f.x.request.want_headers = true;
    for (turn = 0; turn < 2; turn++) {
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_OK, true, 200);
        assert_int_equal(f.x.response.body.len, MEGABYTE);
        assert_int_equal(f.x.response.body.max, MEGABYTE);
        assert_true(f.x.response.body.wipe);
        for (i = 0; i < MEGABYTE; i++)
            assert_true(f.x.response.body.data[i] == 'm');
        assert_string_equal(itr_buf_str(&f.x.response.headers),
                            "content-length: 1000000\nx-a: b\n");
    }
    f.x.response.body.max = MEGABYTE - 1;
    loop_fixture_carry(&f);
    assert_int_equal(f.x.response.carried, ITR_HTTP);
    loop_fixture_clear(&f);
}

/* The caller's memory may be gone, or be something else, as soon as start() returned. */
static void nothing_of_the_request_is_borrowed(void **state)
{
    char url[256], line[] = "X-One: 1", body[] = "{\"a\":1}", *got;
    const char *headers[] = {line, NULL};
    struct loop_fixture f;
    size_t n;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    snprintf(url, sizeof url, "%s", f.url);
    f.x.request.url = url;
    f.x.request.headers = headers;
    f.x.request.post = true;
    f.x.request.body = body;
    f.x.request.body_len = strlen(body);
    start(f.t, &f.x);
    memset(url, 'u', sizeof url);
    memset(line, 'l', sizeof line);
    memset(body, 'b', sizeof body);
    headers[0] = NULL;
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    got = raw_server_last(f.server, &n);
    assert_memory_equal(got, "POST /a/b?accessToken=s3cret&x=1 ", 33);
    assert_non_null(strstr(got, "\r\nX-One: 1\r\n"));
    assert_memory_equal(got + n - 7, "{\"a\":1}", 7);
    free(got);
    loop_fixture_clear(&f);
}

/* ---- limits ---- */

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

static void what_it_cannot_do_is_refused_at_once(void **state)
{
    struct itr_transport_options bad = USUAL;
    struct itr_transport *t;
    struct loop_fixture f;
    struct itr_error e;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.may_send = yes;
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_USAGE);
    assert_null(f.x.transfer);
    bad.ca_file = "/nowhere/ca.pem";
    assert_int_equal(itr_curl_engine_open(&bad, NULL, &t, &e), ITR_CONFIG);
    assert_null(t);
    f.x.request.may_send = NULL;
    loop_fixture_carry(&f);
    loop_fixture_clear(&f);
}

static void a_deadline_ends_it_also_before_it_began(void **state)
{
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, SILENT);
    f.x.request.timeout_ms = 200;
    loop_fixture_carry(&f);
    assert_int_equal(f.x.response.carried, ITR_TIMEOUT);
    f.x.request.timeout_ms = 0; /* all of it went by while it stood in the queue */
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_TIMEOUT, false, 0);
    loop_fixture_clear(&f);
}

/* Those that are over count until they are taken. They are all of one exchange, which no caller may
 * do; only the first and the last are looked at. */
static void no_more_than_its_maximum_are_taken(void **state)
{
    struct loop_fixture f;
    struct itr_error e = {0};
    int i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.timeout_ms = 0;
    for (i = 0; i < ITR_CURL_WORKER_MOST; i++)
        start(f.t, &f.x);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_NETWORK);
    assert_non_null(strstr(e.text, "65536"));
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    start(f.t, &f.x);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_NETWORK);
    loop_fixture_clear(&f);
}

/* ---- cancelling ---- */

static void one_that_is_over_but_not_taken_can_be_cancelled(void **state)
{
    struct loop_fixture f;
    struct itr_notifier *notifier = init_with_notifier(&f, LOOP_FIXTURE_ANSWERS, ITR_NOTIFIER_FD);
    struct pollfd p = {.fd = itr_notifier_fd(notifier), .events = POLLIN};

    (void)state;
    start(f.t, &f.x);
    assert_int_equal(poll(&p, 1, -1), 1);
    f.t->ops->cancel(f.t, &f.x);
    assert_true(f.x.response.sent);
    assert_null(f.x.transfer);
    assert_null(f.t->ops->wait(f.t, 0));
    itr_notifier_answered(notifier);

    /* Over without a byte of it sent. */
    f.x.request.timeout_ms = 0;
    start(f.t, &f.x);
    assert_int_equal(poll(&p, 1, -1), 1);
    f.t->ops->cancel(f.t, &f.x);
    assert_false(f.x.response.sent);
    f.t->ops->cancel(f.t, &f.x); /* nothing to do */
    loop_fixture_clear(&f);
    itr_notifier_release(notifier);
}

/* Up to 200 us later. It seldom yields: on a machine that is busy with other work, each time costs
 * milliseconds. */
static void be_late(int i)
{
    const struct itr_clock *clock = itr_clock_system();
    int64_t until_us = itr_clock_mono_us(clock) + i / 2;

    while (itr_clock_mono_us(clock) < until_us)
        ;
    if (i % 8 == 0)
        (void)sched_yield();
}

/* Each at another moment; what was surely not sent never arrives, and nothing is mixed up after. */
static void cancelling_at_any_moment_harms_nobody(void **state)
{
    struct loop_fixture f;
    struct itr_exchange other;
    size_t maybe_sent = 0;
    int i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    loop_fixture_get(&other, f.url);
    start(f.t, &other);
    for (i = 0; i < 400; i++) {
        start(f.t, &f.x);
        be_late(i);
        f.t->ops->cancel(f.t, &f.x);
        maybe_sent += f.x.response.sent;
    }
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &other);
    loop_fixture_expect(&other, ITR_OK, true, 200);
    assert_null(f.t->ops->wait(f.t, 0));
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_true(raw_server_requests(f.server) <= maybe_sent + 2);
    itr_exchange_clear(&other);
    loop_fixture_clear(&f);
}

/* One start that wakes the thread, and several of which the first does. An old libcurl keeps no
 * connection, and the server takes 512. */
static void few_and_many_at_once_all_complete(void **state)
{
    enum { ROUNDS = ITR_CURL_HAS_PREREQ ? 400 : 100, MOST = 14 };
    static struct itr_exchange x[MOST];
    size_t n_sent = 0, round, n, i;
    struct loop_fixture f;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 0; i < MOST; i++)
        loop_fixture_get(&x[i], f.url);
    for (round = 0; round < ROUNDS; round++) {
        n = round % 3 == 0 ? 1 + round % MOST : 1;
        for (i = 0; i < n; i++)
            start(f.t, &x[i]);
        for (i = 0; i < n; i++)
            loop_fixture_expect(f.t->ops->wait(f.t, -1), ITR_OK, true, 200);
        n_sent += n;
    }
    assert_int_equal(raw_server_requests(f.server), n_sent);
    for (i = 0; i < MOST; i++)
        itr_exchange_clear(&x[i]);
    loop_fixture_clear(&f);
}

/* The thread sleeps, with nothing to do, until long after it. */
static void a_deadline_counts_whoever_began_it(void **state)
{
    static const struct raw_step answers_once[] = {READ, SEND(OK_HELLO), READ, HOLD, END};
    static const struct raw_step answers_never[] = {READ, HOLD, END}; /* where none is kept */
    static const struct raw_step *const scripts[] = {answers_once, answers_never};
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, scripts, 2, NULL);
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    f.x.request.timeout_ms = 1000; /* long enough for a busy machine to send it */
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_TIMEOUT, true, 0);
    loop_fixture_clear(&f);
}

/* ---- several transports ---- */

static void transports_with_the_same_options_share_connections(void **state)
{
    struct itr_transport_options other = USUAL;
    struct itr_transport *t;
    struct loop_fixture f;
    struct itr_error e;
    size_t i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    loop_fixture_carry(&f);
    t = open_with(NULL);
    loop_fixture_carry_on(t, &f.x);
    if (ITR_CURL_HAS_PREREQ)
        assert_int_equal(raw_server_connections(f.server), 1);
    f.t->ops->free(f.t);
    loop_fixture_carry_on(t, &f.x);
    if (ITR_CURL_HAS_PREREQ)
        assert_int_equal(raw_server_connections(f.server), 1);

    /* Each of these is another engine. */
    for (i = 2; i <= 4; i++) {
        other.user_agent = i % 2 == 0 ? "one" : "other";
        other.connect_timeout_ms = i == 4 ? 9999 : USUAL.connect_timeout_ms;
        assert_int_equal(itr_curl_engine_open(&other, NULL, &f.t, &e), ITR_OK);
        loop_fixture_carry(&f);
        assert_int_equal(raw_server_connections(f.server), ITR_CURL_HAS_PREREQ ? i : i + 2);
        if (i < 4)
            f.t->ops->free(f.t);
    }
    t->ops->free(t);
    loop_fixture_clear(&f);
}

static void one_transport_goes_while_another_goes_on(void **state)
{
    const struct raw_step *const scripts[] = {SILENT, ANSWER_AT_GATE};
    struct itr_exchange gone;
    struct itr_transport *t;
    struct loop_fixture f;

    (void)state;
    loop_fixture_init_with(&f, scripts, 2, NULL);
    t = open_with(NULL);
    loop_fixture_get(&gone, f.url);
    start(t, &gone);
    raw_server_await_requests(f.server, 1);
    start(f.t, &f.x);
    raw_server_await_requests(f.server, 2);
    t->ops->free(t);
    itr_exchange_clear(&gone);
    raw_server_await_closed(f.server, 1);
    raw_server_open_gate(f.server);
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    loop_fixture_clear(&f);
}

static void the_last_transport_ends_it_and_the_next_makes_it_anew(void **state)
{
    struct loop_fixture f;
    size_t i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 1; i <= 50; i++) {
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_OK, true, 200);
        f.t->ops->free(f.t);
        if (i % 2 == 0)
            raw_server_await_closed(f.server, raw_server_connections(f.server));
        f.t = open_with(NULL);
    }
    loop_fixture_clear(&f);
}

static void *get_many(void *ctx)
{
    struct loop_fixture *shared = ctx;
    struct itr_exchange x, cancelled;
    struct itr_transport *t = open_with(NULL);
    int i;

    loop_fixture_get(&x, shared->url);
    loop_fixture_get(&cancelled, shared->url);
    for (i = 0; i < 100; i++) {
        start(t, &cancelled);
        start(t, &x);
        if (i % 3 == 0)
            t->ops->wake(t);
        t->ops->cancel(t, &cancelled);
        while (t->ops->wait(t, -1) != &x)
            ;
        loop_fixture_expect(&x, ITR_OK, true, 200);
    }
    itr_exchange_clear(&x);
    itr_exchange_clear(&cancelled);
    t->ops->free(t);
    return NULL;
}

static void threads_with_a_transport_each_share_one(void **state)
{
    pthread_t threads[4];
    struct loop_fixture f;
    int i;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_many, &f), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    loop_fixture_clear(&f);
}

static struct itr_curl_worker *open_worker(const struct itr_config *c, struct itr_curl_port *port)
{
    struct itr_transport_options options;
    struct itr_curl_worker *w;
    struct itr_error e;

    itr_config_transport(c, &options);
    assert_int_equal(itr_curl_worker_open(&options, port, &w, &e), ITR_OK);
    return w;
}

static void each_option_of_a_transport_makes_another_worker(void **state)
{
    struct itr_curl_port ports[2] = {0};
    struct itr_curl_worker *one, *other;
    const struct itr_option *o;
    struct itr_config c;

    (void)state;
    for (o = itr_config_options(); o->name != NULL; o++) {
        fixture_config(&c);
        one = open_worker(&c, &ports[0]);
        fixture_change(&c, o);
        other = open_worker(&c, &ports[1]);
        if ((one != other) != ((o->uses & ITR_USE_TRANSPORT) != 0))
            fail_msg("%s: its row and the worker's key disagree", o->name);
        itr_curl_worker_close(one, &ports[0]);
        itr_curl_worker_close(other, &ports[1]);
        itr_config_clear(&c);
    }
}

/* ---- fork and exit ---- */

/* The thread sanitizer ends a child that starts a thread after a fork of several. */
static bool cannot_fork(void)
{
    if (UNDER_TSAN)
        print_message("a child that makes threads: not under the thread sanitizer\n");
    return UNDER_TSAN;
}

/* Is this thread of the process at work? One that ended is not. */
static bool is_running(const char *id)
{
    char path[300], state = '?';
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/self/task/%s/stat", id);
    if ((f = fopen(path, "r")) == NULL)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'S';
    (void)fclose(f);
    return state == 'R';
}

/* How many threads are at work: this one is. */
static int count_running(void)
{
    DIR *all = opendir("/proc/self/task");
    struct dirent *one;
    int n = 0;

    assert_non_null(all);
    while ((one = readdir(all)) != NULL)
        n += one->d_name[0] != '.' && is_running(one->d_name);
    (void)closedir(all);
    return n;
}

/* Fork when no other thread is at work: what such a one has on its stack alone is lost in the
 * child, and a leak checker says so there. */
static pid_t fork_at_rest(void)
{
    while (count_running() > 1)
        sched_yield();
    return fork();
}

static void await_child(pid_t child)
{
    int status = -1;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void be_child(struct loop_fixture *f, struct itr_exchange *queued)
{
    struct itr_exchange *x, y;
    int out = 2;

    assert_int_equal(raw_server_peer(f->server), -1);

    /* What was out is the parent's. */
    while (out > 0 && (x = f->t->ops->wait(f->t, -1)) != NULL) {
        loop_fixture_expect(x, ITR_NETWORK, true, 0);
        out -= x == &f->x || x == queued;
    }
    /* The same transport works on, with a thread and a connection of its own. */
    loop_fixture_get(&y, f->url);
    loop_fixture_carry_on(f->t, &y);
    loop_fixture_expect(&y, ITR_OK, true, 200);
    itr_exchange_clear(&y);
    exit(0);
}

static void both_sides_of_a_fork_go_on(void **state)
{
    const struct raw_step *const scripts[] = {ANSWER_AT_GATE, ANSWER_AT_GATE, LOOP_FIXTURE_ANSWERS};
    struct itr_exchange second;
    struct loop_fixture f;
    pid_t child;

    (void)state;
    if (cannot_fork())
        skip();
    loop_fixture_init_with(&f, scripts, 3, NULL);
    loop_fixture_get(&second, f.url);
    start(f.t, &f.x);
    start(f.t, &second);
    raw_server_await_requests(f.server, 2);
    assert_true(raw_server_peer(f.server) >= 0);
    if ((child = fork_at_rest()) == 0)
        be_child(&f, &second);
    await_child(child);
    assert_int_equal(raw_server_connections(f.server), 3);
    raw_server_open_gate(f.server);
    assert_non_null(f.t->ops->wait(f.t, -1));
    assert_non_null(f.t->ops->wait(f.t, -1));
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    loop_fixture_expect(&second, ITR_OK, true, 200);

    /* The child ended nothing of the parent's. */
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    if (ITR_CURL_HAS_PREREQ)
        assert_int_equal(raw_server_connections(f.server), 3);
    itr_exchange_clear(&second);
    loop_fixture_clear(&f);
}

/* As the client does it: abandon, and a new one. */
static void a_child_can_abandon_and_open_its_own(void **state)
{
    const struct raw_step *const scripts[] = {ANSWER_AT_GATE, LOOP_FIXTURE_ANSWERS};
    struct loop_fixture f;
    pid_t child;

    (void)state;
    if (cannot_fork())
        skip();
    loop_fixture_init_with(&f, scripts, 2, NULL);
    start(f.t, &f.x);
    raw_server_await_requests(f.server, 1);
    if ((child = fork_at_rest()) == 0) {
        f.t->ops->abandon(f.t);
        f.t = open_with(NULL);
        itr_exchange_clear(&f.x);
        loop_fixture_get(&f.x, f.url);
        loop_fixture_carry(&f);
        loop_fixture_expect(&f.x, ITR_OK, true, 200);
        f.t->ops->free(f.t);
        itr_exchange_clear(&f.x);
        exit(0);
    }
    await_child(child);
    raw_server_open_gate(f.server);
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    loop_fixture_clear(&f);
}

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

/* Forks at every moment of what the thread does: none hangs, and both sides are whole. */
static void forks_in_the_middle_of_work_harm_nobody(void **state)
{
    static struct itr_exchange many[8];
    struct loop_fixture f;
    int turn, i;

    (void)state;
    if (UNDER_ASAN)
        print_message(
            "a fork while a thread allocates: the address sanitizer's own lock stays held\n");
    if (UNDER_ASAN || cannot_fork())
        skip();
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    for (i = 0; i < 8; i++)
        loop_fixture_get(&many[i], f.url);
    for (turn = 0; turn < 40; turn++) {
        pid_t child;

        for (i = 0; i < 8; i++)
            start(f.t, &many[i]);
        for (i = 0; i < turn; i++)
            sched_yield();
        if ((child = fork()) == 0) {
            for (i = 0; i < 8; i++)
                if (f.t->ops->wait(f.t, -1) == NULL)
                    _exit(1);
            loop_fixture_carry(&f);
            _exit(f.x.response.carried == ITR_OK ? 0 : 2);
        }
        await_child(child);
        for (i = 0; i < 8; i++)
            loop_fixture_expect(f.t->ops->wait(f.t, -1), ITR_OK, true, 200);
    }
    for (i = 0; i < 8; i++)
        itr_exchange_clear(&many[i]);
    loop_fixture_clear(&f);
}

/* What a child at its exit still has open; looked at when the engine's exit handler is through. */
static struct loop_fixture *at_exit;

static void after_exit_handlers(void)
{
    struct itr_exchange *x;
    struct itr_error e;

    if (at_exit == NULL)
        return;
    if ((x = at_exit->t->ops->wait(at_exit->t, 0)) != &at_exit->x)
        _exit(2);
    if (x->response.carried != ITR_NETWORK || !x->response.sent ||
        strstr(x->response.detail, "ending") == NULL)
        _exit(3);
    if (at_exit->t->ops->start(at_exit->t, x, &e) != ITR_NETWORK)
        _exit(4);
    if (raw_server_peer(at_exit->server) >= 0)
        _exit(5);
}

static void a_process_can_end_with_requests_out(void **state)
{
    struct loop_fixture f;
    int go[2];
    pid_t child;
    char c;

    (void)state;
    if (cannot_fork())
        skip();
    loop_fixture_init(&f, SILENT);
    assert_int_equal(pipe(go), 0);
    if ((child = fork_at_rest()) == 0) {
        start(f.t, &f.x);
        at_exit = &f;
        exit(read(go[0], &c, 1) == 1 ? 0 : 1);
    }
    raw_server_await_requests(f.server, 1);
    assert_int_equal(write(go[1], "!", 1), 1);
    await_child(child);
    raw_server_await_closed(f.server, 1);
    close(go[0]);
    close(go[1]);
    loop_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_CONTRACT_TESTS,
        cmocka_unit_test(a_hundred_that_are_over_wake_the_loop_once),
        cmocka_unit_test(a_loop_that_only_looks_when_it_is_notified_gets_all),
        cmocka_unit_test(a_host_that_connects_is_told),
        cmocka_unit_test(a_large_answer_comes_over_whole),
        cmocka_unit_test(nothing_of_the_request_is_borrowed),
        cmocka_unit_test(what_it_cannot_do_is_refused_at_once),
        cmocka_unit_test(a_deadline_ends_it_also_before_it_began),
        cmocka_unit_test(no_more_than_its_maximum_are_taken),
        cmocka_unit_test(one_that_is_over_but_not_taken_can_be_cancelled),
        cmocka_unit_test(cancelling_at_any_moment_harms_nobody),
        cmocka_unit_test(few_and_many_at_once_all_complete),
        cmocka_unit_test(a_deadline_counts_whoever_began_it),
        cmocka_unit_test(transports_with_the_same_options_share_connections),
        cmocka_unit_test(one_transport_goes_while_another_goes_on),
        cmocka_unit_test(the_last_transport_ends_it_and_the_next_makes_it_anew),
        cmocka_unit_test(threads_with_a_transport_each_share_one),
        cmocka_unit_test(each_option_of_a_transport_makes_another_worker),
        cmocka_unit_test(both_sides_of_a_fork_go_on),
        cmocka_unit_test(a_child_can_abandon_and_open_its_own),
        cmocka_unit_test(forks_in_the_middle_of_work_harm_nobody),
        cmocka_unit_test(a_process_can_end_with_requests_out),
    };

    fixture_main();
    (void)atexit(after_exit_handlers); /* before the engine's, so that it runs after them */
    loop_fixture_opener = open_engine;
    return cmocka_run_group_tests_name("curl_engine", tests, NULL, NULL);
}
