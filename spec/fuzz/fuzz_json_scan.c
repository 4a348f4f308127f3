/* json/scan on any bytes: what it accepts is UTF-8, and what it finds in it reads as UTF-8. */
#include "core/json/scan.h"
#include "fuzz.h"

/* A piece reads as UTF-8, and short and long unescaping agree. */
static void check_piece(struct itr_json_piece piece)
{
    struct itr_buf long_one;
    char short_one[32];
    size_t n;

    if (piece.at == NULL)
        return;
    itr_buf_init(&long_one, piece.len);
    CHECK(itr_json_unescape(piece, &long_one) == ITR_OK); /* never longer than it was */
    CHECK(itr_utf8_valid(itr_buf_str(&long_one), long_one.len));
    n = itr_json_unescape_short(piece, short_one, sizeof short_one);
    CHECK(n == (long_one.len <= sizeof short_one ? long_one.len : sizeof short_one + 1));
    if (n > 0 && n <= sizeof short_one)
        CHECK(memcmp(short_one, long_one.data, n) == 0);
    itr_buf_clear(&long_one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct itr_json_scan scan;
    struct itr_error e;
    enum itr_status s;

    itr_error_clear(&e);
    s = itr_json_scan((const char *)data, size, &scan, &e);
    CHECK(s == ITR_OK || (s == ITR_DECODE && e.kind == ITR_DECODE && e.text[0] != '\0'));
    if (s != ITR_OK)
        return 0;
    CHECK(scan.len == size && itr_utf8_valid(scan.text, scan.len));
    check_piece(scan.message);
    check_piece(scan.access_token);
    return 0;
}
