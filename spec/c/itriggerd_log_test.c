/* itriggerd's log: what it tells of an outage; and where stderr takes no more, what is lost and
 * what the log says of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "itriggerd/log.h"
#include "itriggerd/outage_log.h"

#define FLUSH_MS 60000
#define LINES_MAX 32

/* A file in the place of stderr, and its lines once they are read. */
struct disk {
    int fd, before;
    char text[4096];
    char *line[LINES_MAX];
    size_t n;
};

static int begin(void **state)
{
    struct disk *d = calloc(1, sizeof *d);
    char path[] = "/tmp/itriggerd_log_test.XXXXXX";

    if (d == NULL || (d->fd = mkstemp(path)) < 0)
        return -1;
    (void)unlink(path);
    (void)signal(SIGXFSZ, SIG_IGN);
    d->before = dup(STDERR_FILENO);
    *state = d;
    return dup2(d->fd, STDERR_FILENO) < 0 ? -1 : 0;
}

static int end(void **state)
{
    struct disk *d = *state;

    (void)dup2(d->before, STDERR_FILENO);
    close(d->before);
    close(d->fd);
    free(d);
    return 0;
}

/* A disk that is full after so many bytes; RLIM_INFINITY: it is not. */
static void set_size(rlim_t bytes)
{
    struct rlimit l;

    (void)getrlimit(RLIMIT_FSIZE, &l);
    l.rlim_cur = bytes < l.rlim_max ? bytes : l.rlim_max;
    (void)setrlimit(RLIMIT_FSIZE, &l);
}

static void say(int i)
{
    log_info("test", NULL, "line %d", i);
    log_flush(FLUSH_MS);
}

static void read_lines(struct disk *d)
{
    ssize_t n = pread(d->fd, d->text, sizeof d->text - 1, 0);
    char *rest = NULL, *line;

    assert_true(n > 0);
    for (line = strtok_r(d->text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        assert_true(d->n < LINES_MAX);
        d->line[d->n++] = line;
    }
}

static void assert_says(const char *line, const char *text)
{
    if (strstr(line, text) == NULL)
        fail_msg("\"%s\" does not have \"%s\"", line, text);
}

static void a_full_disk_tears_no_other_line_and_all_that_was_lost_is_counted(void **state)
{
    struct disk *d = *state;
    uint64_t dropped;
    int i;

    assert_int_equal(log_start(), 0);
    set_size(100); /* two lines, and a half */
    for (i = 0; i < 10; i++)
        say(i);
    dropped = log_dropped();
    set_size(RLIM_INFINITY);
    say(10);
    say(11);
    assert_int_equal(dropped, 8);
    assert_int_equal(log_dropped(), 8);
    read_lines(d);
    assert_int_equal(d->n, 6);
    assert_says(d->line[0], "info test: line 0");
    assert_says(d->line[1], "info test: line 1");
    assert_true(strlen(d->line[2]) < strlen(d->line[1]));
    assert_says(d->line[3], "warning log: 8 log line(s) were dropped before this one");
    assert_says(d->line[4], "info test: line 10");
    assert_says(d->line[5], "info test: line 11");
}

static void happen(struct outage *o, const char *reason, int64_t now_mono_ms)
{
    struct itr_error e;

    itr_error_set(&e, ITR_STORE, "%s", reason);
    outage_log_failure(o, "store", "one", &e, "; so what", now_mono_ms);
}

static void
an_outage_is_told_when_it_begins_when_its_reason_changes_and_while_it_lasts(void **state)
{
    struct disk *d = *state;
    struct outage o = {0};

    happen(&o, "full", 1000);
    happen(&o, "full", 2000);
    happen(&o, "gone", 3000);
    happen(&o, "gone", 3000 + OUTAGE_REMIND_MS);
    log_flush(FLUSH_MS);
    read_lines(d);
    assert_int_equal(d->n, 3);
    assert_says(d->line[0], "warning store app=one: full; so what");
    assert_says(d->line[1], "warning store app=one: gone; so what");
    assert_says(d->line[2],
                "warning store app=one: has failed for 602 s (4 failed attempt(s)): gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_full_disk_tears_no_other_line_and_all_that_was_lost_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(
            an_outage_is_told_when_it_begins_when_its_reason_changes_and_while_it_lasts, begin,
            end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
