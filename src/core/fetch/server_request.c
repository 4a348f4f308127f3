#include "core/fetch/server_request.h"

#include "core/http/server_address.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define URL_MAX 32768 /* the address, and an app id with every byte percent-encoded */
#define HEADER_MAX 8192
#define BODY_MAX 64

/* The texts of one request, until it has ended. */
struct texts {
    struct itr_buf url, header, body;
    const char *headers[2];
};

static void init_texts(struct texts *t)
{
    itr_buf_init(&t->url, URL_MAX);
    itr_buf_init_secret(&t->header, HEADER_MAX);
    itr_buf_init(&t->body, BODY_MAX);
    t->headers[0] = t->headers[1] = NULL;
}

static void clear_texts(struct texts *t)
{
    itr_buf_clear(&t->url);
    itr_buf_clear(&t->header);
    itr_buf_clear(&t->body);
}

static enum itr_status write_texts(const struct itr_server_request *r, struct texts *t)
{
    const struct itr_config *c = r->config;
    enum itr_status s = itr_server_address_url(c->token_store, c->app_id, r->wants_newer, &t->url);

    if (s == ITR_OK && c->token_store_key != NULL)
        s = itr_server_address_header(c->token_store_key, &t->header);
    if (s == ITR_OK && r->wants_newer)
        s = itr_server_address_body(r->refused_fence, &t->body);
    if (t->header.len > 0)
        t->headers[0] = itr_buf_str(&t->header);
    return s;
}

static void exchange(const struct itr_server_request *r, const struct texts *t,
                     struct itr_exchange *x)
{
    struct itr_transport_options options;
    struct itr_exchange_call call = {r->transport, &options, r->gives_up, r->ctx};

    x->request.url = itr_buf_str(&t->url);
    x->request.headers = t->headers;
    x->request.post = r->wants_newer;
    x->request.body = itr_buf_str(&t->body);
    x->request.body_len = t->body.len;
    x->request.timeout_ms = r->config->token_timeout_ms;
    itr_config_transport(r->config, &options);
    itr_server_address_transport(r->config->token_store, &options);
    itr_exchange_call_run(&call, x);
}

static enum itr_status judge(const struct itr_server_request *r, const struct itr_response *a,
                             struct itr_buf *token, struct itr_server_grant *grant,
                             struct itr_error *e)
{
    const char *const secrets[] = {r->config->token_store_key, NULL};

    return itr_server_answer_read(r->config->token_store, a, secrets, token, grant, e);
}

enum itr_status itr_server_request_run(const struct itr_server_request *r, struct itr_buf *token,
                                       struct itr_server_grant *grant, int64_t *wait_ms,
                                       struct itr_error *e)
{
    struct itr_exchange x;
    struct texts texts;
    enum itr_status s;

    itr_exchange_init(&x, ANSWER_MAX);
    init_texts(&texts);
    if ((s = write_texts(r, &texts)) == ITR_OK)
        exchange(r, &texts, &x);
    else
        itr_exchange_call_fail(&x, s == ITR_FULL ? ITR_CONFIG : s,
                               "app_id or token_store_key is too long for a request");
    *wait_ms = x.response.retry_after_ms;
    s = judge(r, &x.response, token, grant, e);
    clear_texts(&texts);
    itr_exchange_clear(&x);
    return s;
}
