/*
 * snapshot: the apps and clients of one configuration, with the clients' rights. Immutable after
 * creation; counted. A reload creates a new snapshot and makes it the current one; requests in
 * flight keep their reference to the old one.
 */
#ifndef ITRIGGERD_SNAPSHOT_H
#define ITRIGGERD_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "itriggerd/app.h"
#include "itriggerd/settings.h"

struct client {
    char *name;
    struct counters *counters; /* a reference; enum client_count; by its name over a reload */
    struct key_digest keys[SETTINGS_KEYS];
    size_t n_keys;
    bool all;
    bool monitor;      /* page and metrics only */
    size_t budget;     /* which of an app's budgets (app.h) is its own, from 1; by its name over a
                          reload */
    struct app **apps; /* borrowed from the snapshot's; ours is the list */
    size_t n_apps;
};

struct snapshot {
    atomic_uint refs;
    struct app **apps; /* sorted by app id; a reference each */
    size_t n_apps;
    struct client *clients;
    size_t n_clients;
    size_t last_budget; /* the one that a new client was given last */
    bool open_status;
};

/* Create a snapshot with one reference for the caller. Apps of `old` (NULL: none) that did not
 * change stay the same objects. ITR_NOMEM, and what app_new returns. */
enum itr_status snapshot_new(const struct settings *settings, const struct itr_parts *parts,
                             struct snapshot *old, struct snapshot **out, struct itr_error *e);
struct snapshot *snapshot_retain(struct snapshot *w);
void snapshot_release(struct snapshot *w); /* NULL is allowed */

/* Return the app with this id, borrowed from the snapshot; NULL: none. */
struct app *snapshot_app(const struct snapshot *w, const char *app_id);

/* Return the client with this key, borrowed from the snapshot, and write which of its keys it is
 * (from 1). NULL: no client has it; a key of less than KEY_MIN bytes never matches. The time it
 * takes does not depend on the key. */
const struct client *snapshot_client(const struct snapshot *w, const char *key, size_t len,
                                     int *which);
/* Return whether the client may have this app's token, or see its state. */
bool client_may(const struct client *c, const struct app *a);

#endif
