/* secret_file: which files a secret may come from. Real files in a directory of the test's own. */
#include "support/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/secret_file.h"

struct t {
    char dir[64];
    char path[96];
    struct itr_buf out;
    struct itr_error e;
};

static int setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);

    snprintf(t->dir, sizeof t->dir, "/tmp/itr-secret-XXXXXX");
    if (mkdtemp(t->dir) == NULL)
        return -1;
    snprintf(t->path, sizeof t->path, "%s/secret", t->dir);
    itr_buf_init_secret(&t->out, 8192);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct t *t = *state;

    (void)unlink(t->path);
    (void)rmdir(t->path);
    (void)rmdir(t->dir);
    itr_buf_clear(&t->out);
    free(t);
    return 0;
}

static void write_file(struct t *t, const void *bytes, size_t n, mode_t mode)
{
    int fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0); /* past the umask */
    close(fd);
}

static void assert_reads(struct t *t, const char *bytes, size_t n, const char *secret)
{
    write_file(t, bytes, n, 0600);
    itr_buf_reset(&t->out);
    assert_int_equal(itr_secret_file_read(t->path, &t->out, &t->e), ITR_OK);
    assert_string_equal(itr_buf_str(&t->out), secret);
}

static void assert_refused(struct t *t, const char *says)
{
    itr_buf_reset(&t->out);
    assert_int_equal(itr_secret_file_read(t->path, &t->out, &t->e), ITR_CONFIG);
    assert_int_equal(t->e.kind, ITR_CONFIG);
    assert_non_null(strstr(t->e.text, t->path));
    assert_non_null(strstr(t->e.text, says));
    assert_int_equal(t->out.len, 0);
}

static void the_first_line_is_the_secret(void **state)
{
    struct t *t = *state;

    assert_reads(t, "s3cret", 6, "s3cret");
    assert_reads(t, "s3cret\n", 7, "s3cret");
    assert_reads(t, "s3cret\r\n", 8, "s3cret");
    assert_reads(t, "s3cret\nsecond line\n", 19, "s3cret");
    assert_reads(t, "\xEF\xBB\xBFs3cret\r\n", 11, "s3cret"); /* Windows: a byte order mark */
    assert_reads(t, "\xEF\xBBs3cret", 8, "\xEF\xBBs3cret");
    assert_reads(t, " with spaces \n", 14, " with spaces ");
}

static void it_is_appended(void **state)
{
    struct t *t = *state;

    write_file(t, "abc\n", 4, 0400);
    assert_int_equal(itr_buf_append_str(&t->out, "x="), ITR_OK);
    assert_int_equal(itr_secret_file_read(t->path, &t->out, &t->e), ITR_OK);
    assert_string_equal(itr_buf_str(&t->out), "x=abc");
}

static void a_file_that_others_may_read_or_write_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        bool right;
    } modes[] = {{0600, true},  {0400, true},  {0640, true},  {0440, true}, {0644, false},
                 {0604, false}, {0602, false}, {0620, false}, {0666, false}};
    struct t *t = *state;
    size_t i;

    for (i = 0; i < count_of(modes); i++) {
        write_file(t, "abc", 3, modes[i].mode);
        if (!modes[i].right) {
            assert_refused(t, "chmod 600");
            continue;
        }
        itr_buf_reset(&t->out);
        assert_int_equal(itr_secret_file_read(t->path, &t->out, &t->e), ITR_OK);
    }
}

/* As Docker and Kubernetes give secrets to a container. */
static void any_mode_is_right_on_a_read_only_mount(void **state)
{
    struct t *t = *state;

    if (mount("tmpfs", t->dir, "tmpfs", 0, "size=16k,mode=0755") != 0)
        skip(); /* only root can mount */
    write_file(t, "s3cret\n", 7, 0444);
    assert_refused(t, "read-only");
    assert_int_equal(mount("tmpfs", t->dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=16k"), 0);
    assert_int_equal(itr_secret_file_read(t->path, &t->out, &t->e), ITR_OK);
    assert_string_equal(itr_buf_str(&t->out), "s3cret");
    assert_int_equal(umount(t->dir), 0);
}

static void a_secret_that_does_not_fit_is_refused(void **state)
{
    struct t *t = *state;

    t->out.max = 5;
    write_file(t, "s3cret\n", 7, 0600);
    assert_refused(t, "longer than 5 bytes");
}

static void what_is_no_regular_file_is_refused_and_never_waited_for(void **state)
{
    struct t *t = *state;

    assert_refused(t, "No such file");
    assert_int_equal(mkfifo(t->path, 0600), 0);
    assert_refused(t, "not a regular file"); /* and nobody writes to it: no blocking open */
    assert_int_equal(unlink(t->path), 0);
    assert_int_equal(mkdir(t->path, 0700), 0);
    assert_refused(t, "not a regular file");
}

static void an_empty_first_line_is_refused(void **state)
{
    struct t *t = *state;

    write_file(t, "", 0, 0600);
    assert_refused(t, "empty");
    write_file(t, "\nsecret", 7, 0600);
    assert_refused(t, "empty");
    write_file(t, "\r\nsecret", 8, 0600);
    assert_refused(t, "empty");
    write_file(t, "\xEF\xBB\xBF", 3, 0600);
    assert_refused(t, "empty");
}

static void more_than_4_kb_is_refused(void **state)
{
    struct t *t = *state;
    char text[4098];

    memset(text, 'x', sizeof text);
    write_file(t, text, 4096, 0600);
    assert_int_equal(itr_secret_file_read(t->path, &t->out, &t->e), ITR_OK);
    assert_int_equal(t->out.len, 4096);
    write_file(t, text, 4097, 0600);
    assert_refused(t, "longer");
}

static void a_nul_in_a_secret_is_refused_not_cut(void **state)
{
    struct t *t = *state;

    write_file(t, "abc\0def\n", 8, 0600);
    assert_refused(t, "NUL");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_first_line_is_the_secret),
        T(it_is_appended),
        T(a_file_that_others_may_read_or_write_is_refused),
        T(any_mode_is_right_on_a_read_only_mount),
        T(a_secret_that_does_not_fit_is_refused),
        T(what_is_no_regular_file_is_refused_and_never_waited_for),
        T(an_empty_first_line_is_refused),
        T(more_than_4_kb_is_refused),
        T(a_nul_in_a_secret_is_refused_not_cut),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
