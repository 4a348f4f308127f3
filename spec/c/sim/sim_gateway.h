/*
 * sim_gateway: what the gateway knows of one app's tokens, in each of the three ways of
 * docs/design.md 4.4, and what goes wrong at its token endpoint. A token is its serial number, and
 * its string says it. One thread.
 */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/record.h"

#define SIM_TOKEN_TEXT 16

enum sim_gateway_kind {
    SIM_OVERWRITE, /* a fetch ends the earlier token */
    SIM_OVERLAP,   /* the earlier token lives to its own end */
    SIM_SAME       /* a fetch gives the living token again */
};

/* How the token endpoint answers. */
enum sim_endpoint {
    SIM_WORKS,
    SIM_FAILS, /* HTTP 500 */
    SIM_SILENT,
    SIM_FORBIDS, /* 40003 */
    SIM_LIMITS,  /* 40004 */
    SIM_FLAPS    /* every other second */
};

struct sim_gateway { /* zero it, then kind and life_ms, before use */
    enum sim_gateway_kind kind;
    int64_t life_ms;
    int64_t *ends_ms; /* of the tokens by serial number, 1 ... n: not accepted from then on */
    size_t n, room;
    enum sim_endpoint endpoint; /* until ... */
    int64_t endpoint_until_ms;
    int64_t takes_ms; /* the token endpoint, longer than a network does */
};

struct sim_grant { /* what came of a token request */
    bool answers;
    enum itr_record_outcome_is is;
    size_t serial; /* TOKEN */
};

void sim_gateway_clear(struct sim_gateway *g);

/* Execute a token request. keeps_earlier: of the endpoint that does not end the earlier token on
 * any gateway (option token_endpoint = "refresh"). */
struct sim_grant sim_gateway_ask(struct sim_gateway *g, int64_t now_ms, bool keeps_earlier);

/* Issue a token whatever the endpoint's trouble is, and return its serial number. */
size_t sim_gateway_issue(struct sim_gateway *g, int64_t now_ms, bool keeps_earlier);

bool sim_gateway_accepts(const struct sim_gateway *g, int64_t now_ms, size_t serial);

/* End every token that was issued. */
void sim_gateway_revoke(struct sim_gateway *g, int64_t now_ms);

void sim_gateway_text(size_t serial, char out[SIM_TOKEN_TEXT]);
size_t sim_gateway_serial(const char *text); /* 0: "" */
const char *sim_gateway_kind_name(enum sim_gateway_kind k);

#endif
