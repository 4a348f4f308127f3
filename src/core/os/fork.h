/*
 * fork: tells that this process is the child of another one that used the library. Any thread.
 */
#ifndef ITR_CORE_OS_FORK_H
#define ITR_CORE_OS_FORK_H

/* How often this process's ancestors forked since the library was loaded: whoever made a thread or
 * a connection keeps the number, and knows by another one that they are the parent's. */
unsigned itr_fork_generation(void);

/* Sees to it that the forks are counted; called by whoever relies on it, once or often. */
void itr_fork_watch(void);

#endif
