/*
 * token_check: the thread that asks the gateway's documented test endpoint whether an app's token
 * is still good: each app at its check_interval, and at once when a drop-in client asks again for
 * the token that it received a moment ago. A refusal counts as a report: a new token is fetched.
 */
#ifndef ITRIGGERD_TOKEN_CHECK_H
#define ITRIGGERD_TOKEN_CHECK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/record/parts.h"

#define TOKEN_CHECKS_MAX 32 /* in flight */

struct server;
struct token_check_request;

struct token_check {
    struct server *server;         /* borrowed */
    const struct itr_parts *parts; /* borrowed */
    pthread_t thread;
    atomic_bool stop;
    /* The thread's. */
    struct itr_transport *transport;      /* NULL: none yet */
    struct app *options_of;               /* whose options it has; a reference */
    struct token_check_request *requests; /* TOKEN_CHECKS_MAX of them */
    size_t in_flight;
    size_t first; /* the app that is looked at first next time */
};

/* Start the thread. Return 0, ENOMEM, or an error number of pthread_create(3). */
int token_check_start(struct token_check *c, struct server *server, const struct itr_parts *parts);
/* Stop the thread and wait until it has ended. */
void token_check_stop(struct token_check *c);

#endif
