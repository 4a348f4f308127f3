/*
 * loop_fixture: a transport (a curl_loop unless the test program says otherwise), a raw_server that
 * plays a script, and one exchange between them.
 */
#ifndef SPEC_SUPPORT_LOOP_FIXTURE_H
#define SPEC_SUPPORT_LOOP_FIXTURE_H

#include "core/http/transport.h"
#include "support/raw_server.h"

#define FIXTURE_MAX_BODY 100000

struct loop_fixture {
    struct raw_server *server; /* NULL: none */
    struct itr_transport *t;
    struct itr_exchange x;
    char url[256];
};

/* How transports are opened in this program. */
extern enum itr_status (*loop_fixture_opener)(const struct itr_transport_options *options,
                                              struct itr_transport **out, struct itr_error *e);

/* Every connection plays the one script. */
void loop_fixture_init(struct loop_fixture *f, const struct raw_step *script);

/* Connection k plays script k. options may be NULL. */
void loop_fixture_init_with(struct loop_fixture *f, const struct raw_step *const *scripts,
                            size_t n_scripts, const struct itr_transport_options *options);
void loop_fixture_clear(struct loop_fixture *f);

/* A transport with these options (NULL: a connect limit of 10 s); fails the test otherwise. */
struct itr_transport *loop_fixture_open(const struct itr_transport_options *options);

/* x as a GET of the URL, with 20 s. */
void loop_fixture_get(struct itr_exchange *x, const char *url);

/* Starts f->x and waits until it is back. */
void loop_fixture_carry(struct loop_fixture *f);
void loop_fixture_carry_on(struct itr_transport *t, struct itr_exchange *x);

/* Fails the test unless x ended so. */
void loop_fixture_expect(const struct itr_exchange *x, enum itr_status carried, bool sent,
                         int http_status);

#endif
