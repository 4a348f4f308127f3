/*
 * settings_env: reads the settings from the environment alone: one app from ITRIGGER_APP_ID,
 * ITRIGGER_APP_SECRET, ITRIGGER_GATEWAY ..., and one key for its clients. If no key is given, one
 * is made and saved for the next start in a private directory: the token store's, if that is a
 * file store.
 */
#ifndef ITRIGGERD_SETTINGS_ENV_H
#define ITRIGGERD_SETTINGS_ENV_H

#include "itriggerd/settings.h"

struct settings_env {
    char key_file[4096]; /* "": the key is in the environment */
    char key[KEY_TEXT_MAX];
};

/* Read the settings from the environment and finish them. False: *c says what is missing or
 * wrong. */
bool settings_env_read(struct settings *s, struct settings_env *how, struct complaint *c);

/* Print to stdout how to use the daemon: where the key is (the key itself on a terminal only), and
 * two lines of Lua. where: the first address, "127.0.0.1:8700". */
void settings_env_print(const struct itr_config *config, const struct settings_env *how,
                        const char *where);

#endif
