#include "core/fetch/gateway_request.h"

#include "core/fetch/answer.h"
#include "core/fetch/gateway_answer.h"
#include "core/http/exchange.h"

#define ANSWER_MAX ((size_t)256 * 1024)
#define URL_MAX 32768 /* app id and secret, every byte percent-encoded */

static void exchange(const struct itr_gateway_request *r, struct itr_exchange *x)
{
    struct itr_transport_options options;
    struct itr_exchange_call t = {r->transport, &options, r->gives_up, r->ctx};

    itr_config_transport(r->config, &options);
    itr_exchange_call_run(&t, x);
}

static void judge(const struct itr_gateway_request *r, const struct itr_response *response,
                  struct itr_buf *token, struct itr_record_outcome *outcome)
{
    const char *secrets[ITR_ANSWER_SECRETS + 1] = {r->config->app_secret};
    size_t i;

    for (i = 0; i + 1 < ITR_ANSWER_SECRETS && r->tokens[i] != NULL; i++)
        secrets[i + 1] = r->tokens[i];
    itr_gateway_answer_read(response, secrets, token, outcome);
}

void itr_gateway_request_run(const struct itr_gateway_request *r, struct itr_buf *token,
                             struct itr_record_outcome *outcome)
{
    const struct itr_config *c = r->config;
    struct itr_exchange x;
    struct itr_buf url;
    enum itr_status s;

    itr_exchange_init(&x, ANSWER_MAX);
    itr_buf_init_secret(&url, URL_MAX);
    s = itr_gateway_answer_url(c->gateway, c->token_endpoint, c->app_id, c->app_secret, &url);
    x.request.url = itr_buf_str(&url);
    x.request.timeout_ms = c->token_timeout_ms;
    x.request.may_send = r->may_send;
    x.request.may_send_ctx = r->ctx;
    if (s == ITR_OK)
        exchange(r, &x);
    else
        itr_exchange_call_fail(&x, s == ITR_FULL ? ITR_CONFIG : s,
                               s == ITR_FULL ? "app_id and app_secret are too long for a request"
                                             : "no memory for the token request");
    judge(r, &x.response, token, outcome);
    itr_buf_clear(&url);
    itr_exchange_clear(&x);
}
