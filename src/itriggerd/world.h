/*
 * world: whom the daemon serves, as of the last configuration that was good: apps and clients with
 * their rights. Constant once it is made; counted. A reload makes a new one and puts it in the
 * place of the old, to which requests that are under way hold on.
 */
#ifndef ITRIGGERD_WORLD_H
#define ITRIGGERD_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "itriggerd/app.h"
#include "itriggerd/settings.h"

struct client {
    char *name;
    struct key_digest keys[SETTINGS_KEYS];
    size_t n_keys;
    bool all;
    struct app **apps; /* borrowed from the world's; ours is the list */
    size_t n_apps;
};

struct world {
    atomic_uint refs;
    struct app **apps; /* sorted by app id; a reference each */
    size_t n_apps;
    struct client *clients;
    size_t n_clients;
    bool open_status;
};

/* Apps of `old` (NULL: none) that did not change stay the same objects. */
enum itr_status world_new(const struct settings *settings, const struct itr_parts *parts,
                          struct world *old, struct world **out, struct itr_error *e);
struct world *world_retain(struct world *w);
void world_release(struct world *w); /* NULL is allowed */

struct app *world_app(const struct world *w, const char *app_id); /* NULL: none */

/* Whose key this is; NULL: nobody's. The time it takes does not depend on the key. */
const struct client *world_client(const struct world *w, const char *key, size_t len);
bool client_may(const struct client *c, const struct app *a);

#endif
