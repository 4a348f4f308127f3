/*
 * loop_fixture: a transport (a curl_loop unless the test program says otherwise), a raw_server that
 * plays a script, and one exchange between them.
 */
#ifndef SPEC_SUPPORT_LOOP_FIXTURE_H
#define SPEC_SUPPORT_LOOP_FIXTURE_H

#include "core/http/transport.h"
#include "support/raw_server.h"

#define FIXTURE_MAX_BODY 100000

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* Steps of a script. */
/* clang-format off */
#define READ {RAW_READ, NULL, 0}
#define SEND(t) {RAW_SEND, (t), 0}
#define END {RAW_END, NULL, 0}
#define RESET {RAW_RESET, NULL, 0}
#define HOLD {RAW_HOLD, NULL, 0}
#define GATE {RAW_GATE, NULL, 0}
#define AGAIN {RAW_AGAIN, NULL, 0}
/* clang-format on */

/* Answers each request with OK_HELLO. */
extern const struct raw_step LOOP_FIXTURE_ANSWERS[];

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

/* Connection 1 plays the fault, later ones answer; carries f->x over the fault. */
void loop_fixture_play(struct loop_fixture *f, const struct raw_step *fault);

/* The call after a fault gets its answer; clears f. */
void loop_fixture_next_works(struct loop_fixture *f);

/* Plays the fault, expects this end of it, its request sent, and that the next call works. */
void loop_fixture_expect_fault(const struct raw_step *fault, enum itr_status carried,
                               int http_status, const char *detail);

/* Fails the test unless x ended so. */
void loop_fixture_expect(const struct itr_exchange *x, enum itr_status carried, bool sent,
                         int http_status);

#endif
