/*
 * thread_maker: pthread_create of the test program, which can be told to fail, and knows when the
 * threads that it made are over. (Root has no limit of processes, so nothing real makes a thread
 * fail.)
 */
#ifndef SPEC_THREAD_MAKER_H
#define SPEC_THREAD_MAKER_H

/* The next n fail with the error number. Set while no other thread makes threads. */
void thread_maker_fail(int n, int error);

/* Waits until every thread that was made has returned from its function. */
void thread_maker_await_none(void);

#endif
