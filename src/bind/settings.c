#include "bind/settings.h"

#include <math.h>
#include <string.h>

#include "bind/field.h"
#include "core/base/buf.h"
#include "core/base/secret_file.h"

#define SECRET_MAX 4096

static enum itr_status set_text(lua_State *L, const char *name, struct itr_config *config,
                                struct itr_error *e)
{
    size_t n;
    const char *text = lua_tolstring(L, -1, &n);

    if (strlen(text) != n)
        return itr_error_set(e, ITR_CONFIG, "option %.60s contains a NUL byte", name);
    return itr_config_set_text(config, name, text, e);
}

/* { 40101, 40102 } */
static enum itr_status set_list(lua_State *L, const char *name, struct itr_config *config,
                                struct itr_error *e)
{
    enum itr_status s = ITR_OK;
    int list = lua_gettop(L);
    size_t n = itr_lua_rawlen(L, list), at;

    for (at = 1; s == ITR_OK && at <= n; at++) {
        double code;
        lua_rawgeti(L, list, (int)at);
        code = lua_type(L, -1) == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : NAN;
        if (code == floor(code) && fabs(code) < 9e15)
            s = itr_config_add_code(config, name, (int64_t)code, e);
        else
            s = itr_error_set(e, ITR_CONFIG, "option %.60s: item %zu is not an integer code", name,
                              at);
        lua_pop(L, 1);
    }
    return s;
}

static enum itr_status wrong_type(lua_State *L, const char *name, struct itr_error *e)
{
    return itr_error_set(e, ITR_CONFIG, "option %s cannot be a %s", name, luaL_typename(L, -1));
}

/* The value is on top. */
static enum itr_status set_option(lua_State *L, const char *name, struct itr_config *config,
                                  struct itr_error *e)
{
    /* An unknown name is the first thing to say, whatever the value. */
    if (itr_config_option(name) == NULL)
        return itr_config_set_text(config, name, "", e);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        return set_text(L, name, config, e);
    case LUA_TBOOLEAN: /* trace = true */
        if (itr_config_option(name)->max > 1 || itr_config_option(name)->type != ITR_OPTION_INTEGER)
            return wrong_type(L, name, e);
        return itr_config_set_number(config, name, lua_toboolean(L, -1), e);
    case LUA_TNUMBER:
        return itr_config_set_number(config, name, (double)lua_tonumber(L, -1), e);
    case LUA_TTABLE:
        if (itr_config_option(name)->type == ITR_OPTION_CODES)
            return set_list(L, name, config, e);
        /* fall through */
    default:
        return wrong_type(L, name, e);
    }
}

static enum itr_status set_all(lua_State *L, int i, struct itr_config *config, struct itr_error *e)
{
    enum itr_status s = ITR_OK;
    int top = lua_gettop(L);

    luaL_checkstack(L, 8, "options");
    for (lua_pushnil(L); s == ITR_OK && lua_next(L, i); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            s = set_option(L, lua_tostring(L, -2), config, e);
        else
            s = itr_error_set(e, ITR_CONFIG, "options must have names as keys, not a %s",
                              luaL_typename(L, -2));
    }
    lua_settop(L, top);
    return s;
}

/* Says which option the file is of; options.lua finds it there. */
static enum itr_status name_option(struct itr_error *e)
{
    struct itr_error why = *e;

    return itr_error_set(e, why.kind, "option app_secret_file: %s", why.text);
}

/* No Lua in here, so the buffer may lie on the stack. */
static enum itr_status read_secret_file(struct itr_config *config, struct itr_error *e)
{
    struct itr_buf secret;
    enum itr_status s;

    if (config->app_secret_file == NULL || itr_config_is_central(config)) /* finish refuses it */
        return ITR_OK;
    if (config->app_secret != NULL)
        return itr_error_set(
            e, ITR_CONFIG,
            "option app_secret_file is set, and so is app_secret; remove one of them");
    itr_buf_init_secret(&secret, SECRET_MAX);
    s = itr_secret_file_read(config->app_secret_file, &secret, e);
    if (s != ITR_OK)
        s = name_option(e);
    else
        s = itr_config_set_text(config, "app_secret", itr_buf_str(&secret), e);
    itr_buf_clear(&secret);
    return s;
}

enum itr_status itr_settings_read(lua_State *L, int i, struct itr_config *config,
                                  struct itr_error *e)
{
    enum itr_status s;

    if ((s = set_all(L, i, config, e)) != ITR_OK)
        return s;
    if ((s = read_secret_file(config, e)) != ITR_OK)
        return s;
    return itr_config_finish(config, e);
}

static const char *type_name(enum itr_option_type type)
{
    switch (type) {
    case ITR_OPTION_STRING:
        return "string";
    case ITR_OPTION_SECONDS:
        return "seconds";
    case ITR_OPTION_INTEGER:
        return "integer";
    case ITR_OPTION_CHOICE:
        return "choice";
    default:
        return "codes";
    }
}

static void set_number(lua_State *L, const char *name, double value)
{
    if (value == floor(value))
        itr_field_integer(L, name, (int64_t)value);
    else
        itr_field_number(L, name, value);
}

static void set_choices(lua_State *L, const char *const *choices)
{
    int n;

    lua_newtable(L);
    for (n = 0; choices[n] != NULL; n++) {
        lua_pushstring(L, choices[n]);
        lua_rawseti(L, -2, n + 1);
    }
    lua_setfield(L, -2, "choices");
}

/* What an option may be, and its default. Its table is on top. */
static void set_bounds(lua_State *L, const struct itr_option *o)
{
    if (o->choices != NULL) {
        set_choices(L, o->choices);
        itr_field_string(L, "default", o->choices[0]);
    } else if (o->type == ITR_OPTION_SECONDS || o->type == ITR_OPTION_INTEGER) {
        set_number(L, "min", o->min);
        set_number(L, "max", o->max);
        set_number(L, "default", o->standard);
    } else {
        itr_field_string(L, "default", o->text);
    }
}

void itr_settings_push_options(lua_State *L)
{
    const struct itr_option *o = itr_config_options();
    int n = 0;

    lua_newtable(L);
    for (; o->name != NULL; o++) {
        lua_createtable(L, 0, 8);
        itr_field_string(L, "name", o->name);
        itr_field_string(L, "type", type_name(o->type));
        itr_field_boolean(L, "secret", o->secret);
        itr_field_boolean(L, "daemon", (o->uses & ITR_USE_DAEMON) != 0);
        set_bounds(L, o);
        lua_rawseti(L, -2, ++n);
    }
}
