/*
 * pin: keeps a shared library in the process for good. Threads, exit handlers and what a whole
 * process shares outlive the Lua state that loaded us; dlclose() at its end would take the code
 * away from under them.
 */
#ifndef ITR_BIND_PIN_H
#define ITR_BIND_PIN_H

/* Keep the library that contains `address` in the process. Do nothing if it is the program
 * itself. */
void itr_pin_library_of(const void *address);

#endif
