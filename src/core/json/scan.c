#include "core/json/scan.h"

#include <stdio.h>
#include <string.h>

#include "core/json/number.h"

#define TEXT_END (-1)

/* Which member of the envelope the value to come belongs to. */
enum member {
    MEMBER_OTHER,
    MEMBER_CODE,        /* top object */
    MEMBER_MESSAGE,     /* top object */
    MEMBER_DATA,        /* top object */
    MEMBER_ACCESS_TOKEN /* the object `data` */
};

/* What is to come in the text. */
enum next {
    NEXT_VALUE, /* a value: member says whose */
    NEXT_AFTER, /* a comma, the end of a container, or of the text: a value was complete */
    NEXT_DONE,  /* nothing: the text was right */
    NEXT_WRONG  /* nothing: status and *e say why */
};

struct scan {
    const unsigned char *begin, *at, *end;
    struct itr_error *e;
    enum itr_status status;
    struct itr_json_scan found;

    uint64_t objects[ITR_JSON_MAX_DEPTH / 64]; /* a bit a level: object or array */
    unsigned depth;                            /* levels that are open */
    bool in_object;                            /* the innermost one is an object */
    bool in_data;                              /* inside the object `data` */
    enum member member;                        /* whose value is to come */
    unsigned seen;                             /* a bit a member of the envelope that was there */
};

/* The one way to fail. Cold: the compiler keeps it out of the way of what goes well. */
__attribute__((cold, noinline)) static enum next fail(struct scan *s, const unsigned char *at,
                                                      const char *wanted)
{
    char found[16];

    if (at == s->end)
        (void)snprintf(found, sizeof found, "the end");
    else if (*at > 0x20 && *at < 0x7f)
        (void)snprintf(found, sizeof found, "'%c'", *at);
    else
        (void)snprintf(found, sizeof found, "byte 0x%02x", *at);
    s->status = itr_error_set(s->e, ITR_DECODE, "not JSON at byte %zu: expected %s, found %s",
                              (size_t)(at - s->begin), wanted, found);
    return NEXT_WRONG;
}

/* ---- spaces ---- */

static int skip_spaces(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
    return s->at < s->end ? *s->at : TEXT_END;
}

/* The next byte that is no space, or TEXT_END. Mostly there is no space. */
static inline int look(struct scan *s)
{
    if (s->at<s->end && * s->at> ' ')
        return *s->at;
    return skip_spaces(s);
}

/* ---- strings ---- */

/* Takes the string whose opening quote is at s->at. */
static inline bool take_string(struct scan *s, struct itr_json_piece *piece, bool *escaped)
{
    const unsigned char *first = s->at + 1;
    const unsigned char *stop = itr_json_skip_plain(first, s->end);
    struct itr_json_string rest;

    *escaped = false;
    if (stop == s->end || *stop != '"') {
        rest = itr_json_string_rest(stop, s->end);
        if (rest.wanted != NULL) {
            (void)fail(s, rest.stop, rest.wanted);
            return false;
        }
        *escaped = rest.escaped;
        stop = rest.stop;
    }
    piece->at = (const char *)first;
    piece->len = (size_t)(stop - first);
    s->at = stop + 1;
    return true;
}

static void note_code(struct scan *s, const char *text, size_t len)
{
    if (itr_json_integer(text, len, &s->found.code))
        s->found.code_is = ITR_JSON_CODE_INTEGER;
}

static void note_code_string(struct scan *s, struct itr_json_piece piece)
{
    char digits[20]; /* of the least int64, with its sign */
    size_t n = itr_json_unescape_short(piece, digits, sizeof digits);

    if (n <= sizeof digits)
        note_code(s, digits, n);
}

static enum next string_value(struct scan *s)
{
    struct itr_json_piece piece;
    bool escaped;

    if (!take_string(s, &piece, &escaped))
        return NEXT_WRONG;
    if (s->member == MEMBER_CODE)
        note_code_string(s, piece);
    else if (s->member == MEMBER_MESSAGE)
        s->found.message = piece;
    else if (s->member == MEMBER_ACCESS_TOKEN)
        s->found.access_token = piece;
    return NEXT_AFTER;
}

/* ---- keys ---- */

static bool is_key(struct itr_json_piece key, const char *name, size_t len)
{
    return key.len == len && memcmp(key.at, name, len) == 0;
}

static enum member member_of(const struct scan *s, struct itr_json_piece key)
{
    if (s->in_data)
        return is_key(key, "accessToken", 11) ? MEMBER_ACCESS_TOKEN : MEMBER_OTHER;
    if (is_key(key, "code", 4))
        return MEMBER_CODE;
    if (is_key(key, "message", 7))
        return MEMBER_MESSAGE;
    return is_key(key, "data", 4) ? MEMBER_DATA : MEMBER_OTHER;
}

/* Decoders let the last of two equal keys count; two programs might then read two codes. */
static bool note_member(struct scan *s, const unsigned char *at)
{
    static const char *const names[] = {"", "code", "message", "data", "accessToken"};
    unsigned bit = 1U << s->member;

    if ((s->seen & bit) != 0) {
        s->status = itr_error_set(s->e, ITR_DECODE, "not an envelope at byte %zu: a second \"%s\"",
                                  (size_t)(at - s->begin), names[s->member]);
        return false;
    }
    s->seen |= bit;
    if (s->member == MEMBER_CODE)
        s->found.code_is = ITR_JSON_CODE_BAD; /* until its value proves good */
    else if (s->member == MEMBER_DATA)
        s->found.data_is_absent = false;
    else if (s->member == MEMBER_ACCESS_TOKEN)
        s->found.has_access_token = true;
    return true;
}

/* Level 1 is the top object's when it has keys at all; level 2 may be another's than data's. */
static bool may_be_member(const struct scan *s)
{
    return s->depth == 1 || (s->depth == 2 && s->in_data);
}

static bool find_member(struct scan *s, const unsigned char *at, struct itr_json_piece key,
                        bool escaped)
{
    char plain[16]; /* longer than any name that counts */

    if (escaped) {
        key.len = itr_json_unescape_short(key, plain, sizeof plain);
        key.at = plain;
    }
    s->member = member_of(s, key);
    return s->member == MEMBER_OTHER || note_member(s, at);
}

/* A key and its colon. */
static enum next key(struct scan *s)
{
    const unsigned char *at;
    struct itr_json_piece name;
    bool escaped;

    if (look(s) != '"')
        return fail(s, s->at, "a key in quotes");
    at = s->at;
    if (!take_string(s, &name, &escaped))
        return NEXT_WRONG;
    if (!may_be_member(s))
        s->member = MEMBER_OTHER;
    else if (!find_member(s, at, name, escaped))
        return NEXT_WRONG;
    if (look(s) != ':')
        return fail(s, s->at, "':'");
    s->at++;
    return NEXT_VALUE;
}

/* ---- numbers and words ---- */

static enum next number_value(struct scan *s)
{
    struct itr_json_number n = itr_json_number_scan(s->at, s->end);

    if (n.wanted != NULL)
        return fail(s, n.stop, n.wanted);
    if (n.is_integer && s->member == MEMBER_CODE)
        note_code(s, (const char *)s->at, (size_t)(n.stop - s->at));
    s->at = n.stop;
    return NEXT_AFTER;
}

static enum next word_value(struct scan *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return fail(s, s->at, "a value");
    s->at += len;
    return NEXT_AFTER;
}

static enum next null_value(struct scan *s)
{
    if (s->member == MEMBER_DATA)
        s->found.data_is_absent = true;
    return word_value(s, "null", 4);
}

/* ---- containers ---- */

static void set_level(struct scan *s, bool object)
{
    uint64_t *levels = &s->objects[s->depth >> 6];
    uint64_t bit = UINT64_C(1) << (s->depth & 63);

    *levels = (*levels & ~bit) | (object ? bit : 0);
}

static enum next close_level(struct scan *s)
{
    unsigned outer;

    s->at++;
    if (--s->depth == 0)
        return NEXT_AFTER;
    if (s->depth == 1)
        s->in_data = false;
    outer = s->depth - 1;
    s->in_object = (s->objects[outer >> 6] >> (outer & 63) & 1) != 0;
    return NEXT_AFTER;
}

/* What follows a comma or the opening of a container that is not empty. */
static enum next element(struct scan *s)
{
    if (s->in_object)
        return key(s);
    s->member = MEMBER_OTHER;
    return NEXT_VALUE;
}

static int closer(const struct scan *s)
{
    return s->in_object ? '}' : ']';
}

static enum next open_level(struct scan *s, bool object)
{
    if (s->depth == ITR_JSON_MAX_DEPTH)
        return fail(s, s->at, "at most 128 levels");
    if (s->depth == 0)
        s->found.is_object = object;
    else if (s->depth == 1 && s->member == MEMBER_DATA)
        s->in_data = object;
    s->at++;
    set_level(s, object);
    s->depth++;
    s->in_object = object;
    return look(s) == closer(s) ? close_level(s) : element(s);
}

/* ---- the document ---- */

static enum next value(struct scan *s)
{
    int c = look(s);

    switch (c) {
    case '"':
        return string_value(s);
    case '{':
    case '[':
        return open_level(s, c == '{');
    case 't':
        return word_value(s, "true", 4);
    case 'f':
        return word_value(s, "false", 5);
    case 'n':
        return null_value(s);
    default:
        return c == '-' || (c >= '0' && c <= '9') ? number_value(s) : fail(s, s->at, "a value");
    }
}

static enum next after(struct scan *s)
{
    int c = look(s);

    if (s->depth == 0)
        return c == TEXT_END ? NEXT_DONE : fail(s, s->at, "nothing more");
    if (c == ',') {
        s->at++;
        return element(s);
    }
    if (c == closer(s))
        return close_level(s);
    return fail(s, s->at, s->in_object ? "',' or '}'" : "',' or ']'");
}

enum itr_status itr_json_scan(const char *text, size_t len, struct itr_json_scan *out,
                              struct itr_error *e)
{
    struct scan s = {.e = e, .found = {.data_is_absent = true}};
    enum next next = NEXT_VALUE;

    s.begin = s.at = (const unsigned char *)(len > 0 ? text : "");
    s.end = s.begin + len;
    s.found.text = (const char *)s.begin;
    s.found.len = len;
    while (next == NEXT_VALUE || next == NEXT_AFTER)
        next = next == NEXT_VALUE ? value(&s) : after(&s);
    if (next == NEXT_WRONG)
        return s.status;
    *out = s.found;
    return ITR_OK;
}
