/* itriggerd: the page and the metrics as text: what may stand in them, and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/sha256.h"
#include "itriggerd/metrics.h"
#include "itriggerd/page.h"
#include "itriggerd/page_style.h"

#define MB ((size_t)1 << 20)

static struct app_status health(const char *name)
{
    return (struct app_status){
        .name = name,
        .app_id = name,
        .source = {.fence = 7, .fetches_today = STATUS_UNKNOWN, .daily_limit = STATUS_UNKNOWN}};
}

static void write_metrics(struct itr_buf *out, const struct app_status *h)
{
    static struct request_metrics none;

    itr_buf_init(out, MB);
    assert_int_equal(metrics_write(out, h, 1, &(struct daemon_status){0}, &none), ITR_OK);
}

static const size_t one_fails[APP_TROUBLES] = {[APP_FAILS] = 1};

static void write_page(struct itr_buf *out, const struct app_status *h,
                       const struct itr_event_list *events)
{
    itr_buf_init(out, MB);
    page_begin(out, PAGE_EN, one_fails);
    page_app(out, PAGE_EN, h, events, 100000, false);
    assert_int_equal(page_end(out, PAGE_EN), ITR_OK);
}

static void has(const struct itr_buf *b, const char *text)
{
    if (strstr(itr_buf_str(b), text) == NULL)
        fail_msg("no \"%s\" in %s", text, itr_buf_str(b));
}

static void has_not(const struct itr_buf *b, const char *text)
{
    assert_null(strstr(itr_buf_str(b), text));
}

static void labels_are_escaped(void **state)
{
    struct app_status h = health("a\"b\\c\nd");
    struct itr_buf out;

    (void)state;
    write_metrics(&out, &h);
    has(&out, "itrigger_ready{app=\"a\\\"b\\\\c\\nd\"} 0\n");
    itr_buf_clear(&out);
}

static void seconds_have_a_point_and_a_sign(void **state)
{
    struct app_status h = health("a");
    struct itr_buf out;

    (void)state;
    h.source.age_ms = 61005;
    h.source.expires_in_ms = -7;
    h.source.refresh_in_ms = -1500;
    write_metrics(&out, &h);
    has(&out, "itrigger_token_age_seconds{app=\"a\"} 61.005\n");
    has(&out, "itrigger_token_remaining_seconds{app=\"a\"} -0.007\n");
    has(&out, "itrigger_token_refresh_seconds{app=\"a\"} -1.500\n");
    itr_buf_clear(&out);
}

static void what_is_unknown_is_not_shown(void **state)
{
    struct app_status h = health("a");
    struct itr_buf out;

    (void)state;
    h.source.age_ms = STATUS_UNKNOWN;
    write_metrics(&out, &h);
    has_not(&out, "itrigger_token_age_seconds{");
    has_not(&out, "itrigger_fetches_today{");
    has_not(&out, "itrigger_daily_limit{");
    itr_buf_clear(&out);
}

static void latencies_are_summed_up(void **state)
{
    struct request_metrics t = {0};
    struct app_status h = health("a");
    struct itr_buf out;

    (void)state;
    request_metrics_note(&t, REQUEST_POLL, 200, 0);
    request_metrics_note(&t, REQUEST_POLL, 200, 5);
    request_metrics_note(&t, REQUEST_POLL, 418, 60001);
    itr_buf_init(&out, MB);
    assert_int_equal(metrics_write(&out, &h, 1, &(struct daemon_status){0}, &t), ITR_OK);
    has(&out, "_bucket{kind=\"poll\",le=\"0.001\"} 1\n");
    has(&out, "_bucket{kind=\"poll\",le=\"0.002\"} 1\n");
    has(&out, "_bucket{kind=\"poll\",le=\"0.005\"} 2\n");
    has(&out, "_bucket{kind=\"poll\",le=\"60.000\"} 2\n");
    has(&out, "_bucket{kind=\"poll\",le=\"+Inf\"} 3\n");
    has(&out, "_sum{kind=\"poll\"} 60.006\n");
    has(&out, "itrigger_answers_total{kind=\"poll\",code=\"other\"} 1\n");
    itr_buf_clear(&out);
}

static void text_of_others_is_no_markup(void **state)
{
    static struct itr_event_list events = {.n = 1};
    struct app_status h = health("<script>&'\"");
    struct itr_buf out;

    (void)state;
    events.event[0].why = ITR_WHY_FAILED;
    (void)itr_error_set(&events.event[0].error, ITR_HTTP, "<img src=x onerror=y>");
    write_page(&out, &h, &events);
    has_not(&out, "<script");
    has_not(&out, "<img");
    has(&out, "<h2>&#60;script&#62;&#38;&#39;&#34;</h2>");
    has(&out, "<br>&#60;img src=x onerror=y&#62;</td>");
    itr_buf_clear(&out);
}

/* In thousandths, whatever the times are. */
static void assert_bar(int64_t age_ms, int64_t refresh_in_ms, int64_t expires_in_ms,
                       const char *bar)
{
    static const struct itr_event_list none = {0};
    struct app_status h = health("a");
    struct itr_buf out;

    h.source.age_ms = age_ms;
    h.source.refresh_in_ms = refresh_in_ms;
    h.source.expires_in_ms = expires_in_ms;
    write_page(&out, &h, &none);
    has(&out, bar);
    itr_buf_clear(&out);
}

static void the_bar_is_what_is_left_of_the_life(void **state)
{
    (void)state;
    assert_bar(0, 5400000, 7200000, "data-filled=\"1000\" data-mark=\"250\"");
    assert_bar(3600000, 1800000, 3600000, "data-filled=\"500\" data-mark=\"250\"");
    assert_bar(3600000, 1800000, 3600000, "<rect class=\"good\" width=\"500\"");
    assert_bar(7000000, -1600000, 200000, "<rect class=\"due\" width=\"27\"");
    assert_bar(7300000, -1900000, -100000, "data-filled=\"0\" data-mark=\"250\"");
    assert_bar(0, 0, 0, "data-filled=\"0\" data-mark=\"0\"");
}

static void what_does_not_fit_is_an_error(void **state)
{
    static const struct itr_event_list no_events = {0};
    static struct request_metrics none;
    struct app_status h = health("a");
    struct itr_buf out;
    size_t max, whole;

    (void)state;
    write_metrics(&out, &h);
    whole = out.len;
    itr_buf_clear(&out);
    for (max = 0; max < whole; max++) {
        itr_buf_init(&out, max);
        assert_int_equal(metrics_write(&out, &h, 1, &(struct daemon_status){0}, &none), ITR_FULL);
        itr_buf_clear(&out);
    }
    itr_buf_init(&out, 4000); /* the head fits, not an app more */
    page_begin(&out, PAGE_ZH, one_fails);
    page_app(&out, PAGE_ZH, &h, &no_events, 0, false);
    assert_int_equal(page_end(&out, PAGE_ZH), ITR_FULL);
    itr_buf_clear(&out);
}

static void assert_summary(size_t failed, size_t warned, size_t fine, const char *text)
{
    const size_t of_trouble[APP_TROUBLES] = {failed, warned, fine};
    struct itr_buf out;

    itr_buf_init(&out, MB);
    page_begin(&out, PAGE_EN, of_trouble);
    has(&out, text);
    itr_buf_clear(&out);
}

static void the_summary_is_right_for_one_app_and_for_many(void **state)
{
    (void)state;
    assert_summary(0, 0, 1, "<p class=\"sum badge\">Ready: 1 of 1 apps.</p>");
    assert_summary(0, 1, 0, "<p class=\"sum badge due\">Refresh fails: 1.</p>");
    assert_summary(
        2, 1, 6, "<p class=\"sum badge bad\">No usable token: 2 of 9 apps. Refresh fails: 1.</p>");
}

static void the_preferred_language_is_taken(void **state)
{
    (void)state;
    assert_int_equal(page_language_of(NULL), PAGE_EN);
    assert_int_equal(page_language_of(""), PAGE_EN);
    assert_int_equal(page_language_of("*"), PAGE_EN);
    assert_int_equal(page_language_of("z"), PAGE_EN);
    assert_int_equal(page_language_of("ZH"), PAGE_ZH);
    assert_int_equal(page_language_of("en;q=0.25,zh-Hans;q=0.3"), PAGE_ZH);
    assert_int_equal(page_language_of("en;q=,zh;q=0.00"), PAGE_EN);
    assert_int_equal(page_language_of("zh;q=0.999,en;q=1"), PAGE_EN);
    assert_int_equal(page_language_of("zhx,,,;q=1, , zh;q="), PAGE_EN);
}

static void base64(const unsigned char *in, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int have = 0;

    for (; n > 0; n--) {
        bits = bits << 8 | *in++;
        for (have += 8; have >= 6; have -= 6)
            *out++ = digits[bits >> (have - 6) & 63];
    }
    *out++ = digits[bits << (6 - have) & 63]; /* 32 bytes leave 4 bits */
    *out++ = '=';
    *out = '\0';
}

static void the_policy_has_the_digest_of_the_style_sheet(void **state)
{
    unsigned char digest[ITR_SHA256_LEN];
    char text[64];
    struct itr_sha256 h;

    (void)state;
    itr_sha256_init(&h);
    itr_sha256_update(&h, page_style, strlen(page_style));
    itr_sha256_final(&h, digest);
    base64(digest, sizeof digest, text);
    if (strstr(page_policy, text) == NULL)
        fail_msg("the style sheet has the digest sha256-%s; page_policy does not", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(seconds_have_a_point_and_a_sign),
        cmocka_unit_test(what_is_unknown_is_not_shown),
        cmocka_unit_test(latencies_are_summed_up),
        cmocka_unit_test(text_of_others_is_no_markup),
        cmocka_unit_test(the_bar_is_what_is_left_of_the_life),
        cmocka_unit_test(what_does_not_fit_is_an_error),
        cmocka_unit_test(the_summary_is_right_for_one_app_and_for_many),
        cmocka_unit_test(the_preferred_language_is_taken),
        cmocka_unit_test(the_policy_has_the_digest_of_the_style_sheet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
