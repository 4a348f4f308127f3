/* json/scan: strict RFC 8259, the envelope, wide integers (docs/reference.md; docs/protocol.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json/number.h"
#include "core/json/scan.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* One scan, of a copy in memory of exactly its size, so that ASan sees a read past the end. */
struct scanned {
    char *copy;
    struct itr_json_scan s;
    struct itr_error e;
    enum itr_status status;
};

static void scan_n(struct scanned *t, const char *text, size_t len)
{
    t->copy = malloc(len);
    if (len > 0)
        memcpy(t->copy, text, len);
    itr_error_clear(&t->e);
    t->status = itr_json_scan(t->copy, len, &t->s, &t->e);
    assert_int_equal(t->status, t->e.kind);
}

static void scan(struct scanned *t, const char *text)
{
    scan_n(t, text, strlen(text));
}

static void done(struct scanned *t)
{
    free(t->copy);
}

static bool accepts_n(const char *text, size_t len)
{
    struct scanned t;

    scan_n(&t, text, len);
    done(&t);
    if (t.status != ITR_OK)
        assert_int_equal(t.status, ITR_DECODE);
    return t.status == ITR_OK;
}

static bool piece_is(struct itr_json_piece piece, const char *want)
{
    if (want == NULL || piece.at == NULL)
        return want == NULL && piece.at == NULL;
    return piece.len == strlen(want) && memcmp(piece.at, want, piece.len) == 0;
}

/* ---- RFC 8259 ---- */

static const char *const right[] = {
    "{}",
    "[]",
    "\"\"",
    "0",
    "-0",
    "true",
    "false",
    "null",
    " \t\r\n{ \t\r\n} \t\r\n",
    "[1,-2,3.5,-0.0,1e5,1E5,1e+5,1e-5,0e0,0.1e1,1e999,-1e-999,10,100.001]",
    "[[],{},[[[]]],{\"a\":{}}]",
    "[ 1 , 2 ]",
    "{ \"a\" : 1 , \"b\" : [ ] }",
    "{\"a\":1,\"a\":2}", /* duplicates count only in the envelope */
    "{\"\":0}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\\u001f\\uFFFF\\uabCD\"",
    "\"\\ud83d\\ude00\\uD83D\\uDE00\"",
    "\"\\udbff\\udfff\"",
    "\"\x7f\"",
    "\"/\"",
    "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
    "[true,false,null]",
    "\"\xe6\x93\x8d\xe4\xbd\x9c\"",
    "[123456789012345678901234567890]",
    "{\"a\":\"\\u0022\"}",
};

static const char *const wrong[] = {
    "",
    " ",
    "\xef\xbb\xbf{}",
    "{",
    "}",
    "[",
    "]",
    "[}",
    "{]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,,2]",
    "[1]]",
    "{}}",
    "{}{}",
    "1 2",
    "{},",
    "nul",
    "nulll",
    "Null",
    "tru",
    "TRUE",
    "falsee",
    "fals",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-.5",
    "1.e5",
    "1e",
    "1e+",
    "1E-",
    "1e5.5",
    "0x10",
    "1_000",
    "--1",
    "1-",
    "[1.]",
    "[1e]",
    "[-]",
    "[-a]",
    "[0123]",
    "{1:2}",
    "{a:1}",
    "{'a':1}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\"::1}",
    "{:1}",
    "{null:1}",
    "{\"a\":1]",
    "'a'",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\",
    "\"\\x\"",
    "\"\\a\"",
    "\"\\'\"",
    "\"\\U0041\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u123g\"",
    "\"\\u 123\"",
    "\"\\u-123\"",
    "\"\t\"",
    "\"\n\"",
    "\"\x1f\"",
    "\"\x01\"",
    "{\"a\n\":1}",
    "// c\n1",
    "1 // c",
    "/* c */ 1",
    "[1 /* c */]",
    "\f1",
    "\v1",
    "\xc2\xa0[]",
    "1\x01",
    "[\"a\",\n4\n,1,",
    "{\"a\":tru}",
    "\"a\" \"b\"",
    "\\u0022a\\u0022",
    "*",
    "[*]",
    "[\"a\"",
    "{\"a\":\"b\"",
    "{\"a",
    "[\\n]",
    "(1)",
    /* surrogates */
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\udfff\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\udbff\"",
    "\"\\ud800\\\"",
    "\"\\ud800\\u",
    "\"\\ud800\\udc0\"",
    "\"\\ud800\\udc0g\"",
    "\"\\ud800udc00\"",
    "{\"\\ud800\":1}",
    /* UTF-8 */
    "\"\x80\"",
    "\"\xbf\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xc2\"",
    "\"\xc2\x7f\"",
    "\"\xc2\xc0\"",
    "\"\xe0\x80\x80\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xe6\x93\"",
    "\"\xe6\"",
    "\"\xe6\x93\xc0\"",
    "\"\xe6\x7f\x80\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xf0\x90\x80\"",
    "\"\xf0\x90\"",
    "\"\xf0\"",
    "\"\xf8\x88\x80\x80\x80\"",
    "\"\xfe\"",
    "\"\xff\"",
    "\xe6\x93\x8d",
    "{\"\xff\":1}",
    "[\xff]",
    "\"\xf0\x90\x80\xc0\"",
    "\"\xf0\x90\x7f\x80\"",
};

static void accepts_what_rfc_8259_allows(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < LEN(right); i++)
        if (!accepts_n(right[i], strlen(right[i])))
            fail_msg("refused: %s", right[i]);
}

static void refuses_all_else(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < LEN(wrong); i++)
        if (accepts_n(wrong[i], strlen(wrong[i])))
            fail_msg("accepted: %s", wrong[i]);
}

static void refuses_a_nul_anywhere(void **state)
{
    static const char text[] = "{ \"a\" : [ 1 , \"b\" , true , null , 1.5e5 ] }";
    char copy[sizeof text];
    size_t i;

    (void)state;
    assert_false(accepts_n("\0", 1));
    assert_false(accepts_n("{}\0", 3));
    assert_false(accepts_n("\"\\\0\"", 4));
    for (i = 0; i < sizeof text - 1; i++) {
        memcpy(copy, text, sizeof text);
        copy[i] = '\0';
        if (accepts_n(copy, sizeof text - 1))
            fail_msg("accepted with a NUL at byte %zu", i);
    }
}

static void refuses_every_truncation(void **state)
{
    static const char text[] =
        "{\"code\":200,\"message\":\"\xe6\x93\x8d\xe4\xbd\x9c\xf0\x9f\x98\x80\\ud83d\\ude00\\n\","
        "\"data\":{\"accessToken\":\"74065e4f764d4f00\",\"n\":[-0.5e+10,12345678901234567890,"
        "true,false,null,{}]}}";
    size_t n;

    (void)state;
    assert_true(accepts_n(text, sizeof text - 1));
    for (n = 0; n < sizeof text - 1; n++)
        if (accepts_n(text, n))
            fail_msg("accepted the first %zu bytes", n);
}

static void takes_128_levels_and_not_129(void **state)
{
    static const char *const open[] = {"[", "{\"a\":", "[{\"a\":"};
    static const char *const close[] = {"]", "}", "}]"};
    static const size_t levels[] = {1, 1, 2};
    char text[2000];
    size_t kind, extra, i;

    (void)state;
    for (kind = 0; kind < LEN(open); kind++)
        for (extra = 0; extra <= 1; extra++) {
            text[0] = '\0';
            for (i = 0; i < 128 / levels[kind]; i++)
                memcpy(text + strlen(text), open[kind], strlen(open[kind]) + 1);
            memcpy(text + strlen(text), extra ? "[1]" : "1", extra ? 4 : 2);
            for (i = 0; i < 128 / levels[kind]; i++)
                memcpy(text + strlen(text), close[kind], strlen(close[kind]) + 1);
            assert_int_equal(accepts_n(text, strlen(text)), !extra);
        }
}

/* The levels are bits: each of them must be read back as it was written. */
static void closes_each_level_with_its_own_bracket(void **state)
{
    char text[1000], closing[129];
    unsigned random = 1;
    size_t len = 0;
    size_t i;

    (void)state;
    for (i = 0; i < 128; i++) {
        random = random * 1103515245 + 12345;
        closing[127 - i] = (random >> 16 & 1) != 0 ? '}' : ']';
        if (closing[127 - i] == '}') {
            memcpy(text + len, "{\"a\":", 5);
            len += 5;
        } else {
            text[len++] = '[';
        }
    }
    text[len++] = '1';
    memcpy(text + len, closing, 128);
    assert_true(accepts_n(text, len + 128));
    for (i = 0; i < 128; i++) {
        memcpy(text + len, closing, 128);
        text[len + i] = closing[i] == '}' ? ']' : '}';
        if (accepts_n(text, len + 128))
            fail_msg("accepted a wrong bracket at level %zu", 128 - i);
    }
}

/* Strings are looked at eight bytes at a time: every byte in every place of such a block. */
static void tells_every_byte_in_every_place(void **state)
{
    char text[40];
    size_t len, at;
    int c;

    (void)state;
    for (len = 1; len <= 20; len++)
        for (at = 0; at < len; at++)
            for (c = 0; c < 256; c++) {
                memset(text, 'x', len + 2);
                text[0] = text[len + 1] = '"';
                text[at + 1] = (char)c;
                if (accepts_n(text, len + 2) != (c >= 0x20 && c < 0x80 && c != '"' && c != '\\'))
                    fail_msg("byte 0x%02x at %zu of %zu", (unsigned)c, at, len);
            }
}

static void tells_every_escape(void **state)
{
    char text[] = "[\"\\?\"]";
    int c;

    (void)state;
    for (c = 0; c < 256; c++) {
        text[3] = (char)c;
        if (accepts_n(text, sizeof text - 1) != (c != 0 && strchr("\"\\/bfnrt", c) != NULL))
            fail_msg("escape of byte 0x%02x", (unsigned)c);
    }
}

static void checks_utf8_in_every_place(void **state)
{
    static const char *const good[] = {"\xc3\xa9", "\xe6\x93\x8d", "\xf0\x9f\x98\x80"};
    char text[40];
    size_t kind, before, n, cut;

    (void)state;
    for (kind = 0; kind < LEN(good); kind++)
        for (before = 0; before <= 17; before++) {
            n = strlen(good[kind]);
            memset(text, 'x', sizeof text);
            text[0] = text[before + 1 + n] = '"';
            memcpy(text + 1 + before, good[kind], n);
            assert_true(accepts_n(text, before + n + 2));
            assert_true(itr_utf8_valid(text, before + n + 2));
            /* Each of its bytes missing, and each of them spoilt. */
            for (cut = 0; cut < n; cut++) {
                text[before + 1 + cut] = 'x';
                assert_false(accepts_n(text, before + n + 2));
                assert_false(itr_utf8_valid(text, before + n + 2));
                text[before + 1 + cut] = good[kind][cut];
                assert_false(itr_utf8_valid(text, before + 1 + cut) && cut > 0);
            }
        }
}

static void says_where_and_what(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "not JSON at byte 0: expected a value, found the end"},
        {"<html>", "not JSON at byte 0: expected a value, found '<'"},
        {"\xef\xbb\xbf{}", "not JSON at byte 0: expected a value, found byte 0xef"},
        {"{\"a\":1", "not JSON at byte 6: expected ',' or '}', found the end"},
        {"[1 2]", "not JSON at byte 3: expected ',' or ']', found '2'"},
        {"{} x", "not JSON at byte 3: expected nothing more, found 'x'"},
        {"\"\\ud800\"",
         "not JSON at byte 1: expected a low surrogate after the high one, found '\\'"},
        {"\"ab\xff\"", "not JSON at byte 3: expected UTF-8, found byte 0xff"},
        {"{\"code\":1, \"code\":1}", "not an envelope at byte 11: a second \"code\""},
    };
    struct scanned t;
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        scan(&t, cases[i].text);
        assert_int_equal(t.status, ITR_DECODE);
        assert_string_equal(t.e.text, cases[i].message);
        done(&t);
    }
}

static void leaves_out_alone_on_failure(void **state)
{
    struct itr_json_scan s;

    (void)state;
    memset(&s, 0x5a, sizeof s);
    assert_int_equal(itr_json_scan("{\"code\":1}}", 11, &s, NULL), ITR_DECODE);
    assert_int_equal(s.code, 0x5a5a5a5a5a5a5a5a);
    assert_int_equal(itr_json_scan(NULL, 0, &s, NULL), ITR_DECODE);
}

/* ---- the envelope ---- */

static void reads_the_code(void **state)
{
    static const struct {
        const char *text;
        enum itr_json_code is;
        int64_t code;
    } cases[] = {
        {"{\"code\":200}", ITR_JSON_CODE_INTEGER, 200},
        {"{\"code\":\"200\"}", ITR_JSON_CODE_INTEGER, 200},
        {"{\"code\":\"\\u0032\\u00300\"}", ITR_JSON_CODE_INTEGER, 200},
        {"{ \"code\" : -1 }", ITR_JSON_CODE_INTEGER, -1},
        {"{\"code\":\"-1\"}", ITR_JSON_CODE_INTEGER, -1},
        {"{\"code\":0}", ITR_JSON_CODE_INTEGER, 0},
        {"{\"code\":-0}", ITR_JSON_CODE_INTEGER, 0},
        {"{\"code\":\"0\"}", ITR_JSON_CODE_INTEGER, 0},
        {"{\"\\u0063ode\":7}", ITR_JSON_CODE_INTEGER, 7},
        {"{\"c\\u006fd\\u0065\":7}", ITR_JSON_CODE_INTEGER, 7},
        {"{\"code\":9007199254740993}", ITR_JSON_CODE_INTEGER, 9007199254740993},
        {"{\"code\":9223372036854775807}", ITR_JSON_CODE_INTEGER, INT64_MAX},
        {"{\"code\":-9223372036854775808}", ITR_JSON_CODE_INTEGER, INT64_MIN},
        {"{\"code\":\"-9223372036854775808\"}", ITR_JSON_CODE_INTEGER, INT64_MIN},
        {"{\"code\":9223372036854775808}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":-9223372036854775809}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"9223372036854775808\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":100000000000000000000000000000}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"100000000000000000000000000000\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":200.0}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":2e2}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"2e2\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"200.0\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"0200\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"-0200\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"+200\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\" 200\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"200 \"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"200\\u0000\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"-\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":\"OK\"}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":null}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":true}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":[200]}", ITR_JSON_CODE_BAD, 0},
        {"{\"code\":{\"code\":200}}", ITR_JSON_CODE_BAD, 0},
        {"{}", ITR_JSON_CODE_ABSENT, 0},
        {"{\"Code\":200}", ITR_JSON_CODE_ABSENT, 0},
        {"{\"code\\u0000\":200}", ITR_JSON_CODE_ABSENT, 0},
        {"{\"codecodecodecodecodecode\\u0000\":200}", ITR_JSON_CODE_ABSENT, 0},
        {"{\"data\":{\"code\":200}}", ITR_JSON_CODE_ABSENT, 0},
        {"{\"a\":{\"code\":200,\"code\":200}}", ITR_JSON_CODE_ABSENT, 0},
        {"[{\"code\":200}]", ITR_JSON_CODE_ABSENT, 0},
        {"[\"code\",200]", ITR_JSON_CODE_ABSENT, 0},
        {"{\"a\":\"code\",\"b\":200}", ITR_JSON_CODE_ABSENT, 0},
        {"200", ITR_JSON_CODE_ABSENT, 0},
        {"{\"data\":{\"a\":[{}]},\"code\":5,\"z\":{\"code\":6}}", ITR_JSON_CODE_INTEGER, 5},
    };
    struct scanned t;
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        scan(&t, cases[i].text);
        assert_int_equal(t.status, ITR_OK);
        if (t.s.code_is != cases[i].is ||
            (cases[i].is == ITR_JSON_CODE_INTEGER && t.s.code != cases[i].code))
            fail_msg("%s: %d, %lld", cases[i].text, (int)t.s.code_is, (long long)t.s.code);
        done(&t);
    }
}

static void finds_message_and_token(void **state)
{
    static const struct {
        const char *text, *message, *token;
        bool has_token, no_data;
    } cases[] = {
        {"{\"code\":200,\"message\":\"ok\",\"data\":{\"accessToken\":\"abc\"}}", "ok", "abc", true,
         false},
        {"{\"data\":{\"x\":[{}],\"accessToken\":\"abc\",\"y\":1},\"message\":\"m\"}", "m", "abc",
         true, false},
        {"{\"message\":\"a\\\"\\u0041\"}", "a\\\"\\u0041", NULL, false, true},
        {"{\"mess\\u0061ge\":\"\"}", "", NULL, false, true},
        {"{\"message\":null}", NULL, NULL, false, true},
        {"{\"message\":{\"message\":\"x\"}}", NULL, NULL, false, true},
        {"{\"message\":[\"x\"]}", NULL, NULL, false, true},
        {"{\"data\":null}", NULL, NULL, false, true},
        {"{\"data\":{}}", NULL, NULL, false, false},
        {"{\"data\":[]}", NULL, NULL, false, false},
        {"{\"data\":false}", NULL, NULL, false, false},
        {"{\"d\\u0061ta\":{\"access\\u0054oken\":\"t\"}}", NULL, "t", true, false},
        {"{\"data\":{\"accessToken\":null}}", NULL, NULL, true, false},
        {"{\"data\":{\"accessToken\":5}}", NULL, NULL, true, false},
        {"{\"data\":{\"accessToken\":\"\"}}", NULL, "", true, false},
        {"{\"data\":{\"accessToken\":[\"x\"]}}", NULL, NULL, true, false},
        {"{\"data\":{\"accessToken\":{\"accessToken\":\"x\"}}}", NULL, NULL, true, false},
        {"{\"data\":[{\"accessToken\":\"x\"}]}", NULL, NULL, false, false},
        {"{\"data\":[\"accessToken\",\"x\"]}", NULL, NULL, false, false},
        {"{\"data\":{\"data\":{\"accessToken\":\"x\"}}}", NULL, NULL, false, false},
        {"{\"data\":{\"a\":[],\"b\":{}},\"c\":{\"accessToken\":\"x\"}}", NULL, NULL, false, false},
        {"{\"other\":{\"accessToken\":\"x\"}}", NULL, NULL, false, true},
        {"{\"accessToken\":\"x\"}", NULL, NULL, false, true},
        {"[{\"data\":{\"accessToken\":\"x\"}}]", NULL, NULL, false, true},
        {"{\"a\":{\"data\":{\"accessToken\":\"x\"},\"message\":\"y\"}}", NULL, NULL, false, true},
        {"{\"data\":{\"message\":\"x\",\"data\":null}}", NULL, NULL, false, false},
    };
    struct scanned t;
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        scan(&t, cases[i].text);
        assert_int_equal(t.status, ITR_OK);
        if (!piece_is(t.s.message, cases[i].message) ||
            !piece_is(t.s.access_token, cases[i].token) ||
            t.s.has_access_token != cases[i].has_token || t.s.data_is_absent != cases[i].no_data)
            fail_msg("%s", cases[i].text);
        done(&t);
    }
}

static void refuses_a_second_member_of_the_envelope(void **state)
{
    static const char *const twice[] = {
        "{\"code\":1,\"code\":1}",
        "{\"code\":1,\"\\u0063ode\":1}",
        "{\"code\":null,\"x\":{},\"code\":1}",
        "{\"message\":\"a\",\"message\":\"b\"}",
        "{\"message\":null,\"message\":\"b\"}",
        "{\"data\":1,\"data\":2}",
        "{\"data\":null,\"data\":null}",
        "{\"data\":{},\"d\\u0061ta\":{}}",
        "{\"data\":{\"accessToken\":\"a\",\"accessToken\":\"a\"}}",
        "{\"data\":{\"accessToken\":1,\"x\":{\"y\":[]},\"accessToke\\u006e\":\"a\"}}",
    };
    static const char *const once[] = {
        "{\"x\":1,\"x\":2}",
        "{\"data\":{\"code\":1,\"code\":2,\"message\":1,\"message\":2,\"data\":1,\"data\":2}}",
        "{\"accessToken\":1,\"accessToken\":2}",
        "{\"x\":{\"accessToken\":1,\"accessToken\":2},\"data\":{\"accessToken\":3}}",
        "[{\"code\":1,\"code\":2}]",
    };
    size_t i;

    (void)state;
    for (i = 0; i < LEN(twice); i++)
        if (accepts_n(twice[i], strlen(twice[i])))
            fail_msg("accepted: %s", twice[i]);
    for (i = 0; i < LEN(once); i++)
        if (!accepts_n(once[i], strlen(once[i])))
            fail_msg("refused: %s", once[i]);
}

/* ---- numbers ---- */

static void tells_integers_that_a_double_cannot_hold(void **state)
{
    static const struct {
        const char *text;
        bool is_integer, is_wide;
    } cases[] = {
        {"9007199254740991", true, false},    {"-9007199254740991", true, false},
        {"9007199254740992", true, true},     {"-9007199254740992", true, true},
        {"9007199254740990", true, false},    {"999999999999999", true, false},
        {"9999999999999999", true, true},     {"123456789012345678901234567890", true, true},
        {"9007199254740993.0", false, false}, {"9007199254740993e0", false, false},
    };
    struct itr_json_number n;
    size_t i;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        const unsigned char *text = (const unsigned char *)cases[i].text;
        n = itr_json_number_scan(text, text + strlen(cases[i].text));
        assert_null(n.wanted);
        assert_ptr_equal(n.stop, text + strlen(cases[i].text));
        if (n.is_integer != cases[i].is_integer || n.is_wide != cases[i].is_wide)
            fail_msg("%s", cases[i].text);
    }
}

/* ---- unescaping ---- */

static void unescapes_a_piece(void **state)
{
    static const struct {
        const char *piece, *want;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"a\\u0041b\\u00e9c\\u64cdd", "aAb\xc3\xa9"
                                      "c\xe6\x93\x8d"
                                      "d"},
        {"\\uD83D\\uDE00x\\ud83d\\ude00", "\xf0\x9f\x98\x80x\xf0\x9f\x98\x80"},
        {"\\udbff\\udfff\\ud800\\udc00", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80"},
        {"\\u007f\\u0080\\u07ff\\u0800\\uffff", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
        {"\xe6\x93\x8d\\n\xe4\xbd\x9c", "\xe6\x93\x8d\n\xe4\xbd\x9c"},
        {"\\\\u0041", "\\u0041"},
    };
    struct itr_json_piece piece;
    struct itr_buf out;
    char small[64];
    size_t i, cap, n;

    (void)state;
    for (i = 0; i < LEN(cases); i++) {
        piece = (struct itr_json_piece){cases[i].piece, strlen(cases[i].piece)};
        n = strlen(cases[i].want);
        itr_buf_init(&out, 100);
        assert_int_equal(itr_json_unescape(piece, &out), ITR_OK);
        assert_string_equal(itr_buf_str(&out), cases[i].want);
        itr_buf_clear(&out);
        for (cap = 0; cap < sizeof small; cap++)
            assert_int_equal(itr_json_unescape_short(piece, small, cap), n <= cap ? n : cap + 1);
        assert_memory_equal(small, cases[i].want, n);
    }
    itr_buf_init(&out, 3);
    piece = (struct itr_json_piece){"ab\\ncd", 6};
    assert_int_equal(itr_json_unescape(piece, &out), ITR_FULL);
    assert_int_equal(itr_json_unescape((struct itr_json_piece){NULL, 0}, &out), ITR_OK);
    itr_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_rfc_8259_allows),
        cmocka_unit_test(refuses_all_else),
        cmocka_unit_test(refuses_a_nul_anywhere),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(takes_128_levels_and_not_129),
        cmocka_unit_test(closes_each_level_with_its_own_bracket),
        cmocka_unit_test(tells_every_byte_in_every_place),
        cmocka_unit_test(tells_every_escape),
        cmocka_unit_test(checks_utf8_in_every_place),
        cmocka_unit_test(says_where_and_what),
        cmocka_unit_test(leaves_out_alone_on_failure),
        cmocka_unit_test(reads_the_code),
        cmocka_unit_test(finds_message_and_token),
        cmocka_unit_test(refuses_a_second_member_of_the_envelope),
        cmocka_unit_test(tells_integers_that_a_double_cannot_hold),
        cmocka_unit_test(unescapes_a_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
