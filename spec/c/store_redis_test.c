/* store_redis: the contract of stores on a real redis-server, and what only a server can do wrong.
 */
#include "support/raw_server.h"
#include "support/redis_server.h"
#include "support/store_contract.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "store/redis_url.h"
#include "store/stores.h"
#include "support/deaf_port.h"

static struct redis_server server;
static char address[120];
static struct itr_error e;

#define SAYS(answer, ...)                                                                          \
    redis_server_says(&server, answer, (const char *const[]){__VA_ARGS__, NULL})

static struct itr_store *open_at(const char *where)
{
    struct itr_store *s = NULL;

    if (itr_store_redis_new(where, &s, &e) != ITR_OK)
        fail_msg("%s", e.text);
    return s;
}

static struct itr_store *open_store(void)
{
    return open_at(address);
}

static void begin(void)
{
    redis_server_start(&server, 0, NULL, NULL);
    snprintf(address, sizeof address, "redis://127.0.0.1:%d/3?prefix=test:&timeout_ms=20000",
             server.port);
}

static void end(void)
{
    redis_server_stop(&server);
}

static void forget(void)
{
    assert_true(SAYS("OK", "FLUSHALL"));
}

static int64_t now_ms(void)
{
    return itr_clock_wall_ms(itr_clock_system()); /* the server is on this machine */
}

static const struct store_kind kind = {ITR_FROM_REDIS, true, open_store, begin,
                                       forget,         end,  now_ms};

/* ---- where values lie ---- */

static void a_value_lies_in_its_db_under_its_prefix_and_lives_for_a_time(void **state)
{
    struct itr_store *s = *state;
    bool done;

    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "v", 1, 90000, &done, &e), ITR_OK);
    assert_true(SAYS("v", "-n", "3", "GET", "test:k"));
    assert_true(SAYS("0", "-n", "0", "DBSIZE"));
    assert_true(SAYS("1", "-n", "3", "EVAL",
                     "local t = redis.call('PTTL', 'test:k') return t > 60000 and t <= 90000",
                     "0"));
}

/* The constant that EVALSHA sends is the hash of the script, or each swap would send both. */
static void the_script_is_sent_once(void **state)
{
    assert_true(store_swap(*state, "k", "", "a"));
    assert_true(store_swap(*state, "k", "a", "b"));
    assert_true(store_swap(*state, "k", "b", "c"));
    assert_true(
        SAYS("1", "EVAL",
             "return redis.call('INFO', 'commandstats'):find('cmdstat_eval:calls=1,') and 1 "
             "or 0",
             "0"));
}

/* ---- trouble ---- */

static void a_server_that_died_and_came_back_is_found_again(void **state)
{
    static const char *const words[] = {"redis://127.0.0.1", "refused", "token_store", NULL};
    int port = server.port;

    assert_true(store_swap(*state, "k", "", "a"));
    redis_server_stop(&server);
    store_assert_load_fails(*state, words);
    store_assert_swap_fails(*state, words);
    redis_server_start(&server, port, NULL, NULL);
    store_assert_value(*state, "k", "");
    assert_true(store_swap(*state, "k", "", "b"));
}

static void a_restart_between_two_operations_is_not_noticed(void **state)
{
    int port = server.port;

    assert_true(store_swap(*state, "k", "", "a"));
    redis_server_stop(&server);
    redis_server_start(&server, port, NULL, NULL);
    assert_true(store_swap(*state, "k", "", "b"));
    store_assert_value(*state, "k", "b");
}

static void a_connection_that_is_closed_under_it_is_made_again(void **state)
{
    assert_true(store_swap(*state, "k", "", "a"));
    assert_true(SAYS(NULL, "CLIENT", "KILL", "TYPE", "normal"));
    assert_true(store_swap(*state, "k", "a", "b"));
    assert_true(SAYS(NULL, "CLIENT", "KILL", "TYPE", "normal"));
    store_assert_value(*state, "k", "b");
}

static void a_stopped_server_is_given_up_in_time(void **state)
{
    static const char *const words[] = {"no answer within 400 ms", "redis://127.0.0.1", NULL};
    char where[120];
    struct itr_store *s;

    assert_true(store_swap(*state, "k", "", "a"));
    snprintf(where, sizeof where, "redis://127.0.0.1:%d/3?prefix=test:&timeout_ms=400",
             server.port);
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    s = open_at(where);
    store_assert_load_fails(s, words);
    store_assert_swap_fails(s, words);
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    s->ops->release(s);
    store_assert_value(*state, "k", "a");
}

static void a_full_server_is_an_error_and_keeps_what_it_has(void **state)
{
    static const char *const words[] = {"out of memory", "token_store", NULL};

    assert_true(store_swap(*state, "k2", "", "a"));
    assert_true(SAYS("OK", "CONFIG", "SET", "maxmemory", "1"));
    store_assert_swap_fails(*state, words);
    store_assert_value(*state, "k2", "a");
    assert_true(SAYS("OK", "CONFIG", "SET", "maxmemory", "0"));
    assert_true(store_swap(*state, "k", "", "v"));
}

static void a_replica_is_an_error(void **state)
{
    static const char *const words[] = {"replica", "master", NULL};

    assert_true(SAYS("OK", "REPLICAOF", "127.0.0.1", "1"));
    store_assert_swap_fails(*state, words);
}

static void something_else_under_the_key_is_an_error(void **state)
{
    static const char *const words[] = {"another program", "prefix", NULL};

    assert_true(SAYS("1", "-n", "3", "LPUSH", "test:k", "x"));
    store_assert_load_fails(*state, words);
    store_assert_swap_fails(*state, words);
}

/* A server that answers each connection with `text`, whatever it is asked. */
static struct raw_server *answer_with(const char *text)
{
    static struct raw_step script[3];
    static const struct raw_step *const scripts[] = {script};

    script[0] = (struct raw_step){RAW_SEND, text, 0};
    script[1] = (struct raw_step){RAW_HOLD, NULL, 0};
    script[2] = (struct raw_step){RAW_END, NULL, 0};
    return raw_server_new(scripts, 1);
}

/* ---- many values at once, as itriggerd looks at its apps' ---- */

#define MANY 4

struct many {
    struct itr_buf bytes[MANY];
    enum itr_status status;
    int64_t now;
};

static void load_many(struct many *m, struct itr_store *s, const char *const *keys)
{
    int i;

    for (i = 0; i < MANY; i++)
        itr_buf_init(&m->bytes[i], 2048);
    m->now = 0;
    m->status = s->ops->load_many(s, keys, MANY, m->bytes, &m->now, &e);
}

static void many_clear(struct many *m)
{
    int i;

    for (i = 0; i < MANY; i++)
        itr_buf_clear(&m->bytes[i]);
}

static void many_values_are_loaded_at_one_time(void **state)
{
    static const char *const keys[] = {"a", "none", "b", "c"};
    struct many m;
    int64_t before, now;

    assert_true(store_swap(*state, "a", "", "first") && store_swap(*state, "b", "", "second") &&
                store_swap(*state, "c", "", "third"));
    before = itr_clock_wall_ms(itr_clock_system());
    load_many(&m, *state, keys);
    now = itr_clock_wall_ms(itr_clock_system());
    assert_int_equal(m.status, ITR_OK);
    assert_string_equal(itr_buf_str(&m.bytes[0]), "first");
    assert_int_equal(m.bytes[1].len, 0);
    assert_string_equal(itr_buf_str(&m.bytes[2]), "second");
    assert_string_equal(itr_buf_str(&m.bytes[3]), "third");
    assert_true(m.now >= before - 1 && m.now <= now + 1);
    many_clear(&m);
}

/* One app's trouble: the others' values are all there, and the error says whose fault it is. The
 * connection can be used again, for every answer was read. */
static void one_value_that_cannot_be_loaded_hides_no_others(void **state)
{
    static const char *const keys[] = {"a", "k", "b", "c"};
    struct many m;

    assert_true(store_swap(*state, "a", "", "first") && store_swap(*state, "b", "", "second"));
    assert_true(SAYS("1", "-n", "3", "LPUSH", "test:k", "x"));
    load_many(&m, *state, keys);
    assert_int_equal(m.status, ITR_STORE);
    assert_non_null(strstr(e.text, "another program"));
    assert_string_equal(itr_buf_str(&m.bytes[0]), "first");
    assert_string_equal(itr_buf_str(&m.bytes[2]), "second");
    many_clear(&m);
    store_assert_value(*state, "a", "first");
}

static void many_values_of_a_server_that_answers_nonsense_are_an_error(void **state)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    struct raw_server *server_ = answer_with("$1\r\n1\r\n$1\r\n2\r\n*1\r\n$1\r\n3\r\n");
    struct itr_store *s;
    char where[64];
    struct many m;

    (void)state;
    snprintf(where, sizeof where, "redis://127.0.0.1:%d", raw_server_port(server_));
    s = open_at(where);
    load_many(&m, s, keys);
    assert_int_equal(m.status, ITR_STORE);
    many_clear(&m);
    s->ops->release(s);
    raw_server_free(server_);
}

/* ---- which server ---- */

static struct raw_server *answer_with_nil(void)
{
    static const struct raw_step script[] = {
        {RAW_SEND, "*-1\r\n", 0}, {RAW_HOLD, NULL, 0}, {RAW_END, NULL, 0}};
    static const struct raw_step *const scripts[] = {script};

    return raw_server_new(scripts, 1);
}

static void the_next_host_is_tried(void **state)
{
    char where[120];
    struct itr_store *s;

    (void)state;
    snprintf(where, sizeof where, "redis://127.0.0.1:1,127.0.0.1:2,127.0.0.1:%d", server.port);
    s = open_at(where);
    store_assert_value(s, "k", "");
    assert_true(store_swap(s, "k", "", "a"));
    s->ops->release(s);
}

static void all_hosts_down_is_reported_with_the_last_one(void **state)
{
    int first, second;
    char where[64];
    struct itr_store *s;

    (void)state;
    snprintf(where, sizeof where, "redis://127.0.0.1:%d,127.0.0.1:%d", deaf_port(&first),
             deaf_port(&second));
    s = open_at(where);
    store_assert_load_fails(s, (const char *const[]){where, "refused", NULL});
    s->ops->release(s);
    close(first);
    close(second);
}

/* The first Sentinel is gone, the second one has lost the master from its configuration. */
static void the_sentinel_that_knows_the_master_is_found(void **state)
{
    static char answer[64];
    struct raw_server *second = answer_with_nil(), *third;
    char where[160];
    struct itr_store *s;

    (void)state;
    snprintf(where, sizeof where, "redis+sentinel://127.0.0.1:1,127.0.0.1:%d/shop",
             raw_server_port(second));
    s = open_at(where);
    store_assert_load_fails(s, (const char *const[]){"does not know a master", NULL});
    s->ops->release(s);
    raw_server_free(second);

    snprintf(answer, sizeof answer, "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n",
             snprintf(NULL, 0, "%d", server.port), server.port);
    third = answer_with(answer);
    snprintf(where, sizeof where,
             "redis+sentinel://127.0.0.1:1,127.0.0.1:%d/shop/3?prefix=p:", raw_server_port(third));
    s = open_at(where);
    assert_true(store_swap(s, "k", "", "a"));
    assert_true(SAYS("a", "-n", "3", "GET", "p:k"));
    s->ops->release(s);

    /* What it names is not a master (any more). */
    assert_true(SAYS("OK", "REPLICAOF", "127.0.0.1", "1"));
    s = open_at(where);
    store_assert_load_fails(s, (const char *const[]){"it is a replica", NULL});
    s->ops->release(s);
    raw_server_free(third);
}

static void the_sentinel_that_answered_last_is_asked_first(void **state)
{
    static char answer[64];
    struct raw_server *first = answer_with_nil(), *second;
    struct itr_store *s;
    char where[120];

    (void)state;
    snprintf(answer, sizeof answer, "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n",
             snprintf(NULL, 0, "%d", server.port), server.port);
    second = answer_with(answer);
    snprintf(where, sizeof where, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/shop",
             raw_server_port(first), raw_server_port(second));
    s = open_at(where);
    store_assert_value(s, "k", "");
    assert_true(SAYS(NULL, "CLIENT", "KILL", "TYPE", "normal"));
    store_assert_value(s, "k", "");
    assert_int_equal(raw_server_connections(second), 2);
    assert_int_equal(raw_server_connections(first), 1);
    s->ops->release(s);
    raw_server_free(first);
    raw_server_free(second);
}

static int open_descriptors(void)
{
    int fd, n = 0;

    for (fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void *load_k(void *store)
{
    store_assert_value(store, "k", "");
    return NULL;
}

/* Two connections at one time: the server is stopped until both are made. */
static void make_two_connections(struct itr_store *s)
{
    int before = open_descriptors();
    pthread_t threads[2];

    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    assert_int_equal(pthread_create(&threads[0], NULL, load_k, s), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, load_k, s), 0);
    while (open_descriptors() < before + 2)
        (void)sched_yield();
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

/* The address is one name for two servers, one after the other; both keep their connections. */
static void no_connection_to_the_old_master_is_used_again(void **state)
{
    char base[] = "/tmp/itr-redis-XXXXXX", path[64], other_path[64], link[64], where[96];
    struct redis_server other;
    struct itr_store *s;

    (void)state;
    assert_non_null(mkdtemp(base));
    snprintf(path, sizeof path, "%s/one", base);
    snprintf(other_path, sizeof other_path, "%s/two", base);
    snprintf(link, sizeof link, "%s/link", base);
    redis_server_stop(&server);
    redis_server_start(&server, 0, "--unixsocket", path);
    redis_server_start(&other, 0, "--unixsocket", other_path);
    assert_int_equal(symlink(path, link), 0);
    snprintf(where, sizeof where, "redis+unix:%s?timeout_ms=5000", link);
    s = open_at(where);
    make_two_connections(s);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(other_path, link), 0);
    assert_true(SAYS("OK", "REPLICAOF", "127.0.0.1", "1"));
    assert_true(store_swap(s, "k", "", "a")); /* at once, on the other one */
    s->ops->release(s);
    redis_server_stop(&other);
    (void)unlink(path);
    (void)unlink(other_path);
    (void)unlink(link);
    (void)rmdir(base);
}

static void a_sentinel_cannot_lead_to_a_machine_that_is_not_allowed(void **state)
{
    struct raw_server *sentinel = answer_with("*2\r\n$9\r\n192.0.2.1\r\n$4\r\n6379\r\n");
    struct itr_store *s;
    char where[120];

    (void)state;
    snprintf(where, sizeof where, "redis+sentinel://127.0.0.1:%d/shop", raw_server_port(sentinel));
    s = open_at(where);
    store_assert_load_fails(s, (const char *const[]){"192.0.2.1", "insecure=1", NULL});
    s->ops->release(s);
    raw_server_free(sentinel);
}

/* Whatever stands at the port of a Sentinel. */
static void an_answer_that_no_sentinel_gives_is_an_error(void **state)
{
    static const char *const answers[] = {
        "*1\r\n$9\r\n127.0.0.1\r\n",
        "*2\r\n:127\r\n$4\r\n6379\r\n",
        "*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n",
        "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n",
        "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65536\r\n",
        "*2\r\n$0\r\n\r\n$4\r\n6379\r\n",
        "*2\r\n*0\r\n*0\r\n",
    };
    char where[120];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct raw_server *sentinel = answer_with(answers[i]);
        struct itr_store *s;

        snprintf(where, sizeof where, "redis+sentinel://127.0.0.1:%d/shop",
                 raw_server_port(sentinel));
        s = open_at(where);
        store_assert_load_fails(s, (const char *const[]){"not what a Sentinel answers", NULL});
        s->ops->release(s);
        raw_server_free(sentinel);
    }
}

static void a_cluster_that_sends_us_in_circles_is_left(void **state)
{
    static char answer[80];
    struct raw_server *node;
    struct itr_store *s;
    char where[120];

    (void)state;
    /* To itself, by another name. What comes after an answer must not be taken for the next one's,
     * so each hop has a connection of its own. */
    node = answer_with(answer);
    snprintf(answer, sizeof answer,
             "-MOVED 1 localhost:%d\r\n*2\r\n$1\r\n1\r\n$1\r\n1\r\n+more\r\n",
             raw_server_port(node));
    snprintf(where, sizeof where, "redis://127.0.0.1:%d", raw_server_port(node));
    s = open_at(where);
    store_assert_load_fails(s, (const char *const[]){"in circles", NULL});
    s->ops->release(s);
    raw_server_free(node);
}

/* A node that does not know its own name sends only a port: it is on the same host. */
static void a_redirection_without_a_host_stays_on_it(void **state)
{
    static char answer[80];
    struct raw_server *node = answer_with(answer);
    struct itr_store *s;
    char where[120];

    (void)state;
    snprintf(answer, sizeof answer, "-MOVED 1 :%d\r\n*2\r\n$1\r\n1\r\n$1\r\n1\r\n", server.port);
    snprintf(where, sizeof where, "redis://127.0.0.1:%d", raw_server_port(node));
    s = open_at(where);
    assert_true(store_swap(s, "k", "", "a"));
    s->ops->release(s);
    raw_server_free(node);
}

/* An address with one host says it once; of several, the one that was asked is named. */
static void an_error_names_the_place_if_the_address_does_not(void **state)
{
    char where[120], place[40];
    struct itr_store *s;
    struct itr_buf out;
    int64_t now;
    int fd, port = deaf_port(&fd);

    (void)state;
    snprintf(place, sizeof place, "127.0.0.1:%d", port);
    snprintf(where, sizeof where, "redis://%s", place);
    s = open_at(where);
    itr_buf_init(&out, 100);
    assert_int_equal(s->ops->load(s, "k", &out, &now, &e), ITR_STORE);
    assert_non_null(strstr(e.text, place));
    assert_null(strstr(strstr(e.text, place) + 1, place));
    s->ops->release(s);
    snprintf(where, sizeof where, "redis://%s,%s", place, place);
    s = open_at(where);
    assert_int_equal(s->ops->load(s, "k", &out, &now, &e), ITR_STORE);
    assert_non_null(strstr(strstr(strstr(e.text, place) + 1, place) + 1, place));
    s->ops->release(s);
    itr_buf_clear(&out);
    close(fd);
}

/* ---- passwords ---- */

static void assert_login(const char *user_part, const char *word)
{
    struct itr_store *s;
    char where[160];
    const char *words[] = {word, "token_store", NULL};

    snprintf(where, sizeof where, "redis://%s127.0.0.1:%d", user_part, server.port);
    s = open_at(where);
    assert_null(strstr(s->id, "p@ss"));
    assert_null(strstr(s->id, "wr0ng"));
    if (word == NULL) {
        store_assert_value(s, "k", "");
    } else {
        store_assert_load_fails(s, words);
    }
    s->ops->release(s);
}

static void a_password_is_asked_for_sent_and_never_shown(void **state)
{
    (void)state;
    assert_true(SAYS("OK", "ACL", "SETUSER", "itr", "on", ">p@ss/1", "~*", "+@all"));
    assert_true(SAYS("OK", "ACL", "SETUSER", "reader", "on", ">p@ss/1", "~other*", "+@all"));
    assert_true(SAYS("OK", "CONFIG", "SET", "requirepass", "p@ss word"));
    assert_login("", "requires a password");
    assert_login(":p%40ss%20word@", NULL);
    assert_login("itr:p%40ss%2F1@", NULL);
    assert_login(":wr0ng@", "rejected the user or the password");
    assert_login("itr:wr0ng@", "rejected the user or the password");
    assert_login("reader:p%40ss%2F1@", "its user lacks a right");
    assert_null(strstr(e.text, "p@ss"));
}

/* ---- fork ---- */

static void a_childs_end_leaves_the_parents_connection_alone(void **state)
{
    int status = -1;
    pid_t child;

    assert_true(store_swap(*state, "k", "", "a"));
    if ((child = fork()) == 0) {
        bool done = store_swap(*state, "k", "a", "b");
        ((struct itr_store *)*state)->ops->release(*state);
        _exit(done ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_assert_value(*state, "k", "b");
    /* The parent's connection, the child's, and the one of redis-cli that counts: no fourth. */
    assert_true(SAYS("3", "EVAL",
                     "return redis.call('INFO', 'stats'):match('total_connections_received:(%d+)')",
                     "0"));
}

/* ---- addresses ---- */

static void a_wrong_address_is_reported_without_its_password(void **state)
{
    static const char *const wrong[] = {
        "redis://",
        "redis:127.0.0.1",
        "redis://h0st-pw@127.0.0.1/0",
        "redis://:pw@h:x",
        "redis://:pw@h:0/1",
        "redis://:pw@h/x?insecure=1",
        "redis://127.0.0.1/0?nothing=1",
        "redis://127.0.0.1/0?prefix",
        "redis://:%zz@127.0.0.1",
        "redis://127.0.0.1?timeout_ms=0",
        "redis+unix:relative",
        "redis://:pw@[h?insecure=1",
        "redis://:pw@other.host/0",
        "redis://:pw@127.0.0.1.example.org",
        "redis://127.x/",
        "redis://[::1/0",
        "redis://127.0.0.1,",
        "redis://127.0.0.1,other.host",
        "redis://h1,h2,h3,h4,h5,h6,h7,h8,h9?insecure=1",
        "redis+sentinel://:pw@127.0.0.1",
        "redis+sentinel://:pw@127.0.0.1/",
        "redis+sentinel://127.0.0.1/shop/x",
        "redis://127.0.0.1?sentinel_password=pw@x",
    };
    struct itr_store *s = NULL;
    size_t i;

    (void)state;
    for (i = 0; i < count_of(wrong); i++) {
        if (itr_store_redis_new(wrong[i], &s, &e) != ITR_CONFIG)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(strstr(e.text, "option token_store"));
        assert_null(strstr(e.text, "pw@"));
        assert_null(s);
    }
}

static void an_address_is_taken_apart(void **state)
{
    struct itr_redis_url u;
    char id[ITR_REDIS_ID];

    (void)state;
    assert_int_equal(
        itr_redis_url_read("redis://us%3Aer:p%40s:s@[::1]:7/12?prefix=a%20b&timeout_ms=5", &u, &e),
        ITR_OK);
    assert_string_equal(u.login.user, "us:er");
    assert_string_equal(u.login.password, "p@s:s");
    assert_string_equal(u.hosts[0].host, "::1");
    assert_string_equal(u.prefix, "a b");
    assert_int_equal(u.hosts[0].port, 7);
    assert_int_equal(u.db, 12);
    assert_int_equal(u.timeout_ms, 5);
    itr_redis_url_id(&u, id, sizeof id);
    assert_string_equal(id, "redis://[::1]:7/12?prefix=a b");
    assert_int_equal(itr_redis_url_read("redis://far.host?insecure=1", &u, &e), ITR_OK);
    assert_int_equal(u.hosts[0].port, 6379);
    assert_int_equal(u.timeout_ms, 1000);
    assert_false(u.login.has_password);
    assert_int_equal(itr_redis_url_read("redis+unix:/run/r.sock?db=2&password=x", &u, &e), ITR_OK);
    assert_string_equal(u.path, "/run/r.sock");
    assert_int_equal(u.db, 2);
    assert_string_equal(u.login.password, "x");
}

static void an_address_of_sentinels_is_taken_apart(void **state)
{
    static const char address_of_all[] =
        "rediss+sentinel://app:p%2F1@10.0.0.1,[2001:db8::1]:26380,s3:7/my%20master/4?prefix=a:"
        "&sentinel_user=ask&sentinel_password=p%2F2&ca_file=/ca.pem";
    struct itr_redis_url u;
    char id[ITR_REDIS_ID];

    (void)state;
    assert_int_equal(itr_redis_url_read(address_of_all, &u, &e), ITR_OK);
    assert_true(u.is_sentinel && u.is_tls);
    assert_int_equal(u.n_hosts, 3);
    assert_string_equal(u.hosts[0].host, "10.0.0.1");
    assert_int_equal(u.hosts[0].port, 26379);
    assert_string_equal(u.hosts[1].host, "2001:db8::1");
    assert_int_equal(u.hosts[1].port, 26380);
    assert_int_equal(u.hosts[2].port, 7);
    assert_string_equal(u.master, "my master");
    assert_int_equal(u.db, 4);
    assert_string_equal(u.login.password, "p/1");
    assert_string_equal(u.sentinel_login.user, "ask");
    assert_string_equal(u.sentinel_login.password, "p/2");
    itr_redis_url_id(&u, id, sizeof id);
    assert_string_equal(id, "rediss+sentinel://10.0.0.1:26379,[2001:db8::1]:26380,s3:7/my "
                            "master/4?prefix=a:");
}

static void an_identity_tells_logins_apart(void **state)
{
    static const char *const addresses[] = {
        "redis+sentinel://127.0.0.1/m?sentinel_password=a",
        "redis+sentinel://127.0.0.1/m?sentinel_password=b",
        "redis+sentinel://127.0.0.1/m?sentinel_user=u&sentinel_password=a",
        "redis+sentinel://:a@127.0.0.1/m",
        "redis+sentinel://127.0.0.1/m",
    };
    char ids[count_of(addresses)][ITR_REDIS_IDENTITY];
    struct itr_redis_url u;
    size_t i, j;

    (void)state;
    for (i = 0; i < count_of(addresses); i++) {
        assert_int_equal(itr_redis_url_read(addresses[i], &u, &e), ITR_OK);
        itr_redis_url_identity(&u, ids[i], sizeof ids[i]);
        for (j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

static void a_unix_socket_serves_as_well(void **state)
{
    char base[] = "/tmp/itr-redis-XXXXXX", path[64], where[96];
    struct itr_store *s;

    (void)state;
    assert_non_null(mkdtemp(base));
    snprintf(path, sizeof path, "%s/sock", base);
    snprintf(where, sizeof where, "redis+unix:%s?db=1", path);
    redis_server_stop(&server);
    redis_server_start(&server, 0, "--unixsocket", path);
    s = open_at(where);
    assert_true(store_swap(s, "k", "", "a"));
    assert_true(SAYS("a", "-n", "1", "GET", "k"));
    s->ops->release(s);
    (void)unlink(path);
    (void)rmdir(base);
}

static int skip_all(void)
{
    printf("1..1\nok 1 - store_redis # SKIP there is no redis-server here\n");
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_CONTRACT_TESTS,
        STORE_TEST(a_value_lies_in_its_db_under_its_prefix_and_lives_for_a_time),
        STORE_TEST(the_script_is_sent_once),
        STORE_TEST(a_server_that_died_and_came_back_is_found_again),
        STORE_TEST(a_restart_between_two_operations_is_not_noticed),
        STORE_TEST(a_connection_that_is_closed_under_it_is_made_again),
        STORE_TEST(a_stopped_server_is_given_up_in_time),
        STORE_TEST(a_full_server_is_an_error_and_keeps_what_it_has),
        STORE_TEST(a_replica_is_an_error),
        STORE_TEST(something_else_under_the_key_is_an_error),
        STORE_TEST(many_values_are_loaded_at_one_time),
        STORE_TEST(one_value_that_cannot_be_loaded_hides_no_others),
        cmocka_unit_test(many_values_of_a_server_that_answers_nonsense_are_an_error),
        STORE_TEST(the_next_host_is_tried),
        cmocka_unit_test(all_hosts_down_is_reported_with_the_last_one),
        STORE_TEST(the_sentinel_that_knows_the_master_is_found),
        STORE_TEST(the_sentinel_that_answered_last_is_asked_first),
        STORE_TEST(no_connection_to_the_old_master_is_used_again),
        cmocka_unit_test(a_sentinel_cannot_lead_to_a_machine_that_is_not_allowed),
        cmocka_unit_test(an_answer_that_no_sentinel_gives_is_an_error),
        cmocka_unit_test(a_cluster_that_sends_us_in_circles_is_left),
        STORE_TEST(a_redirection_without_a_host_stays_on_it),
        cmocka_unit_test(an_error_names_the_place_if_the_address_does_not),
        STORE_TEST(a_password_is_asked_for_sent_and_never_shown),
        STORE_TEST(a_childs_end_leaves_the_parents_connection_alone),
        cmocka_unit_test(a_wrong_address_is_reported_without_its_password),
        cmocka_unit_test(an_address_is_taken_apart),
        cmocka_unit_test(an_address_of_sentinels_is_taken_apart),
        cmocka_unit_test(an_identity_tells_logins_apart),
        STORE_TEST(a_unix_socket_serves_as_well),
    };

    fixture_main();
    if (!redis_server_is_here())
        return skip_all();
    store_contract_use(&kind);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
