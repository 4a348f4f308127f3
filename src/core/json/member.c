#include "core/json/member.h"

#define NAME_MAX_BYTES 64

/* Where we are in the text; at never passes end. */
struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) != NULL && *c->at != '\0')
        c->at++;
}

/* Over a string from its opening quote on; returns what is between the quotes. */
static struct itr_json_piece skip_string(struct cursor *c)
{
    struct itr_json_piece inside = {++c->at, 0};

    while (c->at < c->end && *c->at != '"')
        c->at += *c->at == '\\' && c->end - c->at > 1 ? 2 : 1;
    inside.len = (size_t)(c->at - inside.at);
    if (c->at < c->end)
        c->at++;
    return inside;
}

/* Over a value: to the comma or bracket behind it, at whatever depth its own are. */
static void skip_value(struct cursor *c)
{
    int depth = 0;

    while (c->at < c->end) {
        if (*c->at == '"') {
            (void)skip_string(c);
            continue;
        }
        if (depth == 0 && (*c->at == ',' || *c->at == '}' || *c->at == ']'))
            return;
        depth += (*c->at == '{' || *c->at == '[') - (*c->at == '}' || *c->at == ']');
        c->at++;
    }
}

static struct itr_json_piece take_value(struct cursor *c)
{
    struct itr_json_piece value = {c->at, 0};

    skip_value(c);
    value.len = (size_t)(c->at - value.at);
    while (value.len > 0 && strchr(" \t\r\n", value.at[value.len - 1]) != NULL)
        value.len--;
    return value;
}

static bool is_name(struct itr_json_piece key, const char *name)
{
    char text[NAME_MAX_BYTES];
    size_t n = itr_json_unescape_short(key, text, sizeof text);

    return n == strlen(name) && n <= sizeof text && memcmp(text, name, n) == 0;
}

struct itr_json_piece itr_json_member(struct itr_json_piece object, const char *name)
{
    struct itr_json_piece found = {NULL, 0}, key, value;
    struct cursor c = {object.at, object.at};

    if (object.at == NULL || object.len == 0 || *object.at != '{')
        return found;
    c.at++;
    c.end += object.len;
    for (;;) {
        skip_space(&c);
        if (c.at >= c.end || *c.at != '"')
            return found; /* the end of the object */
        key = skip_string(&c);
        skip_space(&c);
        if (c.at < c.end)
            c.at++; /* the colon */
        skip_space(&c);
        value = take_value(&c);
        if (is_name(key, name))
            found = value;
        if (c.at < c.end)
            c.at++; /* the comma, or the brace: nothing follows that */
    }
}
