/*
 * itriggerd's configuration file, any. First as ini_reader gives it: names and values that a person
 * would read the same way. Then as settings: they are sound and can be shown, or a complaint names
 * a line of the file and says what is wrong there. Files that it names are not read.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/utf8.h"
#include "fuzz.h"
#include "itriggerd/settings_file.h"

#define SECRET "fuzz-secret-0123456789"

struct seen {
    int line, lines;
    bool has_file;
    bool has_public; /* the secret stands where a complaint may quote it */
};

static void check_text(const char *text)
{
    size_t n = strlen(text);

    CHECK(itr_utf8_valid(text, n) && strpbrk(text, "\n") == NULL);
    CHECK(n == 0 || (strchr(" \t\r", text[0]) == NULL && strchr(" \t\r", text[n - 1]) == NULL));
}

static void see_line(struct seen *s, int line)
{
    CHECK(line > s->line && line <= s->lines);
    s->line = line;
}

static bool see_section(void *ctx, const char *section, int line, struct complaint *c)
{
    (void)c;
    see_line(ctx, line);
    check_text(section);
    CHECK(strchr(section, ']') == NULL);
    ((struct seen *)ctx)->has_public |= strstr(section, SECRET) != NULL;
    return true;
}

static bool see_pair(void *ctx, const char *name, const char *value, int line, struct complaint *c)
{
    struct seen *s = ctx;

    (void)c;
    see_line(s, line);
    check_text(name);
    check_text(value);
    CHECK(name[0] != '\0' && strchr(name, '=') == NULL);
    CHECK(strstr(value, " ;") == NULL && strstr(value, " #") == NULL);
    s->has_public |= strstr(name, SECRET) != NULL ||
                     (strstr(value, SECRET) != NULL && strcmp(name, "app_secret") != 0);
    /* Whether a file of the machine can be read is no matter of the input. */
    s->has_file = s->has_file || strstr(name, "file") != NULL || strstr(name, "tls") != NULL ||
                  strstr(name, "token_store") != NULL || strstr(name, "listen") != NULL;
    return true;
}

static void check_complaint(const struct complaint *c, const struct seen *s)
{
    CHECK(c->text[0] != '\0' && c->line >= 0 && c->line <= s->lines);
    CHECK(s->has_public || strstr(c->text, SECRET) == NULL);
}

static void check_shown(struct settings *s, const struct seen *seen)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    CHECK(out != NULL);
    settings_print(s, out);
    CHECK(fclose(out) == 0);
    CHECK(itr_utf8_valid(text, n) && (seen->has_public || strstr(text, SECRET) == NULL));
    free(text);
}

static void check_settings(const char *path, const struct seen *seen)
{
    struct settings s;
    struct complaint c;

    settings_init(&s);
    if (settings_read(&s, path, true, &c)) {
        CHECK(s.n_apps > 0 && s.n_listen <= SETTINGS_LISTEN_MAX && s.token_store != NULL);
        check_shown(&s, seen);
    } else {
        check_complaint(&c, seen);
    }
    settings_clear(&s);
}

static int count_lines(const uint8_t *data, size_t size)
{
    int n = 1;
    size_t i;

    for (i = 0; i < size; i++)
        n += data[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {.lines = count_lines(data, size)};
    const struct ini_handler handler = {see_section, see_pair, &seen};
    struct complaint c;
    char path[64];
    FILE *file;
    int fd = memfd_create("settings", MFD_CLOEXEC);

    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && fchmod(fd, 0600) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    file = fopen(path, "re");
    CHECK(file != NULL);
    if (!ini_reader_read(file, &handler, &c))
        check_complaint(&c, &seen);
    else if (!seen.has_file)
        check_settings(path, &seen);
    fclose(file);
    close(fd);
    return 0;
}
