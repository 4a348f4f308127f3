/*
 * reason: the system's text for an error number, on glibc and on musl, whose strerror_r(3) differ.
 * Any thread.
 */
#ifndef ITR_CORE_BASE_REASON_H
#define ITR_CORE_BASE_REASON_H

#define ITR_REASON 128

/* Return the text for an errno value: in buf, or static. Never NULL or empty. */
const char *itr_reason(int error, char buf[ITR_REASON]);

#endif
