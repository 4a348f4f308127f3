/*
 * snapshot: whom the daemon serves, as of the last configuration that was good: apps and clients
 * with their rights. Constant once it is made; counted. A reload makes a new one and puts it in the
 * place of the old, to which requests that are under way hold on.
 */
#ifndef ITRIGGERD_SNAPSHOT_H
#define ITRIGGERD_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "itriggerd/app.h"
#include "itriggerd/settings.h"

/* Any thread. They go on over a reload, by the client's name. */
struct client_counters {
    atomic_uint refs;
    atomic_uint_fast64_t requests;  /* answered, of those about an app's token */
    atomic_uint_fast64_t refusals;  /* reports of a refused token */
    atomic_uint_fast64_t refreshes; /* requests for a fetch */
    atomic_uint_fast64_t failures;  /* answers without a token */
};

struct client {
    char *name;
    struct client_counters *counters; /* a reference */
    struct key_digest keys[SETTINGS_KEYS];
    size_t n_keys;
    bool all;
    bool monitor;      /* page and metrics only */
    struct app **apps; /* borrowed from the snapshot's; ours is the list */
    size_t n_apps;
};

struct snapshot {
    atomic_uint refs;
    struct app **apps; /* sorted by app id; a reference each */
    size_t n_apps;
    struct client *clients;
    size_t n_clients;
    bool open_status;
};

/* Apps of `old` (NULL: none) that did not change stay the same objects. */
enum itr_status snapshot_new(const struct settings *settings, const struct itr_parts *parts,
                             struct snapshot *old, struct snapshot **out, struct itr_error *e);
struct snapshot *snapshot_retain(struct snapshot *w);
void snapshot_release(struct snapshot *w); /* NULL is allowed */

struct app *snapshot_app(const struct snapshot *w, const char *app_id); /* NULL: none */

/* Return whose key this is, and which of his (from 1); NULL: nobody's, as any key of less than
 * KEY_MIN bytes is. The time it takes does not depend on the key. */
const struct client *snapshot_client(const struct snapshot *w, const char *key, size_t len,
                                     int *which);
/* May the client have this app's token, or see its state? */
bool client_may(const struct client *c, const struct app *a);

#endif
