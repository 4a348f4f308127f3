/*
 * fetch/answer: Read what came of a request for a token, from the gateway or a central server, as
 * far as both are alike: was it carried, is it an envelope, what does it say. What it means is
 * gateway_answer's and server_answer's. Pure; any thread.
 */
#ifndef ITR_CORE_FETCH_ANSWER_H
#define ITR_CORE_FETCH_ANSWER_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/http/transport.h"
#include "core/json/scan.h"

#define ITR_ANSWER_SAID 240 /* bytes of a foreign text in one of our messages */
#define ITR_ANSWER_SECRETS 6

struct itr_answer {
    const struct itr_response *response; /* borrowed */
    bool has_envelope;                   /* an answer came, with an integer code */
    const char *why_not;                 /* no envelope in an answer: what is wrong with it */
    struct itr_json_scan scan;           /* of the envelope */
    /* Its message, or why nothing was carried, as one line without any secret; "" if there is none.
     */
    char said[ITR_ANSWER_SAID + 1];
    struct itr_error scan_error; /* internal */
};

/* Read `response`, which must outlive *a, into *a. `secrets` (ended by NULL, at most
 * ITR_ANSWER_SECRETS; "" among them is skipped) are masked in what it says, and so is the token in
 * the answer itself. ITR_OK, ITR_NOMEM. */
enum itr_status itr_answer_read(struct itr_answer *a, const struct itr_response *response,
                                const char *const *secrets);

/* Append the token of the envelope to `token` (a secret buffer). ITR_OK: *wrong is NULL, or says
 * why it cannot be used. ITR_NOMEM. */
enum itr_status itr_answer_token(const struct itr_answer *a, struct itr_buf *token,
                                 const char **wrong);

#endif
