/* itriggerd: which connection is shut down for another one, and that room comes for the next. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "itriggerd/connections.h"

#define MAX 16
#define MOST 64

/* Connections of a server with a limit of MAX, and the clients' ends. */
struct crowd {
    struct connections all;
    struct connection *served[MOST]; /* NULL: it has only arrived */
    int ours[MOST], theirs[MOST];
    size_t n;
};

static void crowd_init(struct crowd *c)
{
    *c = (struct crowd){.n = 0};
    connections_init(&c->all, MAX, 7);
}

static void crowd_arrive_from(struct crowd *c, const void *peer)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    c->ours[c->n] = pair[0];
    c->theirs[c->n++] = pair[1];
    assert_true(connections_arrive(&c->all, pair[0], peer, false));
}

static void crowd_arrive(struct crowd *c)
{
    const struct sockaddr nobody = {.sa_family = AF_UNIX};

    crowd_arrive_from(c, &nobody);
}

static void crowd_serve(struct crowd *c, size_t i)
{
    c->served[i] = connections_begin(&c->all, c->ours[i], INT64_MAX);
    assert_non_null(c->served[i]);
}

/* A crowd of as many strangers as there may be. */
static void crowd_of_strangers(struct crowd *c)
{
    crowd_init(c);
    while (c->n < MAX) {
        crowd_arrive(c);
        crowd_serve(c, c->n - 1);
    }
}

static void crowd_know(struct crowd *c, size_t i, int64_t idle_until_mono_ms)
{
    connections_know(&c->all, c->served[i]);
    atomic_store(&c->served[i]->deadline_mono_ms, idle_until_mono_ms);
    atomic_store(&c->served[i]->idle, idle_until_mono_ms != INT64_MAX);
}

/* The client hears it. */
static bool is_shut(const struct crowd *c, size_t i)
{
    char byte;

    return recv(c->theirs[i], &byte, 1, MSG_DONTWAIT) == 0;
}

static size_t count_shut(const struct crowd *c)
{
    size_t i, n = 0;

    for (i = 0; i < c->n; i++)
        n += is_shut(c, i);
    return n;
}

static void crowd_clear(struct crowd *c)
{
    size_t i;

    for (i = 0; i < c->n; i++) {
        connections_remove(&c->all, c->served[i]);
        close(c->ours[i]);
        close(c->theirs[i]);
    }
    connections_clear(&c->all);
}

static void the_oldest_stranger_goes_first(void **state)
{
    struct crowd c;

    (void)state;
    crowd_of_strangers(&c);
    crowd_know(&c, 0, 1);
    crowd_arrive(&c);
    assert_int_equal(count_shut(&c), 1);
    assert_true(is_shut(&c, 1));
    crowd_clear(&c);
}

static void without_strangers_the_longest_idle_goes(void **state)
{
    struct crowd c;
    size_t i;

    (void)state;
    crowd_of_strangers(&c);
    for (i = 0; i < MAX; i++)
        crowd_know(&c, i, i == 3 ? 5 : i == 4 ? INT64_MAX : 6);
    crowd_arrive(&c);
    assert_int_equal(count_shut(&c), 1);
    assert_true(is_shut(&c, 3));
    crowd_clear(&c);
}

/* One stranger of an address of its own, and MAX - 1 younger ones. */
static void assert_one_of_the_others_goes(const void *lonely, const void *(*other)(size_t i))
{
    struct crowd c;

    crowd_init(&c);
    crowd_arrive_from(&c, lonely);
    crowd_serve(&c, 0);
    while (c.n < MAX) {
        crowd_arrive_from(&c, other(c.n));
        crowd_serve(&c, c.n - 1);
    }
    crowd_arrive_from(&c, lonely);
    assert_int_equal(count_shut(&c), 1);
    assert_true(is_shut(&c, 1));
    crowd_clear(&c);
}

static const void *same_host(size_t i)
{
    static struct sockaddr_in at = {.sin_family = AF_INET};

    at.sin_addr.s_addr = htonl(0xc0000202);
    at.sin_port = htons((uint16_t)i);
    return &at;
}

static const void *same_network(size_t i)
{
    static struct sockaddr_in6 at = {.sin6_family = AF_INET6};

    assert_int_equal(inet_pton(AF_INET6, "2001:db8:0:1::", &at.sin6_addr), 1);
    at.sin6_addr.s6_addr[15] = (unsigned char)i;
    return &at;
}

static void an_address_with_many_loses_its_oldest_first(void **state)
{
    struct sockaddr_in lonely = {.sin_family = AF_INET};
    struct sockaddr_in6 lonely6 = {.sin6_family = AF_INET6};

    (void)state;
    lonely.sin_addr.s_addr = htonl(0xc0000201);
    assert_one_of_the_others_goes(&lonely, same_host);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:0:2::", &lonely6.sin6_addr), 1);
    assert_one_of_the_others_goes(&lonely6, same_network);
}

/* More than the limit arrive before any of them is served, so there was nobody to shut down. */
static void those_who_came_at_once_make_room_when_they_are_served(void **state)
{
    struct crowd c;
    size_t i, n;
    uint64_t evicted;

    (void)state;
    crowd_init(&c);
    for (i = 0; i < MAX + 5; i++)
        crowd_arrive(&c);
    assert_int_equal(count_shut(&c), 0);
    for (i = 0; i < c.n; i++)
        crowd_serve(&c, i);
    connections_count(&c.all, &n, &evicted);
    assert_int_equal(n, MAX);
    assert_int_equal(evicted, 5);
    for (i = 0; i < c.n; i++)
        if (is_shut(&c, i)) {
            connections_remove(&c.all, c.served[i]);
            c.served[i] = NULL;
        }
    assert_true(connections_await_room(&c.all));
    crowd_clear(&c);
}

static void one_that_was_lost_leaves_its_number_to_the_next(void **state)
{
    const struct sockaddr nobody = {.sa_family = AF_UNIX};
    struct crowd c;

    (void)state;
    crowd_init(&c);
    crowd_arrive(&c);
    assert_true(connections_arrive(&c.all, c.ours[0], &nobody, true));
    crowd_serve(&c, 0);
    assert_true(c.served[0]->trusted);
    assert_null(connections_begin(&c.all, c.ours[0], 0));
    crowd_clear(&c);
}

static void nobody_waits_for_room_after_the_end(void **state)
{
    struct crowd c;
    size_t i;

    (void)state;
    crowd_init(&c);
    for (i = 0; i < MAX + MAX / 16 + 4; i++)
        crowd_arrive(&c);
    connections_close(&c.all);
    assert_false(connections_await_room(&c.all));
    crowd_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_stranger_goes_first),
        cmocka_unit_test(an_address_with_many_loses_its_oldest_first),
        cmocka_unit_test(without_strangers_the_longest_idle_goes),
        cmocka_unit_test(those_who_came_at_once_make_room_when_they_are_served),
        cmocka_unit_test(one_that_was_lost_leaves_its_number_to_the_next),
        cmocka_unit_test(nobody_waits_for_room_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
