/* redis_error: what an error of a server means, and that its own text is never shown. */
#include "support/fixture.h"

#include <stdio.h>

#include "store/redis_error.h"

static char what[240];
static struct itr_redis_place elsewhere;

static enum itr_redis_said read_error(const char *text)
{
    elsewhere = (struct itr_redis_place){.port = 0};
    return itr_redis_error_read(text, what, sizeof what, &elsewhere);
}

struct expected {
    const char *text;
    enum itr_redis_said said;
    const char *word; /* in what it means */
};

static const struct expected all[] = {
    {"NOSCRIPT No matching script. Please use EVAL.", ITR_REDIS_NOSCRIPT, "script"},
    /* to be left */
    {"READONLY You can't write against a read only replica.", ITR_REDIS_LEAVE, "replica"},
    {"ERR Error running script (call to f_0): @user_script:1: @user_script: 1: -READONLY You "
     "can't write",
     ITR_REDIS_LEAVE, "replica"},
    {"LOADING Redis is loading the dataset in memory", ITR_REDIS_LEAVE, "loading"},
    {"MASTERDOWN Link with MASTER is down", ITR_REDIS_LEAVE, "lost its master"},
    {"CLUSTERDOWN The cluster is down", ITR_REDIS_LEAVE, "cluster is down"},
    {"CLUSTERDOWN Hash slot not served", ITR_REDIS_LEAVE, "cluster is down"},
    {"TRYAGAIN Multiple keys request during rehashing of slot", ITR_REDIS_LEAVE, "moving"},
    {"NOREPLICAS Not enough good replicas to write.", ITR_REDIS_LEAVE, "min-replicas-to-write"},
    {"ERR max number of clients reached", ITR_REDIS_LEAVE, "maxclients"},
    {"DENIED Redis is running in protected mode because", ITR_REDIS_LEAVE, "protected"},
    /* to be told */
    {"NOAUTH Authentication required.", ITR_REDIS_ERROR, "requires a password"},
    {"WRONGPASS invalid username-password pair", ITR_REDIS_ERROR, "rejected the user"},
    {"ERR invalid password", ITR_REDIS_ERROR, "rejected the user"},
    {"ERR AUTH <password> called without any password configured for the default user.",
     ITR_REDIS_ERROR, "has no password"},
    {"ERR Client sent AUTH, but no password is set", ITR_REDIS_ERROR, "has no password"},
    {"ERR wrong number of arguments for 'auth' command", ITR_REDIS_ERROR, "no users"},
    {"NOPERM this user has no permissions to run the 'eval' command", ITR_REDIS_ERROR, "evalsha"},
    {"ERR ACL failure in script: User x has no permissions to run the 'get' command",
     ITR_REDIS_ERROR, "lacks a right"},
    {"ERR The user executing the script can't run this command or subcommand", ITR_REDIS_ERROR,
     "lacks a right"},
    {"OOM command not allowed when used memory > 'maxmemory'.", ITR_REDIS_ERROR, "maxmemory"},
    {"MISCONF Redis is configured to save RDB snapshots", ITR_REDIS_ERROR, "cannot save"},
    {"BUSY Redis is busy running a script.", ITR_REDIS_ERROR, "busy"},
    {"WRONGTYPE Operation against a key holding the wrong kind", ITR_REDIS_ERROR, "prefix"},
    {"ERR DB index is out of range", ITR_REDIS_ERROR, "does not have the db"},
    {"ERR SELECT is not allowed in cluster mode", ITR_REDIS_ERROR, "db 0 only"},
    {"ERR unknown command 'GET', with args beginning with: 'k' ", ITR_REDIS_ERROR, "Sentinel"},
    {"ERR unknown command `EVALSHA`, with args beginning with: ", ITR_REDIS_ERROR, "EVALSHA"},
    {"ERR unknown command 'eval'", ITR_REDIS_ERROR, "EVAL,"},
    {"ERR unknown command 'TIME', with args", ITR_REDIS_ERROR, "TIME"},
    {"ERR unknown command 'SENTINEL', with args", ITR_REDIS_ERROR, "not a Sentinel"},
    {"ERR No such master with that name", ITR_REDIS_ERROR, "does not know a master"},
    {"NEWCODE s3cret", ITR_REDIS_ERROR, "the error NEWCODE"},
    {"ERR s3cret", ITR_REDIS_ERROR, "the error ERR"},
    {"", ITR_REDIS_ERROR, "the error"},
};

static void each_error_has_its_meaning_and_a_way_out(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < count_of(all); i++) {
        assert_int_equal(read_error(all[i].text), all[i].said);
        if (strstr(what, all[i].word) == NULL)
            fail_msg("\"%s\" is not in: %s", all[i].word, what);
        assert_null(strstr(what, "s3cret"));
    }
}

static void assert_elsewhere(const char *text, enum itr_redis_said said, const char *host, int port)
{
    assert_int_equal(read_error(text), said);
    assert_string_equal(elsewhere.host, host);
    assert_int_equal(elsewhere.port, port);
}

static void a_redirection_names_a_node(void **state)
{
    (void)state;
    assert_elsewhere("MOVED 3999 10.0.0.1:6381", ITR_REDIS_MOVED, "10.0.0.1", 6381);
    assert_elsewhere("ASK 3999 node.example:6381", ITR_REDIS_ASK, "node.example", 6381);
    assert_elsewhere("MOVED 3999 2001:db8::1:6381", ITR_REDIS_MOVED, "2001:db8::1", 6381);
    assert_elsewhere("MOVED 3999 :6381", ITR_REDIS_MOVED, "", 6381); /* of the same host */
}

static void a_redirection_to_nowhere_is_an_error(void **state)
{
    static const char *const wrong[] = {"MOVED ",      "MOVED 1",       "MOVED 1 host",
                                        "MOVED 1 h:0", "ASK 1 h:65536", "ASK 1 h:x"};
    char long_host[400];
    size_t i;

    (void)state;
    for (i = 0; i < count_of(wrong); i++)
        assert_int_equal(read_error(wrong[i]), ITR_REDIS_ERROR);
    (void)snprintf(long_host, sizeof long_host, "MOVED 1 %0300d:6379", 0);
    assert_int_equal(read_error(long_host), ITR_REDIS_ERROR);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_meaning_and_a_way_out),
        cmocka_unit_test(a_redirection_names_a_node),
        cmocka_unit_test(a_redirection_to_nowhere_is_an_error),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
