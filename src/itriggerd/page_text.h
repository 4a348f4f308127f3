/*
 * page_text: the words of the status page, in English and Chinese, and the choice between the two
 * for a browser. Pure; static memory; any thread.
 */
#ifndef ITRIGGERD_PAGE_TEXT_H
#define ITRIGGERD_PAGE_TEXT_H

#include <stdint.h>

#include "core/base/status.h"
#include "core/source/cache.h"

enum page_language { PAGE_EN, PAGE_ZH, PAGE_LANGUAGES };

enum page_word {
    PAGE_TITLE,
    PAGE_NO_APPS,
    PAGE_ALL_READY, /* %s of %s */
    PAGE_SOME_FAIL, /* %s of %s have no token */
    PAGE_SOME_WARN, /* %s have one, and fetching fails */
    PAGE_WARNING,
    PAGE_REFUSED,
    PAGE_NO_FILE,
    PAGE_TIMES, /* %s times, %s: since */
    PAGE_READY,
    PAGE_NOT_READY,
    PAGE_REMAINING,  /* %s: a length of time */
    PAGE_REFRESH_IN, /* %s */
    PAGE_DUE,
    PAGE_EXPIRED,
    PAGE_NO_TOKEN,
    PAGE_TODAY,
    PAGE_OF_LIMIT, /* %s of %s */
    PAGE_UNKNOWN,
    PAGE_EVENTS,
    PAGE_AGO, /* %s */
    PAGE_REFRESHES,
    PAGE_COUNTS, /* four numbers */
    PAGE_DAYS,
    PAGE_HOURS,
    PAGE_MINUTES,
    PAGE_SECONDS,
    PAGE_WORDS
};

/* Return the language that an Accept-Language header prefers (NULL: no header); English if
 * neither. */
enum page_language page_language_of(const char *accept);
/* Return the language's tag, for the attribute lang. */
const char *page_language_tag(enum page_language l);

const char *page_text(enum page_language l, enum page_word w);
const char *page_text_state(enum page_language l, enum itr_cache_state state);
/* Return what went wrong, in words for people; code: the gateway's, or 0. Returns "" in English,
 * where the error's own text says it. */
const char *page_text_reason(enum page_language l, enum itr_status kind, int64_t code);
const char *page_text_why(enum page_language l, enum itr_cache_why why);

#endif
