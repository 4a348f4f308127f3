/* reason: the system's text for an error number, whichever strerror_r this C library has. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/reason.h"

static void it_is_the_text_of_the_system(void **state)
{
    char buf[ITR_REASON];

    (void)state;
    assert_string_equal(itr_reason(ENOENT, buf), "No such file or directory");
    assert_string_equal(itr_reason(ECONNREFUSED, buf), "Connection refused");
}

static void a_number_that_the_system_does_not_know_has_a_text_too(void **state)
{
    char buf[ITR_REASON];

    (void)state;
    assert_true(strlen(itr_reason(123456, buf)) > 0);
    assert_true(strlen(itr_reason(-1, buf)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_text_of_the_system),
        cmocka_unit_test(a_number_that_the_system_does_not_know_has_a_text_too),
    };

    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
