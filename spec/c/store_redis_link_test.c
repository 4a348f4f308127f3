/* redis_link, redis_pool: servers that answer nonsense, nothing, or too much, and what is kept of a
 * connection. */
#include "support/raw_server.h"
#include "support/store_contract.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "store/redis_link.h"
#include "store/redis_pool.h"
#include "store/stores.h"

static struct itr_store *open_at(int port, const char *options)
{
    struct itr_store *s = NULL;
    struct itr_error e;
    char address[120];

    (void)snprintf(address, sizeof address, "redis://127.0.0.1:%d?%s", port, options);
    if (itr_store_redis_new(address, &s, &e) != ITR_OK)
        fail_msg("%s", e.text);
    return s;
}

/* ---- nonsense ---- */

/* A server that answers each connection with these bytes, and then nothing. */
static void assert_told_within(const char *limit, const struct raw_step *script, const char *word)
{
    const struct raw_step *scripts[] = {script};
    struct raw_server *server = raw_server_new(scripts, 1);
    struct itr_store *s = open_at(raw_server_port(server), limit);

    store_assert_load_fails(s, (const char *const[]){word, "token_store", NULL});
    s->ops->release(s);
    raw_server_free(server);
}

static void assert_told(const struct raw_step *script, const char *word)
{
    assert_told_within("timeout_ms=20000", script, word);
}

static void assert_given_up(const struct raw_step *script)
{
    assert_told_within("timeout_ms=500", script, "no answer within 500 ms");
}

#define ANSWER(text)                                                                               \
    (const struct raw_step[])                                                                      \
    {                                                                                              \
        {RAW_SEND, text, 0}, {RAW_HOLD, NULL, 0},                                                  \
        {                                                                                          \
            RAW_END, NULL, 0                                                                       \
        }                                                                                          \
    }

static void nonsense_is_reported_and_not_waited_for(void **state)
{
    static const char *const nonsense[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "*2147483647\r\n",
        "*2147483648\r\n",
        "*-2\r\n",
        "$-2\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        "?\r\n",
    };
    static const char *const other_types[] = {
        ":5\r\n",
        "+OK\r\n",
        "*1\r\n$1\r\nx\r\n",
        "$-1\r\n:5\r\n",
        "$-1\r\n*-1\r\n",
        "$-1\r\n*2\r\n:1\r\n:2\r\n",
        "$-1\r\n*1\r\n$1\r\n1\r\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < count_of(nonsense); i++)
        assert_told(ANSWER(nonsense[i]), "makes no sense");
    for (i = 0; i < count_of(other_types); i++)
        assert_told(ANSWER(other_types[i]), "is not what Redis answers");
    assert_told(ANSWER("-MOVED 1 nowhere\r\n-ERR x\r\n"), "on another node");
}

static void a_value_that_never_ends_is_not_kept(void **state)
{
    static const struct raw_step endless[] = {
        {RAW_SEND, "$2147483647\r\n", 0}, {RAW_REPEAT, "x", 1 << 20}, {RAW_END, NULL, 0}};
    static const struct raw_step foreign[] = {{RAW_SEND, "$10000\r\n", 0},
                                              {RAW_REPEAT, "x", 10000},
                                              {RAW_SEND, "\r\n*2\r\n$1\r\n1\r\n$1\r\n1\r\n", 0},
                                              {RAW_HOLD, NULL, 0},
                                              {RAW_END, NULL, 0}};
    const struct raw_step *scripts[] = {foreign};
    struct raw_server *server = raw_server_new(scripts, 1);
    struct itr_store *s = open_at(raw_server_port(server), "timeout_ms=20000");
    struct itr_buf small;
    struct itr_error e;
    int64_t now;

    (void)state;
    itr_buf_init_secret(&small, 4096);
    assert_int_equal(s->ops->load(s, "k", &small, &now, &e), ITR_STORE);
    assert_non_null(strstr(e.text, "another prefix"));
    itr_buf_clear(&small);
    s->ops->release(s);
    raw_server_free(server);
    assert_told(endless, "makes no sense");
}

static void a_server_that_says_nothing_or_too_little_is_given_up(void **state)
{
    static const struct raw_step silent[] = {{RAW_HOLD, NULL, 0}, {RAW_END, NULL, 0}};
    static const struct raw_step dripping[] = {{RAW_DRIP, "+", 0}, {RAW_END, NULL, 0}};
    static const struct raw_step closing[] = {{RAW_END, NULL, 0}};
    static const struct raw_step resetting[] = {{RAW_RESET, NULL, 0}};

    (void)state;
    assert_given_up(silent);
    assert_given_up(dripping); /* however often bytes come */
    assert_given_up(ANSWER("$3\r\nab"));
    assert_given_up(ANSWER("$9223372036854775807\r\n"));
    assert_told(closing, "closed the connection");
    assert_told(resetting, "connect"); /* while it connects, or after */
}

/* What is said before a server hangs up, as for maxclients, is heard. */
static void last_words_are_heard(void **state)
{
    static const struct raw_step full[] = {{RAW_SEND, "-ERR max number of clients reached\r\n", 0},
                                           {RAW_END, NULL, 0}};
    static const struct raw_step guarded[] = {
        {RAW_SEND, "-DENIED Redis is running in protected mode\r\n", 0}, {RAW_END, NULL, 0}};

    (void)state;
    assert_told(full, "maxclients");
    assert_told(guarded, "protected mode");
}

/* ---- an answer that is lost ---- */

/* The first connection breaks, the second one answers with this. */
static struct raw_server *break_once(const char *answer)
{
    static const struct raw_step broken[] = {{RAW_SEND, "$", 0}, {RAW_END, NULL, 0}};
    static struct raw_step answering_then[3];
    static const struct raw_step *const scripts[] = {broken, answering_then};

    answering_then[0] = (struct raw_step){RAW_SEND, answer, 0};
    answering_then[1] = (struct raw_step){RAW_HOLD, NULL, 0};
    answering_then[2] = (struct raw_step){RAW_END, NULL, 0};
    return raw_server_new(scripts, 2);
}

static void a_connection_that_breaks_is_made_once_more(void **state)
{
    struct raw_server *server = break_once("$1\r\nv\r\n*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
    struct itr_store *s = open_at(raw_server_port(server), "");

    (void)state;
    store_assert_value(s, "k", "v");
    s->ops->release(s);
    raw_server_free(server);
}

/* The script finds another value than the old one (:0): whose is it? */
static void a_swap_whose_answer_was_lost_is_looked_up(void **state)
{
    struct raw_server *server = break_once(":0\r\n$5\r\nfresh\r\n");
    struct itr_store *s = open_at(raw_server_port(server), "");

    (void)state;
    assert_true(store_swap(s, "k", "old", "fresh"));
    s->ops->release(s);
    raw_server_free(server);

    server = break_once(":0\r\n$7\r\nanother\r\n");
    s = open_at(raw_server_port(server), "");
    assert_false(store_swap(s, "k", "old", "fresh"));
    s->ops->release(s);
    raw_server_free(server);
}

/* ---- many at once ---- */

#define APPS 20

static void *load_one(void *store)
{
    struct itr_store *s = store;
    struct itr_buf out;
    struct itr_error e;
    int64_t now;

    itr_buf_init_secret(&out, 100);
    (void)s->ops->load(s, "k", &out, &now, &e);
    itr_buf_clear(&out);
    return NULL;
}

static void no_app_waits_behind_another_on_a_server_that_hangs(void **state)
{
    static const struct raw_step hanging[] = {
        {RAW_SEND, "$", 0}, {RAW_GATE, NULL, 0}, {RAW_END, NULL, 0}};
    const struct raw_step *scripts[] = {hanging};
    struct raw_server *server = raw_server_new(scripts, 1);
    struct itr_store *s = open_at(raw_server_port(server), "timeout_ms=60000");
    pthread_t threads[APPS];
    int i;

    (void)state;
    for (i = 0; i < APPS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_one, s), 0);
    raw_server_await_sends(server, APPS); /* all of them are connected, and none has an answer */
    raw_server_open_gate(server);
    for (i = 0; i < APPS; i++)
        pthread_join(threads[i], NULL);
    s->ops->release(s);
    raw_server_free(server);
}

/* ---- what is kept ---- */

static const struct raw_step answering[] = {
    {RAW_SEND, "$-1\r\n*2\r\n$1\r\n1\r\n$1\r\n1\r\n", 0}, {RAW_HOLD, NULL, 0}, {RAW_END, NULL, 0}};

/* How many descriptors of this process are connections to that port. */
static int connections_to(int port)
{
    struct sockaddr_in a;
    socklen_t n;
    int fd, count = 0;

    for (fd = 0; fd < 256; fd++) {
        n = sizeof a;
        count += getpeername(fd, (struct sockaddr *)&a, &n) == 0 && ntohs(a.sin_port) == port;
    }
    return count;
}

static void a_child_has_no_connection_of_its_parent(void **state)
{
    const struct raw_step *scripts[] = {answering};
    struct raw_server *server = raw_server_new(scripts, 1);
    int port = raw_server_port(server), status = -1;
    struct itr_store *s = open_at(port, "");
    pid_t child;

    (void)state;
    store_assert_value(s, "k", "");
    assert_int_equal(connections_to(port), 1);
    if ((child = fork()) == 0) {
        bool none = connections_to(port) == 0;
        s->ops->release(s);
        _exit(none ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(connections_to(port), 1);
    s->ops->release(s);
    assert_int_equal(connections_to(port), 0);
    raw_server_free(server);
}

/* In a child: the server has its descriptors in this process. 0: right. */
static int look_at_descriptors(int port, bool is_closed)
{
    struct itr_store *s = open_at(port, "");
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int fd, found = 0;

    if (is_closed)
        (void)close(0);
    store_assert_value(s, "k", "");
    if (is_closed && fcntl(0, F_GETFD) >= 0)
        return 1;
    for (fd = 3; fd < 256; fd++, n = sizeof a) {
        if (getpeername(fd, (struct sockaddr *)&a, &n) != 0 || ntohs(a.sin_port) != port)
            continue;
        if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
            return 2;
        found++;
    }
    return found == 1 ? 0 : 3;
}

static void a_connection_is_closed_by_exec_and_is_none_of_the_standard_streams(void **state)
{
    const struct raw_step *scripts[] = {answering};
    struct raw_server *server = raw_server_new(scripts, 1);
    int status = -1, is_closed;
    pid_t child;

    (void)state;
    for (is_closed = 0; is_closed < 2; is_closed++) {
        if ((child = fork()) == 0)
            _exit(look_at_descriptors(raw_server_port(server), is_closed));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    raw_server_free(server);
}

static void an_idle_connection_is_used_again_unless_it_is_old_or_closed(void **state)
{
    static const struct raw_step until_gate[] = {
        {RAW_SEND, "", 0}, {RAW_GATE, NULL, 0}, {RAW_END, NULL, 0}};
    const struct raw_step *scripts[] = {until_gate};
    struct raw_server *server = raw_server_new(scripts, 1);
    int64_t now = itr_clock_mono_ms(itr_clock_system());
    struct itr_redis_place place = {.port = raw_server_port(server), .host = "127.0.0.1"};
    struct itr_redis_url u;
    struct itr_redis_owner owner = {&u, "redis://test"};
    struct itr_redis_link *l;
    struct itr_error e;

    (void)state;
    assert_int_equal(itr_redis_url_read("redis://127.0.0.1", &u, &e), ITR_OK);
    l = itr_redis_link_new(&owner, &place, now + 10000);
    assert_int_equal(itr_redis_link_connect(l, false, &e), ITR_REDIS_OK);
    l->made_mono_ms = now;
    assert_true(itr_redis_link_is_usable(l, now + 29999));
    assert_false(itr_redis_link_is_usable(l, now + 30000));
    raw_server_open_gate(server);
    raw_server_await_closed(server, 1);
    raw_server_await_arrived(server);
    assert_false(itr_redis_link_is_usable(l, now));
    itr_redis_link_free(l);
    raw_server_free(server);
}

static struct itr_redis_link *connected(const struct itr_redis_owner *owner,
                                        const struct itr_redis_place *place)
{
    struct itr_redis_link *l =
        itr_redis_link_new(owner, place, itr_clock_mono_ms(itr_clock_system()) + 10000);
    struct itr_error e;

    assert_non_null(l);
    assert_int_equal(itr_redis_link_connect(l, false, &e), ITR_REDIS_OK);
    return l;
}

/* One after another they share a connection, however many they are; many at once leave a few. */
static void a_pool_keeps_a_few_connections_and_uses_them_again(void **state)
{
    enum { MANY = 12 };
    static const struct raw_step silent[] = {{RAW_HOLD, NULL, 0}, {RAW_END, NULL, 0}};
    const struct raw_step *scripts[] = {silent};
    struct raw_server *server = raw_server_new(scripts, 1);
    struct itr_redis_place place = {.port = raw_server_port(server), .host = "127.0.0.1"};
    struct itr_redis_link *links[MANY];
    struct itr_redis_pool pool;
    struct itr_redis_url u;
    struct itr_redis_owner owner = {&u, "redis://test"};
    struct itr_error e;
    size_t kept;
    int i;

    (void)state;
    assert_int_equal(itr_redis_url_read("redis://127.0.0.1", &u, &e), ITR_OK);
    itr_redis_pool_init(&pool);
    links[0] = connected(&owner, &place);
    for (i = 0; i < 100; i++) {
        itr_redis_pool_give(&pool, links[0]);
        assert_ptr_equal(itr_redis_pool_take(&pool, NULL), links[0]);
    }
    for (i = 1; i < MANY; i++)
        links[i] = connected(&owner, &place);
    for (i = 0; i < MANY; i++)
        itr_redis_pool_give(&pool, links[i]);
    kept = (size_t)pool.n_idle;
    assert_int_equal(kept, 4);
    raw_server_await_closed(server, MANY - kept);
    for (i = 0; i < (int)kept; i++) {
        assert_non_null(links[i] = itr_redis_pool_take(&pool, &place));
    }
    assert_null(itr_redis_pool_take(&pool, NULL));
    for (i = 0; i < (int)kept; i++)
        itr_redis_pool_give(&pool, links[i]);
    itr_redis_pool_clear(&pool);
    raw_server_await_closed(server, MANY);
    raw_server_free(server);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_is_reported_and_not_waited_for),
        cmocka_unit_test(a_value_that_never_ends_is_not_kept),
        cmocka_unit_test(a_server_that_says_nothing_or_too_little_is_given_up),
        cmocka_unit_test(last_words_are_heard),
        cmocka_unit_test(a_connection_that_breaks_is_made_once_more),
        cmocka_unit_test(a_swap_whose_answer_was_lost_is_looked_up),
        cmocka_unit_test(no_app_waits_behind_another_on_a_server_that_hangs),
        cmocka_unit_test(a_child_has_no_connection_of_its_parent),
        cmocka_unit_test(a_connection_is_closed_by_exec_and_is_none_of_the_standard_streams),
        cmocka_unit_test(an_idle_connection_is_used_again_unless_it_is_old_or_closed),
        cmocka_unit_test(a_pool_keeps_a_few_connections_and_uses_them_again),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
