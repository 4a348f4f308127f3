#include "itriggerd/ini_reader.h"

#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/utf8.h"

#define NAME_MAX_BYTES 49 /* of inih's buffers, without their NUL */

/* One file while it is read. */
struct reading {
    FILE *file;
    ini_reader_take *take;
    void *ctx;
    struct complaint *c;
    int line; /* the one that inih has in hand */
    bool failed;
};

bool complain(struct complaint *c, int line, const char *fmt, ...)
{
    va_list args;

    c->line = line;
    va_start(args, fmt);
    (void)vsnprintf(c->text, sizeof c->text, fmt, args);
    va_end(args);
    return false;
}

/* ---- one line ---- */

static bool check_section(struct reading *r, const char *text)
{
    const char *end = strchr(text, ']');

    if (end == NULL)
        return complain(r->c, r->line, "a section without its \"]\"");
    if (end - text - 1 > NAME_MAX_BYTES)
        return complain(r->c, r->line, "the section's name is longer than %d bytes",
                        NAME_MAX_BYTES);
    if (end[1 + strspn(end + 1, " \t\r")] != '\0')
        return complain(r->c, r->line, "text behind the section's \"]\"");
    return true;
}

static bool check_pair(struct reading *r, const char *text)
{
    size_t name = strcspn(text, "=:");

    if (text[name] != '=')
        return complain(r->c, r->line, "neither \"name = value\" nor \"[section]\" nor a comment");
    while (name > 0 && (text[name - 1] == ' ' || text[name - 1] == '\t'))
        name--;
    if (name == 0)
        return complain(r->c, r->line, "no name before \"=\"");
    if (name > NAME_MAX_BYTES)
        return complain(r->c, r->line, "the name is longer than %d bytes", NAME_MAX_BYTES);
    return true;
}

static bool has_comment_inside(const char *text)
{
    for (; (text = strchr(text, ';')) != NULL; text++)
        if (text[-1] == ' ' || text[-1] == '\t')
            return true;
    return false;
}

static bool check_line(struct reading *r, const char *line, size_t len)
{
    const char *text = line + strspn(line, " \t\r");

    if (strlen(line) != len)
        return complain(r->c, r->line, "a NUL byte");
    if (!itr_utf8_valid(line, len))
        return complain(r->c, r->line, "not valid UTF-8");
    if (*text == '\0' || *text == ';' || *text == '#')
        return true;
    if (text != line)
        return complain(r->c, r->line, "a line must not begin with a space");
    if (has_comment_inside(line + 1))
        return complain(r->c, r->line,
                        "\" ;\" begins a comment that would cut the line here: comments have "
                        "lines of their own");
    return *text == '[' ? check_section(r, text) : check_pair(r, text);
}

/* ---- inih's side ---- */

/* Reads one line into n bytes. -1: the end; -2: it is too long. */
static int read_line(FILE *file, char *line, int n)
{
    int len = 0, c;

    while ((c = getc(file)) != EOF && c != '\n') {
        if (len == n - 1)
            return -2;
        line[len++] = (char)c;
    }
    line[len] = '\0';
    return c == EOF && len == 0 ? -1 : len;
}

static char *next_line(char *line, int n, void *stream)
{
    struct reading *r = stream;
    const char *text = line;
    int len;

    if (r->failed)
        return NULL;
    r->line++;
    if ((len = read_line(r->file, line, n)) == -1)
        return NULL;
    if (len < 0) {
        r->failed = !complain(r->c, r->line, "the line is longer than %d bytes", n - 1);
        return NULL;
    }
    if (r->line == 1 && strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    r->failed = !check_line(r, text, (size_t)(len - (text - line)));
    return r->failed ? NULL : line;
}

static int take_pair(void *ctx, const char *section, const char *name, const char *value)
{
    struct reading *r = ctx;

    if (!r->failed)
        r->failed = !r->take(r->ctx, section, name, value, r->line, r->c);
    return !r->failed;
}

bool ini_reader_read(FILE *file, ini_reader_take *take, void *ctx, struct complaint *c)
{
    struct reading r = {.file = file, .take = take, .ctx = ctx, .c = c};
    int wrong;

    *c = (struct complaint){0};
    wrong = ini_parse_stream(next_line, &r, take_pair, &r);
    if (r.failed)
        return false;
    if (ferror(file))
        return complain(c, 0, "the file cannot be read to its end");
    return wrong == 0 || complain(c, wrong, "not understood");
}
