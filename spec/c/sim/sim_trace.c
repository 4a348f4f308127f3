#include "sim/sim_trace.h"

#include <stdarg.h>

void sim_trace_add(struct sim_trace *t, int64_t at_ms, const char *fmt, ...)
{
    char *line = t->lines[t->n++ % SIM_TRACE_LINES];
    int len = snprintf(line, SIM_TRACE_LINE, "%3d d %02d:%02d:%02d.%03d  ", (int)(at_ms / 86400000),
                       (int)(at_ms / 3600000 % 24), (int)(at_ms / 60000 % 60),
                       (int)(at_ms / 1000 % 60), (int)(at_ms % 1000));
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line + len, SIM_TRACE_LINE - (size_t)len, fmt, args);
    va_end(args);
}

void sim_trace_print(const struct sim_trace *t, FILE *to)
{
    size_t i = t->n > SIM_TRACE_LINES ? t->n - SIM_TRACE_LINES : 0;

    for (; i < t->n; i++)
        fprintf(to, "  %s\n", t->lines[i % SIM_TRACE_LINES]);
}
