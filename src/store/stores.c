#include "store/stores.h"

#include <string.h>

#define SHOWN_MAX 40

enum itr_status itr_store_unknown(const char *address, const char *expected, struct itr_error *e)
{
    size_t n = strcspn(address, ":");

    if (address[n] == ':')
        n++;
    return itr_error_set(e, ITR_CONFIG, "option token_store: unknown store \"%.*s\"; expected %s",
                         n < SHOWN_MAX ? (int)n : SHOWN_MAX, address, expected);
}
