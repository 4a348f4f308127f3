#include "itriggerd/ini_reader.h"

#include <stdarg.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/utf8.h"

#define SPACE " \t\r"

bool complain(struct complaint *c, int line, const char *fmt, ...)
{
    va_list args;

    c->line = line;
    va_start(args, fmt);
    (void)vsnprintf(c->text, sizeof c->text, fmt, args);
    va_end(args);
    return false;
}

/* Cut spaces off both ends, in place. */
static char *trim(char *text)
{
    size_t n;

    text += strspn(text, SPACE);
    for (n = strlen(text); n > 0 && strchr(SPACE, text[n - 1]) != NULL; n--)
        text[n - 1] = '\0';
    return text;
}

static bool take_section(const struct ini_handler *h, char *text, int line, struct complaint *c)
{
    char *end = strchr(text, ']');

    if (end == NULL)
        return complain(c, line, "missing ] at the end of the section name");
    if (end[1] != '\0')
        return complain(c, line, "unexpected text after the section's ]");
    *end = '\0';
    return h->section(h->ctx, trim(text + 1), line, c);
}

static bool take_pair(const struct ini_handler *h, char *text, int line, struct complaint *c)
{
    char *equals = strchr(text, '='), *comment;

    if (equals == NULL)
        return complain(c, line,
                        "expected \"name = value\", \"[section]\" or a comment that begins with ;");
    *equals = '\0';
    if (*trim(text) == '\0')
        return complain(c, line, "missing name before \"=\"");
    for (comment = equals + 1; (comment = strpbrk(comment, ";#")) != NULL; comment++)
        if (comment[-1] == ' ' || comment[-1] == '\t')
            return complain(c, line,
                            "\" %c\" inside a value: put the comment on a line of its own (a value "
                            "cannot contain a space followed by ; or #)",
                            *comment);
    return h->pair(h->ctx, trim(text), trim(equals + 1), line, c);
}

static bool take_line(const struct ini_handler *h, char *text, int line, struct complaint *c)
{
    bool indented = *text == ' ' || *text == '\t';

    text = trim(text);
    if (*text == '\0' || *text == ';' || *text == '#')
        return true;
    if (indented)
        return complain(c, line, "indented line: remove the spaces at its start");
    return *text == '[' ? take_section(h, text, line, c) : take_pair(h, text, line, c);
}

static bool read_all(FILE *file, struct itr_buf *out, struct complaint *c)
{
    char block[4096];
    bool fits = true;
    size_t n;

    while (fits && (n = fread(block, 1, sizeof block, file)) > 0)
        fits = itr_buf_append(out, block, n) == ITR_OK;
    itr_wipe(block, sizeof block);
    if (!fits)
        return complain(c, 0, "the file is larger than %zu MB", INI_FILE_MAX >> 20);
    return !ferror(file) || complain(c, 0, "cannot read the file to its end");
}

static bool take_lines(const struct ini_handler *h, struct itr_buf *all, struct complaint *c)
{
    char *text = all->data, *end = all->data + all->len, *next;
    int line = 1;

    if (all->len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    for (; text < end; text = next, line++) {
        char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop != NULL ? stop : end) - text);
        next = text + n + 1;
        if (memchr(text, '\0', n) != NULL)
            return complain(c, line, "the line contains a NUL byte");
        if (!itr_utf8_valid(text, n))
            return complain(c, line, "the line is not valid UTF-8");
        text[n] = '\0'; /* the last line has a byte of the buffer's own after it */
        if (!take_line(h, text, line, c))
            return false;
    }
    return true;
}

bool ini_reader_read(FILE *file, const struct ini_handler *handler, struct complaint *c)
{
    struct itr_buf all;
    bool good;

    *c = (struct complaint){0};
    itr_buf_init_secret(&all, INI_FILE_MAX);
    good = read_all(file, &all, c) && (all.len == 0 || take_lines(handler, &all, c));
    itr_buf_clear(&all);
    return good;
}
