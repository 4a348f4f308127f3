/* store/file_dir: which directory an address means, and what it takes to make and open it. The
 * program brings its own password database, mkdir and chmod. */
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/file_dir.h"
#include "support/as_user.h"

/* ---- the machine ---- */

static struct {
    bool has_user;
    char *home;
    const char *mkdir_of; /* the directory whose mkdir fails */
    int mkdir_error;
    int chmod_error;
    char made[200]; /* names of directories below the test's own */
} machine;

static char base[64];

int getpwuid_r(uid_t uid, struct passwd *entry, char *text, size_t size, struct passwd **found)
{
    (void)text;
    (void)size;
    *entry = (struct passwd){.pw_uid = uid, .pw_dir = machine.home};
    *found = machine.has_user ? entry : NULL;
    return 0;
}

int mkdir(const char *path, mode_t mode)
{
    size_t n = strlen(machine.made);

    assert_int_equal(mode, 0700);
    (void)snprintf(machine.made + n, sizeof machine.made - n, "%s ",
                   strncmp(path, base, strlen(base)) == 0 ? path + strlen(base) : path);
    if (machine.mkdir_of != NULL && strcmp(machine.mkdir_of, path) == 0) {
        errno = machine.mkdir_error;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int chmod(const char *path, mode_t mode)
{
    if (machine.chmod_error != 0) {
        errno = machine.chmod_error;
        return -1;
    }
    return (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

static struct itr_error e;

static int setup(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof machine);
    unsetenv("XDG_CACHE_HOME");
    (void)snprintf(base, sizeof base, "/tmp/itr-dir-XXXXXX");
    return mkdtemp(base) != NULL ? 0 : -1;
}

static const char *in_base(const char *name)
{
    static char path[120];

    (void)snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static int teardown(void **state)
{
    (void)state;
    (void)rmdir(in_base("a/b"));
    (void)rmdir(in_base("a"));
    (void)unlink(in_base("a"));
    return rmdir(base);
}

/* ---- which one ---- */

static void assert_means(const char *address, const char *expected)
{
    struct itr_buf dir;

    itr_buf_init(&dir, ITR_FILE_DIR_MAX);
    assert_int_equal(itr_file_dir_find(address, &dir, &e), ITR_OK);
    assert_string_equal(itr_buf_str(&dir), expected);
    itr_buf_clear(&dir);
}

static void assert_means_nothing(const char *address, enum itr_status kind, const char *why)
{
    struct itr_buf dir;

    itr_buf_init(&dir, ITR_FILE_DIR_MAX);
    itr_error_clear(&e);
    assert_int_equal(itr_file_dir_find(address, &dir, &e), kind);
    assert_int_equal(e.kind, kind);
    if (strstr(e.text, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, e.text);
    itr_buf_clear(&dir);
}

static void an_address_is_cleaned(void **state)
{
    (void)state;
    assert_means("file:/a", "/a");
    assert_means("file://a///b c//", "/a/b c");
    assert_means("file:/\x80\xff", "/\x80\xff");
    assert_means_nothing("file:/", ITR_CONFIG, "cannot use the root directory");
    assert_means_nothing("file:///", ITR_CONFIG, "cannot use the root directory");
    assert_means_nothing("file:/a\x1f", ITR_CONFIG, "control characters");
    assert_means_nothing("file:/\x7f", ITR_CONFIG, "control characters");
    assert_means_nothing("file:a/b", ITR_CONFIG, "\"file:a/b\" must name an absolute path");
}

static void without_one_it_is_the_users_cache_or_in_its_home(void **state)
{
    static char home[] = "/home/x/";

    (void)state;
    machine.has_user = true;
    machine.home = home;
    assert_means("file:", "/home/x/.cache/itrigger");
    setenv("XDG_CACHE_HOME", "cache", 1); /* a relative one must be ignored */
    assert_means("file:", "/home/x/.cache/itrigger");
    setenv("XDG_CACHE_HOME", "", 1);
    assert_means("file:", "/home/x/.cache/itrigger");
    setenv("XDG_CACHE_HOME", "/c//", 1);
    assert_means("file:", "/c/itrigger");
}

static void a_user_without_a_home_must_name_one(void **state)
{
    static char none[] = "", root[] = "/", relative[] = "home";
    char *const homes[] = {NULL, none, root, relative};
    char user[40];
    size_t i;

    (void)state;
    (void)snprintf(user, sizeof user, "user %lu has no home", (unsigned long)geteuid());
    assert_means_nothing("file:", ITR_STORE, user);
    machine.has_user = true;
    for (i = 0; i < count_of(homes); i++) {
        machine.home = homes[i];
        assert_means_nothing("file:", ITR_STORE, user);
        assert_non_null(strstr(e.text, "token_store = \"file:/directory\""));
    }
}

/* `n` bytes, that begin with "/". */
static char *long_path(char *text, size_t n)
{
    memset(text, 'x', n);
    text[0] = '/';
    text[n] = '\0';
    return text;
}

static void a_name_has_3072_bytes_at_most(void **state)
{
    static const char too_long[] = "longer than 3072 bytes";
    char path[ITR_FILE_DIR_MAX + 8], address[ITR_FILE_DIR_MAX + 16];

    (void)state;
    (void)snprintf(address, sizeof address, "file:%s", long_path(path, 3072));
    assert_means(address, path);
    (void)snprintf(address, sizeof address, "file:%s", long_path(path, 3073));
    assert_means_nothing(address, ITR_CONFIG, too_long);
    machine.has_user = true;
    machine.home = long_path(path, 3072 - strlen("/.cache/itrigger") + 1);
    assert_means_nothing("file:", ITR_CONFIG, too_long);
    machine.home = long_path(path, 3073);
    assert_means_nothing("file:", ITR_CONFIG, too_long);
    setenv("XDG_CACHE_HOME", long_path(path, 3072 - strlen("/itrigger") + 1), 1);
    assert_means_nothing("file:", ITR_CONFIG, too_long);
    setenv("XDG_CACHE_HOME", long_path(path, 3073), 1);
    assert_means_nothing("file:", ITR_CONFIG, too_long);
}

/* ---- opening ---- */

static enum itr_status opens(const char *dir)
{
    struct itr_private_fd d;
    enum itr_status s;

    itr_private_fd_init(&d);
    itr_error_clear(&e);
    s = itr_file_dir_open(dir, &d, &e);
    assert_int_equal(d.fd >= 0, s == ITR_OK);
    assert_int_equal(itr_private_fd_close(&d), 0);
    return s;
}

static void assert_cannot(const char *dir, const char *why)
{
    char text[200];

    assert_int_equal(opens(dir), ITR_STORE);
    (void)snprintf(text, sizeof text, "token store: directory %s: %s", dir, why);
    assert_memory_equal(e.text, text, strlen(text));
    assert_non_null(strstr(e.text, ITR_FILE_DIR_ADVICE));
}

static void it_is_made_with_its_parents_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(opens(in_base("a/b")), ITR_OK);
    assert_string_equal(machine.made, "/tmp  /a /a/b ");
    machine.made[0] = '\0';
    assert_int_equal(opens(in_base("a/b")), ITR_OK);
    assert_string_equal(machine.made, "");
}

/* Some kinds of disk say so of a directory that is there. */
static void a_parent_that_is_there_may_be_one_that_cannot_be_made(void **state)
{
    (void)state;
    machine.mkdir_of = base;
    machine.mkdir_error = EROFS;
    assert_int_equal(opens(in_base("a/b")), ITR_OK);
}

static void why_it_cannot_be_made_is_told(void **state)
{
    char parent[120];

    (void)state;
    (void)snprintf(parent, sizeof parent, "%s", in_base("a"));
    machine.mkdir_of = parent;
    machine.mkdir_error = EROFS;
    assert_cannot(in_base("a/b"), "Read-only file system");
    (void)snprintf(parent, sizeof parent, "%s", in_base("a/b"));
    machine.mkdir_error = ENOSPC;
    assert_cannot(in_base("a/b"), "No space left on device");
    machine.mkdir_of = NULL;
    machine.chmod_error = EPERM;
    assert_cannot(in_base("a/b"), "Operation not permitted");
}

static void one_that_another_makes_meanwhile_is_used(void **state)
{
    char made[120];

    (void)state;
    (void)snprintf(made, sizeof made, "%s", in_base("a"));
    machine.mkdir_of = made;
    machine.mkdir_error = EEXIST; /* and it is gone again */
    assert_cannot(made, "No such file or directory");
    assert_int_equal(syscall(SYS_mkdirat, AT_FDCWD, made, 0700), 0);
    assert_int_equal(opens(in_base("a/b")), ITR_OK);
}

static void what_is_no_directory_of_its_own_is_refused(void **state)
{
    (void)state;
    assert_int_equal(symlink(base, in_base("a")), 0);
    assert_cannot(in_base("a"), "is a symbolic link or not a directory");
    assert_int_equal(unlink(in_base("a")), 0);
    assert_int_equal(symlink("a", in_base("a")), 0); /* a loop */
    assert_cannot(in_base("a/b"), "is a symbolic link or not a directory");
    assert_int_equal(unlink(in_base("a")), 0);
    assert_int_equal(close(open(in_base("a"), O_WRONLY | O_CREAT, 0600)), 0);
    assert_cannot(in_base("a"), "is a symbolic link or not a directory");
}

static void each_wrong_mode_is_told(void **state)
{
    static const struct {
        mode_t mode;
        const char *why;
    } rows[] = {
        {0710, "is open to group or others"},      {0720, "is open to group or others"},
        {0740, "is open to group or others"},      {0701, "is open to group or others"},
        {0702, "is open to group or others"},      {0704, "is open to group or others"},
        {0600, "its mode keeps its own user out"}, {0500, "its mode keeps its own user out"},
        {0300, "its mode keeps its own user out"},
    };
    size_t i;

    (void)state;
    assert_int_equal(opens(in_base("a")), ITR_OK);
    for (i = 0; i < count_of(rows); i++) {
        assert_int_equal(chmod(in_base("a"), rows[i].mode), 0);
        assert_cannot(in_base("a"), rows[i].why);
    }
    assert_int_equal(chmod(in_base("a"), 0700), 0);
    assert_int_equal(opens(in_base("a")), ITR_OK);
}

/* Whoever may not enter it is told so; its own user, how that can be mended. */
static int is_told_why_it_may_not_enter(void)
{
    if (opens(in_base("a")) != ITR_STORE || strstr(e.text, "keeps its own user out") == NULL)
        return 1;
    if (opens("/root/a") != ITR_STORE || strstr(e.text, ": Permission denied; ") == NULL)
        return 2;
    return opens(in_base("a/b")) == ITR_STORE && strstr(e.text, ": Permission denied; ") != NULL
               ? 0
               : 3;
}

static int is_told_of_anothers(void)
{
    return opens(in_base("a")) == ITR_STORE && strstr(e.text, ": Permission denied; ") != NULL ? 0
                                                                                               : 1;
}

static void who_may_not_enter_it_is_told_why(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* needs another user */
    assert_int_equal(chmod(base, 0711), 0);
    assert_int_equal(opens(in_base("a")), ITR_OK);
    assert_int_equal(as_user(NOBODY, is_told_of_anothers), 0);
    assert_int_equal(chown(in_base("a"), NOBODY, NOBODY), 0);
    assert_int_equal(chmod(in_base("a"), 0), 0);
    assert_int_equal(as_user(NOBODY, is_told_why_it_may_not_enter), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(an_address_is_cleaned),
        T(without_one_it_is_the_users_cache_or_in_its_home),
        T(a_user_without_a_home_must_name_one),
        T(a_name_has_3072_bytes_at_most),
        T(it_is_made_with_its_parents_and_nothing_else),
        T(a_parent_that_is_there_may_be_one_that_cannot_be_made),
        T(why_it_cannot_be_made_is_told),
        T(one_that_another_makes_meanwhile_is_used),
        T(what_is_no_directory_of_its_own_is_refused),
        T(each_wrong_mode_is_told),
        T(who_may_not_enter_it_is_told_why),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
