/*
 * own_stack: runs a function on a thread whose stack is the test's own memory, so that the test may
 * look at what was left there.
 */
#ifndef SPEC_OWN_STACK_H
#define SPEC_OWN_STACK_H

#include <stdbool.h>

/* Return whether it can be used: not under AddressSanitizer, which keeps locals elsewhere, nor
 * under Valgrind, where nobody may look at a stack that is gone. */
bool own_stack_works(void);

/* Run f(arg) to its end; return whether `text` is on the stack that it used. */
bool own_stack_has(void (*f)(void *), void *arg, const char *text);

#endif
