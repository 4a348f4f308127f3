/*
 * client_driver: one client on the fakes, and calls made on it.
 */
#ifndef SPEC_CLIENT_DRIVER_H
#define SPEC_CLIENT_DRIVER_H

#include "core/call/client.h"
#include "support/fixture.h"

struct client_driver {
    struct fixture *f;
    struct itr_client *c;
};

/* The group of all calls that are started here. */
extern struct itr_call_group client_driver_group;

/* For cmocka: *state is a struct client_driver. The teardown waits for the fetch threads. */
int client_driver_setup(void **state);
int client_driver_teardown(void **state);

#define with_client_driver(f)                                                                      \
    cmocka_unit_test_setup_teardown(f, client_driver_setup, client_driver_teardown)

/* Return another client on the same fakes; the caller frees it. Any thread. */
struct itr_client *client_driver_open(struct fixture *f);

/* Initialise a call of the client: GET /a. The caller clears it. */
void client_driver_init_call(struct itr_client *c, struct itr_call *call);

/* Initialise a call and start it, with the client's timeout or with its own. */
void client_driver_start(struct itr_client *c, struct itr_call *call);
void client_driver_start_for(struct itr_client *c, struct itr_call *call, int64_t timeout_ms);

/* Wait for the next completed call of the group and return it. NULL if none is left. */
struct itr_call *client_driver_next(struct itr_client *c);

/* Push what was started as far as it goes: carry a call that ends by its own short deadline. */
void client_driver_push_all(struct itr_client *c);

/* Run one call from start to end; return its kind of error. Any thread, one per client. */
enum itr_status client_driver_run_one(struct itr_client *c);

/* Run one call, so that the client has a token and no fetch is in flight. */
void client_driver_warm(struct client_driver *t);

#endif
