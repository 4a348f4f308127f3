#include "core/source/wish.h"

#include <stddef.h>

void itr_wish_refused(struct itr_wish *w, const struct itr_token *token)
{
    itr_token_release(w->refused);
    w->refused = itr_token_retain((struct itr_token *)token);
}

void itr_wish_clear(struct itr_wish *w)
{
    itr_token_release(w->refused);
    w->refused = NULL;
    w->asked = false;
}

void itr_wish_take(struct itr_wish *w, struct itr_token *held, struct itr_fetch_wish *out)
{
    out->held = itr_token_retain(held);
    out->refused = w->refused; /* out now owns it */
    out->asked = w->asked;
    w->refused = NULL;
    w->asked = false;
}

void itr_wish_drop(struct itr_fetch_wish *taken)
{
    itr_token_release((struct itr_token *)taken->held);
    itr_token_release((struct itr_token *)taken->refused);
}
