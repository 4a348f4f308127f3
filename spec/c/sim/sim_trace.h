/*
 * sim_trace: the last lines of what happened, kept for when a promise is broken. One thread.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_TRACE_LINES 120
#define SIM_TRACE_LINE 200

struct sim_trace { /* zero it before use */
    char lines[SIM_TRACE_LINES][SIM_TRACE_LINE];
    size_t n; /* ever added */
};

/* at_ms: since the simulation began. */
void sim_trace_add(struct sim_trace *t, int64_t at_ms, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sim_trace_print(const struct sim_trace *t, FILE *to);

#endif
