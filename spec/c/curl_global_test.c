/* curl_global: a start of libcurl that failed once is tried again; a libcurl that cannot do is
 * told. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "transport/curl_global.h"

static int calls, failures;
static bool has_no_tls;

/* In place of libcurl's, which it calls once it is not to fail any more. */
CURLcode curl_global_init(long flags)
{
    union { /* ISO C knows no cast from a data pointer to a function's */
        void *found;
        CURLcode (*function)(long);
    } real;

    calls++;
    if (failures > 0) {
        failures--;
        return CURLE_OUT_OF_MEMORY;
    }
    real.found = dlsym(RTLD_NEXT, "curl_global_init");
    return real.function(flags);
}

/* Likewise. */
curl_version_info_data *curl_version_info(CURLversion asked)
{
    static curl_version_info_data changed;
    union {
        void *found;
        curl_version_info_data *(*function)(CURLversion);
    } real;

    real.found = dlsym(RTLD_NEXT, "curl_version_info");
    changed = *real.function(asked);
    if (has_no_tls)
        changed.features &= ~CURL_VERSION_SSL;
    return &changed;
}

static void a_libcurl_without_tls_is_told_at_the_start(void **state)
{
    struct itr_error e = {0};

    (void)state;
    has_no_tls = true;
    assert_int_equal(itr_curl_global_init(&e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "was built without TLS"));
    has_no_tls = false;
}

static void a_start_that_failed_is_tried_again_and_a_good_one_is_not(void **state)
{
    struct itr_error e = {0};

    (void)state;
    failures = 1;
    assert_int_equal(itr_curl_global_init(&e), ITR_NOMEM);
    assert_non_null(strstr(e.text, "libcurl cannot start"));
    assert_int_equal(itr_curl_global_init(&e), ITR_OK);
    assert_int_equal(itr_curl_global_init(&e), ITR_OK);
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_libcurl_without_tls_is_told_at_the_start),
        cmocka_unit_test(a_start_that_failed_is_tried_again_and_a_good_one_is_not),
    };

    return cmocka_run_group_tests_name("curl_global", tests, NULL, NULL);
}
