#include "store/redis_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum itr_status itr_redis_fail(const char *id, const struct itr_redis_place *place,
                               const char *what, struct itr_error *e)
{
    char at[ITR_REDIS_PLACE_TEXT] = "";

    if (place == NULL)
        return itr_error_set(e, ITR_STORE, "token store %.160s: %s (option token_store)", id, what);
    itr_redis_place_text(place, at, sizeof at);
    return itr_error_set(e, ITR_STORE, "token store %.120s: %.60s: %s (option token_store)", id, at,
                         what);
}

struct meaning {
    const char *word; /* the first word of the error, or words within an "ERR" */
    enum itr_redis_said said;
    const char *text;
};

#define RIGHTS                                                                                     \
    "its user lacks a right; it needs the commands eval, evalsha, get, set, time (select for "     \
    "another db than 0, role for Sentinel, asking for a cluster) and our keys (docs/stores.md)"

static const struct meaning by_code[] = {
    {"NOSCRIPT", ITR_REDIS_NOSCRIPT, "it does not know our script"},
    {"READONLY", ITR_REDIS_LEAVE, "it is a read-only replica; the address must lead to the master"},
    {"LOADING", ITR_REDIS_LEAVE, "it is still loading its data"},
    {"MASTERDOWN", ITR_REDIS_LEAVE, "it is a replica that lost its master"},
    {"CLUSTERDOWN", ITR_REDIS_LEAVE, "its cluster is down: no node serves our key"},
    {"TRYAGAIN", ITR_REDIS_LEAVE, "its cluster is moving our key"},
    {"NOREPLICAS", ITR_REDIS_LEAVE,
     "it refuses writes because too few replicas are connected (min-replicas-to-write)"},
    {"DENIED", ITR_REDIS_LEAVE,
     "it is in protected mode, for its own machine only; set a password or its option "
     "protected-mode"},
    {"NOAUTH", ITR_REDIS_ERROR, "it requires a password: redis://user:password@..."},
    {"WRONGPASS", ITR_REDIS_ERROR, "it rejected the user or the password"},
    {"NOPERM", ITR_REDIS_ERROR, RIGHTS},
    {"OOM", ITR_REDIS_ERROR, "it is out of memory (maxmemory)"},
    {"MISCONF", ITR_REDIS_ERROR, "it refuses writes because it cannot save its data; see its log"},
    {"BUSY", ITR_REDIS_ERROR, "another script keeps it busy (SCRIPT KILL ends that)"},
    {"WRONGTYPE", ITR_REDIS_ERROR, "another program uses our key; give another prefix"},
    {"CROSSSLOT", ITR_REDIS_ERROR, "its cluster spreads one key over several nodes"},
};

static const struct meaning by_words[] = {
    {"max number of clients", ITR_REDIS_LEAVE, "it has no free connection (maxclients)"},
    {"invalid password", ITR_REDIS_ERROR, "it rejected the user or the password"},
    {"without any password", ITR_REDIS_ERROR,
     "it has no password, but the address has one; set it there or leave it out"},
    {"no password is set", ITR_REDIS_ERROR,
     "it has no password, but the address has one; set it there or leave it out"},
    {"number of arguments for 'auth'", ITR_REDIS_ERROR,
     "it knows no users, only a password (before Redis 6): redis://:password@..."},
    {"DB index", ITR_REDIS_ERROR, "it does not have the db of the address"},
    {"not allowed in cluster mode", ITR_REDIS_ERROR, "a cluster has db 0 only; leave the db out"},
    {"No such master", ITR_REDIS_ERROR,
     "the Sentinel does not know a master of the name in the address"},
    {"ACL failure", ITR_REDIS_ERROR, RIGHTS},
    {"user executing the script", ITR_REDIS_ERROR, RIGHTS}, /* Redis 7.0 */
    {"Protocol error", ITR_REDIS_LOST, "it does not understand us"},
};

/* What it means that the server does not know a command of ours. */
static const struct meaning unknown[] = {
    {"get", ITR_REDIS_ERROR,
     "it does not have the command GET; is this the port of a Sentinel? Then the address is "
     "redis+sentinel://host:26379/MASTER"},
    {"sentinel", ITR_REDIS_ERROR, "it is not a Sentinel (their port is 26379)"},
    {"eval", ITR_REDIS_ERROR,
     "it does not have the command EVAL, without which the token cannot be swapped"},
    {"evalsha", ITR_REDIS_ERROR,
     "it does not have the command EVALSHA, without which the token cannot be swapped"},
    {"time", ITR_REDIS_ERROR, "it does not have the command TIME, which the age of a token needs"},
    {"set", ITR_REDIS_ERROR, "it does not have the command SET"},
    {"select", ITR_REDIS_ERROR, "it does not have the command SELECT; leave the db out"},
    {"role", ITR_REDIS_ERROR, "it does not have the command ROLE, which Sentinel needs"},
    {"auth", ITR_REDIS_ERROR, "it does not have the command AUTH"},
    {"asking", ITR_REDIS_ERROR, "it does not have the command ASKING, which a cluster needs"},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static enum itr_redis_said found(const struct meaning *m, char *what, size_t size)
{
    (void)snprintf(what, size, "%s", m->text);
    return m->said;
}

/* "ERR unknown command 'EVALSHA', with args beginning with: ...", in three kinds of quotes. */
static const struct meaning *find_unknown(const char *text)
{
    static const char begins[] = "unknown command";
    const char *at = strstr(text, begins);
    size_t n, i;

    if (at == NULL)
        return NULL;
    at += strlen(begins);
    at += strspn(at, " '`\"");
    n = strcspn(at, "'`\",| ");
    for (i = 0; i < COUNT(unknown); i++)
        if (strlen(unknown[i].word) == n && strncasecmp(at, unknown[i].word, n) == 0)
            return &unknown[i];
    return NULL;
}

static const struct meaning *find(const char *text, size_t first)
{
    const struct meaning *m;
    size_t i;

    for (i = 0; i < COUNT(by_code); i++)
        if (strlen(by_code[i].word) == first && memcmp(text, by_code[i].word, first) == 0)
            return &by_code[i];
    if ((m = find_unknown(text)) != NULL)
        return m;
    for (i = 0; i < COUNT(by_words); i++)
        if (strcasestr(text, by_words[i].word) != NULL)
            return &by_words[i];
    /* Before Redis 7 a script's error has the code of the command that failed further behind. */
    for (i = 0; i < COUNT(by_code); i++)
        if (strncmp(text, "ERR", 3) == 0 && strstr(text, by_code[i].word) != NULL)
            return &by_code[i];
    return NULL;
}

/* "MOVED 3999 127.0.0.1:6381"; Redis 7 leaves the host out if it does not know it. */
static bool read_elsewhere(const char *text, struct itr_redis_place *place)
{
    const char *slot = strchr(text, ' ');
    const char *at = slot != NULL ? strchr(slot + 1, ' ') : NULL;
    const char *colon = at != NULL ? strrchr(at, ':') : NULL;
    size_t n;
    long port;

    if (colon == NULL)
        return false;
    at++;
    n = (size_t)(colon - at);
    port = strtol(colon + 1, NULL, 10);
    if (n >= sizeof place->host || port < 1 || port > 65535)
        return false;
    memcpy(place->host, at, n);
    place->host[n] = '\0';
    place->port = (int)port;
    return true;
}

enum itr_redis_said itr_redis_error_read(const char *text, char *what, size_t size,
                                         struct itr_redis_place *elsewhere)
{
    size_t first = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    bool is_moved = strncmp(text, "MOVED ", 6) == 0, is_ask = strncmp(text, "ASK ", 4) == 0;
    const struct meaning *m;

    if (is_moved || is_ask) {
        (void)snprintf(what, size, "its cluster keeps our key on another node");
        if (!read_elsewhere(text, elsewhere))
            return ITR_REDIS_ERROR;
        return is_moved ? ITR_REDIS_MOVED : ITR_REDIS_ASK;
    }
    if ((m = find(text, first)) != NULL)
        return found(m, what, size);
    (void)snprintf(what, size, "it answered with the error %.*s", first < 20 ? (int)first : 20,
                   text);
    return ITR_REDIS_ERROR;
}
