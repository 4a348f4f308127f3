/*
 * nearest: the known name that a misspelt one most likely means. Pure; any thread.
 */
#ifndef ITR_CORE_BASE_NEAREST_H
#define ITR_CORE_BASE_NEAREST_H

/* Return the name of the list (ended by NULL) that is at most three letters away, or NULL. Borrowed
 * from the list. */
const char *itr_nearest(const char *name, const char *const *names);

#endif
