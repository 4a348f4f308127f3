#include "core/record/record.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/base/hex.h"
#include "core/base/sha256.h"
#include "core/record/sound.h"

/*
 * "itrigger-token 2\n", then one line "name value\n" for each field that is not 0 or empty. Texts
 * are percent-encoded. A name that is not known here is passed over: later versions may add lines
 * to this format, and raise the format when an older program must not touch the record any more. A
 * record of an older format counts as none.
 */
#define HEAD "itrigger-token "
#define FORMAT 2

enum kind { FENCE, TIME, COUNT, HTTP, TEXT, FAILURE, KIND, CODE };

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t size;
};

#define AT(f) offsetof(struct itr_record, f), sizeof(((struct itr_record *)0)->f)

static const struct field fields[] = {
    {"fence", FENCE, AT(fence)},
    {"token", TEXT, AT(text)},
    {"born", TIME, AT(born_ms)},
    {"refresh", TIME, AT(refresh_ms)},
    {"end", TIME, AT(end_ms)},
    {"fetched", TIME, AT(fetched_ms)},
    {"owner", TEXT, AT(owner)},
    {"lease_fence", FENCE, AT(lease_fence)},
    {"lease_begin", TIME, AT(lease_begin_ms)},
    {"lease_end", TIME, AT(lease_end_ms)},
    {"day", COUNT, AT(day)},
    {"fetches", COUNT, AT(fetches)},
    {"wasted", COUNT, AT(wasted)},
    {"failures", COUNT, AT(failures)},
    {"failed_at", TIME, AT(failed_ms)},
    {"failure", FAILURE, AT(failure)},
    {"error_kind", KIND, AT(error.kind)},
    {"error_http", HTTP, AT(error.http_status)},
    {"error_code", CODE, AT(error.code)},
    {"error_text", TEXT, AT(error.text)},
    {"forbidden", TEXT, AT(forbidden)},
    {"refusals", COUNT, AT(refusals)},
    {"refused_at", TIME, AT(refused_ms)},
};

#define N_FIELDS (sizeof fields / sizeof fields[0])

static const char *const failures_by_name[] = {"", "no-answer", "lapsed", "forbidden", "limit"};

#define N_FAILURES (sizeof failures_by_name / sizeof failures_by_name[0])

/* ---- encode ---- */

static enum itr_status put_text(struct itr_buf *out, const char *name, const char *text)
{
    enum itr_status s;

    if (text[0] == '\0')
        return ITR_OK;
    s = itr_buf_append_fmt(out, "%s ", name);
    for (; *text != '\0' && s == ITR_OK; text++)
        s = itr_record_is_plain(*text)
                ? itr_buf_append_char(out, *text)
                : itr_buf_append_fmt(out, "%%%02X", (unsigned)(unsigned char)*text);
    return s == ITR_OK ? itr_buf_append_char(out, '\n') : s;
}

static enum itr_status put_number(struct itr_buf *out, const char *name, int64_t n, bool also_0)
{
    if (n == 0 && !also_0)
        return ITR_OK;
    return itr_buf_append_fmt(out, "%s %lld\n", name, (long long)n);
}

static enum itr_status put_field(struct itr_buf *out, const struct field *f,
                                 const struct itr_record *r)
{
    const void *at = (const char *)r + f->offset;

    switch (f->kind) {
    case FENCE:
        return put_number(out, f->name, (int64_t) * (const uint64_t *)at, false);
    case TIME:
        return put_number(out, f->name, *(const int64_t *)at, false);
    case COUNT:
        return put_number(out, f->name, *(const int32_t *)at, false);
    case HTTP:
        return put_number(out, f->name, *(const int *)at, false);
    case CODE:
        return put_number(out, f->name, r->error.has_code ? r->error.code : 0, r->error.has_code);
    case KIND:
        return put_text(out, f->name,
                        r->error.kind == ITR_OK ? "" : itr_status_name(r->error.kind));
    case FAILURE:
        return put_text(out, f->name, failures_by_name[r->failure]);
    case TEXT:
        break;
    }
    return put_text(out, f->name, at);
}

enum itr_status itr_record_encode(const struct itr_record *r, struct itr_buf *out)
{
    enum itr_status s = itr_buf_append_fmt(out, HEAD "%d\n", FORMAT);
    size_t i;

    assert(itr_record_is_sound(r));
    for (i = 0; i < N_FIELDS && s == ITR_OK; i++)
        s = put_field(out, &fields[i], r);
    assert(s != ITR_OK || out->len < ITR_RECORD_MAX);
    return s;
}

/* ---- decode ---- */

struct piece {
    const char *at;
    size_t len;
};

/* Cuts the text before the next `until` off *rest; false if there is none. */
static bool cut(struct piece *rest, char until, struct piece *out)
{
    const char *found = memchr(rest->at, until, rest->len);

    if (found == NULL)
        return false;
    out->at = rest->at;
    out->len = (size_t)(found - rest->at);
    rest->at = found + 1;
    rest->len -= out->len + 1;
    return true;
}

/* Decimal digits and nothing else, of at most `max`. */
static bool get_number(struct piece p, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < p.len; i++) {
        unsigned digit = (unsigned)(unsigned char)p.at[i] - '0';

        if (digit > 9 || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return p.len > 0;
}

/* The gateway's codes alone may be negative. */
static bool get_code(struct piece p, struct itr_record_error *e)
{
    bool is_negative = p.at[0] == '-'; /* of an empty value it is the line's end */
    uint64_t n;

    if (is_negative) {
        p.at++;
        p.len--;
    }
    if (!get_number(p, (uint64_t)INT64_MAX + is_negative, &n))
        return false;
    e->code = (int64_t)(is_negative ? 0 - n : n);
    e->has_code = true;
    return true;
}

/* Unescapes into an array of `size`, NUL included; anything that encode would not write is corrupt.
 */
static bool get_text(struct piece p, char *to, size_t size)
{
    size_t i, n = 0;
    int byte;

    for (i = 0; i < p.len && n + 1 < size; i++) {
        if (itr_record_is_plain(p.at[i])) {
            to[n++] = p.at[i];
            continue;
        }
        if ((byte = itr_hex_percent_byte(p.at + i, p.len - i)) <= 0)
            return false;
        to[n++] = (char)byte;
        i += 2;
    }
    to[n] = '\0';
    return i == p.len && n > 0;
}

static bool get_kind(struct piece p, enum itr_status *out)
{
    char name[16];

    if (!get_text(p, name, sizeof name))
        return false;
    *out = itr_status_of_name(name);
    return *out != ITR_OK;
}

static bool get_failure(struct piece p, enum itr_record_failure *out)
{
    size_t i;

    for (i = 1; i < N_FAILURES; i++)
        if (strlen(failures_by_name[i]) == p.len && memcmp(failures_by_name[i], p.at, p.len) == 0) {
            *out = (enum itr_record_failure)i;
            return true;
        }
    return false;
}

static bool get_field(const struct field *f, struct piece value, struct itr_record *r)
{
    void *at = (char *)r + f->offset;
    uint64_t n;

    switch (f->kind) {
    case TEXT:
        return get_text(value, at, f->size);
    case KIND:
        return get_kind(value, &r->error.kind);
    case FAILURE:
        return get_failure(value, &r->failure);
    case CODE:
        return get_code(value, &r->error);
    case FENCE:
    case TIME:
        if (!get_number(value, (uint64_t)ITR_RECORD_NUMBER_MAX, &n))
            return false;
        memcpy(at, &n, sizeof n); /* the same bytes signed and unsigned: the bound is below 2^63 */
        return true;
    case COUNT:
        if (!get_number(value, INT32_MAX, &n))
            return false;
        *(int32_t *)at = (int32_t)n;
        return true;
    case HTTP:
        break;
    }
    if (!get_number(value, ITR_RECORD_HTTP_MAX, &n))
        return false;
    *(int *)at = (int)n;
    return true;
}

static const struct field *find_field(struct piece name)
{
    size_t i;

    for (i = 0; i < N_FIELDS; i++)
        if (strlen(fields[i].name) == name.len && memcmp(fields[i].name, name.at, name.len) == 0)
            return &fields[i];
    return NULL;
}

/* One line; `seen` has a bit for each field that there was, since none may come twice. */
static bool get_line(struct piece line, uint32_t *seen, struct itr_record *r)
{
    const struct field *f;
    struct piece name;
    uint32_t bit;

    if (!cut(&line, ' ', &name))
        return false;
    f = find_field(name);
    if (f == NULL)
        return true;
    bit = UINT32_C(1) << (f - fields);
    if ((*seen & bit) != 0)
        return false;
    *seen |= bit;
    return get_field(f, line, r);
}

static bool get_lines(struct piece rest, struct itr_record *r)
{
    struct piece line;
    uint32_t seen = 0;

    while (rest.len > 0)
        if (!cut(&rest, '\n', &line) || !get_line(line, &seen, r))
            return false;
    return itr_record_is_sound(r);
}

/* Cuts the first line off. 0: there is none, or it is not a record's. */
static uint64_t get_format(struct piece *rest)
{
    struct piece line;
    uint64_t format;

    if (!cut(rest, '\n', &line) || line.len < strlen(HEAD) ||
        memcmp(line.at, HEAD, strlen(HEAD)) != 0)
        return 0;
    line.at += strlen(HEAD);
    line.len -= strlen(HEAD);
    return get_number(line, (uint64_t)ITR_RECORD_NUMBER_MAX, &format) ? format : 0;
}

enum itr_status itr_record_decode(const char *bytes, size_t len, struct itr_record *out,
                                  struct itr_error *e)
{
    struct piece rest = {bytes, len};
    uint64_t format = get_format(&rest);

    memset(out, 0, sizeof *out);
    if (format > FORMAT)
        return itr_error_set(e, ITR_STORE,
                             "the token store holds a record of a newer format (%llu, this program "
                             "knows %d): upgrade itrigger here, or give this program a token_store "
                             "of its own",
                             (unsigned long long)format, FORMAT);
    if (format != FORMAT || len > ITR_RECORD_MAX || !get_lines(rest, out))
        memset(out, 0, sizeof *out);
    return ITR_OK;
}

/* ---- key ---- */

void itr_record_key(const char *gateway, const char *app_id, char out[ITR_RECORD_KEY])
{
    static const char prefix[] = "itrigger:";
    unsigned char digest[ITR_SHA256_LEN];
    struct itr_sha256 h;

    /* The NUL between them: no other pair gives the same bytes. */
    itr_sha256_init(&h);
    itr_sha256_update(&h, gateway, strlen(gateway) + 1);
    itr_sha256_update(&h, app_id, strlen(app_id));
    itr_sha256_final(&h, digest);

    memcpy(out, prefix, sizeof prefix);
    itr_hex_write(digest, 16, out + sizeof prefix - 1);
}
