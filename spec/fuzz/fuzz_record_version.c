/*
 * A record as another version of this program wrote it. The first byte of the input is the format;
 * the second says which lines of a sound record are left out; the rest are lines of names that this
 * version does not know.
 *
 * A newer format is an error of the store, and nothing is read of it. An older one counts as none.
 * In this format, lines of names that are not known here change nothing; without lines that are
 * known, it is a sound record, or none.
 */
#include "core/record/record.h"
#include "core/record/sound.h"
#include "fuzz.h"

#define FORMAT 2 /* as core/record/text.c writes it; checked below */

static const char *const lines[] = {
    "fence 1000",         "token tok",
    "born 1795492800000", "refresh 1795498200000",
    "end 1795500000000",  "fetched 1795492800000",
    "lease_fence 1000",   "day 20781",
    "fetches 3",
};

#define N_LINES (sizeof lines / sizeof lines[0])

static void write_record(struct itr_buf *out, unsigned format, unsigned without,
                         const char *unknown)
{
    size_t i;

    itr_buf_init(out, ITR_RECORD_MAX);
    CHECK(itr_buf_append_fmt(out, "itrigger-token %u\n", format) == ITR_OK);
    for (i = 0; i < N_LINES; i++) {
        if ((without >> i & 1) == 0)
            CHECK(itr_buf_append_fmt(out, "%s\n", lines[i]) == ITR_OK);
        if (i == 3)
            CHECK(itr_buf_append_str(out, unknown) == ITR_OK);
    }
}

/* Lines "x-NAME VALUE" of the input's bytes, as far as a line can hold them. */
static void write_unknown(char *out, size_t max, const uint8_t *data, size_t size)
{
    size_t used = 0, i;

    for (i = 0; i < size && used + 8 < max; i++) {
        if (used == 0 || out[used - 1] == '\n') {
            memcpy(out + used, "x", 1);
            used++;
        }
        if (data[i] == '\n' || data[i] == '\0')
            used += (size_t)snprintf(out + used, max - used, " 1\n");
        else if (data[i] > ' ' && data[i] < 127)
            out[used++] = (char)data[i];
    }
    if (used > 0 && out[used - 1] != '\n')
        used += (size_t)snprintf(out + used, max - used, " 1\n");
    out[used] = '\0';
}

static bool same(const struct itr_record *a, const struct itr_record *b)
{
    struct itr_buf first, second;
    bool is;

    itr_buf_init(&first, ITR_RECORD_MAX);
    itr_buf_init(&second, ITR_RECORD_MAX);
    CHECK(itr_record_encode(a, &first) == ITR_OK && itr_record_encode(b, &second) == ITR_OK);
    is = first.len == second.len && memcmp(first.data, second.data, first.len) == 0;
    itr_buf_clear(&first);
    itr_buf_clear(&second);
    return is;
}

static void read_record(unsigned format, unsigned without, const char *unknown,
                        struct itr_record *out)
{
    struct itr_buf text;
    struct itr_error e;
    enum itr_status s;

    write_record(&text, format, without, unknown);
    s = itr_record_decode(text.data, text.len, out, &e);
    CHECK((s == ITR_OK) == (format <= FORMAT) && (s == ITR_OK || e.kind == ITR_STORE));
    itr_buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct itr_record none;
    struct itr_record plain, other;
    char unknown[600];

    if (size < 2)
        return 0;
    write_unknown(unknown, sizeof unknown, data + 2, size - 2);
    read_record(FORMAT, 0, "", &plain);
    CHECK(strcmp(plain.text, "tok") == 0 && plain.fence == 1000);

    read_record(data[0], 0, unknown, &other);
    if (data[0] != FORMAT)
        CHECK(same(&other, &none));
    else
        CHECK(same(&other, &plain));

    read_record(FORMAT, data[1], unknown, &other);
    CHECK(itr_record_is_sound(&other));
    return 0;
}
