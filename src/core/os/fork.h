/*
 * fork: tells a process that it is the child of one that used the library. Any thread.
 */
#ifndef ITR_CORE_OS_FORK_H
#define ITR_CORE_OS_FORK_H

/* Return how often this process's ancestors forked since the library was loaded. Whoever made a
 * thread or a connection keeps the number, and knows by a different one that they are the
 * parent's. */
unsigned itr_fork_generation(void);

/* Begin to count forks. Called by whoever relies on the count, once or often. */
void itr_fork_watch(void);

#endif
