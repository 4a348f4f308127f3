#include "store/redis_error.h"

#include <stdio.h>
#include <string.h>

enum itr_status itr_redis_fail(const char *id, const char *what, struct itr_error *e)
{
    return itr_error_set(e, ITR_STORE, "token store %.200s: %s (option token_store)", id, what);
}

struct said {
    const char *word;
    const char *meaning;
};

static const struct said said[] = {
    {"NOAUTH", "it asks for a password; give it as redis://user:password@..."},
    {"WRONGPASS", "it refuses the user or password"},
    {"NOPERM",
     "its user may not do that; it needs get, set, del, time, eval and evalsha on our keys"},
    {"LOADING", "it is still loading its data"},
    {"READONLY", "it is a replica that is read-only; name the master"},
    {"OOM", "it is out of memory (maxmemory)"},
    {"MISCONF", "it takes no writes because it cannot save its data"},
    {"MASTERDOWN", "it has lost its master"},
    {"BUSY", "it is busy with another script"},
    {"WRONGTYPE", "something else stands under our key; give another prefix"},
};

enum itr_status itr_redis_fail_reply(const char *id, const char *text, struct itr_error *e)
{
    size_t n = strcspn(text, " :,'"), i;
    char what[80];

    for (i = 0; i < sizeof said / sizeof *said; i++)
        if (strlen(said[i].word) == n && memcmp(text, said[i].word, n) == 0)
            return itr_redis_fail(id, said[i].meaning, e);
    /* A script's error has the first word of what failed in it, further behind. */
    for (i = 0; i < sizeof said / sizeof *said; i++)
        if (strstr(text, said[i].word) != NULL)
            return itr_redis_fail(id, said[i].meaning, e);
    snprintf(what, sizeof what, "it answered with the error %.*s", n < 20 ? (int)n : 20, text);
    return itr_redis_fail(id, what, e);
}
