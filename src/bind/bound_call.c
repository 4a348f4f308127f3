#include "bind/bound_call.h"

#include <stdlib.h>
#include <string.h>

struct itr_bound_call *itr_bound_call_new(const struct itr_config *config)
{
    struct itr_bound_call *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    itr_list_init(&b->all);
    itr_list_init(&b->node);
    itr_call_group_init(&b->alone, NULL);
    itr_call_init(&b->call, config);
    itr_buf_init(&b->header_bytes, ITR_HEADERS_BYTES);
    return b;
}

void itr_bound_call_free(struct itr_bound_call *b)
{
    if (b == NULL)
        return;
    itr_call_clear(&b->call);
    itr_buf_clear(&b->header_bytes);
    free(b);
}

void itr_bound_call_reset(struct itr_bound_call *b, bool keep_nulls)
{
    itr_call_reset(&b->call);
    itr_buf_reset(&b->header_bytes);
    b->n_headers = 0;
    b->keep_nulls = keep_nulls;
    b->collected = b->noted = false;
}

enum itr_status itr_bound_call_add_header(struct itr_bound_call *b, const char *name,
                                          const char *value, size_t value_len)
{
    struct itr_buf *out = &b->header_bytes;
    enum itr_status s;

    if (b->n_headers == ITR_HEADERS_MAX)
        return ITR_FULL;
    if ((s = itr_buf_append_str(out, name)) != ITR_OK)
        return s;
    /* libcurl sends a header without a value only when it is written with a semicolon
     * (CURLOPT_HTTPHEADER). */
    s = value_len > 0 ? itr_buf_append(out, ": ", 2) : itr_buf_append(out, ";", 1);
    if (s == ITR_OK)
        s = itr_buf_append(out, value, value_len);
    if (s == ITR_OK)
        s = itr_buf_append(out, "", 1);
    if (s == ITR_OK)
        b->n_headers++;
    return s;
}

void itr_bound_call_set_headers(struct itr_bound_call *b)
{
    const char *line = b->header_bytes.data;
    size_t i;

    /* Only now, because the bytes move while they grow. */
    for (i = 0; i < b->n_headers; i++) {
        b->headers[i] = line;
        line += strlen(line) + 1;
    }
    b->headers[i] = NULL;
    b->call.headers = i > 0 ? b->headers : NULL;
}
