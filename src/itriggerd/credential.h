/*
 * credential: a file that systemd provides to the service (LoadCredential). Only the service's main
 * process sees it: neither ExecReload nor somebody at a terminal does, and a check there can only
 * say that it was not checked.
 */
#ifndef ITRIGGERD_CREDENTIAL_H
#define ITRIGGERD_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

/* Write the path of the credential `name` in $CREDENTIALS_DIRECTORY. False: there is no such
 * directory. */
bool credential_path(const char *name, char *out, size_t cap);

/* Return whether the path is a credential's, and this process cannot enter its directory. */
bool credential_is_hidden(const char *path);

#endif
