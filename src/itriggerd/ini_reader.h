/*
 * ini_reader: reads an INI file with inih, and refuses what inih would cut or misread without a
 * word: lines over 199 bytes, names and sections over 49, " ;" in the middle of a line (the rest
 * would be a comment), a line that begins with a space (more of the value before it), text that is
 * no UTF-8.
 */
#ifndef ITRIGGERD_INI_READER_H
#define ITRIGGERD_INI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define COMPLAINT_TEXT 512

/* What is wrong with a file, and where. */
struct complaint {
    int line; /* 0: no one line */
    char text[COMPLAINT_TEXT];
};

/* Sets the text, and returns false (so: return complain(...)). No argument may be a secret. */
bool complain(struct complaint *c, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Is told each "name = value" in the order of the file. False: it complained, the reading ends. */
typedef bool ini_reader_take(void *ctx, const char *section, const char *name, const char *value,
                             int line, struct complaint *c);

/* False: *c says why and where. */
bool ini_reader_read(FILE *file, ini_reader_take *take, void *ctx, struct complaint *c);

#endif
