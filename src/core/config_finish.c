#include "core/config.h"

#include <string.h>

#include "core/url.h"
#include "core/utf8.h"

/* What can be said of a config only when all of it is there. */

#define GATEWAY_MAX 4096

static const char *string_of(const struct itr_config *c, const struct itr_option *o)
{
    return *(char *const *)(const void *)((const char *)c + o->offset);
}

static enum itr_status check_credential(const char *name, const char *variable, const char *text,
                                        struct itr_error *e)
{
    if (text == NULL || *text == '\0')
        return itr_error_set(e, ITR_CONFIG,
                             "option %s is %s: give it to new or configure, or set %s", name,
                             text == NULL ? "missing" : "empty", variable);
    if (!itr_utf8_valid(text, strlen(text)))
        return itr_error_set(e, ITR_CONFIG, "option %s is not valid UTF-8", name);
    return ITR_OK;
}

/* Of every string: a line end in user_agent, say, would begin a header of its own. */
static enum itr_status check_strings(const struct itr_config *c, struct itr_error *e)
{
    const struct itr_option *o;
    const char *text;

    for (o = itr_config_options(); o->name != NULL; o++) {
        if (o->type != ITR_OPTION_STRING || (text = string_of(c, o)) == NULL)
            continue;
        for (; *text != '\0'; text++)
            if ((unsigned char)*text < 0x20 || *text == 0x7f)
                return itr_error_set(e, ITR_CONFIG, "option %s has a control character in it",
                                     o->name);
    }
    return ITR_OK;
}

static enum itr_status normalise_gateway(struct itr_config *c, struct itr_error *e)
{
    struct itr_buf normal;
    enum itr_status s;

    if (c->gateway == NULL || *c->gateway == '\0')
        return itr_error_set(e, ITR_CONFIG,
                             "option gateway is %s: give the base URL of your environment, "
                             "https://..., to new or configure, or set ITRIGGER_GATEWAY",
                             c->gateway == NULL ? "missing" : "empty");
    itr_buf_init(&normal, GATEWAY_MAX);
    if ((s = itr_url_gateway(c->gateway, &normal, e)) == ITR_OK)
        s = itr_config_set_text(c, "gateway", itr_buf_str(&normal), e);
    itr_buf_clear(&normal);
    return s;
}

static enum itr_status set_standards(struct itr_config *c, struct itr_error *e)
{
    const struct itr_option *o;
    enum itr_status s = ITR_OK;

    for (o = itr_config_options(); o->name != NULL && s == ITR_OK; o++)
        if (o->type == ITR_OPTION_STRING && o->text != NULL && string_of(c, o) == NULL)
            s = itr_config_set_text(c, o->name, o->text, e);
    return s;
}

enum itr_status itr_config_finish(struct itr_config *c, struct itr_error *e)
{
    enum itr_status s;

    if ((s = normalise_gateway(c, e)) != ITR_OK)
        return s;
    if ((s = check_credential("app_id", "ITRIGGER_APP_ID", c->app_id, e)) != ITR_OK)
        return s;
    if ((s = check_credential("app_secret", "ITRIGGER_APP_SECRET", c->app_secret, e)) != ITR_OK)
        return s;
    if ((s = check_strings(c, e)) != ITR_OK)
        return s;
    return set_standards(c, e);
}
