#include "bind/key_path.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct line {
    char *text;
    size_t len;
    bool cut; /* something did not fit, and nothing more goes in */
};

/* All of a piece, or nothing of it and "..." for the rest. */
static void add(struct line *l, const char *piece, size_t n)
{
    static const char dots[] = "...";

    if (l->cut)
        return;
    if (l->len + n + sizeof dots > ITR_KEY_PATH_TEXT) {
        l->cut = true;
        piece = dots;
        n = sizeof dots - 1;
    }
    memcpy(l->text + l->len, piece, n);
    l->len += n;
    l->text[l->len] = '\0';
}

static bool is_identifier(const char *name, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (!(c == '_' || (c < 0x80 && isalpha(c)) || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return n > 0;
}

static void add_quoted(struct line *l, const char *name, size_t n)
{
    size_t i;

    add(l, "[\"", 2);
    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        char escaped[5];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            add(l, name + i, 1);
        else
            add(l, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\%03u", c));
    }
    add(l, "\"]", 2);
}

static void add_key(struct line *l, const struct itr_key *key)
{
    char index[32];

    if (key->name == NULL) {
        add(l, index, (size_t)snprintf(index, sizeof index, "[%zu]", key->index));
    } else if (is_identifier(key->name, key->name_len)) {
        if (l->len > 0)
            add(l, ".", 1);
        add(l, key->name, key->name_len);
    } else {
        add_quoted(l, key->name, key->name_len);
    }
}

void itr_key_path_text(const struct itr_key_path *path, char text[ITR_KEY_PATH_TEXT])
{
    struct line l = {.text = text};
    size_t i;

    text[0] = '\0';
    for (i = 0; i < path->depth; i++)
        add_key(&l, &path->keys[i]);
}

void itr_key_path_text_of(const char *name, size_t n, char text[ITR_KEY_PATH_TEXT])
{
    struct line l = {.text = text};
    struct itr_key key = {.name = name, .name_len = n};

    text[0] = '\0';
    add_key(&l, &key);
}
