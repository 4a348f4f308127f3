/* notifier: one wake for all notifications before the answer; the private socket of a host. */
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/os/notifier.h"

static struct itr_notifier *new_notifier(enum itr_notifier_kind kind)
{
    struct itr_notifier *b;
    struct itr_error e = {0};

    if (itr_notifier_new(kind, &b, &e) != ITR_OK)
        fail_msg("%s", e.text);
    return b;
}

static int bytes_in(int fd)
{
    int n = -1;

    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
    return n;
}

/* As the host does it. */
static int connect_to(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void connect_and_accept(struct itr_notifier *b, int *host)
{
    struct itr_error e = {0};

    *host = connect_to(itr_notifier_path(b));
    if (itr_notifier_accept(b, &e) != ITR_OK)
        fail_msg("%s", e.text);
}

static void read_byte(int fd)
{
    char c;

    assert_int_equal(read(fd, &c, 1), 1);
}

static bool is_at_end(int fd)
{
    char c;

    return recv(fd, &c, 1, 0) == 0;
}

/* ---- FD ---- */

static void many_notifications_wake_once(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_FD);
    int i;

    (void)state;
    assert_int_equal(bytes_in(itr_notifier_fd(b)), 0);
    for (i = 0; i < 100; i++)
        itr_notifier_notify(b);
    assert_int_equal(bytes_in(itr_notifier_fd(b)), 1);
    itr_notifier_answered(b);
    assert_int_equal(bytes_in(itr_notifier_fd(b)), 0);
    itr_notifier_notify(b);
    assert_int_equal(bytes_in(itr_notifier_fd(b)), 1);
    itr_notifier_release(b);
}

static void an_answer_to_nothing_is_none(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_FD);

    (void)state;
    itr_notifier_answered(b);
    itr_notifier_notify(b);
    assert_int_equal(bytes_in(itr_notifier_fd(b)), 1);
    assert_null(itr_notifier_path(b));
    itr_notifier_release(b);
    itr_notifier_release(NULL);
}

static void it_is_not_inherited_by_programs_and_never_blocks(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_FD);

    (void)state;
    assert_true(fcntl(itr_notifier_fd(b), F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(itr_notifier_fd(b), F_GETFL) & O_NONBLOCK);
    itr_notifier_release(b);
}

/* Counts to TURNS, and notifies after each step. */
#define TURNS 20000
#define RINGERS 3

struct counting {
    struct itr_notifier *notifier;
    atomic_int done;
};

static void *count_and_notify(void *ctx)
{
    struct counting *c = ctx;
    int i;

    for (i = 0; i < TURNS; i++) {
        atomic_fetch_add(&c->done, 1);
        itr_notifier_notify(c->notifier);
    }
    return NULL;
}

/* A lost wake would leave the poll standing: the fixture's alarm ends it. */
static void no_notification_of_a_thread_is_lost(void **state)
{
    struct counting c = {.notifier = new_notifier(ITR_NOTIFIER_FD)};
    struct pollfd p = {.fd = itr_notifier_fd(c.notifier), .events = POLLIN};
    pthread_t threads[RINGERS];
    int i;

    (void)state;
    for (i = 0; i < RINGERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_and_notify, &c), 0);
    do {
        assert_int_equal(poll(&p, 1, -1), 1);
        itr_notifier_answered(c.notifier);
    } while (atomic_load(&c.done) < RINGERS * TURNS);
    for (i = 0; i < RINGERS; i++)
        pthread_join(threads[i], NULL);
    itr_notifier_release(c.notifier);
}

/* ---- SOCKET ---- */

/* Its listener takes the last descriptor there is, so none is left to be found by in /proc. */
static struct itr_notifier *new_notifier_on_disk(void)
{
    struct itr_notifier *b;
    struct rlimit usual, tight;
    int next = dup(STDERR_FILENO);

    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    tight = usual;
    tight.rlim_cur = (rlim_t)next + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    b = new_notifier(ITR_NOTIFIER_SOCKET);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    return b;
}

static void nothing_of_it_is_on_the_disk(void **state)
{
    char parent[] = "/tmp/notifier-test-XXXXXX";
    struct itr_notifier *b;
    int host;

    (void)state;
    assert_non_null(mkdtemp(parent));
    setenv("TMPDIR", parent, 1);
    b = new_notifier(ITR_NOTIFIER_SOCKET);
    assert_int_equal(itr_notifier_fd(b), -1);
    assert_int_equal(rmdir(parent), 0); /* it is empty */
    connect_and_accept(b, &host);
    close(host);
    itr_notifier_release(b);
    unsetenv("TMPDIR");
    (void)rmdir(parent);
}

static void or_its_place_is_private_and_goes_with_it(void **state)
{
    struct itr_notifier *b = new_notifier_on_disk();
    char directory[200];
    struct stat st;
    int host;

    (void)state;
    snprintf(directory, sizeof directory, "%s", itr_notifier_path(b));
    assert_memory_equal(directory, "/tmp/itrigger-", 14);
    *strrchr(directory, '/') = '\0';
    assert_int_equal(stat(directory, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    connect_and_accept(b, &host);
    itr_notifier_notify(b);
    read_byte(host);
    close(host);
    itr_notifier_release(b);
    assert_int_equal(stat(directory, &st), -1);
    assert_int_equal(errno, ENOENT);
}

static void a_directory_that_cannot_be_written_is_passed_over(void **state)
{
    struct itr_notifier *b;
    int host;

    (void)state;
    setenv("TMPDIR", "/nowhere/at/all", 1);
    b = new_notifier(ITR_NOTIFIER_SOCKET);
    connect_and_accept(b, &host);
    close(host);
    itr_notifier_release(b);
    unsetenv("TMPDIR");
}

static void the_host_reads_one_byte_for_many_notifications(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_SOCKET);
    int host, i;

    (void)state;
    connect_and_accept(b, &host);
    for (i = 0; i < 100; i++)
        itr_notifier_notify(b);
    assert_int_equal(bytes_in(host), 1);
    read_byte(host);
    itr_notifier_answered(b);
    itr_notifier_notify(b);
    assert_int_equal(bytes_in(host), 1);
    itr_notifier_release(b);
    read_byte(host);
    assert_true(is_at_end(host));
    close(host);
}

static void a_notification_while_nobody_listens_is_written_to_the_next_connection(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_SOCKET);
    int host;

    (void)state;
    itr_notifier_notify(b);
    connect_and_accept(b, &host);
    assert_int_equal(bytes_in(host), 1);

    /* The host went, with the byte unread. */
    close(host);
    itr_notifier_notify(b);
    connect_and_accept(b, &host);
    assert_int_equal(bytes_in(host), 1);
    read_byte(host);
    itr_notifier_answered(b);

    /* It went in peace, and there is a notification after it: no SIGPIPE, and nothing is lost. */
    close(host);
    itr_notifier_notify(b);
    itr_notifier_notify(b);
    connect_and_accept(b, &host);
    assert_int_equal(bytes_in(host), 1);
    read_byte(host);
    itr_notifier_answered(b);
    close(host);
    connect_and_accept(b, &host);
    assert_int_equal(bytes_in(host), 0);
    close(host);
    itr_notifier_release(b);
}

static void another_connection_takes_the_place_of_the_first(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_SOCKET);
    int first, second;

    (void)state;
    connect_and_accept(b, &first);
    connect_and_accept(b, &second);
    assert_true(is_at_end(first));
    itr_notifier_notify(b);
    assert_int_equal(bytes_in(second), 1);
    close(first);
    close(second);
    itr_notifier_release(b);
}

/* The host gave up before it was accepted, and came again. */
static void the_newest_connection_is_taken(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_SOCKET);
    int host;

    (void)state;
    close(connect_to(itr_notifier_path(b)));
    connect_and_accept(b, &host);
    itr_notifier_notify(b);
    read_byte(host);
    close(host);
    itr_notifier_release(b);
}

static void nobody_there_is_said(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_SOCKET),
                        *other = new_notifier(ITR_NOTIFIER_FD);
    struct itr_error e;

    (void)state;
    assert_int_equal(itr_notifier_accept(b, &e), ITR_NETWORK);
    assert_int_equal(itr_notifier_accept(other, &e), ITR_USAGE);
    itr_notifier_release(b);
    itr_notifier_release(other);
}

/* A child's connection stands in line before ours. The child says in its status whether it was
 * turned away. */
static void another_process_is_refused_and_does_not_stand_in_the_way(void **state)
{
    struct itr_notifier *b = new_notifier(ITR_NOTIFIER_SOCKET);
    struct itr_error e;
    int host, ready[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    if ((child = fork()) == 0) {
        int fd = connect_to(itr_notifier_path(b));
        if (write(ready[1], "!", 1) != 1)
            _exit(2);
        _exit(is_at_end(fd) ? 0 : 1);
    }
    read_byte(ready[0]);
    assert_int_equal(itr_notifier_accept(b, &e), ITR_NETWORK);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);

    /* Now with ours behind it. */
    if ((child = fork()) == 0) {
        int fd = connect_to(itr_notifier_path(b));
        if (write(ready[1], "!", 1) != 1)
            _exit(2);
        _exit(is_at_end(fd) ? 0 : 1);
    }
    read_byte(ready[0]);
    connect_and_accept(b, &host);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    itr_notifier_notify(b);
    assert_int_equal(bytes_in(host), 1);
    close(host);
    close(ready[0]);
    close(ready[1]);
    itr_notifier_release(b);
}

/* ---- fork ---- */

static void use_in_child(struct itr_notifier *b)
{
    struct itr_error e;

    if (itr_notifier_is_ours(b))
        _exit(1);
    itr_notifier_notify(b);
    itr_notifier_answered(b);
    if (itr_notifier_path(b) != NULL && itr_notifier_accept(b, &e) != ITR_USAGE)
        _exit(2);
    itr_notifier_release(b);
    _exit(0);
}

static void a_child_neither_notifies_nor_answers_nor_removes_its_parents(void **state)
{
    struct itr_notifier *notifiers[] = {new_notifier(ITR_NOTIFIER_FD), new_notifier_on_disk()};
    int i, status, host, at;

    (void)state;
    connect_and_accept(notifiers[1], &host);
    for (i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0)
            use_in_child(notifiers[i]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_true(itr_notifier_is_ours(notifiers[i]));
        at = i == 0 ? itr_notifier_fd(notifiers[0]) : host;
        assert_int_equal(bytes_in(at), 0);
        itr_notifier_notify(notifiers[i]);
        assert_int_equal(bytes_in(at), 1);
    }
    close(host);
    connect_and_accept(notifiers[1], &host); /* the path is still there */
    close(host);
    itr_notifier_release(notifiers[0]);
    itr_notifier_release(notifiers[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_notifications_wake_once),
        cmocka_unit_test(an_answer_to_nothing_is_none),
        cmocka_unit_test(it_is_not_inherited_by_programs_and_never_blocks),
        cmocka_unit_test(no_notification_of_a_thread_is_lost),
        cmocka_unit_test(nothing_of_it_is_on_the_disk),
        cmocka_unit_test(or_its_place_is_private_and_goes_with_it),
        cmocka_unit_test(a_directory_that_cannot_be_written_is_passed_over),
        cmocka_unit_test(the_host_reads_one_byte_for_many_notifications),
        cmocka_unit_test(a_notification_while_nobody_listens_is_written_to_the_next_connection),
        cmocka_unit_test(another_connection_takes_the_place_of_the_first),
        cmocka_unit_test(the_newest_connection_is_taken),
        cmocka_unit_test(nobody_there_is_said),
        cmocka_unit_test(another_process_is_refused_and_does_not_stand_in_the_way),
        cmocka_unit_test(a_child_neither_notifies_nor_answers_nor_removes_its_parents),
    };

    fixture_main();
    return cmocka_run_group_tests_name("notifier", tests, NULL, NULL);
}
