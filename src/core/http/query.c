#include "core/http/query.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/http/url.h"

#define FIRST_CAP 8
#define SHOWN 64 /* bytes of a name in a message */

void itr_query_init(struct itr_query *q)
{
    itr_buf_init(&q->bytes, ITR_QUERY_MAX_BYTES);
    q->pairs = NULL;
    q->n = q->cap = 0;
}

void itr_query_clear(struct itr_query *q)
{
    itr_buf_clear(&q->bytes);
    free(q->pairs);
    q->pairs = NULL;
    q->n = q->cap = 0;
}

void itr_query_reset(struct itr_query *q)
{
    itr_buf_reset(&q->bytes);
    q->n = 0;
}

/* A value is never shown: it may be a customer's. */
static enum itr_status check_pair(const char *name, size_t name_len, const char *value,
                                  size_t value_len, struct itr_error *e)
{
    char shown[SHOWN];

    if (name_len == 0)
        return itr_error_set(e, ITR_USAGE, "a parameter name is empty");
    if (!itr_utf8_valid(name, name_len))
        return itr_error_set(e, ITR_USAGE, "the parameter name \"%s\" is not valid UTF-8",
                             itr_utf8_show(name, name_len, shown, sizeof shown));
    if (name_len == strlen("accessToken") && memcmp(name, "accessToken", name_len) == 0)
        return itr_error_set(e, ITR_USAGE,
                             "the parameter \"accessToken\" is added by the library; leave it out");
    if (!itr_utf8_valid(value, value_len))
        return itr_error_set(e, ITR_USAGE, "the value of parameter \"%s\" is not valid UTF-8",
                             itr_utf8_show(name, name_len, shown, sizeof shown));
    return ITR_OK;
}

static enum itr_status check_room(const struct itr_query *q, size_t name_len, size_t value_len,
                                  struct itr_error *e)
{
    size_t left = ITR_QUERY_MAX_BYTES - q->bytes.len;

    if (q->n == ITR_QUERY_MAX_PAIRS)
        return itr_error_set(e, ITR_USAGE, "too many parameters; at most %d are allowed",
                             ITR_QUERY_MAX_PAIRS);
    if (name_len > left || value_len > left - name_len)
        return itr_error_set(e, ITR_USAGE,
                             "the parameters are too long; at most %zu bytes are allowed",
                             ITR_QUERY_MAX_BYTES);
    return ITR_OK;
}

static enum itr_status grow_pairs(struct itr_query *q)
{
    size_t cap = q->cap == 0 ? FIRST_CAP : q->cap * 2;
    struct itr_query_pair *pairs;

    if (q->n < q->cap)
        return ITR_OK;
    if ((pairs = realloc(q->pairs, cap * sizeof *pairs)) == NULL)
        return ITR_NOMEM;
    q->pairs = pairs;
    q->cap = cap;
    return ITR_OK;
}

/* Return whether this name goes before that of pair p. If they are equal, p came first. */
static bool goes_before(const struct itr_query *q, const char *name, size_t len,
                        const struct itr_query_pair *p)
{
    size_t common = len < p->name_len ? len : p->name_len;
    int order = memcmp(name, q->bytes.data + p->at, common);

    return order != 0 ? order < 0 : len < p->name_len;
}

/* Return where a pair of this name goes: behind those of the same name. */
static size_t place_of(const struct itr_query *q, const char *name, size_t len)
{
    size_t low = 0;
    size_t high = q->n;
    size_t middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (goes_before(q, name, len, &q->pairs[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

enum itr_status itr_query_add(struct itr_query *q, const char *name, size_t name_len,
                              const char *value, size_t value_len, struct itr_error *e)
{
    struct itr_query_pair pair = {q->bytes.len, name_len, value_len};
    enum itr_status s;
    size_t place;

    if ((s = check_pair(name, name_len, value, value_len, e)) != ITR_OK ||
        (s = check_room(q, name_len, value_len, e)) != ITR_OK)
        return s;

    /* All that can fail, first. */
    if (grow_pairs(q) != ITR_OK || itr_buf_reserve(&q->bytes, name_len + value_len) != ITR_OK)
        return itr_error_set(e, ITR_NOMEM, "no memory for the parameters");

    place = place_of(q, name, name_len);
    memmove(q->pairs + place + 1, q->pairs + place, (q->n - place) * sizeof *q->pairs);
    q->pairs[place] = pair;
    q->n++;
    (void)itr_buf_append(&q->bytes, name, name_len);
    (void)itr_buf_append(&q->bytes, value, value_len);
    return ITR_OK;
}

enum itr_status itr_query_write(const struct itr_query *q, struct itr_buf *out)
{
    const struct itr_query_pair *p;
    const char *name;
    enum itr_status s;
    size_t i;

    for (i = 0; i < q->n; i++) {
        p = &q->pairs[i];
        name = q->bytes.data + p->at;
        if ((s = itr_buf_append_char(out, '&')) != ITR_OK ||
            (s = itr_url_escape(name, p->name_len, out)) != ITR_OK ||
            (s = itr_buf_append_char(out, '=')) != ITR_OK ||
            (s = itr_url_escape(name + p->name_len, p->value_len, out)) != ITR_OK)
            return s;
    }
    return ITR_OK;
}
