/* url and query: what is refused, what is encoded, what may be shown (docs/design.md 5, 4.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/url.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define BOTH(text) text, sizeof text - 1

static struct itr_buf out;
static struct itr_error e;

static int make_out(void **state)
{
    (void)state;
    itr_buf_init(&out, 1 << 22);
    itr_error_clear(&e);
    return 0;
}

static int drop_out(void **state)
{
    (void)state;
    itr_buf_clear(&out);
    return 0;
}

/* ---- gateway ---- */

static void gateway_gets_one_normal_form(void **state)
{
    static const struct {
        const char *given, *normal;
    } cases[] = {
        {"https://gateway-dev.itrigger.cn", "https://gateway-dev.itrigger.cn"},
        {"https://gateway-dev.itrigger.cn/", "https://gateway-dev.itrigger.cn"},
        {"HTTPS://Gateway-Dev.iTrigger.CN:8443/", "https://gateway-dev.itrigger.cn:8443"},
        {"https://host:443", "https://host"},
        {"https://host:80", "https://host:80"},
        {"http://127.0.0.1:80", "http://127.0.0.1"},
        {"http://127.0.0.1:443", "http://127.0.0.1:443"},
        {"https://host:65535", "https://host:65535"},
        {"https://host:1", "https://host:1"},
        {"https://10.0.0.1", "https://10.0.0.1"},
        {"https://my_host.", "https://my_host."},
        {"https://[2001:DB8::1]:443/", "https://[2001:db8::1]"},
        {"http://localhost:8080", "http://localhost:8080"},
        {"http://LocalHost", "http://localhost"},
        {"http://127.0.0.1:1/", "http://127.0.0.1:1"},
        {"http://127.255.255.254", "http://127.255.255.254"},
        {"http://[::1]:8080", "http://[::1]:8080"},
        {"http://[0:0::0:1]", "http://[0:0::0:1]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        itr_buf_reset(&out);
        assert_int_equal(itr_base_url(cases[i].given, &out, &e), ITR_OK);
        assert_string_equal(itr_buf_str(&out), cases[i].normal);
        itr_buf_reset(&out);
        assert_int_equal(itr_base_url(cases[i].normal, &out, &e), ITR_OK);
        assert_string_equal(itr_buf_str(&out), cases[i].normal);
    }
}

static void gateway_says_what_is_wrong(void **state)
{
    static const struct {
        const char *given, *word;
    } cases[] = {
        {"", "not an absolute URL"},
        {"gateway.itrigger.cn", "not an absolute URL"},
        {"//gateway.itrigger.cn", "not an absolute URL"},
        {"://host", "not an absolute URL"},
        {"https:host", "not an absolute URL"},
        {"https:/host", "not an absolute URL"},
        {"ftp://host", "scheme"},
        {"httpss://host", "scheme"},
        {"x://https://host", "path"},
        {"https://", "host is missing"},
        {"https:///", "host is missing"},
        {"https://:443", "host is missing"},
        {"https:///path", "path"},
        {"https://user@host", "user"},
        {"https://user:password@host", "user"},
        {"https://@host", "user"},
        {"http://localhost@evil.com", "user"},
        {"https://host/api", "path"},
        {"https://host//", "path"},
        {"https://host/.", "path"},
        {"https://host?x", "query"},
        {"https://host/?x=1", "query"},
        {"https://host?", "query"},
        {"https://host#x", "fragment"},
        {"https://host/#", "fragment"},
        {"https://host:", "port"},
        {"https://host:0", "port"},
        {"https://host:65536", "port"},
        {"https://host:99999", "port"},
        {"https://host:100000", "port"},
        {"https://host:0443", "port"},
        {"https://host:-1", "port"},
        {"https://host:80a", "port"},
        {"https://host:80:80", "port"},
        {"https://[::1]:", "port"},
        {"https://[::1]80", "invalid host name"},
        {"https://[::1", "invalid host name"},
        {"https://[]", "invalid host name"},
        {"https://[", "invalid host name"},
        {"https://[fe80::1%25eth0]", "invalid host name"},
        {"https://[1.2.3.4]", "invalid host name"},
        {"https://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", "invalid host name"},
        {"https://ho%73t", "invalid host name"},
        {"https://a..b", "invalid host name"},
        {"https://.", "invalid host name"},
        {"https://..", "invalid host name"},
        {"https://.host", "invalid host name"},
        {"https://a,b", "invalid host name"},
        {"https://a\\b", "invalid host name"},
        {"https://host\\@evil", "user"},
        {"https://ho st", "space"},
        {" https://host", "space"},
        {"https://host ", "space"},
        {"https://host\n", "control"},
        {"https://\x7f", "control"},
        {"https://\xe4\xbd\xa0.cn", "ASCII"},
        {"http://gateway.itrigger.cn", "https://gateway.itrigger.cn"},
        {"http://127.0.0.1.evil.com", "https://127.0.0.1.evil.com"},
        {"http://127.1", "http is for localhost"},
        {"http://128.0.0.1", "http is for localhost"},
        {"http://[::2]", "http is for localhost"},
        {"http://[::ffff:127.0.0.1]", "http is for localhost"},
        {"http://localhost.evil.com", "http is for localhost"},
        {"http://xlocalhost", "http is for localhost"},
        {"http://localhos", "http is for localhost"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        if (itr_base_url(cases[i].given, &out, &e) != ITR_CONFIG)
            fail_msg("accepted: %s", cases[i].given);
        assert_int_equal(e.kind, ITR_CONFIG);
        assert_non_null(strstr(e.text, "option gateway"));
        if (strstr(e.text, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].given, e.text);
        assert_null(strstr(e.text, "password"));
        assert_int_equal(out.len, 0);
        assert_int_equal(itr_base_url(cases[i].given, &out, NULL), ITR_CONFIG);
    }
}

static void gateway_bounds_the_host(void **state)
{
    char url[8 + 300];
    size_t n;

    (void)state;
    for (n = 250; n <= 256; n++) {
        memcpy(url, "https://", 8);
        memset(url + 8, 'a', n);
        url[8 + n] = '\0';
        assert_int_equal(itr_base_url(url, &out, &e), n <= 253 ? ITR_OK : ITR_CONFIG);
    }
}

static void loopback_is_recognised_by_address(void **state)
{
    (void)state;
    assert_true(itr_url_is_loopback("http://localhost"));
    assert_true(itr_url_is_loopback("https://127.0.0.1:8443"));
    assert_true(itr_url_is_loopback("http://127.9.9.9/path?x"));
    assert_true(itr_url_is_loopback("http://[::1]:80"));
    assert_false(itr_url_is_loopback("https://localhost.example"));
    assert_false(itr_url_is_loopback("https://127.0.0.1.example"));
    assert_false(itr_url_is_loopback("https://localhost@example"));
    assert_false(itr_url_is_loopback("https://example/localhost"));
    assert_false(itr_url_is_loopback("https://example?http://localhost"));
    assert_false(itr_url_is_loopback("https://[::2]"));
    assert_false(itr_url_is_loopback("localhost"));
    assert_false(itr_url_is_loopback(""));
}

/* ---- path ---- */

static void path_is_encoded_byte_by_byte(void **state)
{
    static const struct {
        const char *given, *want;
    } cases[] = {
        {"/", "/"},
        {"/itrigger-bff/v2/open/api/member/query", "/itrigger-bff/v2/open/api/member/query"},
        {"/a b", "/a%20b"},
        {"/100%", "/100%25"},
        {"/%2e%2E/%00", "/%252e%252E/%2500"},
        {"/\xe6\x93\x8d", "/%E6%93%8D"},
        {"/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"},
        {"/\"<>[]^`{|}", "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"},
        {"/a//b/", "/a//b/"},
        {"/...", "/..."},
        {"/.a/..b/c./d..", "/.a/..b/c./d.."},
        {"/x://y", "/x://y"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        itr_buf_reset(&out);
        assert_int_equal(itr_url_path(cases[i].given, strlen(cases[i].given), true, &out, &e),
                         ITR_OK);
        assert_string_equal(itr_buf_str(&out), cases[i].want);
    }
}

static void path_says_what_is_wrong(void **state)
{
    static const struct {
        const char *given;
        size_t len;
        const char *word;
    } cases[] = {
        {BOTH(""), "empty"},
        {BOTH("a/b"), "begin with \"/\""},
        {BOTH(" /a"), "begin with \"/\""},
        {BOTH("https://user:secret@host/a"), "a scheme and a host"},
        {BOTH("//host/a"), "\"//\""},
        {BOTH("/a?accessToken=secret"), "\"?\" at byte 2: give the parameters"},
        {BOTH("/a#b"), "\"#\" at byte 2"},
        {BOTH("/a\\..\\b"), "backslash at byte 2"},
        {BOTH("/a\nb"), "control character at byte 2"},
        {BOTH("/a\0b"), "control character at byte 2"},
        {BOTH("/\x7f"), "control character at byte 1"},
        {BOTH("/."), "segment \".\" at byte 1"},
        {BOTH("/.."), "segment \"..\" at byte 1"},
        {BOTH("/a/./b"), "segment \".\" at byte 3"},
        {BOTH("/a/../b"), "segment \"..\" at byte 3"},
        {BOTH("/a/b/.."), "segment \"..\" at byte 5"},
        {BOTH("/../"), "segment \"..\" at byte 1"},
        {BOTH("/a\xff"), "UTF-8"},
        {BOTH("/\xe6\x93"), "UTF-8"},
        {BOTH("/\xed\xa0\x80"), "UTF-8"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        if (itr_url_path(cases[i].given, cases[i].len, true, &out, &e) != ITR_USAGE)
            fail_msg("accepted: %s", cases[i].given);
        assert_int_equal(e.kind, ITR_USAGE);
        if (strstr(e.text, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].given, e.text);
        assert_null(strstr(e.text, "secret"));
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(itr_url_path(BOTH("/a?b"), false, &out, &e), ITR_USAGE);
    assert_non_null(strstr(e.text, "POST"));
}

static void path_has_a_maximum(void **state)
{
    char path[2049];

    (void)state;
    memset(path, '%', sizeof path);
    path[0] = '/';
    assert_int_equal(itr_url_path(path, 2048, true, &out, &e), ITR_OK);
    assert_int_equal(out.len, 1 + 2047 * 3);
    assert_int_equal(itr_url_path(path, 2049, true, &out, &e), ITR_USAGE);
}

static void path_that_does_not_fit_leaves_out_alone(void **state)
{
    struct itr_buf small;

    (void)state;
    itr_buf_init(&small, 5);
    assert_int_equal(itr_buf_append_str(&small, "x"), ITR_OK);
    assert_int_equal(itr_url_path(BOTH("/% "), true, &small, &e), ITR_FULL);
    assert_string_equal(itr_buf_str(&small), "x");
    assert_int_equal(itr_url_path(BOTH("/%"), true, &small, &e), ITR_OK);
    itr_buf_clear(&small);
}

static void escape_keeps_the_unreserved_only(void **state)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char want[4], byte;
    int c;

    (void)state;
    for (c = 0; c < 256; c++) {
        byte = (char)c;
        (void)snprintf(want, sizeof want, c != 0 && strchr(kept, c) != NULL ? "%c" : "%%%02X",
                       (unsigned)c);
        itr_buf_reset(&out);
        assert_int_equal(itr_url_escape(&byte, 1, &out), ITR_OK);
        assert_string_equal(itr_buf_str(&out), want);
    }
    itr_buf_reset(&out);
    assert_int_equal(itr_url_escape(NULL, 0, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out), "");
}

/* ---- query ---- */

static enum itr_status add(struct itr_query *q, const char *name, const char *value)
{
    return itr_query_add(q, name, strlen(name), value, strlen(value), &e);
}

static void query_is_sorted_and_stable(void **state)
{
    struct itr_query q;

    (void)state;
    itr_query_init(&q);
    assert_int_equal(itr_query_write(&q, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out), "");
    assert_int_equal(add(&q, "storeNo", "1159374785466208256"), ITR_OK);
    assert_int_equal(add(&q, "ids", "3"), ITR_OK);
    assert_int_equal(add(&q, "mobile", ""), ITR_OK);
    assert_int_equal(add(&q, "ids", "1"), ITR_OK);
    assert_int_equal(add(&q, "appId", "666"), ITR_OK);
    assert_int_equal(add(&q, "ids", "2"), ITR_OK);
    assert_int_equal(add(&q, "id", "a=b&c d"), ITR_OK);
    assert_int_equal(add(&q, "\xe5\x90\x8d", "\xe6\x93\x8d"), ITR_OK);
    assert_int_equal(add(&q, "a b&", "+"), ITR_OK);
    assert_int_equal(itr_query_write(&q, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out),
                        "&a%20b%26=%2B&appId=666&id=a%3Db%26c%20d&ids=3&ids=1&ids=2&mobile="
                        "&storeNo=1159374785466208256&%E5%90%8D=%E6%93%8D");

    itr_query_reset(&q);
    itr_buf_reset(&out);
    assert_int_equal(itr_query_write(&q, &out), ITR_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(add(&q, "x", "1"), ITR_OK);
    assert_int_equal(itr_query_write(&q, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out), "&x=1");
    itr_query_clear(&q);
    itr_query_clear(&q);
}

static void query_refuses_bad_pairs(void **state)
{
    struct itr_query q;

    (void)state;
    itr_query_init(&q);
    assert_int_equal(add(&q, "", "x"), ITR_USAGE);
    assert_non_null(strstr(e.text, "name is empty"));
    assert_int_equal(add(&q, "accessToken", "x"), ITR_USAGE);
    assert_non_null(strstr(e.text, "accessToken"));
    assert_int_equal(add(&q, "a\xff", "x"), ITR_USAGE);
    assert_non_null(strstr(e.text, "\"a?\""));
    assert_int_equal(add(&q, "name", "geheim\xff"), ITR_USAGE);
    assert_non_null(strstr(e.text, "\"name\""));
    assert_null(strstr(e.text, "geheim"));
    assert_int_equal(q.n, 0);
    assert_int_equal(q.bytes.len, 0);

    /* Only exactly that name is ours; a NUL is a byte like another. */
    assert_int_equal(add(&q, "accesstoken", "1"), ITR_OK);
    assert_int_equal(itr_query_add(&q, "accessToken\0", 12, "\0", 1, &e), ITR_OK);
    assert_int_equal(itr_query_write(&q, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out), "&accessToken%00=%00&accesstoken=1");
    itr_query_clear(&q);
}

static void query_has_maxima(void **state)
{
    struct itr_query q;
    char *big = malloc(ITR_QUERY_MAX_BYTES + 1);
    char name[16];
    int i;

    (void)state;
    assert_non_null(big);
    memset(big, 'x', ITR_QUERY_MAX_BYTES + 1);
    itr_query_init(&q);
    for (i = 0; i < ITR_QUERY_MAX_PAIRS; i++) {
        (void)snprintf(name, sizeof name, "n%d", (i * 7919) % 10007);
        assert_int_equal(add(&q, name, "v"), ITR_OK);
    }
    assert_int_equal(add(&q, "one", "more"), ITR_USAGE);
    assert_non_null(strstr(e.text, "1024"));

    itr_query_reset(&q);
    assert_int_equal(itr_query_add(&q, "n", 1, big, ITR_QUERY_MAX_BYTES, &e), ITR_USAGE);
    assert_int_equal(itr_query_add(&q, big, ITR_QUERY_MAX_BYTES + 1, "", 0, &e), ITR_USAGE);
    assert_int_equal(itr_query_add(&q, "n", 1, big, ITR_QUERY_MAX_BYTES - 1, &e), ITR_OK);
    assert_int_equal(itr_query_add(&q, "n", 1, "", 0, &e), ITR_USAGE);
    itr_query_clear(&q);
    free(big);
}

/* ---- headers ---- */

static void header_takes_what_rfc_9110_allows(void **state)
{
    (void)state;
    assert_int_equal(itr_url_header(BOTH("X-Request-Id"), BOTH("abc\tdef \xe6\x93\x8d"), &e),
                     ITR_OK);
    assert_int_equal(itr_url_header(BOTH("!#$%&'*+-.^_`|~09azAZ"), BOTH(""), &e), ITR_OK);
    assert_int_equal(itr_url_header(BOTH("Hosts"), BOTH("x"), &e), ITR_OK);
    assert_int_equal(itr_url_header(BOTH("Hos"), BOTH("x"), &e), ITR_OK);
    assert_int_equal(itr_url_header(BOTH("a"), NULL, 0, &e), ITR_OK);
}

static void header_name_is_a_token(void **state)
{
    static const char kept[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz";
    char name[3] = "aa";
    int c;

    (void)state;
    for (c = 0; c < 256; c++) {
        name[1] = (char)c;
        assert_int_equal(itr_url_header(name, 2, "x", 1, &e),
                         c != 0 && strchr(kept, c) != NULL ? ITR_OK : ITR_USAGE);
    }
    assert_int_equal(itr_url_header("", 0, "x", 1, &e), ITR_USAGE);
}

static void header_value_has_no_control_character(void **state)
{
    char value[3] = "aaa";
    int c;

    (void)state;
    for (c = 0; c < 256; c++) {
        value[1] = (char)c;
        assert_int_equal(itr_url_header("x", 1, value, 3, &e),
                         c == '\t' || (c >= 0x20 && c != 0x7f) ? ITR_OK : ITR_USAGE);
    }
    assert_int_equal(itr_url_header(BOTH("X-Key"), BOTH("secret\r\nHost: evil"), &e), ITR_USAGE);
    assert_string_equal(e.text, "the value of header X-Key contains a control character at byte 6");
}

static void header_of_the_librarys_own_is_refused(void **state)
{
    static const char *const names[] = {"Host",
                                        "hOST",
                                        "Content-Length",
                                        "content-length",
                                        "Transfer-Encoding",
                                        "TRANSFER-ENCODING",
                                        "Connection"};
    size_t i;

    (void)state;
    for (i = 0; i < LEN(names); i++)
        assert_int_equal(itr_url_header(names[i], strlen(names[i]), "x", 1, &e), ITR_USAGE);
}

/* ---- what may be shown ---- */

static void redact_hides_secrets_of_a_url(void **state)
{
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"https://h/p?accessToken=abc&appId=666", "https://h/p?accessToken=***&appId=666"},
        {"https://h/p?appId=1&appSecret=s%26x", "https://h/p?appId=1&appSecret=***"},
        {"https://h/p?accessToken=&x=1#accessToken=f",
         "https://h/p?accessToken=***&x=1#accessToken=f"},
        {"https://h/p?accessToken=a=b=c&x", "https://h/p?accessToken=***&x"},
        {"https://h/p?ACCESSTOKEN=a&access%54oken=b",
         "https://h/p?ACCESSTOKEN=***&access%54oken=***"},
        {"https://h?%61ppSecret=a&accessToken=1&accessToken=2",
         "https://h?%61ppSecret=***&accessToken=***&accessToken=***"},
        {"https://h/p?xaccessToken=a&accessTokens=b&accessToke=c",
         "https://h/p?xaccessToken=a&accessTokens=b&accessToke=c"},
        {"https://user:pass@h/p", "https://***@h/p"},
        {"https://us:p@ss@h?x", "https://***@h?x"},
        {"redis://:pw@127.0.0.1/0?appSecret=x", "redis://***@127.0.0.1/0?appSecret=***"},
        {"https://h/a@b?c@d", "https://h/a@b?c@d"},
        {"/p?accessToken=abc", "/p?accessToken=***"},
        {"/p?u=http://a:b@c&accessToken=1", "/p?u=http://a:b@c&accessToken=***"},
        {"https://h/accessToken=abc", "https://h/accessToken=abc"},
        {"?&&accessToken=1&", "?&&accessToken=***&"},
        {"https://h/p?accessToken", "https://h/p?accessToken"},
        {"", ""},
    };
    struct itr_buf small;
    size_t i, max;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        itr_buf_reset(&out);
        assert_int_equal(itr_redact_url(cases[i].url, &out), ITR_OK);
        assert_string_equal(itr_buf_str(&out), cases[i].want);
        for (max = 0; max < out.len; max++) {
            itr_buf_init(&small, max);
            assert_int_equal(itr_redact_url(cases[i].url, &small), ITR_FULL);
            itr_buf_clear(&small);
        }
    }
}

static void mask_overwrites_every_occurrence(void **state)
{
    static const struct {
        const char *text, *secret, *want;
    } cases[] = {
        {"token 74065e4f is bad", "74065e4f", "token ******** is bad"},
        {"74065e4f74065e4f", "74065e4f", "****************"},
        {"x74065e4", "74065e4f", "x74065e4"},
        {"short", "short", "short"},
        {"1234567 and 12345678", "12345678", "1234567 and ********"},
        {"key=a%2Fb%2fcdefg!", "a/b/cdefg", "key=*************!"},
        {"key=a/b%2fcdefg!", "a/b/cdefg", "key=***********!"},
        {"%74%34%30%36%35%65%34%66", "t4065e4f", "************************"},
        {"a%25bcdefghi", "a%bcdefghi", "************"},
        {"a%bcdefghi", "a%bcdefghi", "**********"},
        {"x%25bcdefgh", "%25bcdefgh", "x**********"},
        {"x%2525bcdefgh", "%25bcdefgh", "x************"},
        {"ababababab", "abababab", "**********"},
        {"aaaaaaaaaaa", "aaaaaaaa", "***********"},
        {"", "12345678", ""},
        {"\"ab\\/cdefgh\"", "ab/cdefgh", "\"**********\""},
        {"\\u0061\\u0062cdefgh", "abcdefgh", "******************"},
        {"\\u006Gbcdefgh \\u0161bcdefgh", "abcdefgh", "\\u006Gbcdefgh \\u0161bcdefgh"},
        {"a\\\"b\\\\cdefg", "a\"b\\cdefg", "***********"},
        {"a\\bcdefgh", "a\\bcdefgh", "*********"},
        {"abcdefg\\u006", "abcdefgh", "abcdefg\\u006"},
        {"1234567%3", "12345678", "1234567%3"},
        {"\xe6\x93\x8d\xe4\xbd\x9c-x %E6%93%8D%e4%bd%9c-x", "\xe6\x93\x8d\xe4\xbd\x9c-x",
         "******** ********************"},
    };
    char text[100];
    size_t i, n;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        n = strlen(cases[i].text);
        memcpy(text, cases[i].text, n + 1);
        itr_redact_mask(text, n, cases[i].secret, strlen(cases[i].secret));
        assert_string_equal(text, cases[i].want);
    }
}

static void mask_cut_takes_a_beginning_at_the_end_too(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"token abc/defgh", "token *********"}, {"token abc/defg", "token ********"},
        {"token abc/", "token ****"},           {"token abc", "token abc"},
        {"token abc%2Fd%6", "token *********"}, {"token abc%2Fd%", "token ********"},
        {"abc/d\\u006", "**********"},          {"abc/d\\u0061", "abc/d\\u0061"},
        {"abc/ or else", "abc/ or else"},       {"", ""},
    };
    char text[100];
    size_t i, n;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        n = strlen(cases[i].text);
        memcpy(text, cases[i].text, n + 1);
        itr_redact_mask_cut(text, n, "abc/defgh", 9);
        assert_string_equal(text, cases[i].want);
    }
}

/* The text may be an answer's body: no NUL at its end, and perhaps some inside. */
static void mask_stays_inside_the_text(void **state)
{
    char *text = malloc(20);
    size_t n;

    (void)state;
    assert_non_null(text);
    memcpy(text,
           "\0\0\0\0"
           "12345678"
           "\0\0\0\0"
           "123%",
           20);
    itr_redact_mask(text, 20, "12345678", 8);
    assert_memory_equal(text,
                        "\0\0\0\0"
                        "********"
                        "\0\0\0\0"
                        "123%",
                        20);
    for (n = 0; n < 8; n++) {
        memcpy(text, "12345678", 8);
        itr_redact_mask(text, n, "12345678", 8);
        assert_memory_equal(text, "12345678", 8);
    }
    free(text);
    itr_redact_mask(NULL, 0, "12345678", 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_out, drop_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gateway_gets_one_normal_form),
        TEST(gateway_says_what_is_wrong),
        TEST(gateway_bounds_the_host),
        TEST(loopback_is_recognised_by_address),
        TEST(path_is_encoded_byte_by_byte),
        TEST(path_says_what_is_wrong),
        TEST(path_has_a_maximum),
        TEST(path_that_does_not_fit_leaves_out_alone),
        TEST(escape_keeps_the_unreserved_only),
        TEST(query_is_sorted_and_stable),
        TEST(query_refuses_bad_pairs),
        TEST(query_has_maxima),
        TEST(header_takes_what_rfc_9110_allows),
        TEST(header_name_is_a_token),
        TEST(header_value_has_no_control_character),
        TEST(header_of_the_librarys_own_is_refused),
        TEST(redact_hides_secrets_of_a_url),
        TEST(mask_overwrites_every_occurrence),
        TEST(mask_cut_takes_a_beginning_at_the_end_too),
        TEST(mask_stays_inside_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
