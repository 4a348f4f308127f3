/* curl_loop: what it carries, keeps, wakes and cancels; over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/loop_fixture.h"
#include "support/transport_contract.h"
#include "transport/curl_loop.h"
#include "transport/curl_settings.h"

static bool count_and_say_yes(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

static bool say_no(void *ctx)
{
    (void)ctx;
    return false;
}

static void may_send_is_asked_once_and_obeyed(void **state)
{
    struct loop_fixture f;
    int asked = 0;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    f.x.request.may_send = count_and_say_yes;
    f.x.request.may_send_ctx = &asked;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(asked, 1);

    f.x.request.may_send = say_no;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_NETWORK, false, 0);

    /* Nothing of it arrived: what the server has is what the first and the third call are. */
    f.x.request.may_send = NULL;
    loop_fixture_carry(&f);
    loop_fixture_expect(&f.x, ITR_OK, true, 200);
    assert_int_equal(raw_server_requests(f.server), 2);
    loop_fixture_clear(&f);
}

/* ---- cancelling ---- */

static void one_that_never_began_or_is_already_over_can_be_cancelled(void **state)
{
    struct loop_fixture f;
    struct itr_exchange y;
    struct itr_error e;

    (void)state;
    loop_fixture_init(&f, LOOP_FIXTURE_ANSWERS);
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    f.t->ops->cancel(f.t, &f.x);
    assert_false(f.x.response.sent);
    assert_null(f.t->ops->wait(f.t, 0));

    /* Both are over before one is handed out. */
    loop_fixture_get(&y, f.url);
    f.x.request.may_send = y.request.may_send = say_no;
    assert_int_equal(f.t->ops->start(f.t, &f.x, &e), ITR_OK);
    assert_int_equal(f.t->ops->start(f.t, &y, &e), ITR_OK);
    assert_ptr_equal(f.t->ops->wait(f.t, -1), &f.x);
    f.t->ops->cancel(f.t, &y);
    assert_null(f.t->ops->wait(f.t, 0));
    itr_exchange_clear(&y);
    loop_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_CONTRACT_TESTS,
        cmocka_unit_test(may_send_is_asked_once_and_obeyed),
        cmocka_unit_test(one_that_never_began_or_is_already_over_can_be_cancelled),
    };

    return cmocka_run_group_tests_name("curl_loop", tests, NULL, NULL);
}
