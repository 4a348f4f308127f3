/*
 * list: the one intrusive list of this program: doubly linked, circular, with the head as its end.
 * A node lives inside the struct that it links; nothing is allocated. Not locked: its owner's lock
 * guards it.
 */
#ifndef ITR_CORE_BASE_LIST_H
#define ITR_CORE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A node, or the head of a list. */
struct itr_list {
    struct itr_list *next, *prev;
};

/* The struct of type `type` whose member `member` is the node. */
#define ITR_CONTAINER(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

/* Make an empty list, or a node that is in no list. */
static inline void itr_list_init(struct itr_list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool itr_list_is_empty(const struct itr_list *l)
{
    return l->next == l;
}

/* Return whether the node is in a list. It must have been initialised. */
static inline bool itr_list_is_linked(const struct itr_list *node)
{
    return node->next != node;
}

/* Append the node, which must be in no list. */
static inline void itr_list_append(struct itr_list *head, struct itr_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Put the node, which must be in no list, in front. */
static inline void itr_list_prepend(struct itr_list *head, struct itr_list *node)
{
    itr_list_append(head->next, node);
}

/* Take the node out of its list; does nothing if it is in none. */
static inline void itr_list_remove(struct itr_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    itr_list_init(node);
}

/* Return the first node, or NULL if the list is empty. */
static inline struct itr_list *itr_list_first(const struct itr_list *head)
{
    return itr_list_is_empty(head) ? NULL : head->next;
}

/* Return the node after `node`, or NULL at the end. */
static inline struct itr_list *itr_list_next(const struct itr_list *head,
                                             const struct itr_list *node)
{
    return node->next == head ? NULL : node->next;
}

/* Take the first node out and return it; NULL if the list is empty. */
static inline struct itr_list *itr_list_take_first(struct itr_list *head)
{
    struct itr_list *node = itr_list_first(head);

    if (node != NULL)
        itr_list_remove(node);
    return node;
}

/* Move all nodes of `from` to the end of `to`; `from` is empty then. */
static inline void itr_list_move_all(struct itr_list *from, struct itr_list *to)
{
    if (itr_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    itr_list_init(from);
}

#endif
