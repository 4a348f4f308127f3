/*
 * parts: which concrete store, transport and clock a client is made of. parts.c is the only file of
 * this folder that names them. Any thread.
 */
#ifndef ITR_BIND_PARTS_H
#define ITR_BIND_PARTS_H

#include "bind/store_box.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/os/notifier.h"
#include "core/source/source.h"

/* Set up the parts for a finished config: choose the store by the scheme of the option token_store
 * (a central server: no store), or take the store of the box `given` (NULL: none), which stays the
 * caller's. The store in *parts has a reference for the caller; itr_parts_clear releases it.
 * ITR_CONFIG: no such store; ITR_STORE: it cannot be used; ITR_NOMEM. */
enum itr_status itr_parts_init(struct itr_parts *parts, const struct itr_config *config,
                               const struct itr_store_box *given, struct itr_error *e);
void itr_parts_clear(struct itr_parts *parts);

/* Open a transport whose loop runs on a thread of the process and that notifies when something is
 * there (curl_engine.h). */
enum itr_status itr_parts_open_engine(const struct itr_transport_options *options,
                                      struct itr_notifier *notifier, struct itr_transport **out,
                                      struct itr_error *e);

/* Return libcurl's version at run time. Static memory. */
const char *itr_parts_curl_version(void);

#endif
