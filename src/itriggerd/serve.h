/*
 * serve: one request from its call (http_api.h) to its reply, with the token source in between.
 * Does not know the HTTP library: it says "wait", and is asked again once the waiter was woken.
 */
#ifndef ITRIGGERD_SERVE_H
#define ITRIGGERD_SERVE_H

#include <stdbool.h>

#include "itriggerd/http_api.h"
#include "itriggerd/reply.h"
#include "itriggerd/server.h"

enum serve_result {
    SERVE_DONE, /* the reply is complete */
    SERVE_WAIT  /* suspend the request, call waiter_suspended, come back when it is resumed */
};

/* One request; its owner's memory, on one thread at a time. */
struct serving {
    struct server *server; /* borrowed */
    struct api_call call;
    struct reply reply;
    int64_t begun_mono_ms;
    struct snapshot *snapshot; /* a reference once the call is read */
    struct app *app;           /* borrowed from snapshot; NULL: not about one */
    struct itr_wait wait;
    struct waiter waiter; /* resume and ctx are set by the owner */
    bool asked;           /* wait is in use */
    bool polls;           /* waits for a newer token */
    bool reported;        /* the refused token was reported */
    bool past_poll;       /* the poll's time is over: whatever there is */
};

void serving_init(struct serving *s, struct server *server);
/* Right in any state, also while it waits. */
void serving_clear(struct serving *s);

/* The request is complete. trusted: it came over a Unix socket, which its mode guards. */
enum serve_result serve_begin(struct serving *s, const struct api_request *request, bool trusted);
/* It was resumed. */
enum serve_result serve_again(struct serving *s);

#endif
