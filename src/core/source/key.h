/*
 * source/key: Tell which clients share a token source: the same app at the same gateway and
 * store, and the same of every option that a token fetch heeds. So whoever corrects a ca_file, a
 * proxy or a limit has it corrected, however long another client lives with the old one. Sources of
 * one app that differ share the token all the same, by the record in their store.
 *
 * No lock, no I/O; any thread.
 */
#ifndef ITR_CORE_SOURCE_KEY_H
#define ITR_CORE_SOURCE_KEY_H

#include "core/config/config.h"
#include "core/os/registry.h"

/* Write the registry's key for a finished config. It is a digest, because it covers the secret or
 * the key for a central server. store_id: the id of the store that its parts name; NULL for a
 * central server. */
void itr_source_key(const struct itr_config *config, const char *store_id,
                    char key[ITR_REGISTRY_KEY]);

#endif
