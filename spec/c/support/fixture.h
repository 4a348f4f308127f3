/*
 * fixture: what the tests of the core share: cmocka's includes, one complete config, and a world of
 * fakes (clock, store, gateway) that is whole again after each test.
 */
#ifndef SPEC_FIXTURE_H
#define SPEC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/config/config.h"
#include "core/source/source.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/fake_transport.h"

#define FIXTURE_GATEWAY "https://gateway.test"
#define FIXTURE_APP "app-1"
#define FIXTURE_SECRET "secret-0123456789"

#define count_of(a) (sizeof(a) / sizeof *(a))

/* Initialises c: complete, with the three strings above. */
void fixture_config(struct itr_config *c);

/* Give an option another value than it has; CODES: one more. */
void fixture_change(struct itr_config *c, const struct itr_option *o);

struct fixture {
    struct fake_clock clock;
    struct fake_store *store;
    struct itr_config config;
    struct itr_parts parts;
};

/* For cmocka: *state is a struct fixture. The teardown fails when a transport, or a reference of
 * the store, is left over. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* main's first act: the world, and an end to a test that hangs. */
void fixture_main(void);

#endif
