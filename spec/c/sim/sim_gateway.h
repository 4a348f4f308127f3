/*
 * sim_gateway: what the gateway knows of one app's tokens, in each of the three ways of
 * docs/design.md 4.4. A token is its serial number, and its string says it. One thread.
 */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_TOKEN_TEXT 16

enum sim_gateway_kind {
    SIM_OVERWRITE, /* a fetch ends the earlier token */
    SIM_OVERLAP,   /* the earlier token lives to its own end */
    SIM_SAME       /* a fetch gives the living token again */
};

struct sim_issued {
    int64_t end_ms; /* not accepted from here on */
};

struct sim_gateway { /* zero it, then kind and life_ms, before use */
    enum sim_gateway_kind kind;
    int64_t life_ms;
    struct sim_issued *issued; /* by serial number, 1 ... n */
    size_t n, room;
    int64_t fails_until_ms; /* the token endpoint answers 500 before */
    int64_t limit_until_ms; /* ... 40004 before */
};

void sim_gateway_clear(struct sim_gateway *g);

/* A token request is executed: the serial number of the token. */
size_t sim_gateway_issue(struct sim_gateway *g, int64_t now_ms);
bool sim_gateway_accepts(const struct sim_gateway *g, int64_t now_ms, size_t serial);

/* Every token that was issued ends now. */
void sim_gateway_revoke(struct sim_gateway *g, int64_t now_ms);

void sim_gateway_text(size_t serial, char out[SIM_TOKEN_TEXT]);
size_t sim_gateway_serial(const char *text); /* 0: "" */
const char *sim_gateway_kind_name(enum sim_gateway_kind k);

#endif
