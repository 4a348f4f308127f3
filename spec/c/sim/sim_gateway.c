#include "sim/sim_gateway.h"

#include <stdio.h>
#include <stdlib.h>

void sim_gateway_clear(struct sim_gateway *g)
{
    free(g->ends_ms);
    *g = (struct sim_gateway){0};
}

static void make_room(struct sim_gateway *g)
{
    if (g->n + 1 < g->room)
        return;
    g->room = g->room == 0 ? 256 : 2 * g->room;
    g->ends_ms = realloc(g->ends_ms, g->room * sizeof *g->ends_ms);
    if (g->ends_ms == NULL)
        abort();
}

size_t sim_gateway_issue(struct sim_gateway *g, int64_t now_ms, bool keeps_earlier)
{
    if (g->kind == SIM_SAME && sim_gateway_accepts(g, now_ms, g->n))
        return g->n;
    if (g->kind == SIM_OVERWRITE && !keeps_earlier)
        sim_gateway_revoke(g, now_ms);
    make_room(g);
    g->ends_ms[++g->n] = now_ms + g->life_ms;
    return g->n;
}

struct sim_grant sim_gateway_ask(struct sim_gateway *g, int64_t now_ms, bool keeps_earlier)
{
    static const enum itr_record_outcome_is outcomes[] = {
        [SIM_WORKS] = ITR_OUTCOME_TOKEN,   [SIM_FAILS] = ITR_OUTCOME_FAILED,
        [SIM_SILENT] = ITR_OUTCOME_FAILED, [SIM_FORBIDS] = ITR_OUTCOME_FORBIDDEN,
        [SIM_LIMITS] = ITR_OUTCOME_LIMIT,  [SIM_FLAPS] = ITR_OUTCOME_FAILED,
    };
    enum sim_endpoint how = now_ms < g->endpoint_until_ms ? g->endpoint : SIM_WORKS;
    struct sim_grant grant = {how != SIM_SILENT, outcomes[how], 0};

    if (how == SIM_FLAPS && now_ms / 1000 % 2 == 0)
        grant.is = ITR_OUTCOME_TOKEN;
    if (grant.is == ITR_OUTCOME_TOKEN)
        grant.serial = sim_gateway_issue(g, now_ms, keeps_earlier);
    return grant;
}

bool sim_gateway_accepts(const struct sim_gateway *g, int64_t now_ms, size_t serial)
{
    return serial >= 1 && serial <= g->n && now_ms < g->ends_ms[serial];
}

void sim_gateway_revoke(struct sim_gateway *g, int64_t now_ms)
{
    size_t i;

    for (i = g->n; i >= 1; i--)
        if (g->ends_ms[i] > now_ms)
            g->ends_ms[i] = now_ms;
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
