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

/* The same file as on a system whose strerror_r is POSIX's, such as musl: glibc has that one too.
 */
extern int __xpg_strerror_r(int error, char *buf, size_t n);
#define strerror_r __xpg_strerror_r
#define itr_reason reason_of_posix
#include "core/base/reason.c"
#undef itr_reason
#undef strerror_r

static void it_is_the_text_of_a_system_with_the_function_of_posix(void **state)
{
    char buf[ITR_REASON];

    (void)state;
    assert_string_equal(reason_of_posix(ENOENT, buf), "No such file or directory");
    assert_ptr_equal(reason_of_posix(ECONNREFUSED, buf), buf);
    assert_string_equal(buf, "Connection refused");
    assert_true(strlen(reason_of_posix(123456, buf)) > 0);
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
        cmocka_unit_test(it_is_the_text_of_a_system_with_the_function_of_posix),
        cmocka_unit_test(a_number_that_the_system_does_not_know_has_a_text_too),
    };

    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
