#include "core/source/key.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_MAX 24 /* an int64_t */

void itr_source_key(const struct itr_config *c, const char *store_id, char key[ITR_REGISTRY_KEY])
{
    char numbers[ITR_OPTIONS_MAX * NUMBER_MAX] = "";
    const char *parts[ITR_OPTIONS_MAX + 2];
    const struct itr_option *o;
    size_t n = 0, used = 0;

    /* What the token comes from: a store, or a central server. */
    parts[n++] = store_id != NULL ? store_id : c->token_store;
    for (o = itr_config_options(); o->name != NULL; o++) {
        const char *text;
        int64_t number;
        if ((o->uses & ITR_USE_FETCH) == 0)
            continue;
        if (o->type == ITR_OPTION_STRING) {
            /* "" is not the same as none given. */
            text = itr_config_string(c, o);
            number = text != NULL;
            parts[n++] = text != NULL ? text : "";
        } else {
            number = itr_config_number(c, o);
        }
        used += (size_t)snprintf(numbers + used, sizeof numbers - used, "%" PRId64 " ", number);
    }
    parts[n++] = numbers;
    parts[n] = NULL;
    itr_registry_key(parts, key);
}
