#include "itriggerd/page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/version.h"
#include "itriggerd/page_style.h"

#define PIECE_MAX 4096 /* the style sheet is the longest */
#define NUMBER_MAX 24
#define SPAN_MAX 64
#define WHOLE 1000 /* the width of a bar */

/* ---- text ---- */

static void append_text(struct itr_buf *out, const char *text)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "&<>\"'");
        (void)itr_buf_append(out, text, plain);
        text += plain;
        if (*text != '\0')
            (void)itr_buf_append_fmt(out, "&#%d;", *text++);
    }
}

/* A word or sentence of ours, with a text for each %s in it. */
static void say(struct itr_buf *out, enum page_language l, enum page_word w, ...)
{
    const char *pattern = page_text(l, w), *slot;
    va_list args;

    va_start(args, w);
    for (; (slot = strstr(pattern, "%s")) != NULL; pattern = slot + 2) {
        (void)itr_buf_append(out, pattern, (size_t)(slot - pattern));
        (void)itr_buf_append_str(out, va_arg(args, const char *));
    }
    va_end(args);
    (void)itr_buf_append_str(out, pattern);
}

static const char *number(char out[NUMBER_MAX], int64_t value)
{
    (void)snprintf(out, NUMBER_MAX, "%" PRId64, value);
    return out;
}

/* "1 h 28 min", "42 s": two units at the most. */
static const char *span(char out[SPAN_MAX], enum page_language l, int64_t ms)
{
    static const struct {
        int64_t s;
        enum page_word name;
    } units[] = {{86400, PAGE_DAYS}, {3600, PAGE_HOURS}, {60, PAGE_MINUTES}, {1, PAGE_SECONDS}};
    int64_t s = ms > 0 ? ms / 1000 : 0;
    size_t i = 0, n;

    while (i < 3 && s < units[i].s)
        i++;
    n = (size_t)snprintf(out, SPAN_MAX, "%" PRId64 "%s", s / units[i].s,
                         page_text(l, units[i].name));
    if (i < 3)
        (void)snprintf(out + n, SPAN_MAX - n, " %" PRId64 "%s", s % units[i].s / units[i + 1].s,
                       page_text(l, units[i + 1].name));
    return out;
}

/* ---- bars ---- */

/* Of a whole, in thousandths, 0 to WHOLE. */
static int share(int64_t part, int64_t whole)
{
    if (part <= 0 || whole <= 0)
        return 0;
    return part >= whole ? WHOLE : (int)(part * WHOLE / whole);
}

/* Inline styles are forbidden by the policy; attributes of SVG are none. mark < 0: none. */
static void append_bar(struct itr_buf *out, const char *kind, const char *color, int filled,
                       int mark)
{
    (void)itr_buf_append_fmt(
        out,
        "<svg class=\"%s\" data-filled=\"%d\" data-mark=\"%d\" role=\"img\" "
        "aria-label=\"%d%%\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\">"
        "<rect class=\"track\" width=\"1000\" height=\"10\"/>"
        "<rect class=\"%s\" width=\"%d\" height=\"10\"/>",
        kind, filled, mark, filled / 10, color, filled);
    if (mark >= 0)
        (void)itr_buf_append_fmt(out, "<rect class=\"mark\" x=\"%d\" width=\"4\" height=\"10\"/>",
                                 mark);
    (void)itr_buf_append_str(out, "</svg>");
}

/* ---- one app ---- */

/* By trouble. */
static const char *const badges[APP_TROUBLES] = {" bad", " due", ""};

static enum page_word state_of(const struct app_status *h)
{
    if (h->trouble != APP_FAILS)
        return h->trouble == APP_WARNS ? PAGE_WARNING : PAGE_READY;
    return h->refused ? PAGE_REFUSED : !h->file_ok ? PAGE_NO_FILE : PAGE_NOT_READY;
}

static void append_head(struct itr_buf *out, enum page_language l, const struct app_status *h,
                        bool folded)
{
    (void)itr_buf_append_fmt(out, "<section%s data-app=\"", folded ? " class=\"fine\"" : "");
    append_text(out, h->name);
    (void)itr_buf_append_fmt(out, "\" data-fence=\"%" PRIu64 "\"><details%s><summary><header><h2>",
                             h->source.fence, folded ? "" : " open");
    append_text(out, h->name);
    (void)itr_buf_append_fmt(out, "</h2><span class=\"badge%s\">", badges[h->trouble]);
    say(out, l, state_of(h));
    (void)itr_buf_append_str(out, "</span></header></summary><p class=\"id\">");
    append_text(out, h->app_id);
    (void)itr_buf_append_str(out, "</p>");
}

/* The bar is what is left of the token's life; the mark is where it is refreshed. */
static void append_life(struct itr_buf *out, enum page_language l, const struct itr_stats *t)
{
    bool due = t->refresh_in_ms <= 0, over = t->expires_in_ms <= 0;
    int64_t life = t->age_ms + t->expires_in_ms;
    char text[SPAN_MAX];

    append_bar(out, "life",
               over  ? "bad"
               : due ? "due"
                     : "good",
               share(t->expires_in_ms, life), share(t->expires_in_ms - t->refresh_in_ms, life));
    (void)itr_buf_append_str(out, "<p>");
    say(out, l, over ? PAGE_EXPIRED : PAGE_REMAINING, span(text, l, t->expires_in_ms));
    (void)itr_buf_append_str(out, " · ");
    say(out, l, due ? PAGE_DUE : PAGE_REFRESH_IN, span(text, l, t->refresh_in_ms));
    (void)itr_buf_append_fmt(out, " · <span class=\"note\">sha256:%s</span></p>", t->id);
}

static void append_no_life(struct itr_buf *out, enum page_language l)
{
    append_bar(out, "life", "bad", 0, -1);
    (void)itr_buf_append_str(out, "<p>");
    say(out, l, PAGE_NO_TOKEN);
    (void)itr_buf_append_str(out, "</p>");
}

static void append_today(struct itr_buf *out, enum page_language l, const struct itr_stats *t)
{
    char today[NUMBER_MAX], limit[NUMBER_MAX];
    const char *fetches =
        t->fetches_today >= 0 ? number(today, t->fetches_today) : page_text(l, PAGE_UNKNOWN);
    int used = share(t->fetches_today, t->daily_limit);

    if (t->daily_limit > 0)
        append_bar(out, "today",
                   used >= WHOLE            ? "bad"
                   : used >= WHOLE * 8 / 10 ? "due"
                                            : "good",
                   used, -1);
    (void)itr_buf_append_fmt(out, "<p>%s: ", page_text(l, PAGE_TODAY));
    if (t->daily_limit > 0)
        say(out, l, PAGE_OF_LIMIT, fetches, number(limit, t->daily_limit));
    else
        (void)itr_buf_append_str(out, fetches);
    (void)itr_buf_append_str(out, "</p>");
}

static int64_t failed_fetches(const struct app_status *h)
{
    int64_t sum = 0;
    size_t i;

    for (i = 0; i < sizeof h->source.fetches.failed / sizeof *h->source.fetches.failed; i++)
        sum += (int64_t)h->source.fetches.failed[i];
    return sum;
}

static void append_counts(struct itr_buf *out, enum page_language l, const struct app_status *h)
{
    char text[4][NUMBER_MAX];

    (void)itr_buf_append_str(out, "<p class=\"note\">");
    say(out, l, PAGE_COUNTS, number(text[0], h->count[APP_TOKENS]),
        number(text[1], h->count[APP_REFUSALS]), number(text[2], failed_fetches(h)),
        number(text[3], h->source.waiters));
    (void)itr_buf_append_str(out, "</p>");
}

/* The gateway's or our own words, in Chinese after what they mean. */
static void append_error(struct itr_buf *out, enum page_language l, const struct itr_error *e)
{
    const char *reason = page_text_reason(l, e->kind, e->has_code ? e->code : 0);

    (void)itr_buf_append_fmt(out, "%s%s", reason, *reason != '\0' ? "：" : "");
    append_text(out, e->text);
}

static void append_event(struct itr_buf *out, enum page_language l, const struct itr_event *e,
                         int64_t now_wall_ms)
{
    char times[NUMBER_MAX], since[SPAN_MAX];

    (void)itr_buf_append_str(out, "<tr><td>");
    say(out, l, PAGE_AGO, span(since, l, now_wall_ms - e->at_wall_ms));
    (void)itr_buf_append_fmt(out, "</td><td>%s → %s", page_text_why(l, e->why),
                             page_text_state(l, e->state));
    if (e->times > 1)
        say(out, l, PAGE_TIMES, number(times, e->times),
            span(since, l, now_wall_ms - e->first_wall_ms));
    if (e->error.kind != ITR_OK) {
        (void)itr_buf_append_str(out, "<br>");
        append_error(out, l, &e->error);
    }
    (void)itr_buf_append_str(out, "</td></tr>");
}

/* Folded, unless something is wrong. */
static void append_events(struct itr_buf *out, enum page_language l, const struct app_status *h,
                          const struct itr_event_list *events, int64_t now_wall_ms)
{
    size_t i;

    if (events->n == 0)
        return;
    (void)itr_buf_append_fmt(out, "<details%s><summary>%s</summary><table>",
                             h->trouble == APP_FINE ? "" : " open", page_text(l, PAGE_EVENTS));
    for (i = events->n; i > 0; i--)
        append_event(out, l, &events->event[i - 1], now_wall_ms);
    (void)itr_buf_append_str(out, "</table></details>");
}

/* ---- the page ---- */

static void append_summary(struct itr_buf *out, enum page_language l,
                           const size_t of_trouble[APP_TROUBLES])
{
    size_t failed = of_trouble[APP_FAILS], warned = of_trouble[APP_WARNS];
    char some[NUMBER_MAX], all[NUMBER_MAX];

    (void)number(all, (int64_t)(failed + warned + of_trouble[APP_FINE]));
    (void)itr_buf_append_fmt(out, "<p class=\"sum badge%s\">",
                             badges[failed > 0   ? APP_FAILS
                                    : warned > 0 ? APP_WARNS
                                                 : APP_FINE]);
    if (failed > 0)
        say(out, l, PAGE_SOME_FAIL, number(some, (int64_t)failed), all);
    else if (warned == 0)
        say(out, l, PAGE_ALL_READY, all, all);
    if (failed > 0 && warned > 0)
        (void)itr_buf_append_char(out, ' ');
    if (warned > 0)
        say(out, l, PAGE_SOME_WARN, number(some, (int64_t)warned));
    (void)itr_buf_append_str(out, "</p>");
}

void page_begin(struct itr_buf *out, enum page_language l, const size_t of_trouble[APP_TROUBLES])
{
    const char *title = page_text(l, PAGE_TITLE);

    (void)itr_buf_append_fmt(
        out,
        "<!DOCTYPE html><html lang=\"%s\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        "<meta http-equiv=\"refresh\" content=\"5\"><title>%s</title><style>",
        page_language_tag(l), title);
    (void)itr_buf_append_str(out, page_style);
    (void)itr_buf_append_fmt(out, "</style></head><body><h1>%s</h1>", title);
    if (of_trouble[APP_FAILS] + of_trouble[APP_WARNS] + of_trouble[APP_FINE] > 0)
        append_summary(out, l, of_trouble);
    else
        (void)itr_buf_append_fmt(out, "<section>%s</section>", page_text(l, PAGE_NO_APPS));
}

void page_app(struct itr_buf *out, enum page_language l, const struct app_status *h,
              const struct itr_event_list *events, int64_t now_wall_ms, bool folded)
{
    append_head(out, l, h, folded && h->trouble == APP_FINE);
    if (h->source.last_error.kind != ITR_OK) {
        (void)itr_buf_append_str(out, "<p class=\"reason\">");
        append_error(out, l, &h->source.last_error);
        (void)itr_buf_append_str(out, "</p>");
    }
    if (h->source.fence != 0)
        append_life(out, l, &h->source);
    else
        append_no_life(out, l);
    append_today(out, l, &h->source);
    append_counts(out, l, h);
    append_events(out, l, h, events, now_wall_ms);
    (void)itr_buf_append_str(out, "</details></section>");
}

enum itr_status page_end(struct itr_buf *out, enum page_language l)
{
    (void)itr_buf_append_fmt(out, "<footer>itriggerd " ITR_VERSION " · %s</footer></body></html>",
                             page_text(l, PAGE_REFRESHES));
    /* No append is longer; so if one did not fit, this does not either. */
    return itr_buf_reserve(out, PIECE_MAX);
}
