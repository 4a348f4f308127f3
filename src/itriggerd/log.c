#include "itriggerd/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "itriggerd/reply.h"

#define TEXT_MAX 1024
#define LINE_MAX_BYTES 8192

static atomic_bool as_json;

void log_use_json(bool json)
{
    atomic_store(&as_json, json);
}

static void write_time(struct itr_buf *line)
{
    struct timespec now;
    struct tm tm;
    char text[40];

    clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)itr_buf_append_fmt(line, "%s.%03dZ", text, (int)(now.tv_nsec / 1000000));
}

static void member(struct itr_buf *line, const char *name, const char *value)
{
    (void)itr_buf_append_fmt(line, ",\"%s\":", name);
    reply_append_json(line, value);
}

static void write_json(struct itr_buf *line, const char *const words[3], const char *text)
{
    (void)itr_buf_append_str(line, "{\"time\":\"");
    write_time(line);
    (void)itr_buf_append_char(line, '"');
    member(line, "level", words[0]);
    member(line, "event", words[1]);
    if (words[2] != NULL)
        member(line, "app", words[2]);
    member(line, "message", text);
    (void)itr_buf_append_str(line, "}\n");
}

static void write_text(struct itr_buf *line, const char *const words[3], const char *text)
{
    write_time(line);
    (void)itr_buf_append_fmt(line, " %s %s", words[0], words[1]);
    if (words[2] != NULL)
        (void)itr_buf_append_fmt(line, " app=%s", words[2]);
    (void)itr_buf_append_fmt(line, ": %s\n", text);
}

/* A line end in somebody else's words would begin a line of its own. */
static void make_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

static void write_line(const char *const words[3], const char *fmt, va_list args)
{
    char text[TEXT_MAX];
    struct itr_buf line;
    ssize_t done;

    (void)vsnprintf(text, sizeof text, fmt, args);
    make_one_line(text);
    itr_buf_init(&line, LINE_MAX_BYTES);
    if (atomic_load(&as_json))
        write_json(&line, words, text);
    else
        write_text(&line, words, text);
    done = write(STDERR_FILENO, itr_buf_str(&line), line.len); /* nobody to tell if it fails */
    (void)done;
    itr_buf_clear(&line);
}

void log_info(const char *event, const char *app, const char *fmt, ...)
{
    const char *const words[3] = {"info", event, app};
    va_list args;

    va_start(args, fmt);
    write_line(words, fmt, args);
    va_end(args);
}

void log_warning(const char *event, const char *app, const char *fmt, ...)
{
    const char *const words[3] = {"warning", event, app};
    va_list args;

    va_start(args, fmt);
    write_line(words, fmt, args);
    va_end(args);
}
