#include "transport/curl_headers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- out ---- */

/* "Name;" is how libcurl writes a header with an empty value; callers may, too. */
static size_t name_length(const char *line)
{
    return strcspn(line, ":;");
}

static bool is_named_in(const char *line, const char *const *lines)
{
    size_t n = name_length(line);

    for (; *lines != NULL; lines++)
        if (name_length(*lines) == n && strncasecmp(*lines, line, n) == 0)
            return true;
    return false;
}

static bool has_no_value(const char *line)
{
    const char *colon = strchr(line, ':');

    return colon != NULL && colon[1 + strspn(colon + 1, " \t")] == '\0';
}

/* On failure *list is as before. */
static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

/* "Name:" tells libcurl to leave a header out; one with an empty value is written "Name;". */
static bool add_extra(struct curl_slist **list, const char *line)
{
    char *copy = strdup(line);
    bool ok;

    if (copy != NULL && has_no_value(copy))
        memcpy(copy + name_length(copy), ";", 2);
    ok = copy != NULL && add(list, copy);
    if (copy != NULL)
        itr_wipe(copy, strlen(copy));
    free(copy);
    return ok;
}

void itr_curl_headers_free(struct curl_slist *list)
{
    struct curl_slist *line;

    for (line = list; line != NULL; line = line->next)
        itr_wipe(line->data, strlen(line->data));
    curl_slist_free_all(list);
}

struct curl_slist *itr_curl_headers_make(const char *const *extra, const struct curl_slist *shared)
{
    struct curl_slist *list = NULL;
    const char *const *line;

    for (line = extra; *line != NULL; line++)
        if (!add_extra(&list, *line))
            goto err0;
    for (; shared != NULL; shared = shared->next)
        if (!is_named_in(shared->data, extra) && !add(&list, shared->data))
            goto err0;
    return list;

err0:
    itr_curl_headers_free(list);
    return NULL;
}

/* ---- in ---- */

static size_t trim_end(const char *s, size_t n)
{
    while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
        n--;
    return n;
}

static enum itr_status append_lower(struct itr_buf *out, const char *s, size_t n)
{
    char *to = itr_buf_room(out, n);
    size_t i;

    if (to == NULL)
        return out->max - out->len < n ? ITR_FULL : ITR_NOMEM;
    for (i = 0; i < n; i++)
        to[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
    itr_buf_grew(out, n);
    return ITR_OK;
}

static enum itr_status append_pair(struct itr_buf *out, const char *line, size_t name_len,
                                   const char *value, size_t value_len)
{
    enum itr_status s;

    if ((s = append_lower(out, line, name_len)) != ITR_OK)
        return s;
    if ((s = itr_buf_append(out, ": ", 2)) != ITR_OK)
        return s;
    if ((s = itr_buf_append(out, value, value_len)) != ITR_OK)
        return s;
    return itr_buf_append_char(out, '\n');
}

enum itr_status itr_curl_headers_collect(struct itr_buf *out, const char *line, size_t n)
{
    const char *end, *colon, *value;

    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        itr_buf_reset(out);
        return ITR_OK;
    }

    /* The empty line that ends the head, and folded lines, which RFC 9112 (5.2) has done with. */
    end = line + trim_end(line, n);
    if (end == line || *line == ' ' || *line == '\t')
        return ITR_OK;
    if ((colon = memchr(line, ':', (size_t)(end - line))) == NULL)
        return ITR_OK;
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        ;
    return append_pair(out, line, (size_t)(colon - line), value, (size_t)(end - value));
}
