/*
 * as_user: runs a function in a child of another user. Only root can.
 */
#ifndef SPEC_AS_USER_H
#define SPEC_AS_USER_H

#include <sys/types.h>

#define NOBODY 65534

/* Return the child's exit status, which is f's result; 99: it could not become that user; -1: it
 * did not exit. */
int as_user(uid_t user, int (*f)(void));

#endif
