#include "core/call_list.h"

#include <stddef.h>

void itr_call_list_push(struct itr_call **list, struct itr_call *call)
{
    call->next = *list;
    call->prev = list;
    if (*list != NULL)
        (*list)->prev = &call->next;
    *list = call;
}

void itr_call_list_remove(struct itr_call *call)
{
    if (call->prev == NULL)
        return;
    *call->prev = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    call->next = NULL;
    call->prev = NULL;
}
