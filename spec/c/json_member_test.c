/* json/member: a member of an object by its name, in a text that the scan found right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json/member.h"
#include "core/json/scan.h"

/* In memory of its exact size, so that a sanitizer sees one byte too far. */
static char *exact(const char *text)
{
    size_t n = strlen(text);
    char *copy = malloc(n > 0 ? n : 1);

    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, text, n);
    return copy;
}

/* value NULL: absent. */
static void assert_member(const char *text, const char *name, const char *value)
{
    char *copy = exact(text);
    struct itr_json_piece object = {copy, strlen(text)};
    struct itr_json_piece found = itr_json_member(object, name);

    if (value == NULL && found.at != NULL)
        fail_msg("%s: found %.*s", text, (int)found.len, found.at);
    if (value != NULL &&
        (found.at == NULL || found.len != strlen(value) || memcmp(found.at, value, found.len) != 0))
        fail_msg("%s: not %s", text, value);
    free(copy);
}

static void a_value_is_found_as_it_is_written(void **s)
{
    (void)s;
    assert_member("{\"a\":7}", "a", "7");
    assert_member("{\"a\":7,\"b\":-1.5e+3}", "b", "-1.5e+3");
    assert_member("{\"a\":\"x\\\"y,}\",\"b\":2}", "a", "\"x\\\"y,}\"");
    assert_member("{\"a\":\"x\\\\\",\"b\":2}", "b", "2");
    assert_member("{\"a\":{\"b\":1},\"b\":[{\"b\":2},3],\"c\":null}", "b", "[{\"b\":2},3]");
    assert_member("{\"a\":{\"b\":{\"c\":[]}}}", "a", "{\"b\":{\"c\":[]}}");
    assert_member(" \t\r\n{ \"a\" : true , \"b\" : false } ", "b", NULL); /* begins with space */
    assert_member("{ \"a\" : true \n, \"b\"\t:\r false } ", "a", "true");
    assert_member("{ \"a\" : true \n, \"b\"\t:\r false } ", "b", "false");
    assert_member("{\"\":1}", "", "1");
}

static void only_a_member_of_the_object_itself_is_one(void **s)
{
    (void)s;
    assert_member("{}", "a", NULL);
    assert_member("{\"b\":{\"a\":1}}", "a", NULL);
    assert_member("{\"b\":[\"a\",1],\"c\":\"a\"}", "a", NULL);
    assert_member("{\"b\":\"\\\"a\\\":1\"}", "a", NULL);
    assert_member("[{\"a\":1}]", "a", NULL);
    assert_member("\"a\"", "a", NULL);
    assert_member("7", "a", NULL);
    assert_member("", "a", NULL);
    assert_member("{\"ab\":1,\"A\":2,\"\":3}", "a", NULL);
}

static void a_name_is_compared_after_unescaping(void **s)
{
    (void)s;
    assert_member("{\"f\\u0065nce\":5}", "fence", "5");
    assert_member("{\"fence\\u0000\":5}", "fence", NULL);
    assert_member("{\"a_name_that_is_very_much_longer_than_any_that_is_ever_asked_for_in_here\":5}",
                  "fence", NULL);
}

static void the_last_of_two_counts(void **s)
{
    (void)s;
    assert_member("{\"a\":1,\"b\":2,\"a\":3}", "a", "3");
}

/* What is cut off is not JSON and means nothing, but is not read past its end. */
static void nothing_is_read_past_the_end(void **s)
{
    static const char whole[] =
        "{ \"a\" : { \"b\\\\\" : [ 1 , \"\\\"x\" ] } , \"c\" : \"\\u0041\" }";
    size_t n;

    (void)s;
    for (n = 0; n < sizeof whole; n++) {
        char *copy = malloc(n > 0 ? n : 1);
        struct itr_json_piece object = {copy, n}, found;
        assert_non_null(copy);
        memcpy(copy, whole, n);
        found = itr_json_member(object, "c");
        assert_true(found.at == NULL || (found.at >= copy && found.at + found.len <= copy + n));
        free(copy);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_found_as_it_is_written),
        cmocka_unit_test(only_a_member_of_the_object_itself_is_one),
        cmocka_unit_test(a_name_is_compared_after_unescaping),
        cmocka_unit_test(the_last_of_two_counts),
        cmocka_unit_test(nothing_is_read_past_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
