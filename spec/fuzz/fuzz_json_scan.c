/* json/scan on any bytes: what it accepts must, as rewritten, scan again, have no wide integer left
 * and say the same. */
#include "core/json/scan.h"
#include "fuzz.h"

/* A piece reads as UTF-8, and short and long unescaping agree. */
static void check_piece(struct itr_json_piece piece)
{
    struct itr_buf long_one;
    char short_one[32];
    size_t n;

    itr_buf_init(&long_one, piece.len);
    CHECK(itr_json_unescape(piece, &long_one) == ITR_OK); /* never longer than it was */
    CHECK(itr_utf8_valid(itr_buf_str(&long_one), long_one.len));
    n = itr_json_unescape_short(piece, short_one, sizeof short_one);
    CHECK(n == (long_one.len <= sizeof short_one ? long_one.len : sizeof short_one + 1));
    if (n > 0 && n <= sizeof short_one)
        CHECK(memcmp(short_one, long_one.data, n) == 0);
    itr_buf_clear(&long_one);
}

/* A wide integer is no string in the first text (a.at is NULL) and one in the second. */
static void check_same_piece(struct itr_json_piece a, struct itr_json_piece b, bool had_wide)
{
    if (a.at == NULL && had_wide)
        return;
    CHECK((a.at == NULL) == (b.at == NULL) && a.len == b.len);
    if (a.at == NULL)
        return;
    CHECK(memcmp(a.at, b.at, a.len) == 0);
    check_piece(a);
}

static void check_same(const struct itr_json_scan *a, const struct itr_json_scan *b)
{
    CHECK(a->is_object == b->is_object);
    CHECK(a->code_is == b->code_is);
    CHECK(a->code_is != ITR_JSON_CODE_INTEGER || a->code == b->code);
    CHECK(a->has_access_token == b->has_access_token);
    CHECK(a->data_is_absent == b->data_is_absent);
    CHECK(a->has_numbers_below == b->has_numbers_below);
    CHECK(a->has_numbers_top == b->has_numbers_top);
    CHECK(a->has_nulls == b->has_nulls);
    check_same_piece(a->message, b->message, a->has_wide);
    check_same_piece(a->access_token, b->access_token, a->has_wide);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct itr_buf first, second;
    struct itr_json_scan a, b;
    struct itr_error e;
    enum itr_status s;

    itr_error_clear(&e);
    itr_buf_init(&first, size + size / 8 + 2);
    itr_buf_init(&second, 0); /* there is nothing left to rewrite */
    s = itr_json_scan((const char *)data, size, &first, &a, &e);
    CHECK(s == ITR_OK || (s == ITR_DECODE && e.kind == ITR_DECODE && e.text[0] != '\0'));
    if (s == ITR_OK) {
        CHECK(a.has_wide == (a.text == first.data) && itr_utf8_valid(a.text, a.len));
        CHECK(itr_json_scan(a.text, a.len, &second, &b, &e) == ITR_OK);
        CHECK(!b.has_wide && b.len == a.len);
        check_same(&a, &b);
    }
    itr_buf_clear(&first);
    itr_buf_clear(&second);
    return 0;
}
