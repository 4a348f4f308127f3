#include "sim/sim_gateway.h"

#include <stdio.h>
#include <stdlib.h>

void sim_gateway_clear(struct sim_gateway *g)
{
    free(g->issued);
    *g = (struct sim_gateway){0};
}

static void make_room(struct sim_gateway *g)
{
    if (g->n + 1 < g->room)
        return;
    g->room = g->room == 0 ? 256 : 2 * g->room;
    g->issued = realloc(g->issued, g->room * sizeof *g->issued);
    if (g->issued == NULL)
        abort();
}

size_t sim_gateway_issue(struct sim_gateway *g, int64_t now_ms)
{
    if (g->kind == SIM_SAME && sim_gateway_accepts(g, now_ms, g->n))
        return g->n;
    if (g->kind == SIM_OVERWRITE)
        sim_gateway_revoke(g, now_ms);
    make_room(g);
    g->issued[++g->n].end_ms = now_ms + g->life_ms;
    return g->n;
}

bool sim_gateway_accepts(const struct sim_gateway *g, int64_t now_ms, size_t serial)
{
    return serial >= 1 && serial <= g->n && now_ms < g->issued[serial].end_ms;
}

void sim_gateway_revoke(struct sim_gateway *g, int64_t now_ms)
{
    size_t i;

    for (i = g->n; i >= 1; i--)
        if (g->issued[i].end_ms > now_ms)
            g->issued[i].end_ms = now_ms;
        else if (g->kind == SIM_OVERWRITE)
            break; /* all before it ended before it */
}

void sim_gateway_text(size_t serial, char out[SIM_TOKEN_TEXT])
{
    (void)snprintf(out, SIM_TOKEN_TEXT, "t%09zu", serial % 1000000000);
}

size_t sim_gateway_serial(const char *text)
{
    return text[0] == 't' ? strtoul(text + 1, NULL, 10) : 0;
}

const char *sim_gateway_kind_name(enum sim_gateway_kind k)
{
    static const char *const names[] = {"overwrite", "overlap", "same"};

    return names[k];
}
