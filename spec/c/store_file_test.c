/* store_file: the contract of stores, and what only files and directories can do wrong. */
#include "support/store_contract.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/record/record.h"
#include "store/file_dir.h"
#include "store/file_work.h"
#include "store/stores.h"
#include "support/as_user.h"

static char base[64]; /* of one test: removed with all that is in it */
static char dir[80];
static char address[96];
static struct itr_error e;

static void remove_all(const char *path)
{
    pid_t child = fork();

    if (child == 0) {
        execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(child, NULL, 0);
}

static void begin(void)
{
    snprintf(base, sizeof base, "/tmp/itr-store-XXXXXX");
    assert_non_null(mkdtemp(base));
    snprintf(dir, sizeof dir, "%s/a/b", base);
    snprintf(address, sizeof address, "file:%s", dir);
}

static void end(void)
{
    remove_all(base);
}

static struct itr_store *open_store(void)
{
    struct itr_store *s = NULL;

    if (itr_store_file_new(address, itr_clock_system(), &s, &e) != ITR_OK)
        fail_msg("%s", e.text);
    return s;
}

static void forget(void)
{
    remove_all(dir);
}

static int64_t now_ms(void)
{
    return itr_clock_wall_ms(itr_clock_system());
}

static const struct store_kind kind = {ITR_FROM_FILE, true, open_store, begin, forget, end, now_ms};

/* ---- helpers ---- */

static const char *in_dir(const char *name)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void assert_not_there(const char *path)
{
    assert_int_not_equal(access(path, F_OK), 0);
}

static void assert_refused(const char *where, enum itr_status status, const char *word)
{
    struct itr_store *s = NULL;

    itr_error_clear(&e);
    assert_int_equal(itr_store_file_new(where, itr_clock_system(), &s, &e), status);
    assert_null(s);
    if (strstr(e.text, word) == NULL || strstr(e.text, "token_store") == NULL)
        fail_msg("\"%s\" or the option is not in: %s", word, e.text);
}

/* ---- rights ---- */

static void all_that_it_makes_is_private(void **state)
{
    mode_t before = umask(0);

    forget();
    assert_true(store_swap(*state, "k", "", "a"));
    umask(before);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(in_dir("k.record")), 0600);
    assert_int_equal(mode_of(in_dir("k.lock")), 0600);
    assert_not_there(in_dir("k.record~"));
}

/* A umask that takes from the owner too. */
static void a_umask_does_not_lock_its_own_user_out(void **state)
{
    static const mode_t masks[] = {0177, 0277, 0777};
    mode_t before;
    size_t i;

    for (i = 0; i < count_of(masks); i++) {
        remove_all(base);
        before = umask(masks[i]);
        assert_int_equal(mkdir(base, 0700), 0);
        assert_int_equal(chmod(base, 0700), 0);
        assert_true(store_swap(*state, "k", "", "a"));
        umask(before);
        assert_int_equal(mode_of(dir), 0700);
        assert_int_equal(mode_of(in_dir("..")), 0700); /* its parent is made like it */
        assert_int_equal(mode_of(in_dir("k.record")), 0600);
        assert_int_equal(mode_of(in_dir("k.lock")), 0600);
        store_assert_value(*state, "k", "a");
    }
}

static void a_directory_that_keeps_its_user_out_is_named(void **state)
{
    static const char *const words[] = {"chmod 700", "token_store", dir, NULL};

    assert_int_equal(chmod(dir, 0600), 0);
    store_assert_load_fails(*state, words);
    assert_int_equal(chmod(dir, 0700), 0);
}

static void a_directory_open_to_others_is_refused(void **state)
{
    static const char *const words[] = {"open to group or others", "token_store", dir, NULL};

    assert_int_equal(chmod(dir, 0750), 0);
    store_assert_load_fails(*state, words);
    store_assert_swap_fails(*state, words);
    assert_refused(address, ITR_STORE, dir);
    assert_int_equal(chmod(dir, 0701), 0);
    store_assert_load_fails(*state, words);
    assert_int_equal(chmod(dir, 0700), 0);
    assert_true(store_swap(*state, "k", "", "a"));
}

/* Root may make the store (nginx's master, for workers that are another user) but not use it. */
static void another_users_directory_is_refused(void **state)
{
    static const char *const words[] = {"belongs to another user", "token_store", dir, NULL};
    struct itr_store *made;

    if (geteuid() != 0)
        skip(); /* only root can give a directory away */
    assert_int_equal(chown(dir, 1, 1), 0);
    store_assert_load_fails(*state, words);
    assert_int_equal(itr_store_file_new(address, itr_clock_system(), &made, &e), ITR_OK);
    store_assert_load_fails(made, words);
    made->ops->release(made);
}

static void a_link_in_place_of_the_directory_is_refused(void **state)
{
    static const char *const words[] = {"symbolic link", "token_store", dir, NULL};
    char real[120];

    snprintf(real, sizeof real, "%s.real", dir);
    assert_int_equal(rename(dir, real), 0);
    assert_int_equal(symlink(real, dir), 0);
    store_assert_load_fails(*state, words);
    store_assert_swap_fails(*state, words);
    assert_refused(address, ITR_STORE, "symbolic link");
}

static void a_file_that_others_can_touch_is_refused(void **state)
{
    static const char *const open_words[] = {"k.record", "open to group or others", dir, NULL};
    static const char *const link_words[] = {"k.record", dir, "token_store", NULL};
    static const char *const lock_words[] = {"k.lock", "open to group or others", dir, NULL};

    write_file(in_dir("k.record"), "a", 1, 0600);
    assert_int_equal(chmod(in_dir("k.record"), 0640), 0);
    store_assert_load_fails(*state, open_words);
    store_assert_swap_fails(*state, open_words);
    assert_int_equal(unlink(in_dir("k.record")), 0);
    assert_int_equal(symlink("elsewhere", in_dir("k.record")), 0);
    store_assert_load_fails(*state, link_words);
    assert_int_equal(unlink(in_dir("k.record")), 0);
    assert_int_equal(chmod(in_dir("k.lock"), 0666), 0);
    store_assert_swap_fails(*state, lock_words);
}

static void anothers_file_is_refused(void **state)
{
    static const char *const record[] = {"k.record: belongs to another user", dir, NULL};
    static const char *const lock[] = {"k.lock: belongs to another user", dir, NULL};

    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    assert_true(store_swap(*state, "k", "", "a"));
    assert_int_equal(chown(in_dir("k.record"), 1, 1), 0);
    store_assert_load_fails(*state, record);
    store_assert_swap_fails(*state, record);
    assert_int_equal(chown(in_dir("k.lock"), 1, 1), 0);
    store_assert_swap_fails(*state, lock);
}

static void a_pipe_or_directory_in_a_files_place_delays_nothing(void **state)
{
    static const char *const words[] = {"k.record", "not a regular file", NULL};

    assert_int_equal(mkfifo(in_dir("k.record"), 0600), 0);
    store_assert_load_fails(*state, words);
    assert_int_equal(unlink(in_dir("k.record")), 0);
    assert_int_equal(mkdir(in_dir("k.record"), 0700), 0);
    store_assert_load_fails(*state, words);
    store_assert_swap_fails(*state, words);
}

/* ---- what stands in the files ---- */

static void garbage_is_replaced_like_any_value(void **state)
{
    write_file(in_dir("k.record"), "", 0, 0600);
    store_assert_value(*state, "k", "");
    assert_true(store_swap(*state, "k", "", "a"));
    write_file(in_dir("k.record"), "garbage", 7, 0600);
    assert_false(store_swap(*state, "k", "a", "b"));
    store_assert_value(*state, "k", "garbage");
    assert_true(store_swap(*state, "k", "garbage", "b"));
}

static void a_file_that_is_too_long_counts_as_none(void **state)
{
    struct itr_store *s = *state;
    static char big[5000];
    bool done = true;

    memset(big, 'x', sizeof big);
    write_file(in_dir("k.record"), big, 4096, 0600);
    assert_false(store_swap(*state, "k", "", "a"));
    write_file(in_dir("k.record"), big, 4097, 0600);
    store_assert_value(s, "k", "");
    assert_true(store_swap(s, "k", "", "a"));
    store_assert_value(s, "k", "a");
    assert_int_equal(s->ops->swap(s, "k", "a", 1, big, 4097, 1, &done, &e), ITR_STORE);
    assert_false(done);
    assert_non_null(strstr(e.text, "k.record: the value is too large"));
    store_assert_value(s, "k", "a");
}

static void what_a_killed_process_left_is_no_hindrance(void **state)
{
    write_file(in_dir("k.record~"), "half a rec", 10, 0600);
    store_assert_value(*state, "k", "");
    assert_true(store_swap(*state, "k", "", "a"));
    store_assert_value(*state, "k", "a");
    assert_not_there(in_dir("k.record~"));
}

static void a_key_that_is_no_name_is_refused(void **state)
{
    char longest[ITR_FILE_KEY_MAX + 2];
    const char *const keys[] = {"", "../x", "a/b", "a.b", "a\n", "\xc3\xa4", "~", longest};
    struct itr_store *s = *state;
    bool done = true;
    size_t i;

    memset(longest, 'x', sizeof longest);
    longest[ITR_FILE_KEY_MAX + 1] = '\0';
    for (i = 0; i < count_of(keys); i++) {
        assert_int_equal(s->ops->swap(s, keys[i], NULL, 0, "v", 1, 1, &done, &e), ITR_STORE);
        assert_non_null(strstr(e.text, ": key: it cannot be the name of a file"));
        assert_false(done);
    }
    longest[ITR_FILE_KEY_MAX] = '\0';
    assert_true(store_swap(s, longest, "", "a"));
    assert_true(store_swap(s, "lock", "", "a"));
    assert_true(store_swap(s, "a:b", "", "c"));
    assert_false(store_swap(s, "lock", "", "a"));
}

/* ---- trouble ---- */

static void a_directory_that_vanished_is_made_again(void **state)
{
    assert_true(store_swap(*state, "k", "", "a"));
    remove_all(base);
    store_assert_value(*state, "k", "");
    assert_true(store_swap(*state, "k", "", "b"));
    assert_int_equal(mode_of(dir), 0700);
}

static void a_lock_whose_file_was_removed_excludes_still(void **state)
{
    assert_true(store_swap(*state, "k", "", "a"));
    assert_int_equal(unlink(in_dir("k.lock")), 0);
    assert_true(store_swap(*state, "k", "a", "b"));
    assert_int_equal(mode_of(in_dir("k.lock")), 0600);
}

/* Has a child hold the lock of key, and stop there (or end, once its own child holds all that a
 * fork passes on). Returns its id. */
static pid_t lock_in_child(const char *key, bool and_fork, const int *lifeline)
{
    struct itr_file_work w;
    int ready[2], status;
    pid_t child;
    char byte;

    assert_int_equal(pipe(ready), 0);
    if ((child = fork()) != 0) {
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        assert_true(and_fork ? WIFEXITED(status) : WIFSTOPPED(status));
        return child;
    }
    itr_file_work_init(&w, itr_clock_system(), &e);
    if (itr_file_work_begin(&w, dir, key) != ITR_OK || itr_file_work_lock(&w) != ITR_OK)
        _exit(1);
    if (and_fork && fork() == 0) {
        close(lifeline[1]);
        (void)!write(ready[1], "x", 1);
        close(ready[1]);
        (void)!read(lifeline[0], &byte, 1);
        _exit(0);
    }
    if (!and_fork) {
        (void)!write(ready[1], "x", 1);
        (void)raise(SIGSTOP);
    }
    _exit(0); /* without an unlock, as if it had been killed */
}

static void a_daemon_forked_during_a_swap_does_not_keep_the_lock(void **state)
{
    int lifeline[2];

    assert_int_equal(pipe(lifeline), 0);
    (void)lock_in_child("k", true, lifeline);
    assert_true(store_swap(*state, "k", "", "a"));
    close(lifeline[0]);
    close(lifeline[1]); /* the daemon ends */
}

static void a_child_has_none_of_its_parents_descriptors(void **state)
{
    struct itr_file_work w;
    int status = -1, dir_fd, lock_fd;
    pid_t child;

    (void)state;
    itr_file_work_init(&w, itr_clock_system(), &e);
    assert_int_equal(itr_file_work_begin(&w, dir, "k"), ITR_OK);
    assert_int_equal(itr_file_work_lock(&w), ITR_OK);
    dir_fd = w.dir_fd.fd;
    lock_fd = w.lock_fd.fd;
    if ((child = fork()) == 0)
        _exit(fcntl(dir_fd, F_GETFD) < 0 && fcntl(lock_fd, F_GETFD) < 0 && w.dir_fd.fd < 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(fcntl(dir_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(lock_fd, F_GETFD) & FD_CLOEXEC);
    itr_file_work_end(&w);
}

/* What is printed in such a host must not end up in a record. */
static void a_host_without_standard_streams_keeps_its_records_clean(void **state)
{
    int status = -1;
    struct itr_file_work w;
    pid_t child;

    (void)state;
    if ((child = fork()) == 0) {
        (void)close(0);
        (void)close(1);
        (void)close(2);
        itr_file_work_init(&w, itr_clock_system(), &e);
        if (itr_file_work_begin(&w, dir, "k") != ITR_OK || itr_file_work_lock(&w) != ITR_OK)
            _exit(1);
        _exit(w.dir_fd.fd > 2 && w.lock_fd.fd > 2 ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_stopped_process_holds_up_its_own_app_only(void **state)
{
    static const char *const words[] = {"k.lock", "held it for 5 s", "token_store", dir, NULL};
    struct fake_clock clock;
    struct itr_store *s = NULL;
    pid_t holder;
    int status;

    assert_true(store_swap(*state, "k", "", "a"));
    holder = lock_in_child("k", false, NULL);
    fake_clock_init(&clock);
    assert_int_equal(itr_store_file_new(address, &clock.clock, &s, &e), ITR_OK);
    store_assert_swap_fails(s, words);
    assert_in_range(clock.slept, 5000, 5100);
    store_assert_value(s, "k", "a"); /* whoever only reads is not held up */
    clock.slept = 0;
    assert_true(store_swap(s, "other", "", "b"));
    assert_int_equal(clock.slept, 0);

    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_true(store_swap(s, "k", "a", "b"));
    s->ops->release(s);
}

static int cannot_write(void)
{
    struct itr_store *s = NULL;

    if (itr_store_file_new(address, itr_clock_system(), &s, &e) != ITR_STORE)
        return 1;
    return strstr(e.text, dir) != NULL && strstr(e.text, "token_store") != NULL &&
                   strstr(e.text, "Permission denied") != NULL
               ? 0
               : 2;
}

static void a_directory_that_cannot_be_made_is_one_clear_error(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* needs another user */
    assert_int_equal(chmod(base, 0755), 0);
    snprintf(dir, sizeof dir, "%s/below", base);
    snprintf(address, sizeof address, "file:%s", dir);
    assert_int_equal(as_user(NOBODY, cannot_write), 0);
    assert_refused("file:/proc/itrigger", ITR_STORE, "/proc/itrigger");
    assert_refused("file:/dev/null", ITR_STORE, "/dev/null");
}

static void a_full_disk_is_an_error_and_loses_nothing(void **state)
{
    static const char *const words[] = {"No space left", "token_store", dir, NULL};
    char filler[4096] = {0};
    ssize_t n = 1;
    int fd;

    if (mount("tmpfs", dir, "tmpfs", 0, "size=16k,mode=0700") != 0)
        skip(); /* a small disk can only be mounted by root */
    assert_true(store_swap(*state, "k2", "", "a"));
    fd = open(in_dir("filler"), O_WRONLY | O_CREAT, 0600);
    while (n > 0)
        n = write(fd, filler, sizeof filler);
    close(fd);
    store_assert_swap_fails(*state, words);
    assert_not_there(in_dir("k.record~"));
    store_assert_value(*state, "k2", "a");
    assert_int_equal(unlink(in_dir("filler")), 0);
    assert_true(store_swap(*state, "k", "", "v"));
    assert_int_equal(umount(dir), 0);
}

static void a_disk_that_became_read_only_is_an_error(void **state)
{
    static const char *const words[] = {"Read-only", "token_store", dir, NULL};

    if (mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700") != 0)
        skip(); /* only root can mount */
    assert_true(store_swap(*state, "k2", "", "a"));
    assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64k"), 0);
    store_assert_swap_fails(*state, words);
    store_assert_value(*state, "k2", "a");
    assert_int_equal(umount(dir), 0);
}

/* ---- addresses ---- */

static void an_address_names_one_directory_in_one_way(void **state)
{
    struct itr_store *s = *state, *other = NULL;
    char same[140];

    snprintf(same, sizeof same, "file:///%s//", dir);
    assert_int_equal(itr_store_file_new(same, itr_clock_system(), &other, &e), ITR_OK);
    assert_string_equal(other->id, s->id);
    assert_string_equal(s->id, address);
    other->ops->release(other);
    assert_refused("file:relative", ITR_CONFIG, "absolute path");
    assert_refused("file:~/x", ITR_CONFIG, "absolute path");
    assert_refused("file:/", ITR_CONFIG, "root directory");
    assert_refused("file:/tmp/a\nb", ITR_CONFIG, "control");
}

static void the_longest_name_can_be_used(void **state)
{
    char longest[ITR_FILE_DIR_MAX + 8];
    struct itr_store *s = NULL;
    size_t i, n = strlen("file:") + ITR_FILE_DIR_MAX;

    (void)state;
    (void)snprintf(longest, sizeof longest, "%s", address);
    for (i = strlen(address); i < n; i++)
        longest[i] = i % 200 == 0 && i + 1 < n ? '/' : 'x';
    longest[n] = '\0';
    if (itr_store_file_new(longest, itr_clock_system(), &s, &e) != ITR_OK)
        fail_msg("%s", e.text);
    assert_string_equal(s->id, longest);
    assert_true(store_swap(s, "k", "", "a"));
    s->ops->release(s);
}

static void assert_standard(const char *id)
{
    struct itr_store *s = NULL;

    assert_int_equal(itr_store_file_new("file:", itr_clock_system(), &s, &e), ITR_OK);
    assert_string_equal(s->id, id);
    s->ops->release(s);
}

static int standard_is_refused(const char *word)
{
    struct itr_store *s = NULL;

    unsetenv("XDG_CACHE_HOME");
    if (itr_store_file_new("file:", itr_clock_system(), &s, &e) != ITR_STORE)
        return 1;
    return strstr(e.text, word) != NULL && strstr(e.text, "token_store") != NULL ? 0 : 2;
}

static int names_the_home_that_it_cannot_use(void)
{
    return standard_is_refused("/.cache/itrigger: ");
}

static int names_the_user_without_a_home(void)
{
    return standard_is_refused("user 54321 has no home");
}

static void the_standard_directory_is_the_users_cache(void **state)
{
    char cache[120];
    const char *before = getenv("XDG_CACHE_HOME");
    char *kept = before != NULL ? strdup(before) : NULL;

    (void)state;
    snprintf(cache, sizeof cache, "%s/cache", base);
    setenv("XDG_CACHE_HOME", cache, 1);
    snprintf(cache, sizeof cache, "file:%s/cache/itrigger", base);
    assert_standard(cache);
    if (geteuid() == 0) {
        assert_int_equal(as_user(NOBODY, names_the_home_that_it_cannot_use), 0);
        assert_int_equal(as_user(54321, names_the_user_without_a_home), 0);
    }
    if (kept != NULL)
        setenv("XDG_CACHE_HOME", kept, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(kept);
}

static struct itr_store *made_by_root;

static int load_fails_with(const char *text)
{
    struct itr_buf out;
    int64_t now;
    enum itr_status st;

    unsetenv("XDG_CACHE_HOME");
    itr_buf_init_secret(&out, 100);
    st = made_by_root->ops->load(made_by_root, "k", &out, &now, &e);
    return st == ITR_STORE && strstr(e.text, text) != NULL ? 0 : 1;
}

static int does_not_use_roots_directory(void)
{
    return load_fails_with("/nonexistent/.cache/itrigger");
}

/* nginx: the store is made in init_by_lua by root, and used in the workers. */
static void a_process_that_became_another_user_leaves_the_first_ones_directory(void **state)
{
    char cache[120];

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can become another user */
    snprintf(cache, sizeof cache, "%s/cache", base);
    setenv("XDG_CACHE_HOME", cache, 1);
    assert_int_equal(itr_store_file_new("file:", itr_clock_system(), &made_by_root, &e), ITR_OK);
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(as_user(NOBODY, does_not_use_roots_directory), 0);
    made_by_root->ops->release(made_by_root);
}

static int names_that_it_has_no_home(void)
{
    return load_fails_with("user 54321 has no home");
}

/* And what was named stays what it is, for any user. */
static int uses_the_directory_that_was_named(void)
{
    return store_swap(made_by_root, "k", "", "a") ? 0 : 1;
}

static void a_process_that_became_another_user_finds_its_own_or_what_was_named(void **state)
{
    char cache[120];

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can become another user */
    (void)snprintf(cache, sizeof cache, "%s/cache", base);
    setenv("XDG_CACHE_HOME", cache, 1);
    assert_int_equal(itr_store_file_new("file:", itr_clock_system(), &made_by_root, &e), ITR_OK);
    assert_int_equal(as_user(54321, names_that_it_has_no_home), 0);
    made_by_root->ops->release(made_by_root);

    assert_int_equal(itr_store_file_new(address, itr_clock_system(), &made_by_root, &e), ITR_OK);
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(base, 0711), 0);
    assert_int_equal(chmod(in_dir(".."), 0711), 0);
    assert_int_equal(as_user(NOBODY, uses_the_directory_that_was_named), 0);
    made_by_root->ops->release(made_by_root);
}

static int finds_its_directory_once(void)
{
    char cache[120];
    struct itr_store *s = NULL;
    bool kept;

    (void)snprintf(cache, sizeof cache, "%s/one", dir);
    setenv("XDG_CACHE_HOME", cache, 1);
    if (itr_store_file_new("file:", itr_clock_system(), &s, &e) != ITR_OK)
        return 1;
    (void)snprintf(cache, sizeof cache, "%s/another", dir);
    setenv("XDG_CACHE_HOME", cache, 1);
    kept = store_swap(s, "k", "", "a") && access(cache, F_OK) != 0;
    s->ops->release(s);
    unsetenv("XDG_CACHE_HOME");
    return kept ? 0 : 2;
}

static void the_standard_directory_is_found_once(void **state)
{
    (void)state;
    assert_int_equal(finds_its_directory_once(), 0);
    if (geteuid() != 0)
        return;
    remove_all(in_dir("one"));
    assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(base, 0711), 0);
    assert_int_equal(chmod(in_dir(".."), 0711), 0);
    assert_int_equal(as_user(NOBODY, finds_its_directory_once), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_CONTRACT_TESTS,
        STORE_TEST(all_that_it_makes_is_private),
        STORE_TEST(a_umask_does_not_lock_its_own_user_out),
        STORE_TEST(a_directory_that_keeps_its_user_out_is_named),
        STORE_TEST(a_directory_open_to_others_is_refused),
        STORE_TEST(another_users_directory_is_refused),
        STORE_TEST(a_link_in_place_of_the_directory_is_refused),
        STORE_TEST(a_file_that_others_can_touch_is_refused),
        STORE_TEST(anothers_file_is_refused),
        STORE_TEST(a_pipe_or_directory_in_a_files_place_delays_nothing),
        STORE_TEST(garbage_is_replaced_like_any_value),
        STORE_TEST(a_file_that_is_too_long_counts_as_none),
        STORE_TEST(what_a_killed_process_left_is_no_hindrance),
        STORE_TEST(a_key_that_is_no_name_is_refused),
        STORE_TEST(a_directory_that_vanished_is_made_again),
        STORE_TEST(a_lock_whose_file_was_removed_excludes_still),
        STORE_TEST(a_daemon_forked_during_a_swap_does_not_keep_the_lock),
        STORE_TEST(a_child_has_none_of_its_parents_descriptors),
        STORE_TEST(a_host_without_standard_streams_keeps_its_records_clean),
        STORE_TEST(a_stopped_process_holds_up_its_own_app_only),
        STORE_TEST(a_directory_that_cannot_be_made_is_one_clear_error),
        STORE_TEST(a_full_disk_is_an_error_and_loses_nothing),
        STORE_TEST(a_disk_that_became_read_only_is_an_error),
        STORE_TEST(an_address_names_one_directory_in_one_way),
        STORE_TEST(the_longest_name_can_be_used),
        STORE_TEST(the_standard_directory_is_the_users_cache),
        STORE_TEST(a_process_that_became_another_user_leaves_the_first_ones_directory),
        STORE_TEST(a_process_that_became_another_user_finds_its_own_or_what_was_named),
        STORE_TEST(the_standard_directory_is_found_once),
    };

    fixture_main();
    store_contract_use(&kind);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
