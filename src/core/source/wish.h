/*
 * source/wish: what a source's next fetch is for, collected until the fetch begins, and handed to
 * it then. Guarded by its owner, source.
 */
#ifndef ITR_CORE_SOURCE_WISH_H
#define ITR_CORE_SOURCE_WISH_H

#include <stdbool.h>

#include "core/fetch/fetch.h"
#include "core/record/token.h"

struct itr_wish {              /* zero it before use */
    struct itr_token *refused; /* counted, or NULL */
    bool asked;
};

/* This token was refused; it takes a reference, and the place of an earlier one. */
void itr_wish_refused(struct itr_wish *w, const struct itr_token *token);

/* Whatever a fetch was for is over with it; a refusal that came while it was out, too. */
void itr_wish_clear(struct itr_wish *w);

/* For a fetch that begins now while `held` (or NULL) is held; w is empty then. *out has references
 * of its own, given back by itr_wish_drop. */
void itr_wish_take(struct itr_wish *w, struct itr_token *held, struct itr_fetch_wish *out);
void itr_wish_drop(struct itr_fetch_wish *taken);

#endif
