#include "transport/curl_ticket.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- copying ---- */

static size_t count_lines(const char *const *headers)
{
    size_t n = 0;

    while (headers != NULL && headers[n] != NULL)
        n++;
    return n;
}

/* The text of all that has an end of its own. */
static size_t size_of_strings(const struct itr_request *q, size_t n_lines)
{
    size_t size = strlen(q->url) + 1, i;

    for (i = 0; i < n_lines; i++)
        size += strlen(q->headers[i]) + 1;
    return size;
}

static const char *put(char **at, const char *bytes, size_t n)
{
    char *start = *at;

    memcpy(start, bytes, n);
    *at += n;
    return start;
}

/* Everything that was borrowed from the caller now points into t. */
static void copy_request(struct itr_curl_ticket *t, const struct itr_request *q, size_t n_lines)
{
    struct itr_request *own = &t->exchange.request;
    char *at = t->text;
    size_t i;

    *own = *q;
    own->url = put(&at, q->url, strlen(q->url) + 1);
    for (i = 0; i < n_lines; i++)
        t->lines[i] = put(&at, q->headers[i], strlen(q->headers[i]) + 1);
    t->lines[n_lines] = NULL;
    own->headers = n_lines > 0 ? t->lines : NULL;
    own->body = q->body_len > 0 ? put(&at, q->body, q->body_len) : NULL;
}

struct itr_curl_ticket *itr_curl_ticket_new(struct itr_exchange *x, int64_t now_mono_ms)
{
    size_t n_lines = count_lines(x->request.headers);
    size_t n_text = size_of_strings(&x->request, n_lines) + x->request.body_len;
    size_t head = sizeof(struct itr_curl_ticket) + (n_lines + 1) * sizeof(char *);
    struct itr_curl_ticket *t = malloc(head + n_text);

    if (t == NULL)
        return NULL;
    *t = (struct itr_curl_ticket){.of = x, .n_text = n_text, .text = (char *)t + head};
    itr_exchange_init(&t->exchange, x->response.body.max);
    t->exchange.response.headers.max = x->response.headers.max;
    t->exchange.owner = t;
    itr_list_init(&t->node);
    copy_request(t, &x->request, n_lines);
    t->deadline_mono_ms = now_mono_ms + x->request.timeout_ms;
    itr_response_reset(&x->response);
    x->transfer = t;
    return t;
}

/* ---- the end ---- */

/* What the parent's thread had is never freed here; a leak checker finds it here. Without a lock,
 * for this is the child of a fork. */
static void put_aside(struct itr_curl_ticket *t)
{
    static struct itr_list *_Atomic aside;

    t->node.next = atomic_load(&aside);
    while (!atomic_compare_exchange_weak(&aside, &t->node.next, &t->node))
        ;
}

void itr_curl_ticket_free(struct itr_curl_ticket *t)
{
    if (t->lost) {
        put_aside(t);
        return;
    }
    itr_exchange_clear(&t->exchange);
    itr_wipe(t->text, t->n_text);
    free(t);
}

static void set_failed(struct itr_response *a, enum itr_status carried, const char *detail)
{
    a->carried = carried;
    (void)snprintf(a->detail, sizeof a->detail, "%s", detail);
}

void itr_curl_ticket_fail(struct itr_curl_ticket *t, enum itr_status carried, const char *detail)
{
    set_failed(&t->exchange.response, carried, detail);
}

/* The buffers change sides, their maxima stay where they are. */
static void swap_answers(struct itr_response *theirs, struct itr_response *ours)
{
    struct itr_buf body = theirs->body, headers = theirs->headers;

    *theirs = *ours;
    theirs->body.max = body.max;
    theirs->headers.max = headers.max;
    ours->body = body;
    ours->headers = headers;
}

struct itr_exchange *itr_curl_ticket_hand_over(struct itr_curl_ticket *t)
{
    struct itr_exchange *x = t->of;

    if (t->lost) {
        set_failed(&x->response, ITR_NETWORK,
                   "the process was forked while this was in flight: it belongs to the parent");
        x->response.sent = true;
    } else {
        swap_answers(&x->response, &t->exchange.response);
    }
    x->transfer = NULL;
    itr_curl_ticket_free(t);
    return x;
}
