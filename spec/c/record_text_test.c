/* The text form of a record: what is written reads back equal, anything else counts as no record,
 * and a newer format is never touched (docs/design.md 4.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/hold.h"
#include "core/record/sound.h"
#include "support/record_fixture.h"

#define HEAD "itrigger-token 2\n"

/* Decodes from memory of just that size, so that a sanitizer sees a byte too many. */
static enum itr_status decode_n(const char *text, size_t n, struct itr_record *out,
                                struct itr_error *e)
{
    char *exact = malloc(n > 0 ? n : 1);
    enum itr_status status;

    assert_non_null(exact);
    if (n > 0)
        memcpy(exact, text, n);
    memset(out, 0xAA, sizeof *out);
    status = itr_record_decode(exact, n, out, e);
    free(exact);
    return status;
}

static struct itr_record decoded(const char *text)
{
    struct itr_record r;
    struct itr_error e;

    assert_int_equal(decode_n(text, strlen(text), &r, &e), ITR_OK);
    assert_true(itr_record_is_sound(&r));
    return r;
}

static void assert_none(const char *text)
{
    struct itr_record empty = fix_empty(), r = decoded(text);
    struct itr_buf a, b;

    itr_buf_init(&a, ITR_RECORD_MAX);
    itr_buf_init(&b, ITR_RECORD_MAX);
    assert_int_equal(itr_record_encode(&r, &a), ITR_OK);
    assert_int_equal(itr_record_encode(&empty, &b), ITR_OK);
    if (strcmp(itr_buf_str(&a), itr_buf_str(&b)) != 0)
        fail_msg("\"%s\" counts as a record", text);
    itr_buf_clear(&a);
    itr_buf_clear(&b);
}

static void fill(char *text, size_t n, char c)
{
    memset(text, c, n);
    text[n] = '\0';
}

static void append(char *text, const char *more)
{
    memcpy(text + strlen(text), more, strlen(more) + 1);
}

/* Every field, as large as it may be. `c` fills the token. */
static struct itr_record largest(char c, size_t token_len)
{
    struct itr_record r = fix_empty();

    fill(r.text, token_len, c);
    r.fence = ITR_RECORD_FENCE_MAX - 1;
    r.born_ms = r.refresh_ms = r.end_ms = r.fetched_ms = ITR_RECORD_NUMBER_MAX;
    fill(r.owner, ITR_OWNER_MAX, '%');
    r.lease_fence = ITR_RECORD_FENCE_MAX;
    r.lease_begin_ms = r.lease_end_ms = ITR_RECORD_NUMBER_MAX;
    r.day = r.fetches = r.wasted = r.failures = r.refusals = INT32_MAX;
    r.failure = ITR_FAILURE_NO_ANSWER;
    r.failed_ms = r.refused_ms = ITR_RECORD_NUMBER_MAX;
    r.error.kind = ITR_NETWORK;
    r.error.http_status = 999;
    r.error.has_code = true;
    r.error.code = INT64_MIN;
    fill(r.error.text, 106, ' ');
    fill(r.forbidden, ITR_DIGEST_MAX, '%');
    return r;
}

static void assert_reads_back(const struct itr_record *r)
{
    struct itr_record back;
    struct itr_buf text;

    itr_buf_init(&text, ITR_RECORD_MAX);
    assert_int_equal(itr_record_encode(r, &text), ITR_OK);
    assert_true(text.len < ITR_RECORD_MAX);
    back = decoded(itr_buf_str(&text));
    fix_assert_same(r, &back);
    assert_string_equal(r->text, back.text);
    assert_string_equal(r->owner, back.owner);
    assert_string_equal(r->error.text, back.error.text);
    assert_int_equal(r->error.has_code, back.error.has_code);
    assert_int_equal(r->error.code, back.error.code);
    assert_int_equal(r->end_ms, back.end_ms);
    itr_buf_clear(&text);
}

static void what_is_written_reads_back(void **s)
{
    struct itr_record r = fix_empty();

    (void)s;
    assert_reads_back(&r);
    r = fix_leased(fix_token(NOON), NOON + LEASE);
    assert_reads_back(&r);
    snprintf(r.text, sizeof r.text, "a b%%c=\"\xE4\xBB\xA4\xE7\x89\x8C\xFF");
    assert_reads_back(&r);
    r.failure = ITR_FAILURE_NO_ANSWER;
    r.error.kind = ITR_API;
    r.error.has_code = true; /* a code of 0 is a code */
    assert_reads_back(&r);
    r.error.code = -5;
    assert_reads_back(&r);
    snprintf(r.text, sizeof r.text, "x");
    for (r.failure = ITR_FAILURE_NO_ANSWER; r.failure <= ITR_FAILURE_LIMIT; r.failure++)
        assert_reads_back(&r);
}

static void the_largest_record_fits(void **s)
{
    struct itr_record r = largest('x', ITR_TOKEN_MAX);

    (void)s;
    assert_reads_back(&r);
    r = largest(' ', ITR_RECORD_TOKEN_ESCAPED / 3);
    assert_reads_back(&r);
    assert_false(itr_record_can_carry("", 0));
    fill(r.text, ITR_RECORD_TOKEN_ESCAPED / 3 + 1, ' ');
    assert_false(itr_record_is_sound(&r));
}

/* So that a change of the format is seen as one. */
static void the_form_is_this(void **s)
{
    struct itr_record r = fix_leased(fix_token(1000), 20000);
    struct itr_buf text;

    (void)s;
    snprintf(r.text, sizeof r.text, "a b");
    r.day = 20000;
    r.wasted = 4;
    r.failures = 2;
    r.failed_ms = 3000;
    r.failure = ITR_FAILURE_FORBIDDEN;
    r.error.kind = ITR_API;
    r.error.http_status = 200;
    r.error.has_code = true;
    r.error.code = -5;
    snprintf(r.error.text, sizeof r.error.text, "no %%");
    snprintf(r.forbidden, sizeof r.forbidden, "00ff");
    r.refusals = 5;
    r.refused_ms = 800;
    itr_buf_init(&text, ITR_RECORD_MAX);
    assert_int_equal(itr_record_encode(&r, &text), ITR_OK);
    assert_string_equal(itr_buf_str(&text),
                        HEAD "fence 1000\ntoken a%20b\nborn 1000\nrefresh 5401000\nend 7201000\n"
                             "fetched 1000\nowner other\nlease_fence 1001\nlease_begin 5000\n"
                             "lease_end 20000\nday 20000\nfetches 1\nwasted 4\nfailures 2\n"
                             "failed_at 3000\nfailure forbidden\nerror_kind api\n"
                             "error_http 200\nerror_code -5\nerror_text no%20%25\n"
                             "forbidden 00ff\nrefusals 5\nrefused_at 800\n");

    /* What is nothing is not written. */
    r = fix_empty();
    itr_buf_reset(&text);
    assert_int_equal(itr_record_encode(&r, &text), ITR_OK);
    assert_string_equal(itr_buf_str(&text), HEAD);
    itr_buf_clear(&text);
}

/* Each kind of line as the last one: without room it is not left out in silence. */
static void a_record_that_does_not_fit_is_an_error(void **s)
{
    struct itr_record r[] = {{.lease_fence = 1},
                             {.born_ms = 1},
                             {.day = 1},
                             {.forbidden = "a b"},
                             {.failure = ITR_FAILURE_NO_ANSWER, .error = {.kind = ITR_API}},
                             {.failure = ITR_FAILURE_LIMIT, .error = {ITR_API, true, 0, 7, ""}},
                             {.failure = ITR_FAILURE_LIMIT, .error = {ITR_API, false, 5, 0, ""}}};
    struct itr_buf text;
    size_t i, n, whole;

    (void)s;
    for (i = 0; i < sizeof r / sizeof r[0]; i++) {
        itr_buf_init(&text, ITR_RECORD_MAX);
        assert_int_equal(itr_record_encode(&r[i], &text), ITR_OK);
        whole = text.len;
        itr_buf_clear(&text);
        for (n = 0; n <= whole; n++) {
            itr_buf_init(&text, n);
            assert_int_equal(itr_record_encode(&r[i], &text), n < whole ? ITR_FULL : ITR_OK);
            itr_buf_clear(&text);
        }
    }
}

/* ---- what may stand in a record ---- */

static void assert_bounds(struct itr_record *r, int64_t *at, int64_t most)
{
    *at = most;
    assert_true(itr_record_is_sound(r));
    *at = most + 1;
    assert_false(itr_record_is_sound(r));
    *at = -1;
    assert_false(itr_record_is_sound(r));
    *at = 0;
    assert_true(itr_record_is_sound(r));
}

static void times_and_counts_have_bounds(void **s)
{
    struct itr_record r = fix_empty();
    int64_t *const times[] = {&r.born_ms,        &r.refresh_ms,   &r.end_ms,    &r.fetched_ms,
                              &r.lease_begin_ms, &r.lease_end_ms, &r.failed_ms, &r.refused_ms};
    int32_t *const counts[] = {&r.day, &r.fetches, &r.wasted, &r.failures, &r.refusals};
    size_t i;

    (void)s;
    for (i = 0; i < sizeof times / sizeof times[0]; i++)
        assert_bounds(&r, times[i], ITR_RECORD_NUMBER_MAX);
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = -1;
        assert_false(itr_record_is_sound(&r));
        *counts[i] = 0;
    }
    assert_true(itr_record_is_sound(&r));
}

static void errors_have_bounds(void **s)
{
    struct itr_record r = fix_empty();

    (void)s;
    r.failure = ITR_FAILURE_NO_ANSWER;
    assert_false(itr_record_is_sound(&r)); /* whoever is held back must be told why */
    r.error.kind = ITR_STORE;
    r.error.http_status = ITR_RECORD_HTTP_MAX;
    fill(r.error.text, 106, ' ');
    append(r.error.text, "xx"); /* escaped: all that may be */
    assert_true(itr_record_is_sound(&r));
    append(r.error.text, "x");
    assert_false(itr_record_is_sound(&r));
    r.error.text[0] = '\n';
    r.error.text[1] = '\0';
    assert_false(itr_record_is_sound(&r));
    r.error.text[0] = 'x';
    r.error.http_status++;
    assert_false(itr_record_is_sound(&r));
    r.error.http_status = -1;
    assert_false(itr_record_is_sound(&r));
    r.error.http_status = 0;
    r.error.kind = ITR_USAGE; /* of this process, not of the fleet */
    assert_false(itr_record_is_sound(&r));
}

static void tokens_have_bounds(void **s)
{
    char text[ITR_TOKEN_MAX + 2];

    (void)s;
    assert_false(itr_record_can_carry("", 0));
    assert_true(itr_record_can_carry("~", 1));
    assert_false(itr_record_can_carry("\x7F", 1));
    assert_false(itr_record_can_carry("\nx", 2));
    assert_false(itr_record_can_carry("\x1F", 1));
    fill(text, ITR_TOKEN_MAX + 1, 'x');
    assert_true(itr_record_can_carry(text, ITR_TOKEN_MAX));
    assert_false(itr_record_can_carry(text, ITR_TOKEN_MAX + 1));
    fill(text, ITR_RECORD_TOKEN_ESCAPED / 3, ' ');
    assert_int_equal(itr_record_escaped_len(text, strlen(text)), ITR_RECORD_TOKEN_ESCAPED / 3 * 3);
    append(text, "x");
    assert_int_equal(ITR_RECORD_TOKEN_ESCAPED, 1024);
    assert_true(itr_record_can_carry(text, strlen(text))); /* escaped: all that may be */
    append(text, "x");
    assert_false(itr_record_can_carry(text, strlen(text)));
    assert_true(itr_record_is_plain('~') && !itr_record_is_plain('\x7F') &&
                !itr_record_is_plain(' ') && itr_record_is_plain('!') && !itr_record_is_plain('%'));
}

static void names_that_are_not_known_are_passed_over(void **s)
{
    struct itr_record r = decoded(HEAD "colour blue and green\nfetches 5\nx \n");

    (void)s;
    assert_int_equal(r.fetches, 5);
}

static void a_corrupt_text_counts_as_none(void **s)
{
    static const char *const texts[] = {
        "",
        "\n",
        "nonsense",
        "nonsense\nfetches 5\n",
        "itr\nfetches 5\n",
        "xtrigger-token 2\nfetches 5\n",
        HEAD "wasted 3\nfetches 1:\n",
        HEAD "fetches 5\nerror_kind much-too-long-to-be-one\n",
        HEAD "fetches 5\nfailure limix\n",
        HEAD "fetches 5\nfailure melted\n",
        "itrigger-token 2", /* no end of line */
        "itrigger-token 0\nfetches 5\n",
        "itrigger-token one\nfetches 5\n",
        "itrigger-token -1\nfetches 5\n",
        "itrigger-token 2 \nfetches 5\n",
        "itrigger-token 2\r\nfetches 5\n",
        "itrigger-token 99999999999999999999\nfetches 5\n",
        HEAD "fetches 5", /* cut off */
        HEAD "fetches 5\nfailures",
        HEAD "fetches 5\n\n",
        HEAD "fetches\n",
        HEAD "fetches \n",
        HEAD "fetches 5\nforbidden \n",
        HEAD "fetches 5\nfailure \n",
        HEAD "fetches 5 \n",
        HEAD "fetches  5\n",
        HEAD "fetches +5\n",
        HEAD "fetches -5\n",
        HEAD "fetches 0x5\n",
        HEAD "fetches 5.0\n",
        HEAD "fetches 2147483648\n",
        HEAD "fetches 99999999999999999999\n",
        HEAD "fetches 5\nfetches 5\n", /* twice */
        HEAD "fetches 5\nerror_kind\n",
        HEAD "fetches 5\nborn 9007199254740993\n",
        HEAD "fetches 5\nlease_fence 9007199254740993\n",
        HEAD "fetches 5\nowner two words\nlease_fence 5\n",
        HEAD "fetches 5\nowner a%2\nlease_fence 5\n",
        HEAD "fetches 5\nowner a%zz\nlease_fence 5\n",
        HEAD "fetches 5\nowner a%0a\nlease_fence 5\n", /* lower case is not ours */
        HEAD "fetches 5\nowner a%0A\nlease_fence 5\n", /* a control character */
        HEAD "fetches 5\nowner a%00\nlease_fence 5\n",
        HEAD "fetches 5\nowner \xC3\xA9\nlease_fence 5\n", /* not escaped */
        HEAD "fetches 5\nowner 123456789012345678901234567890123\nlease_fence 5\n", /* 33 bytes */
        HEAD "fetches 5\nforbidden 01234567890123456\n",
        "itrigger-token 1\nfetches 5\n", /* an older format */
        HEAD "fetches 5\nerror_kind ok\n",
        HEAD "fetches 5\nerror_kind usage\n", /* no fleet's error */
        HEAD "fetches 5\nerror_kind memory\n",
        HEAD "fetches 5\nerror_kind strange\n",
        HEAD "fetches 5\nfailure limit\nerror_kind api\nerror_http 1000\n",
        HEAD "fetches 5\nfailure limit\nerror_kind api\nerror_code 9223372036854775808\n",
        HEAD "fetches 5\nfailure limit\nerror_kind api\nerror_code -9223372036854775809\n",
        HEAD "fetches 5\nfailure limit\nerror_kind api\nerror_code --1\n",
        HEAD "fetches 5\nfailure limit\nerror_kind api\nerror_code -\n",
        HEAD "fetches 5\nfailure limit\nerror_kind api\nerror_text %FF\n", /* not UTF-8 */
        /* Parts that do not fit each other. */
        HEAD "fetches 5\nerror_text why\n", /* no kind */
        HEAD "fetches 5\nfailure limit\n",  /* no reason */
        HEAD "fetches 5\nerror_kind api\n", /* of what? */
        HEAD "fetches 5\nfailure strange\nerror_kind api\n",
        HEAD "fetches 5\nfence 7\nlease_fence 7\n", /* no token */
        HEAD "fetches 5\ntoken a\n",                /* no fence */
        HEAD "fetches 5\nfence 7\ntoken a\n",       /* no lease gave it */
        HEAD "fetches 5\nfence 7\ntoken a\nlease_fence 7\nowner b\n",
        HEAD "fetches 5\nfence 7\ntoken a%0A\nlease_fence 7\n",
        HEAD "fetches 5\nowner b\n",
    };
    size_t i;

    (void)s;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_none(texts[i]);
}

static void a_nul_in_it_is_corrupt(void **s)
{
    static const char text[] = HEAD "fetches 5\nowner a\0b\nlease_fence 5\n";
    struct itr_record r;
    struct itr_error e;

    (void)s;
    assert_int_equal(decode_n(text, sizeof text - 1, &r, &e), ITR_OK);
    assert_int_equal(r.fetches, 0);
}

static void one_that_is_too_large_counts_as_none(void **s)
{
    char text[ITR_RECORD_MAX + 2];
    size_t head;

    (void)s;
    head = (size_t)snprintf(text, sizeof text, HEAD "fetches 5\nx ");
    fill(text + head, ITR_RECORD_MAX - head, 'y');
    text[ITR_RECORD_MAX - 1] = '\n';
    assert_int_equal(decoded(text).fetches, 5);
    fill(text + head, ITR_RECORD_MAX + 1 - head, 'y');
    text[ITR_RECORD_MAX] = '\n';
    assert_int_equal(decoded(text).fetches, 0);
}

static void every_cut_is_survived(void **s)
{
    struct itr_record r = largest('x', ITR_TOKEN_MAX);
    struct itr_buf text;
    struct itr_error e;
    size_t n;

    (void)s;
    itr_buf_init(&text, ITR_RECORD_MAX);
    assert_int_equal(itr_record_encode(&r, &text), ITR_OK);
    for (n = 0; n < text.len; n++) {
        assert_int_equal(decode_n(text.data, n, &r, &e), ITR_OK);
        assert_true(itr_record_is_sound(&r));
    }
    itr_buf_clear(&text);
}

static void a_newer_format_is_an_error_that_says_upgrade(void **s)
{
    static const char text[] = "itrigger-token 3\n{\"entirely\": \"different\"}";
    struct itr_record r;
    struct itr_error e;

    (void)s;
    assert_int_equal(decode_n(text, strlen(text), &r, &e), ITR_STORE);
    assert_int_equal(e.kind, ITR_STORE);
    assert_non_null(strstr(e.text, "newer format (3,"));
    assert_non_null(strstr(e.text, "upgrade itrigger"));
}

/* ---- errors as the fleet remembers them ---- */

static void an_errors_text_is_made_fit_to_be_kept(void **s)
{
    struct itr_record_error kept;
    struct itr_error e;
    size_t i;

    (void)s;
    itr_error_set(&e, ITR_NETWORK, "line\none \x7F\x1F\xFF");
    e.http_status = 12345;
    itr_record_keep_error(&kept, &e);
    assert_string_equal(kept.text, "line one   ?");
    assert_int_equal(kept.http_status, 0);
    itr_error_set(&e, ITR_NETWORK, "\n\x80");
    e.http_status = 999;
    itr_record_keep_error(&kept, &e);
    assert_string_equal(kept.text, " ?");
    assert_int_equal(kept.http_status, 999);
    assert_false(kept.has_code);
    assert_int_equal(kept.code, 0);

    /* 61 characters take 9 bytes each when escaped: 35 of them fit, whole. */
    e.text[0] = '\0';
    for (i = 0; i < 61; i++)
        memcpy(e.text + 3 * i, "\xE8\xAF\xAF", 4);
    itr_record_keep_error(&kept, &e);
    assert_int_equal(strlen(kept.text), 35 * 3);

    fill(e.text, ITR_ERROR_TEXT - 1, 'x');
    itr_record_keep_error(&kept, &e);
    assert_int_equal(strlen(kept.text), ITR_RECORD_ERROR_TEXT);

    /* As much as may be, and not a byte more. */
    fill(e.text, 108, '\n');
    memcpy(e.text + 106, "xx", 2); /* 106 times 3 bytes, and 2 */
    assert_int_equal(ITR_RECORD_ERROR_ESCAPED, 320);
    itr_record_keep_error(&kept, &e);
    assert_int_equal(strlen(kept.text), 108);
    fill(e.text, 109, 'x');
    memset(e.text, '\n', 106);
    itr_record_keep_error(&kept, &e);
    assert_int_equal(strlen(kept.text), 108);
    e.http_status = -1;
    itr_record_keep_error(&kept, &e);
    assert_int_equal(kept.http_status, 0);

    /* Where no character begins there is none. */
    fill(e.text, ITR_ERROR_TEXT - 1, '\x80');
    itr_record_keep_error(&kept, &e);
    assert_string_equal(kept.text, "");
}

static void a_kept_error_is_given_as_it_was(void **s)
{
    struct itr_record_error kept;
    struct itr_error e, given;

    (void)s;
    itr_error_set(&e, ITR_HTTP, "HTTP 502");
    e.http_status = 502;
    e.has_code = true;
    e.code = 50001;
    itr_record_keep_error(&kept, &e);
    itr_record_give_error(&kept, &given);
    assert_int_equal(given.kind, ITR_HTTP);
    assert_string_equal(given.text, "HTTP 502");
    assert_int_equal(given.http_status, 502);
    assert_true(given.has_code);
    assert_int_equal(given.code, 50001);
}

static void a_kind_that_says_nothing_elsewhere_is_kept_as_network(void **s)
{
    struct itr_record_error kept;
    struct itr_error e;
    int kind;

    (void)s;
    for (kind = ITR_OK; kind <= ITR_FULL; kind++) {
        bool is_shared = kind >= ITR_NETWORK && kind <= ITR_STORE;

        itr_error_set(&e, (enum itr_status)kind, "%s", "x");
        itr_record_keep_error(&kept, &e);
        assert_int_equal(kept.kind, is_shared ? kind : ITR_NETWORK);
    }
}

/* ---- key ---- */

static void the_key_is_no_path_and_no_pattern(void **s)
{
    char a[ITR_RECORD_KEY], b[ITR_RECORD_KEY];

    (void)s;
    itr_record_key("https://gateway.example", "../*?[x]", a);
    assert_int_equal(strlen(a), 9 + 32);
    assert_memory_equal(a, "itrigger:", 9);
    assert_int_equal(strspn(a + 9, "0123456789abcdef"), 32);
    itr_record_key("https://gateway.example", "other", b);
    assert_string_not_equal(a, b);
    itr_record_key("https://gateway.exampleo", "ther", a);
    assert_string_not_equal(a, b);
}

/* Of `printf 'https://gateway.example\0app' | sha256sum`: records outlive the program. */
static void the_key_never_changes(void **s)
{
    char key[ITR_RECORD_KEY];

    (void)s;
    itr_record_key("https://gateway.example", "app", key);
    assert_string_equal(key, "itrigger:0802e7b7aedbc12b8012b4a824d8f93b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_largest_record_fits),
        cmocka_unit_test(the_form_is_this),
        cmocka_unit_test(a_record_that_does_not_fit_is_an_error),
        cmocka_unit_test(times_and_counts_have_bounds),
        cmocka_unit_test(errors_have_bounds),
        cmocka_unit_test(tokens_have_bounds),
        cmocka_unit_test(names_that_are_not_known_are_passed_over),
        cmocka_unit_test(a_corrupt_text_counts_as_none),
        cmocka_unit_test(a_nul_in_it_is_corrupt),
        cmocka_unit_test(one_that_is_too_large_counts_as_none),
        cmocka_unit_test(every_cut_is_survived),
        cmocka_unit_test(a_newer_format_is_an_error_that_says_upgrade),
        cmocka_unit_test(an_errors_text_is_made_fit_to_be_kept),
        cmocka_unit_test(a_kept_error_is_given_as_it_was),
        cmocka_unit_test(a_kind_that_says_nothing_elsewhere_is_kept_as_network),
        cmocka_unit_test(the_key_is_no_path_and_no_pattern),
        cmocka_unit_test(the_key_never_changes),
    };

    return cmocka_run_group_tests_name("token_record_text", tests, NULL, NULL);
}
