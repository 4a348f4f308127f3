/*
 * parts: the concrete store and transport of the daemon. parts.c is the only file of this folder
 * that names them.
 */
#ifndef ITRIGGERD_PARTS_H
#define ITRIGGERD_PARTS_H

#include "core/base/status.h"
#include "core/source/source.h"

/* Chooses by the scheme of the address token_store. ITR_CONFIG: no such store; ITR_STORE: it cannot
 * be used; ITR_NOMEM. */
enum itr_status parts_init(struct itr_parts *parts, const char *token_store, struct itr_error *e);
void parts_clear(struct itr_parts *parts);

/* Check the address token_store as far as that goes without creating or connecting to anything.
 * ITR_CONFIG, ITR_NOMEM. */
enum itr_status parts_check(const char *token_store, struct itr_error *e);

/* The path of a file of that name in the directory of the store `address` ("file:..."), which is
 * made where it is not there, and which only this user can enter. */
enum itr_status parts_private_file(const char *address, const char *name, char *out, size_t cap,
                                   struct itr_error *e);

#endif
