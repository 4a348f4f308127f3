/*
 * parts: the concrete store and transport of the daemon. Only parts.c names them in this folder.
 */
#ifndef ITRIGGERD_PARTS_H
#define ITRIGGERD_PARTS_H

#include "core/base/status.h"
#include "core/source/source.h"

/* Set up the parts, with the store that the scheme of the address token_store names; parts_clear
 * releases it. ITR_CONFIG: unknown store; ITR_STORE: it cannot be used; ITR_NOMEM. */
enum itr_status parts_init(struct itr_parts *parts, const char *token_store, struct itr_error *e);
void parts_clear(struct itr_parts *parts);

/* Check the address token_store as far as possible without creating or connecting to anything.
 * ITR_CONFIG, ITR_NOMEM. */
enum itr_status parts_check(const char *token_store, struct itr_error *e);

/* Write the path of the file `name` in the directory of the store `address` ("file:..."). Create
 * the directory if it does not exist; only this user can enter it. */
enum itr_status parts_private_file(const char *address, const char *name, char *out, size_t cap,
                                   struct itr_error *e);

#endif
