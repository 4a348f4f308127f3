/*
 * http_api: turns a request (method, path, query, headers, body) into a call, or into the answer
 * that says what is wrong with the request. It contains the table of routes. Pure; any thread.
 */
#ifndef ITRIGGERD_HTTP_API_H
#define ITRIGGERD_HTTP_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "itriggerd/reply.h"
#include "itriggerd/request_metrics.h"

#define API_BODY_MAX 4096
#define API_WAIT_MAX_MS 60000
#define API_APP_ID_MAX 512
#define API_KEY_MAX 4096

enum api_what {
    API_TOKEN,   /* the app's token */
    API_REFRESH, /* a newer one */
    API_HEALTH,  /* is the process there? */
    API_READY,   /* has each app a token? */
    API_METRICS, /* for Prometheus */
    API_PAGE,    /* for people */
};

/* Who may ask. */
enum api_guard {
    API_OPEN,   /* anybody */
    API_KEY,    /* a client with a right to the app */
    API_STATUS, /* a client, or anybody with status=open (for the page and the metrics); here HTTP
                   Basic is good too: a browser repeats it by itself, also where another site's
                   page makes it ask, so nothing that does or gives something takes it */
};

struct api_route {
    const char *path;    /* "{app}" stands for one segment */
    const char *methods; /* "GET, HEAD" */
    enum api_what what;
    enum api_guard guard;
    bool vendor; /* the vendor's own path: app and key in the query, the vendor's envelope */
    enum request_kind kind; /* in the metrics; a poll's is REQUEST_POLL */
    const char *name;       /* in the log */
    const char *other_name; /* in the log, of a poll and of a report */
};

/* A request as it came, not yet decoded. Strings are borrowed; NULL: absent. */
struct api_request {
    const char *method, *path;
    const char *authorization, *accept_language;
    uint64_t peer; /* who is at the other end: a hash of the address; 0: unknown */
    const char *query_app_id, *query_app_secret, *query_newer_than, *query_wait;
    const char *body;
    size_t body_len;
    bool body_is_cut; /* it is larger than API_BODY_MAX, and not all here */
};

struct api_call {
    const struct api_route *route;
    char app_id[API_APP_ID_MAX + 1]; /* "": none in the path */
    char key[API_KEY_MAX + 1];       /* "": none given; to be wiped */
    uint64_t refused;                /* fence; 0: none */
    uint64_t newer_than;             /* fence; 0: any */
    int64_t wait_ms;
};

/* Parse a request. Return true when *call is what it asks for; false when *r says what is wrong. */
bool api_read(const struct api_request *request, struct api_call *call, struct reply *r);

/* Write the answer to a request without a valid key, without a right to the app, or for an unknown
 * app. */
void api_say_no_key(const struct api_call *call, struct reply *r);
void api_say_no_right(const struct api_call *call, struct reply *r);
void api_say_no_app(const struct api_call *call, struct reply *r);

#endif
