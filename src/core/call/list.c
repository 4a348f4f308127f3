#include "core/call/list.h"

#include <stddef.h>

#include "core/call/call.h"

void itr_call_list_init(struct itr_call_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void itr_call_list_add(struct itr_call_list *list, struct itr_call *call)
{
    call->list = list;
    call->next = NULL;
    call->prev = list->end;
    *list->end = call;
    list->end = &call->next;
}

void itr_call_list_remove(struct itr_call *call)
{
    if (call->list == NULL)
        return;
    *call->prev = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        call->list->end = call->prev;
    call->list = NULL;
}

struct itr_call *itr_call_list_take(struct itr_call_list *list)
{
    struct itr_call *call = list->first;

    if (call != NULL)
        itr_call_list_remove(call);
    return call;
}
