/* A doubly linked list inside the things that are listed: `struct list` is their first member, so a pointer to one is a
 * pointer to the other. (musl has no <sys/queue.h>.) The head is a `struct list` of its own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline void list_append(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
}

/* The first thing, or the one after `item`; NULL at the end. */
static inline void *list_next(struct list *head, const struct list *item)
{
    /* The analyzer cannot know that what was freed had been removed before. */
    return item->next == head ? NULL : item->next; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static inline void *list_first(struct list *head)
{
    return list_next(head, head);
}
