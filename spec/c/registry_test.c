/* registry: objects found by key, counted, brought over a fork, asked at the process's end. */
#include "support/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/os/fork.h"
#include "core/os/registry.h"

/* An object that notes what is done to it. */
struct thing {
    struct itr_registered head;
    bool renewed, ended;
    int keeps; /* so many more looks until the process may end */
};

static atomic_int made, freed;
static int end_pipe = -1; /* written to by the child's objects */

static struct thing *of(struct itr_registered *r)
{
    return (struct thing *)r;
}

static void tell(char what)
{
    if (end_pipe >= 0 && write(end_pipe, &what, 1) != 1)
        abort();
}

static void renew(struct itr_registered *r)
{
    of(r)->renewed = true;
}

static void end(struct itr_registered *r)
{
    of(r)->ended = true;
    tell('e');
}

static bool keeps(struct itr_registered *r)
{
    tell('k');
    return of(r)->keeps-- > 0;
}

static void free_thing(struct itr_registered *r)
{
    pthread_mutex_destroy(&of(r)->head.lock);
    free(r);
    atomic_fetch_add(&freed, 1);
}

static const struct itr_registered_ops ops = {renew, end, keeps, free_thing};

static struct itr_registered *make(void *ctx)
{
    struct thing *t = calloc(1, sizeof *t);

    (void)ctx;
    if (t == NULL)
        abort();
    t->head.ops = &ops;
    t->head.end_within_ms = 1000;
    atomic_init(&t->head.refs, 1);
    pthread_mutex_init(&t->head.lock, NULL);
    atomic_fetch_add(&made, 1);
    return &t->head;
}

static struct itr_registered *make_none(void *ctx)
{
    (void)ctx;
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    atomic_store(&made, 0);
    atomic_store(&freed, 0);
    return 0;
}

static void one_key_is_one_object(void **state)
{
    struct itr_registered *a = itr_registry_get("one", make, NULL);
    struct itr_registered *b = itr_registry_get("one", make, NULL);
    struct itr_registered *c = itr_registry_get("other", make, NULL);

    (void)state;
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(atomic_load(&made), 2);
    itr_registered_release(a);
    assert_int_equal(atomic_load(&freed), 0);
    itr_registered_release(b);
    itr_registered_release(c);
    assert_int_equal(atomic_load(&freed), 2);
}

static void a_freed_object_is_made_anew(void **state)
{
    struct itr_registered *a = itr_registry_get("one", make, NULL);

    (void)state;
    itr_registered_release(a);
    a = itr_registry_get("one", make, NULL);
    assert_int_equal(atomic_load(&made), 2);
    itr_registered_retain(a);
    itr_registered_release(a);
    assert_int_equal(atomic_load(&freed), 1);
    itr_registered_release(a);
    assert_int_equal(atomic_load(&freed), 2);
}

static void what_cannot_be_made_leaves_nothing_behind(void **state)
{
    struct itr_registered *a;

    (void)state;
    assert_null(itr_registry_get("one", make_none, NULL));
    a = itr_registry_get("one", make, NULL);
    assert_non_null(a);
    itr_registered_release(a);
}

static void the_middle_of_several_can_go_first(void **state)
{
    struct itr_registered *a = itr_registry_get("a", make, NULL);
    struct itr_registered *b = itr_registry_get("b", make, NULL);
    struct itr_registered *c = itr_registry_get("c", make, NULL);

    (void)state;
    itr_registered_release(b);
    assert_ptr_equal(itr_registry_get("a", make, NULL), a);
    assert_ptr_equal(itr_registry_get("c", make, NULL), c);
    itr_registered_release(a);
    itr_registered_release(a);
    itr_registered_release(c);
    itr_registered_release(c);
    assert_int_equal(atomic_load(&freed), 3);
}

static void *get_and_release(void *unused)
{
    int i;

    (void)unused;
    for (i = 0; i < 500; i++)
        itr_registered_release(itr_registry_get("shared", make, NULL));
    return NULL;
}

static void threads_that_come_and_go_lose_no_object(void **state)
{
    pthread_t threads[4];
    int i;

    (void)state;
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_and_release, NULL), 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&made), atomic_load(&freed));
}

/* Runs f in a child; its exit status. */
static int in_child(void (*f)(struct itr_registered *r), struct itr_registered *r)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        f(r);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void look_in_child(struct itr_registered *r)
{
    struct thing *t = of(r);

    if (!t->renewed || itr_fork_generation() != 1)
        _exit(1);
    if (pthread_mutex_trylock(&t->head.lock) != 0)
        _exit(2);
    pthread_mutex_unlock(&t->head.lock);
    if (itr_registry_get("one", make, NULL) != r)
        _exit(3);
}

static void a_child_finds_every_object_whole_free_and_renewed(void **state)
{
    struct itr_registered *a = itr_registry_get("one", make, NULL);

    (void)state;
    assert_int_equal(itr_fork_generation(), 0);
    assert_int_equal(in_child(look_in_child, a), 0);
    assert_false(of(a)->renewed); /* the parent's is the parent's */
    assert_int_equal(itr_fork_generation(), 0);
    assert_int_equal(pthread_mutex_trylock(&of(a)->head.lock), 0);
    pthread_mutex_unlock(&of(a)->head.lock);
    itr_registered_release(a);
}

static void count_in_child(struct itr_registered *r)
{
    if (atomic_load(&r->refs) != 1)
        _exit(1);
    itr_registered_release(r);
    _exit(atomic_load(&freed) == atomic_load(&made) ? 0 : 2);
}

/* Whether the thread is at work or, its work done, about to let go: the lock is free in both. */
static void a_child_has_no_reference_of_a_thread_that_it_has_not(void **state)
{
    struct itr_registered *a = itr_registry_get("one", make, NULL);

    (void)state;
    pthread_mutex_lock(&a->lock);
    itr_registered_retain_for_thread(a);
    pthread_mutex_unlock(&a->lock);
    assert_int_equal(in_child(count_in_child, a), 0);
    assert_int_equal(atomic_load(&a->refs), 2);
    itr_registered_release_by_thread(a);
    assert_int_equal(in_child(count_in_child, a), 0);
    itr_registered_release(a);
    assert_int_equal(atomic_load(&made), atomic_load(&freed));
}

static void exit_in_child(struct itr_registered *r)
{
    of(r)->keeps = 2;
    exit(0); /* runs the handlers */
}

static void the_process_ends_each_object_and_waits_while_it_keeps_it(void **state)
{
    struct itr_registered *a = itr_registry_get("one", make, NULL);
    char told[16] = "";
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    end_pipe = ends[1];
    (void)in_child(exit_in_child, a);
    end_pipe = -1;
    close(ends[1]);
    assert_true(read(ends[0], told, sizeof told - 1) > 0);
    close(ends[0]);
    assert_string_equal(told, "ekkk");
    itr_registered_release(a);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(one_key_is_one_object),
        T(a_freed_object_is_made_anew),
        T(what_cannot_be_made_leaves_nothing_behind),
        T(the_middle_of_several_can_go_first),
        T(threads_that_come_and_go_lose_no_object),
        T(a_child_finds_every_object_whole_free_and_renewed),
        T(a_child_has_no_reference_of_a_thread_that_it_has_not),
        T(the_process_ends_each_object_and_waits_while_it_keeps_it),
    };

    fixture_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
