/* itriggerd: token_file, where a file of somebody else's comes in its way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "itriggerd/token_file.h"

#define FOREIGN "a secret\n"

static char dir[32], path[48], fresh[64];
static struct itr_token *token;

/* What happens between the writing of the new file and its placing. */
static const char *appears; /* a foreign file of that path; NULL: none */
static bool is_full;        /* the disk is */
static mode_t mode_before;  /* of the new file, before fchmod */

static void write_file(const char *at, const char *text, mode_t mode)
{
    FILE *f = fopen(at, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(at, mode), 0);
}

int fsync(int fd)
{
    (void)fd;
    if (appears != NULL)
        write_file(appears, FOREIGN, 0600);
    errno = is_full ? ENOSPC : 0;
    return is_full ? -1 : 0;
}

int fchmod(int fd, mode_t mode)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    mode_before = st.st_mode & 07777;
    return (int)syscall(SYS_fchmod, fd, mode);
}

static void assert_file(const char *at, const char *text)
{
    char is[64] = "";
    FILE *f = fopen(at, "r");

    assert_non_null(f);
    is[fread(is, 1, sizeof is - 1, f)] = '\0';
    (void)fclose(f);
    assert_string_equal(is, text);
}

static void assert_refused(const char *at)
{
    struct itr_error e;
    char text[160];

    (void)snprintf(text, sizeof text, "token_file %s exists, and itriggerd did not write it", at);
    assert_int_equal(token_file_write(path, token, &e), ITR_STORE);
    assert_non_null(strstr(e.text, text));
}

static int set_up(void **state)
{
    (void)state;
    appears = NULL;
    is_full = false;
    (void)snprintf(dir, sizeof dir, "/tmp/itrigger-spec-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/token", dir);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    token = itr_token_new("TOKEN", 5, 1, (struct itr_token_times){0}, ITR_FROM_GATEWAY);
    return token != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    itr_token_release(token);
    (void)unlink(path);
    (void)unlink(fresh);
    return rmdir(dir);
}

static void one_line_with_our_mark(void **state)
{
    struct itr_error e;
    struct stat st;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) { /* the second time it replaces the first */
        assert_int_equal(token_file_check(path, &e), ITR_OK);
        assert_int_equal(token_file_write(path, token, &e), ITR_OK);
        assert_file(path, "TOKEN\n");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, S_ISVTX | 0600);
        assert_int_equal(access(fresh, F_OK), -1);
    }
}

static void a_file_that_appears_while_it_is_written_stays(void **state)
{
    (void)state;
    appears = path;
    assert_refused(path);
    assert_file(path, FOREIGN);
    assert_int_equal(access(fresh, F_OK), -1);
}

static void a_file_that_replaces_ours_while_it_is_written_stays(void **state)
{
    struct itr_error e;

    (void)state;
    assert_int_equal(token_file_write(path, token, &e), ITR_OK);
    appears = path;
    assert_refused(path);
    assert_file(path, FOREIGN);
}

static void a_foreign_file_under_the_temporary_name_stays(void **state)
{
    struct itr_error e;

    (void)state;
    write_file(fresh, FOREIGN, 0600);
    assert_int_equal(token_file_check(path, &e), ITR_CONFIG);
    assert_refused(fresh);
    assert_file(fresh, FOREIGN);
    assert_int_equal(access(path, F_OK), -1);
}

static void what_a_killed_daemon_left_is_replaced(void **state)
{
    struct itr_error e;

    (void)state;
    write_file(fresh, "TOK", S_ISVTX | 0600);
    assert_int_equal(token_file_write(path, token, &e), ITR_OK);
    assert_int_equal(mode_before, S_ISVTX | 0600); /* whenever it is killed */
    assert_file(path, "TOKEN\n");
}

static void on_a_full_disk_the_old_one_stays(void **state)
{
    struct itr_error e;

    (void)state;
    write_file(path, "OLD\n", S_ISVTX | 0600);
    is_full = true;
    assert_int_equal(token_file_write(path, token, &e), ITR_STORE);
    assert_non_null(strstr(e.text, "No space left"));
    assert_file(path, "OLD\n");
    assert_int_equal(access(fresh, F_OK), -1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_line_with_our_mark),
        CASE(a_file_that_appears_while_it_is_written_stays),
        CASE(a_file_that_replaces_ours_while_it_is_written_stays),
        CASE(a_foreign_file_under_the_temporary_name_stays),
        CASE(what_a_killed_daemon_left_is_replaced),
        CASE(on_a_full_disk_the_old_one_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
