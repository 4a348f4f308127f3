/*
 * standalone: the settings for a start with nothing but the environment: one app of
 * ITRIGGER_APP_ID, ITRIGGER_APP_SECRET, ITRIGGER_GATEWAY ..., one key for its clients. Where no key
 * is given, one is made, and kept beside the token store for the next start.
 */
#ifndef ITRIGGERD_STANDALONE_H
#define ITRIGGERD_STANDALONE_H

#include "itriggerd/settings.h"

struct standalone {
    char key_file[4096]; /* "": the key is in the environment */
    char key[KEY_TEXT_MAX];
};

/* False: *c says what is missing. */
bool standalone_settings(struct settings *s, struct standalone *how, struct complaint *c);

/* Tells on stdout how to use it: where the key is (the key itself on a terminal only), and two
 * lines of Lua. where: the first address, "127.0.0.1:8700". */
void standalone_tell(const struct settings *s, const struct standalone *how, const char *where);

#endif
