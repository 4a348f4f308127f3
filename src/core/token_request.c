#include "core/token_request.h"

#include <stdio.h>

#include "core/token_grant.h"

#define ANSWER_MAX ((size_t)256 * 1024)
#define URL_MAX 16384
#define LOOK_MS 200 /* how often give_up is asked */

static void not_carried(struct itr_response *r, enum itr_status why, const char *text)
{
    r->carried = why;
    snprintf(r->detail, sizeof r->detail, "%.200s", text);
}

/* Carries x to its end. */
static void carry(const struct itr_token_request *r, struct itr_transport *t,
                  struct itr_exchange *x)
{
    while (t->ops->wait(t, LOOK_MS) == NULL)
        if (r->give_up(r->ctx)) {
            t->ops->cancel(t, x);
            not_carried(&x->response, ITR_NETWORK, "the process ends");
            return;
        }
}

/* A transport for one exchange: a fetch is rare, and its thread is short-lived. */
static void exchange(const struct itr_token_request *r, struct itr_exchange *x)
{
    struct itr_transport_options options;
    struct itr_transport *t;
    struct itr_error e;
    enum itr_status s;

    itr_config_transport(r->config, &options);
    s = r->transport->open(&options, &t, &e);
    if (s != ITR_OK) {
        not_carried(&x->response, s, e.text);
        return;
    }
    s = t->ops->start(t, x, &e);
    if (s == ITR_OK)
        carry(r, t, x);
    else
        not_carried(&x->response, s, e.text);
    t->ops->free(t);
}

static void judge(const struct itr_token_request *r, const struct itr_response *response,
                  struct itr_buf *token, struct itr_record_outcome *outcome)
{
    struct itr_token_answer a;

    a.carried = response->carried;
    a.sent = response->sent;
    a.detail = response->detail;
    a.http_status = response->http_status;
    a.body = itr_buf_str(&response->body);
    a.body_len = response->body.len;
    itr_token_grant_judge(&a, r->config->app_secret, token, outcome);
}

void itr_token_request_run(const struct itr_token_request *r, struct itr_buf *token,
                           struct itr_record_outcome *outcome)
{
    const struct itr_config *c = r->config;
    struct itr_exchange x;
    struct itr_buf url;
    enum itr_status s;

    itr_exchange_init(&x, ANSWER_MAX);
    itr_buf_init_secret(&url, URL_MAX);
    s = itr_token_grant_url(c->gateway, c->token_endpoint, c->app_id, c->app_secret, &url);
    x.request.url = itr_buf_str(&url);
    x.request.timeout_ms = c->token_timeout_ms;
    x.request.may_send = r->may_send;
    x.request.may_send_ctx = r->ctx;
    if (s == ITR_OK)
        exchange(r, &x);
    else
        not_carried(&x.response, s, "no memory for the token request");
    judge(r, &x.response, token, outcome);
    itr_buf_clear(&url);
    itr_exchange_clear(&x);
}
