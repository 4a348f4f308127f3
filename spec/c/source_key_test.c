/* source/key: which clients share a token source: those with equal values of all that a fetch
 * heeds. */
#include "support/fixture.h"

#include "core/source/key.h"

static void an_option_that_a_fetch_uses_is_part_of_the_key(void **state)
{
    char before[ITR_REGISTRY_KEY], after[ITR_REGISTRY_KEY];
    const struct itr_option *o;
    struct itr_config c;

    (void)state;
    for (o = itr_config_options(); o->name != NULL; o++) {
        fixture_config(&c);
        itr_source_key(&c, "store", before);
        fixture_change(&c, o);
        itr_source_key(&c, "store", after);
        if ((strcmp(before, after) != 0) != ((o->uses & ITR_USE_FETCH) != 0))
            fail_msg("%s: its row and the key disagree", o->name);
        itr_config_clear(&c);
    }
}

static void an_empty_proxy_is_not_the_same_as_none(void **state)
{
    char none[ITR_REGISTRY_KEY], empty[ITR_REGISTRY_KEY];
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    itr_source_key(&c, "store", none);
    assert_int_equal(itr_config_set_text(&c, "proxy", "", &e), ITR_OK);
    itr_source_key(&c, "store", empty);
    assert_string_not_equal(none, empty);
    itr_config_clear(&c);
}

static void the_store_is_part_of_the_key_and_so_is_a_central_server(void **state)
{
    char one[ITR_REGISTRY_KEY], other[ITR_REGISTRY_KEY], central[ITR_REGISTRY_KEY];
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    itr_source_key(&c, "one", one);
    itr_source_key(&c, "other", other);
    assert_string_not_equal(one, other);
    assert_int_equal(itr_config_set_text(&c, "token_store", "https://one:8700", &e), ITR_OK);
    itr_source_key(&c, NULL, central);
    assert_int_equal(itr_config_set_text(&c, "token_store", "https://two:8700", &e), ITR_OK);
    itr_source_key(&c, NULL, other);
    assert_string_not_equal(central, other);
    itr_config_clear(&c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_that_a_fetch_uses_is_part_of_the_key),
        cmocka_unit_test(an_empty_proxy_is_not_the_same_as_none),
        cmocka_unit_test(the_store_is_part_of_the_key_and_so_is_a_central_server),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
