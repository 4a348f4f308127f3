/*
 * store_file on a disk that fails, is slow, or does its work by halves. This program brings its own
 * write, fsync and so on: they note that they were called, and do what the test says.
 */
#include "support/store_contract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/file_dir.h"
#include "store/stores.h"

/* ---- the disk ---- */

static struct {
    bool is_watched;
    char done[256];   /* what was called, in its order */
    const char *call; /* the one that fails; NULL: none */
    int skip;         /* the calls of it that go well before */
    int error;        /* errno; 0: it does nothing, and says so */
    int times;        /* how often it fails */
    size_t most;      /* bytes that one write or read takes; 0: all */
    void (*on_lock)(void);
} disk;

static bool fails(const char *call)
{
    size_t n = strlen(disk.done);

    if (!disk.is_watched)
        return false;
    (void)snprintf(disk.done + n, sizeof disk.done - n, "%s%s", n > 0 ? " " : "", call);
    if (disk.call == NULL || strcmp(call, disk.call) != 0 || disk.skip-- > 0 || disk.times-- <= 0)
        return false;
    errno = disk.error;
    return true;
}

/* What goes well may leave anything in errno. */
static int done(long result)
{
    if (result == 0 && disk.is_watched)
        errno = EINTR;
    return (int)result;
}

static size_t some(size_t n)
{
    return disk.is_watched && disk.most > 0 && n > disk.most ? disk.most : n;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    if (fails("write"))
        return disk.error != 0 ? -1 : done(0);
    return syscall(SYS_write, fd, bytes, some(n));
}

ssize_t read(int fd, void *bytes, size_t n)
{
    return fails("read") ? -1 : syscall(SYS_read, fd, bytes, some(n));
}

int fsync(int fd)
{
    return fails("fsync") ? -1 : done(syscall(SYS_fsync, fd));
}

int fchmod(int fd, mode_t mode)
{
    return fails("fchmod") ? -1 : done(syscall(SYS_fchmod, fd, mode));
}

int flock(int fd, int operation)
{
    if (operation != LOCK_UN && disk.on_lock != NULL)
        disk.on_lock();
    return fails(operation == LOCK_UN ? "unlock" : "lock")
               ? -1
               : done(syscall(SYS_flock, fd, operation));
}

int unlinkat(int dir, const char *name, int flags)
{
    if (fails("unlink"))
        return disk.error != 0 ? -1 : done(0);
    return done(syscall(SYS_unlinkat, dir, name, flags));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails("rename") ? -1 : done(syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

/* There are many of no interest: noted only where one fails. */
int close(int fd)
{
    bool is_asked_for = disk.call != NULL && strcmp(disk.call, "close") == 0;
    long result = syscall(SYS_close, fd);

    return is_asked_for && fails("close") ? -1 : (int)result;
}

/* ---- one store on it ---- */

static char dir[64];
static struct fake_clock the_clock;
static struct itr_error e;

static int setup(void **state)
{
    char address[80];

    memset(&disk, 0, sizeof disk);
    (void)snprintf(dir, sizeof dir, "/tmp/itr-disk-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(address, sizeof address, "file:%s", dir);
    fake_clock_init(&the_clock);
    return itr_store_file_new(address, &the_clock.clock, (struct itr_store **)state, &e) == ITR_OK
               ? 0
               : -1;
}

static const char *in_dir(const char *name)
{
    static char path[120];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int teardown(void **state)
{
    struct itr_store *s = *state;

    s->ops->release(s);
    (void)unlink(in_dir("k.record"));
    (void)unlink(in_dir("k.record~"));
    (void)unlink(in_dir("k.lock"));
    return rmdir(dir);
}

/* The n-th of these calls, and `times` - 1 more after it, fail. */
static void fail_call(const char *call, int n, int error, int times)
{
    disk.call = call;
    disk.skip = n - 1;
    disk.error = error;
    disk.times = times;
}

static bool watched_swap(struct itr_store *s, const char *old, const char *fresh)
{
    bool done;

    disk.done[0] = '\0';
    disk.is_watched = true;
    done = store_swap(s, "k", old, fresh);
    disk.is_watched = false;
    return done;
}

static enum itr_status watched_load(struct itr_store *s, struct itr_buf *out)
{
    enum itr_status st;
    int64_t now;

    itr_buf_init_secret(out, 65536);
    disk.is_watched = true;
    st = s->ops->load(s, "k", out, &now, &e);
    disk.is_watched = false;
    return st;
}

static bool is_there(const char *name)
{
    return access(in_dir(name), F_OK) == 0;
}

/* ---- what a swap does, and in which order ---- */

static void a_value_is_on_the_disk_before_its_name_and_that_before_the_swap_is_done(void **state)
{
    assert_true(watched_swap(*state, "", "a"));
    assert_string_equal(disk.done, "lock unlink fchmod write fsync rename fsync unlock");
    assert_true(watched_swap(*state, "a", "b"));
    assert_string_equal(disk.done, "lock read read unlink fchmod write fsync rename fsync unlock");
    assert_false(watched_swap(*state, "a", "c"));
    assert_string_equal(disk.done, "lock read read unlock");
}

/* ---- failures ---- */

static const struct {
    const char *call;
    int nth, error;
    const char *what, *why;
    bool is_stored, no_advice;
} faults[] = {
    {"lock", 1, ENOLCK, "k.lock", "No locks available", false, false},
    {"read", 1, EIO, "k.record", "Input/output error", false, false},
    {"read", 2, EIO, "k.record", "Input/output error", false, false},
    {"unlink", 1, EACCES, "k.record~", "Permission denied", false, false},
    {"fchmod", 1, EPERM, "writing", "Operation not permitted", false, false},
    {"write", 1, EIO, "writing", "Input/output error", false, false},
    {"write", 1, ENOSPC, "writing", "No space left on device: free some of it", false, false},
    {"write", 1, EDQUOT, "writing", "the disk quota of this user is used up", false, false},
    {"write", 1, EMFILE, "writing", "ulimit", false, true},
    {"write", 1, 0, "writing", "nothing was written", false, false},
    {"fsync", 1, EIO, "writing", "Input/output error", false, false},
    {"rename", 1, EXDEV, "renaming", "Invalid cross-device link", false, false},
    {"fsync", 2, EIO, "syncing", "Input/output error", true, false},
};

static void assert_told(const char *what, const char *why, bool no_advice)
{
    char begin[160];

    (void)snprintf(begin, sizeof begin, "token store: directory %s: %s: ", dir, what);
    assert_memory_equal(e.text, begin, strlen(begin));
    assert_non_null(strstr(e.text, why));
    assert_int_equal(strstr(e.text, ITR_FILE_DIR_ADVICE) == NULL, no_advice);
    assert_int_equal(e.kind, ITR_STORE);
}

static void each_failure_is_told_and_leaves_the_old_value(void **state)
{
    struct itr_store *s = *state;
    bool done;
    size_t i;

    for (i = 0; i < count_of(faults); i++) {
        (void)unlink(in_dir("k.record"));
        assert_true(store_swap(s, "k", "", "a"));
        disk.is_watched = true;
        fail_call(faults[i].call, faults[i].nth, faults[i].error, 1);
        itr_error_clear(&e);
        done = true;
        assert_int_equal(s->ops->swap(s, "k", "a", 1, "b", 1, 1, &done, &e), ITR_STORE);
        disk.is_watched = false;
        assert_false(done);
        assert_told(faults[i].what, faults[i].why, faults[i].no_advice);
        assert_false(is_there("k.record~"));
        store_assert_value(s, "k", faults[i].is_stored ? "b" : "a");
    }
}

/* NFS and FUSE: the value stands there, and the directory's name is as safe as it gets. */
static void a_directory_that_cannot_be_synced_is_no_failure(void **state)
{
    fail_call("fsync", 2, EINVAL, 1);
    assert_true(watched_swap(*state, "", "a"));
}

/* NFS says only then that there was no room. */
static void a_file_whose_closing_fails_is_not_used(void **state)
{
    struct itr_store *s = *state;
    bool done;

    disk.is_watched = true;
    fail_call("close", 1, EDQUOT, 1);
    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "b", 1, 1, &done, &e), ITR_STORE);
    disk.is_watched = false;
    assert_told("writing", "the disk quota of this user is used up", false);
    assert_false(is_there("k.record~"));
    store_assert_value(s, "k", "");
}

static void a_link_in_the_temporary_files_place_is_not_followed(void **state)
{
    struct itr_store *s = *state;
    struct stat st;
    bool done;

    assert_int_equal(symlink("victim", in_dir("k.record~")), 0);
    disk.is_watched = true;
    fail_call("unlink", 1, 0, 1); /* it comes just after */
    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "b", 1, 1, &done, &e), ITR_STORE);
    disk.is_watched = false;
    assert_told("k.record~", "File exists", false);
    assert_int_not_equal(lstat(in_dir("victim"), &st), 0);
    store_assert_value(s, "k", "");
}

static void a_link_in_the_locks_place_is_not_followed(void **state)
{
    struct itr_store *s = *state;
    bool done;

    assert_int_equal(close(open(in_dir("other"), O_WRONLY | O_CREAT, 0600)), 0);
    assert_int_equal(symlink("other", in_dir("k.lock")), 0);
    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "b", 1, 1, &done, &e), ITR_STORE);
    assert_told("k.lock", "Too many levels of symbolic links", false);
    assert_int_equal(unlink(in_dir("other")), 0);
}

static void a_lock_whose_mode_cannot_be_set_is_an_error(void **state)
{
    struct itr_store *s = *state;
    mode_t before = umask(0277);
    bool done;

    disk.is_watched = true;
    fail_call("fchmod", 1, EPERM, 1);
    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "b", 1, 1, &done, &e), ITR_STORE);
    disk.is_watched = false;
    umask(before);
    assert_told("k.lock", "Operation not permitted", false);
}

static void a_temporary_file_that_cannot_be_removed_hides_no_error(void **state)
{
    struct itr_store *s = *state;
    bool done;

    assert_true(store_swap(s, "k", "", "a"));
    disk.is_watched = true;
    fail_call("rename", 1, EIO, 1);
    assert_int_equal(s->ops->swap(s, "k", "a", 1, "b", 1, 1, &done, &e), ITR_STORE);
    disk.is_watched = false;
    assert_told("renaming", "Input/output error", false);
}

/* ---- work by halves, and interrupted ---- */

static void what_is_interrupted_or_half_done_is_gone_on_with(void **state)
{
    struct itr_store *s = *state;
    struct itr_buf out;

    disk.most = 3;
    assert_true(watched_swap(s, "", "a long value"));
    assert_int_equal(watched_load(s, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out), "a long value");
    itr_buf_clear(&out);
    fail_call("write", 2, EINTR, 2);
    assert_true(watched_swap(s, "a long value", "another value"));
    fail_call("read", 2, EINTR, 2);
    assert_int_equal(watched_load(s, &out), ITR_OK);
    assert_string_equal(itr_buf_str(&out), "another value");
    itr_buf_clear(&out);
}

/* ---- the lock ---- */

static void a_lock_is_tried_again_ever_more_seldom(void **state)
{
    struct itr_store *s = *state;
    static const char *const words[] = {"k.lock", "held it for 5 s", NULL};

    fail_call("lock", 1, EINTR, 2);
    assert_true(watched_swap(s, "", "a"));
    assert_int_equal(the_clock.slept, 1 + 2);
    assert_int_equal(the_clock.sleeps, 2);

    the_clock.slept = the_clock.sleeps = 0;
    disk.is_watched = true;
    disk.done[0] = '\0';
    fail_call("lock", 1, EWOULDBLOCK, 100000);
    store_assert_swap_fails(s, words);
    disk.is_watched = false;
    assert_int_equal(the_clock.slept, 5000); /* 1, 2, 4, 8, 16, 20, 20 … */
    assert_int_equal(the_clock.sleeps, 5 + 249);

    /* It was got at the last moment. */
    the_clock.slept = the_clock.sleeps = 0;
    fail_call("lock", 1, EWOULDBLOCK, 5 + 249);
    assert_true(watched_swap(s, "a", "b"));
}

static void remove_the_lock(void)
{
    disk.on_lock = NULL;
    assert_int_equal(unlink(in_dir("k.lock")), 0);
}

static void replace_the_lock(void)
{
    remove_the_lock();
    assert_int_equal(close(open(in_dir("k.lock"), O_WRONLY | O_CREAT, 0600)), 0);
}

/* It was opened before, and locked after: another has the lock of the new file, perhaps. */
static void a_lock_whose_file_was_removed_or_replaced_meanwhile_is_taken_again(void **state)
{
    disk.on_lock = remove_the_lock;
    assert_true(watched_swap(*state, "", "a"));
    assert_string_equal(disk.done, "lock lock unlink fchmod write fsync rename fsync unlock");
    disk.on_lock = replace_the_lock;
    assert_true(watched_swap(*state, "a", ""));
    assert_string_equal(disk.done, "lock lock read read unlink fchmod fsync rename fsync unlock");
    assert_int_equal(the_clock.sleeps, 2);
}

static void a_lock_that_was_not_got_is_not_released(void **state)
{
    struct itr_store *s = *state;
    bool done;

    disk.is_watched = true;
    fail_call("lock", 1, ENOLCK, 1);
    assert_int_equal(s->ops->swap(s, "k", NULL, 0, "b", 1, 1, &done, &e), ITR_STORE);
    disk.is_watched = false;
    assert_string_equal(disk.done, "lock");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_value_is_on_the_disk_before_its_name_and_that_before_the_swap_is_done),
        T(each_failure_is_told_and_leaves_the_old_value),
        T(a_directory_that_cannot_be_synced_is_no_failure),
        T(a_file_whose_closing_fails_is_not_used),
        T(a_link_in_the_temporary_files_place_is_not_followed),
        T(a_link_in_the_locks_place_is_not_followed),
        T(a_lock_whose_mode_cannot_be_set_is_an_error),
        T(a_temporary_file_that_cannot_be_removed_hides_no_error),
        T(what_is_interrupted_or_half_done_is_gone_on_with),
        T(a_lock_is_tried_again_ever_more_seldom),
        T(a_lock_whose_file_was_removed_or_replaced_meanwhile_is_taken_again),
        T(a_lock_that_was_not_got_is_not_released),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
