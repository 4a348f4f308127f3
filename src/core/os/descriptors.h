/*
 * descriptors: whether file descriptors are left to this process; what to say and do when none is.
 * Any thread.
 */
#ifndef ITR_CORE_OS_DESCRIPTORS_H
#define ITR_CORE_OS_DESCRIPTORS_H

#include <stdbool.h>

#include "core/base/status.h"

#define ITR_DESCRIPTORS_TEXT 200

/* Return whether fewer than 64 are left, or than an eighth of a small limit. Costs two system
 * calls. */
bool itr_descriptors_are_few(void);

/* Return whether this errno says that no file descriptor was left: EMFILE, ENFILE. */
bool itr_descriptors_is_lack(int error);

/* Return EMFILE or ENFILE if no file descriptor can be opened now; else 0. Keeps errno. */
int itr_descriptors_exhausted(void);

/* Write what is wrong and what to do about EMFILE or ENFILE to text; return it. */
const char *itr_descriptors_explain(int error, char text[ITR_DESCRIPTORS_TEXT]);

/* Set an error about a descriptor that could not be opened, by this errno: of kind ITR_NETWORK,
 * with no_descriptors if that is why. what: "no socket could be opened", say. Return ITR_NETWORK.
 */
enum itr_status itr_descriptors_error(struct itr_error *e, const char *what, int error);

#endif
