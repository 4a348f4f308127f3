/*
 * ini_reader: reads an INI file: "[section]" and "name = value", a line each; a comment has a line
 * of its own that begins with ";" or "#". It refuses what a reader could take for something else:
 * an indented line, " ;" or " #" inside a value, text after "]", bytes that are not UTF-8.
 */
#ifndef ITRIGGERD_INI_READER_H
#define ITRIGGERD_INI_READER_H

#include <stdbool.h>
#include <stdio.h>

#define COMPLAINT_TEXT 512
#define INI_FILE_MAX ((size_t)4 << 20)

/* What is wrong with a file, and where. */
struct complaint {
    int line; /* 0: no particular line */
    char text[COMPLAINT_TEXT];
};

/* Set line and text, and return false (so: return complain(...)). No argument may be a secret. */
bool complain(struct complaint *c, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Who is told of sections and pairs, in the order of the file. False: it complained, and reading
 * ends. Strings are valid during the call. */
struct ini_handler {
    bool (*section)(void *ctx, const char *section, int line, struct complaint *c);
    bool (*pair)(void *ctx, const char *name, const char *value, int line, struct complaint *c);
    void *ctx;
};

/* Read the whole file. False: *c says what is wrong and where. Wipes what it held of the text. */
bool ini_reader_read(FILE *file, const struct ini_handler *handler, struct complaint *c);

#endif
