/*
 * serve: serves one request, from its call (http_api.h) through the token source to its reply. It
 * does not depend on the HTTP library: it returns SERVE_WAIT, and is called again once the waiter
 * was woken.
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

/* What a suspended request waits for. */
enum serve_waits {
    SERVE_WAITS_FETCH, /* whatever the fetch in flight brings */
    SERVE_WAITS_NEWER, /* a poll: a newer token, until its time is up */
    SERVE_WAITS_LOOK,  /* a token of the reported fence, which the store may have */
    SERVE_WAITS_CHECK  /* the gateway's word about the held token, or a newer one */
};

/* One request; its owner's memory, on one thread at a time. */
struct serving {
    struct server *server; /* borrowed */
    struct api_call call;
    struct reply reply;
    int64_t begun_mono_ms;
    uint64_t peer;               /* a hash of who is at the other end */
    struct snapshot *snapshot;   /* a reference once the call is read */
    const struct client *client; /* borrowed from snapshot; NULL: no key was shown, or none fits */
    int key;                     /* which of the client's, from 1 */
    struct app *app;             /* borrowed from snapshot; NULL: not about one */
    struct itr_wait wait;
    struct waiter waiter; /* resume, ctx and fd are set by the owner */
    bool trusted;         /* it came over a Unix socket, which its mode guards */
    bool admitted;        /* trusted, or a client's key was shown */
    bool asked;           /* wait is in use */
    enum serve_waits waits;
    bool polls;      /* counted as one that waits for a newer token */
    bool reported;   /* the refused token was reported */
    bool waited;     /* it was suspended: its rights may have changed */
    bool past_poll;  /* the poll's time is up: whatever there is */
    bool past_look;  /* the store was looked at for the reported fence */
    bool past_check; /* the held token was checked for it */
};

void serving_init(struct serving *s, struct server *server);
/* Release everything, in any state, also while the request waits. */
void serving_clear(struct serving *s);

/* Begin to serve a complete request. */
enum serve_result serve_begin(struct serving *s, const struct api_request *request, bool trusted);
/* Continue a request that was resumed. */
enum serve_result serve_again(struct serving *s);

#endif
