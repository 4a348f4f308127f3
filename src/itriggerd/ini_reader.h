/*
 * ini_reader: reads an INI file of "[section]" and "name = value" lines. A comment has its own
 * line, which begins with ";" or "#". Text that a human could misread is refused: an indented line,
 * " ;" or " #" inside a value, text after "]", bytes that are not UTF-8.
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

/* Receives sections and pairs in file order. A function that returns false has complained, and
 * reading ends. Strings are valid during the call. */
struct ini_handler {
    bool (*section)(void *ctx, const char *section, int line, struct complaint *c);
    bool (*pair)(void *ctx, const char *name, const char *value, int line, struct complaint *c);
    void *ctx;
};

/* Read the whole file. False: *c says what is wrong and where. The text is wiped from memory. */
bool ini_reader_read(FILE *file, const struct ini_handler *handler, struct complaint *c);

#endif
