#include "core/http/exchange.h"

#include <stdio.h>

#define LOOK_MS 200 /* how often gives_up is asked */

void itr_exchange_call_fail(struct itr_exchange *x, enum itr_status why, const char *text)
{
    x->response.carried = why;
    snprintf(x->response.detail, sizeof x->response.detail, "%.200s", text);
}

/* Carries x to its end. */
static void carry(const struct itr_exchange_call *r, struct itr_transport *t,
                  struct itr_exchange *x)
{
    enum itr_status kind;
    const char *why;

    while (t->ops->wait(t, LOOK_MS) == NULL)
        if ((kind = r->gives_up(r->ctx, &why)) != ITR_OK) {
            t->ops->cancel(t, x);
            itr_exchange_call_fail(x, kind, why);
            return;
        }
}

void itr_exchange_call_run(const struct itr_exchange_call *r, struct itr_exchange *x)
{
    struct itr_transport *t;
    struct itr_error e;
    enum itr_status s;

    s = r->transport->open(r->options, &t, &e);
    if (s != ITR_OK) {
        itr_exchange_call_fail(x, s, e.text);
        return;
    }
    s = t->ops->start(t, x, &e);
    if (s == ITR_OK)
        carry(r, t, x);
    else
        itr_exchange_call_fail(x, s, e.text);
    t->ops->free(t);
}
