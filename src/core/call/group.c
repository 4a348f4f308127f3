#include "core/call/group.h"

void itr_call_group_init(struct itr_call_group *g, void *owner)
{
    *g = (struct itr_call_group){0};
    g->owner = owner;
    itr_call_list_init(&g->over);
}

void itr_call_group_list_add(struct itr_call_group **list, struct itr_call_group *g)
{
    if (g->prev != NULL)
        return;
    g->next = *list;
    g->prev = list;
    if (*list != NULL)
        (*list)->prev = &g->next;
    *list = g;
}

void itr_call_group_list_remove(struct itr_call_group *g)
{
    if (g->prev == NULL)
        return;
    *g->prev = g->next;
    if (g->next != NULL)
        g->next->prev = g->prev;
    g->next = NULL;
    g->prev = NULL;
}
