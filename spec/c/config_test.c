/* config: every option by every way it can be given, and what finish checks. */
#include "support/fixture.h"

#include <stdlib.h>

#include "core/config/config.h"

static enum itr_status set(struct itr_config *c, const char *name, const char *text)
{
    struct itr_error e;
    enum itr_status s = itr_config_set_text(c, name, text, &e);

    if (s != ITR_OK) {
        assert_int_equal(s, ITR_CONFIG);
        assert_int_equal(e.kind, s);
        assert_non_null(strstr(e.text, name)); /* every error names its option */
    }
    return s;
}

static void defaults_are_those_of_the_design(void **state)
{
    struct itr_config c;

    (void)state;
    itr_config_init(&c);
    assert_null(c.app_id);
    assert_int_equal(c.token_endpoint, ITR_ENDPOINT_TOKEN);
    assert_int_equal(c.http_version, ITR_HTTP_AUTO);
    assert_int_equal(c.token_ttl_ms, 7200000);
    assert_int_equal(c.refresh_margin_ms, 1800000);
    assert_int_equal(c.min_refresh_interval_ms, 30000);
    assert_int_equal(c.daily_limit, 0);
    assert_int_equal(c.timeout_ms, 30000);
    assert_int_equal(c.connect_timeout_ms, 5000);
    assert_int_equal(c.token_timeout_ms, 10000);
    assert_int_equal(c.retries, 2);
    assert_int_equal(c.concurrency, 32);
    assert_int_equal(c.max_host_connections, 256);
    assert_int_equal(c.max_response_bytes, 64 << 20);
    assert_int_equal(c.token_error_codes.n + c.permission_error_codes.n, 0);
    itr_config_clear(&c);
}

static void the_table_is_sound(void **state)
{
    const struct itr_option *o, *p;

    (void)state;
    for (o = itr_config_options(); o->name != NULL; o++) {
        for (p = itr_config_options(); p != o; p++) {
            assert_string_not_equal(p->name, o->name);
            assert_int_not_equal(p->offset, o->offset);
        }
        assert_ptr_equal(itr_config_option(o->name), o);
        assert_string_equal(itr_config_nearest(o->name), o->name);
        assert_true(o->min <= o->standard && o->standard <= o->max);
    }
    assert_null(itr_config_option("appid"));
    assert_true(itr_config_option("app_secret")->secret);
    assert_true(itr_config_option("token_store_key")->secret);
}

struct text_row {
    const char *name, *text;
    enum itr_status s;
    int64_t value; /* of the field, when s is OK */
};

static int64_t number_of(const struct itr_config *c, const char *name)
{
    return *(const int64_t *)(const void *)((const char *)c + itr_config_option(name)->offset);
}

static void numbers_are_read_from_text_and_bounded(void **state)
{
    static const struct text_row rows[] = {
        {"timeout", "30", ITR_OK, 30000},
        {"timeout", "0.5", ITR_OK, 500},
        {"timeout", "0.001", ITR_OK, 1},
        {"timeout", "1e1", ITR_OK, 10000},
        {"timeout", "0.0011", ITR_OK, 2}, /* rounded up: never shorter than said */
        {"timeout", "0", ITR_CONFIG, 0},
        {"timeout", "-1", ITR_CONFIG, 0},
        {"timeout", "nan", ITR_CONFIG, 0},
        {"timeout", "inf", ITR_CONFIG, 0},
        {"timeout", "1e999", ITR_CONFIG, 0},
        {"timeout", "", ITR_CONFIG, 0},
        {"timeout", "ten", ITR_CONFIG, 0},
        {"timeout", "0x10", ITR_CONFIG, 0},
        {"timeout", "0,5", ITR_CONFIG, 0},
        {"timeout", "10s", ITR_CONFIG, 0},
        {"timeout", "10 ", ITR_CONFIG, 0},
        {"token_ttl", "0.1", ITR_OK, 100}, /* the sandbox's shortest life */
        {"token_ttl", "7200", ITR_OK, 7200000},
        {"token_ttl", "0.01", ITR_CONFIG, 0},
        {"token_timeout", "600", ITR_OK, 600000},
        {"token_timeout", "600.5", ITR_CONFIG, 0},
        {"retries", "0", ITR_OK, 0},
        {"retries", "2", ITR_OK, 2},
        {"retries", "2.5", ITR_CONFIG, 0},
        {"retries", "101", ITR_CONFIG, 0},
        {"concurrency", "0", ITR_CONFIG, 0},
        {"concurrency", "1", ITR_OK, 1},
        {"daily_limit", "1000", ITR_OK, 1000},
        {"daily_limit", "-1", ITR_CONFIG, 0},
        {"max_response_bytes", "0", ITR_CONFIG, 0},
        {"max_response_bytes", "1073741824", ITR_OK, 1 << 30},
        {"max_response_bytes", "1073741825", ITR_CONFIG, 0},
        {"trace", "1", ITR_OK, 1},
        {"trace", "2", ITR_CONFIG, 0},
    };
    struct itr_config c;
    size_t i;

    (void)state;
    for (i = 0; i < count_of(rows); i++) {
        int64_t before;
        itr_config_init(&c);
        before = number_of(&c, rows[i].name);
        assert_int_equal(set(&c, rows[i].name, rows[i].text), rows[i].s);
        assert_int_equal(number_of(&c, rows[i].name), rows[i].s == ITR_OK ? rows[i].value : before);
        itr_config_clear(&c);
    }
}

static void a_number_is_no_string_and_a_string_no_number(void **state)
{
    struct itr_config c;
    struct itr_error e;

    (void)state;
    itr_config_init(&c);
    assert_int_equal(itr_config_set_number(&c, "app_id", 1, &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "app_id"));
    assert_int_equal(itr_config_set_number(&c, "token_endpoint", 1, &e), ITR_CONFIG);
    assert_int_equal(itr_config_set_number(&c, "token_error_codes", 1, &e), ITR_CONFIG);
    assert_int_equal(itr_config_set_number(&c, "timeout", 2.5, &e), ITR_OK);
    assert_int_equal(c.timeout_ms, 2500);
    assert_int_equal(itr_config_add_code(&c, "timeout", 1, &e), ITR_CONFIG);
    itr_config_clear(&c);
}

static void choices_are_words_and_an_error_lists_them(void **state)
{
    struct itr_config c;
    struct itr_error e;

    (void)state;
    itr_config_init(&c);
    assert_int_equal(set(&c, "token_endpoint", "refresh"), ITR_OK);
    assert_int_equal(c.token_endpoint, ITR_ENDPOINT_REFRESH);
    assert_int_equal(set(&c, "token_endpoint", "token"), ITR_OK);
    assert_int_equal(c.token_endpoint, ITR_ENDPOINT_TOKEN);
    assert_int_equal(set(&c, "http_version", "2"), ITR_OK);
    assert_int_equal(c.http_version, ITR_HTTP_2);
    assert_int_equal(set(&c, "http_version", "1.1"), ITR_OK);
    assert_int_equal(c.http_version, ITR_HTTP_1_1);
    assert_int_equal(itr_config_set_text(&c, "token_endpoint", "Token", &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "\"Token\""));
    assert_non_null(strstr(e.text, "token refresh"));
    itr_config_clear(&c);
}

static void codes_are_a_list_of_integers(void **state)
{
    struct itr_config c;
    struct itr_error e;
    int64_t i;

    (void)state;
    itr_config_init(&c);
    assert_int_equal(set(&c, "token_error_codes", "40101, 40102 -7"), ITR_OK);
    assert_int_equal(c.token_error_codes.n, 3);
    assert_int_equal(c.token_error_codes.code[2], -7);
    assert_int_equal(set(&c, "token_error_codes", ""), ITR_OK); /* replaced by none */
    assert_int_equal(c.token_error_codes.n, 0);
    assert_int_equal(set(&c, "token_error_codes", "1,two"), ITR_CONFIG);
    assert_int_equal(set(&c, "token_error_codes", "1.5"), ITR_CONFIG);
    assert_int_equal(set(&c, "token_error_codes", "9223372036854775808"), ITR_CONFIG);
    assert_int_equal(set(&c, "permission_error_codes", ""), ITR_OK);
    for (i = 0; i < ITR_CODES_MAX; i++)
        assert_int_equal(itr_config_add_code(&c, "permission_error_codes", i, &e), ITR_OK);
    assert_int_equal(itr_config_add_code(&c, "permission_error_codes", i, &e), ITR_CONFIG);
    itr_config_clear(&c);
}

static void an_unknown_option_names_the_nearest_known_one(void **state)
{
    struct itr_config c;
    struct itr_error e;

    (void)state;
    itr_config_init(&c);
    assert_int_equal(itr_config_set_text(&c, "app_secrt", "x", &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "\"app_secret\""));
    assert_int_equal(itr_config_set_number(&c, "timout", 1, &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "\"timeout\""));
    assert_int_equal(itr_config_add_code(&c, "token_error_code", 1, &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "\"token_error_codes\""));
    assert_string_equal(itr_config_nearest("gatway"), "gateway");
    assert_null(itr_config_nearest("colour_of_the_sky"));
    assert_null(itr_config_nearest("a_name_that_is_longer_than_any_option_could_ever_be_xxxx"));
    assert_int_equal(itr_config_set_text(&c, "colour_of_the_sky", "x", &e), ITR_CONFIG);
    assert_non_null(strstr(e.text, "colour_of_the_sky"));
    assert_null(strstr(e.text, "did you mean"));
    itr_config_clear(&c);
}

static void a_secret_is_never_in_an_error(void **state)
{
    char huge[5000];
    struct itr_config c;
    struct itr_error e;

    (void)state;
    memset(huge, 'S', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    itr_config_init(&c);
    assert_int_equal(itr_config_set_text(&c, "app_secret", huge, &e), ITR_CONFIG);
    assert_null(strstr(e.text, "SSSS"));
    fixture_config(&c);
    assert_int_equal(set(&c, "app_secret", "geheim\x01"), ITR_OK);
    assert_int_equal(itr_config_finish(&c, &e), ITR_CONFIG);
    assert_null(strstr(e.text, "geheim"));
    itr_config_clear(&c);
}

static void each_option_reaches_what_its_row_says(void **state)
{
    const struct itr_option *o;
    struct itr_transport_options before, after;
    struct itr_config c, copy;

    (void)state;
    for (o = itr_config_options(); o->name != NULL; o++) {
        fixture_config(&c);
        assert_int_equal(itr_config_copy(&copy, &c), ITR_OK);
        itr_config_transport(&c, &before);
        assert_true(itr_config_same(&c, &copy, ITR_USE_FETCH));
        fixture_change(&c, o);
        itr_config_transport(&c, &after);
        if ((memcmp(&before, &after, sizeof before) != 0) != ((o->uses & ITR_USE_TRANSPORT) != 0))
            fail_msg("%s: its row and itr_config_transport disagree", o->name);
        assert_int_equal(itr_config_same(&c, &copy, ITR_USE_TRANSPORT),
                         (o->uses & ITR_USE_TRANSPORT) == 0);
        assert_int_equal(itr_config_same(&c, &copy, ITR_USE_FETCH), (o->uses & ITR_USE_FETCH) == 0);
        assert_false(itr_config_same(&c, &copy, (enum itr_option_use)o->uses) && o->uses != 0);
        itr_config_clear(&c);
        itr_config_clear(&copy);
    }
}

static void a_copy_has_strings_of_its_own(void **state)
{
    struct itr_config a, b;
    struct itr_error e;

    (void)state;
    fixture_config(&a);
    assert_int_equal(itr_config_add_code(&a, "token_error_codes", 7, &e), ITR_OK);
    assert_int_equal(itr_config_set_number(&a, "timeout", 1, &e), ITR_OK);
    assert_int_equal(itr_config_copy(&b, &a), ITR_OK);
    assert_ptr_not_equal(a.app_secret, b.app_secret);
    assert_string_equal(a.app_secret, b.app_secret);
    itr_config_clear(&a);
    assert_string_equal(b.gateway, FIXTURE_GATEWAY);
    assert_null(b.ca_file);
    assert_int_equal(b.timeout_ms, 1000);
    assert_int_equal(b.token_error_codes.code[0], 7);
    itr_config_clear(&b);
    itr_config_clear(&b); /* is as after init, and may be cleared again */
    assert_int_equal(b.timeout_ms, 30000);
}

static void setting_twice_keeps_the_last(void **state)
{
    struct itr_config c;

    (void)state;
    itr_config_init(&c);
    assert_int_equal(set(&c, "app_id", "first"), ITR_OK);
    assert_int_equal(set(&c, "app_id", "second"), ITR_OK);
    assert_string_equal(c.app_id, "second");
    itr_config_clear(&c);
}

/* ---- finish ---- */

struct finish_row {
    const char *name, *text; /* set over a complete config; text NULL: not given at all */
    const char *says;        /* in the error; NULL: right */
};

static void drop(struct itr_config *c, const char *name)
{
    char **field = (char **)(void *)((char *)c + itr_config_option(name)->offset);

    free(*field);
    *field = NULL;
}

static void finish_names_what_is_missing_or_wrong(void **state)
{
    static const struct finish_row rows[] = {
        {"app_id", NULL, "is missing"},
        {"app_id", "", "empty"},
        {"app_id", "a\nb", "control character"},
        {"app_id", "a\xff", "UTF-8"},
        {"app_id", "应用", NULL},
        {"app_secret", NULL, "app_secret_file"},
        {"app_secret", "", "empty"},
        {"app_secret", "a\x7f", "control character"},
        {"user_agent", "mine\r\nX-More: 1", "control character"},
        {"proxy", "http://127.0.0.1:1\n", "control character"},
        {"proxy", "foo://me:pw@127.0.0.1:1", "socks5h://"},
        {"proxy", "http://me:p@ss@127.0.0.1:1", "percent-encode"},
        {"proxy", "me:p/ss@127.0.0.1:1", "percent-encode"},
        {"proxy", "httpx://127.0.0.1:1", "scheme"},
        {"proxy", "://127.0.0.1:1", "scheme"},
        {"proxy", "127.0.0.1:1", NULL},
        {"proxy", "SOCKS5h://127.0.0.1:1", NULL},
        {"proxy", "http://me:pw@127.0.0.1:1", NULL},
        {"ca_file", "/a\nb", "control character"},
        {"user_agent", "", NULL},
        {"gateway", NULL, "https://host"},
        {"gateway", "", "empty"},
        {"gateway", "not a url", "gateway"},
        {"gateway", "gateway.test", "gateway"},
        {"gateway", "http://gateway.test", "https"},
        {"gateway", "https://gateway.test/v1", "gateway"},
        {"gateway", "https://gateway.test?x=1", "gateway"},
        {"gateway", "https://me:pw@gateway.test", "gateway"},
        {"gateway", "ftp://gateway.test", "gateway"},
        {"gateway", "http://127.0.0.1:8080", NULL},
        {"gateway", "http://localhost:1", NULL},
        {"gateway", "https://gateway.test:8443/", NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < count_of(rows); i++) {
        struct itr_config c;
        struct itr_error e = {0};
        fixture_config(&c);
        if (rows[i].text == NULL)
            drop(&c, rows[i].name);
        else
            assert_int_equal(set(&c, rows[i].name, rows[i].text), ITR_OK);
        assert_int_equal(itr_config_finish(&c, &e), rows[i].says == NULL ? ITR_OK : ITR_CONFIG);
        if (rows[i].says != NULL) {
            assert_int_equal(e.kind, ITR_CONFIG);
            assert_non_null(strstr(e.text, rows[i].name));
            assert_non_null(strstr(e.text, rows[i].says));
            assert_null(strstr(e.text, "pw"));
        }
        itr_config_clear(&c);
    }
}

static void finish_brings_the_gateway_to_its_normal_form(void **state)
{
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    assert_int_equal(set(&c, "gateway", "HTTPS://Gateway.TEST:8443/"), ITR_OK);
    assert_int_equal(itr_config_finish(&c, &e), ITR_OK);
    assert_string_equal(c.gateway, "https://gateway.test:8443");
    assert_string_equal(c.token_store, "file:");
    itr_config_clear(&c);
}

/* ---- a central token server ---- */

static void central_config(struct itr_config *c, const char *server, const char *key)
{
    fixture_config(c);
    drop(c, "app_secret");
    assert_int_equal(set(c, "token_store", server), ITR_OK);
    if (key != NULL)
        assert_int_equal(set(c, "token_store_key", key), ITR_OK);
}

static void a_central_server_stands_in_for_the_secret(void **state)
{
    static const struct {
        const char *server, *key, *normal;
    } rows[] = {
        {"http://127.0.0.1:8700", "a-key", "http://127.0.0.1:8700"},
        {"HTTPS://Tokens.Internal:8700/", "a-key", "https://tokens.internal:8700"},
        {"unix:/run/itriggerd.sock", NULL, "unix:/run/itriggerd.sock"},
        {"unix:/run/itriggerd.sock", "a-key", "unix:/run/itriggerd.sock"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < count_of(rows); i++) {
        struct itr_config c;
        struct itr_error e = {0};
        central_config(&c, rows[i].server, rows[i].key);
        assert_int_equal(itr_config_finish(&c, &e), ITR_OK);
        assert_true(itr_config_is_central(&c));
        assert_string_equal(c.token_store, rows[i].normal);
        assert_null(c.app_secret);
        itr_config_clear(&c);
    }
}

static void a_central_server_requires_a_key_and_no_secret(void **state)
{
    static const struct {
        const char *server, *key, *more, *value, *says[2];
    } rows[] = {
        {"http://127.0.0.1:8700", NULL, NULL, NULL, {"option token_store_key", "token server"}},
        {"https://tokens.internal", NULL, NULL, NULL, {"option token_store_key", "missing"}},
        {"https://tokens.internal", "", NULL, NULL, {"option token_store_key", "empty"}},
        {"unix:/run/x.sock", "", NULL, NULL, {"option token_store_key", "empty"}},
        {"https://tokens.internal", "ge heim", NULL, NULL, {"option token_store_key", "space"}},
        {"https://tokens.internal", "geheim\xe4", NULL, NULL, {"option token_store_key", "ASCII"}},
        {"https://tokens.internal", "geheim\r\nX: y", NULL, NULL, {"option token_store_key", ""}},
        {"http://tokens.internal", "a-key", NULL, NULL, {"option token_store", "https://tokens"}},
        {"https://me:geheim@host", "a-key", NULL, NULL, {"option token_store", "user"}},
        {"unix:geheim", "a-key", NULL, NULL, {"option token_store", "unix:/run"}},
        {"unix:/x", NULL, "app_secret", "geheim", {"option app_secret ", "remove app_secret"}},
        {"https://a", "k", "app_secret", "geheim", {"option app_secret ", "token_store"}},
        {"https://a", "k", "app_secret_file", "/x", {"option app_secret_file ", "token_store"}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < count_of(rows); i++) {
        struct itr_config c;
        struct itr_error e = {0};
        central_config(&c, rows[i].server, rows[i].key);
        if (rows[i].more != NULL)
            assert_int_equal(set(&c, rows[i].more, rows[i].value), ITR_OK);
        assert_int_equal(itr_config_finish(&c, &e), ITR_CONFIG);
        assert_ptr_equal(strstr(e.text, rows[i].says[0]), e.text); /* options.lua looks there */
        if (strstr(e.text, rows[i].says[1]) == NULL)
            fail_msg("row %zu: %s", i, e.text);
        assert_null(strstr(e.text, "geheim"));
        itr_config_clear(&c);
    }
}

static void a_store_takes_no_notice_of_a_key(void **state)
{
    struct itr_config c;
    struct itr_error e;

    (void)state;
    fixture_config(&c);
    assert_int_equal(set(&c, "token_store_key", "of no use"), ITR_OK);
    assert_int_equal(itr_config_finish(&c, &e), ITR_OK);
    assert_false(itr_config_is_central(&c));
    itr_config_clear(&c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(numbers_are_read_from_text_and_bounded),
        cmocka_unit_test(a_number_is_no_string_and_a_string_no_number),
        cmocka_unit_test(choices_are_words_and_an_error_lists_them),
        cmocka_unit_test(codes_are_a_list_of_integers),
        cmocka_unit_test(an_unknown_option_names_the_nearest_known_one),
        cmocka_unit_test(a_secret_is_never_in_an_error),
        cmocka_unit_test(a_central_server_stands_in_for_the_secret),
        cmocka_unit_test(a_central_server_requires_a_key_and_no_secret),
        cmocka_unit_test(a_store_takes_no_notice_of_a_key),
        cmocka_unit_test(each_option_reaches_what_its_row_says),
        cmocka_unit_test(a_copy_has_strings_of_its_own),
        cmocka_unit_test(setting_twice_keeps_the_last),
        cmocka_unit_test(finish_names_what_is_missing_or_wrong),
        cmocka_unit_test(finish_brings_the_gateway_to_its_normal_form),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
