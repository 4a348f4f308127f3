#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HANGS_AFTER_S 300 /* nothing waits on this: it ends a test program that never would */

void fixture_change(struct itr_config *c, const struct itr_option *o)
{
    struct itr_error e;

    switch (o->type) {
    case ITR_OPTION_STRING: /* a file that there is, for ca_file */
        assert_int_equal(itr_config_set_text(c, o->name, "/etc/passwd", &e), ITR_OK);
        break;
    case ITR_OPTION_CHOICE:
        assert_int_equal(itr_config_set_text(c, o->name, o->choices[1], &e), ITR_OK);
        break;
    case ITR_OPTION_CODES:
        assert_int_equal(itr_config_add_code(c, o->name, 1, &e), ITR_OK);
        break;
    default:
        assert_int_equal(itr_config_set_number(c, o->name, o->max, &e), ITR_OK);
        break;
    }
}

void fixture_config(struct itr_config *c)
{
    struct itr_error e;

    itr_config_init(c);
    if (itr_config_set_text(c, "gateway", FIXTURE_GATEWAY, &e) != ITR_OK ||
        itr_config_set_text(c, "app_id", FIXTURE_APP, &e) != ITR_OK ||
        itr_config_set_text(c, "app_secret", FIXTURE_SECRET, &e) != ITR_OK ||
        itr_config_finish(c, &e) != ITR_OK)
        abort();
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL)
        return -1;
    fake_clock_init(&f->clock);
    fake_gateway_reset(&f->clock);
    f->store = fake_store_new(&f->clock);
    fixture_config(&f->config);
    f->parts = (struct itr_parts){&f->clock.clock, &fake_transport_factory, &f->store->head};
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    int transports = fake_open_transports();
    bool last = fake_store_free(f->store);

    if (transports != 0)
        fprintf(stderr, "%d transports were left open\n", transports);
    if (!last)
        fprintf(stderr, "the store is still held by a source\n");
    itr_config_clear(&f->config);
    free(f);
    return transports == 0 && last ? 0 : -1;
}

void fixture_main(void)
{
    (void)alarm(HANGS_AFTER_S);
    fake_world_init();
}
