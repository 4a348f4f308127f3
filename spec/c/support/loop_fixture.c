#include "support/loop_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "transport/curl_loop.h"

#define FAR_MS 20000 /* only so that a broken loop fails instead of standing still */

static enum itr_status open_loop(const struct itr_transport_options *options,
                                 struct itr_transport **out, struct itr_error *e)
{
    return itr_curl_loop_factory()->open(options, out, e);
}

enum itr_status (*loop_fixture_opener)(const struct itr_transport_options *options,
                                       struct itr_transport **out, struct itr_error *e) = open_loop;

struct itr_transport *loop_fixture_open(const struct itr_transport_options *options)
{
    struct itr_transport_options usual = {.connect_timeout_ms = 10000};
    struct itr_transport *t = NULL;
    struct itr_error e = {0};

    if (loop_fixture_opener(options != NULL ? options : &usual, &t, &e) != ITR_OK)
        fail_msg("open: %s", e.text);
    assert_int_equal(t->ops->version, ITR_TRANSPORT_VERSION);
    return t;
}

void loop_fixture_get(struct itr_exchange *x, const char *url)
{
    itr_exchange_init(x, FIXTURE_MAX_BODY);
    x->request.url = url;
    x->request.timeout_ms = FAR_MS;
}

void loop_fixture_init_with(struct loop_fixture *f, const struct raw_step *const *scripts,
                            size_t n_scripts, const struct itr_transport_options *options)
{
    f->t = loop_fixture_open(options);
    f->server = raw_server_new(scripts, n_scripts);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/a/b?accessToken=s3cret&x=1",
             raw_server_port(f->server));
    loop_fixture_get(&f->x, f->url);
}

void loop_fixture_init(struct loop_fixture *f, const struct raw_step *script)
{
    const struct raw_step *scripts[] = {script};
    static const struct raw_step *kept[1];

    kept[0] = scripts[0]; /* one fixture of this kind at a time */
    loop_fixture_init_with(f, kept, 1, NULL);
}

void loop_fixture_clear(struct loop_fixture *f)
{
    f->t->ops->free(f->t);
    itr_exchange_clear(&f->x);
    if (f->server != NULL)
        raw_server_free(f->server);
}

void loop_fixture_carry_on(struct itr_transport *t, struct itr_exchange *x)
{
    struct itr_error e = {0};

    if (t->ops->start(t, x, &e) != ITR_OK)
        fail_msg("start: %s", e.text);
    assert_ptr_equal(t->ops->wait(t, -1), x);
    assert_null(x->transfer);
}

void loop_fixture_carry(struct loop_fixture *f)
{
    loop_fixture_carry_on(f->t, &f->x);
}

void loop_fixture_expect(const struct itr_exchange *x, enum itr_status carried, bool sent,
                         int http_status)
{
    const struct itr_response *a = &x->response;

    if (a->carried != carried || a->sent != sent || a->http_status != http_status)
        fail_msg("got %s, sent %d, status %d, \"%s\"; not %s, %d, %d", itr_status_name(a->carried),
                 a->sent, a->http_status, a->detail, itr_status_name(carried), sent, http_status);
    assert_int_equal(a->detail[0] != '\0', carried != ITR_OK);
    assert_null(strstr(a->detail, "s3cret"));
    assert_null(strstr(a->detail, "accessToken"));
}

/* ---- faults ---- */

const struct raw_step LOOP_FIXTURE_ANSWERS[] = {READ, SEND(OK_HELLO), AGAIN};

void loop_fixture_play(struct loop_fixture *f, const struct raw_step *fault)
{
    static const struct raw_step *scripts[2]; /* one fixture of this kind at a time */

    scripts[0] = fault;
    scripts[1] = LOOP_FIXTURE_ANSWERS;
    loop_fixture_init_with(f, scripts, 2, NULL);
    loop_fixture_carry(f);
    raw_server_await_closed(f->server, 1);
    raw_server_await_arrived(f->server);
}

void loop_fixture_next_works(struct loop_fixture *f)
{
    f->x.request.timeout_ms = 20000;
    loop_fixture_carry(f);
    loop_fixture_expect(&f->x, ITR_OK, true, 200);
    assert_string_equal(itr_buf_str(&f->x.response.body), "hello");
    loop_fixture_clear(f);
}

void loop_fixture_expect_fault(const struct raw_step *fault, enum itr_status carried,
                               int http_status, const char *detail)
{
    struct loop_fixture f;

    loop_fixture_play(&f, fault);
    loop_fixture_expect(&f.x, carried, true, http_status);
    if (strstr(f.x.response.detail, detail) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f.x.response.detail, detail);
    loop_fixture_next_works(&f);
}
