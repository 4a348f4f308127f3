/*
 * source/ask: Say what a caller asks a source for. Plain data.
 */
#ifndef ITR_CORE_SOURCE_ASK_H
#define ITR_CORE_SOURCE_ASK_H

#include <stdbool.h>
#include <stdint.h>

struct itr_token;

struct itr_token_ask {
    int64_t min_valid_ms;            /* life that must be left; 0: any */
    const struct itr_token *refused; /* the token the gateway rejected, or NULL */
    bool refresh;                    /* one fetch, please (client:refresh) */
    uint64_t refused_fence;          /* instead of refused: the token of this fence; 0: none. One
                                        above the held one's: looks for it in the store first */
    uint64_t newer_than;             /* not 0: asks for nothing, waits for a token with a higher
                                        fence, however many fetches fail meanwhile */
};

#endif
