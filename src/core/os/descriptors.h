/*
 * descriptors: how many file descriptors the process may still open. Any thread.
 */
#ifndef ITR_CORE_OS_DESCRIPTORS_H
#define ITR_CORE_OS_DESCRIPTORS_H

#include <stdbool.h>

/* Return whether fewer than 64 are left, or than an eighth of a small limit. Costs two system
 * calls. */
bool itr_descriptors_are_few(void);

#endif
