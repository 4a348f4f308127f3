/*
 * call/list: calls in a list, oldest first, linked through themselves; a call is in one list at
 * most and knows which. Belongs to its owner's thread.
 */
#ifndef ITR_CORE_CALL_LIST_H
#define ITR_CORE_CALL_LIST_H

struct itr_call;

struct itr_call_list {
    struct itr_call *first, **end; /* end: where the next one is hooked in */
};

/* Empty; stays in place from here on. */
void itr_call_list_init(struct itr_call_list *list);
/* Puts a call that is in no list at the end. */
void itr_call_list_add(struct itr_call_list *list, struct itr_call *call);
/* Takes a call out of its list; nothing if it is in none. */
void itr_call_list_remove(struct itr_call *call);
/* Takes the oldest out; NULL: there is none. */
struct itr_call *itr_call_list_take(struct itr_call_list *list);

#endif
