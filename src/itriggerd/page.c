#include "itriggerd/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/version.h"
#include "itriggerd/page_style.h"

#define PIECE_MAX 4096 /* no append is longer: the style sheet is the longest */
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

/* pattern is ours: text with a %s for each of n values. */
static void append_filled(struct itr_buf *out, const char *pattern, const char *const *values,
                          size_t n)
{
    const char *slot;
    size_t i;

    for (i = 0; i < n && (slot = strstr(pattern, "%s")) != NULL; i++) {
        (void)itr_buf_append(out, pattern, (size_t)(slot - pattern));
        (void)itr_buf_append_str(out, values[i]);
        pattern = slot + 2;
    }
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
    int64_t s = ms > 0 ? ms / 1000 : 0;
    const char *days = page_text(l, PAGE_DAYS), *hours = page_text(l, PAGE_HOURS);
    const char *minutes = page_text(l, PAGE_MINUTES), *seconds = page_text(l, PAGE_SECONDS);

    if (s >= 86400)
        (void)snprintf(out, SPAN_MAX, "%" PRId64 "%s %d%s", s / 86400, days,
                       (int)(s % 86400 / 3600), hours);
    else if (s >= 3600)
        (void)snprintf(out, SPAN_MAX, "%d%s %d%s", (int)(s / 3600), hours, (int)(s % 3600 / 60),
                       minutes);
    else if (s >= 60)
        (void)snprintf(out, SPAN_MAX, "%d%s %d%s", (int)(s / 60), minutes, (int)(s % 60), seconds);
    else
        (void)snprintf(out, SPAN_MAX, "%d%s", (int)s, seconds);
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

static void append_badge(struct itr_buf *out, enum page_language l, const struct app_status *h)
{
    const char *class = !h->ready ? " bad" : h->failing ? " due" : "";
    enum page_word word = h->ready ? (h->failing ? PAGE_WARNING : PAGE_READY) : PAGE_NOT_READY;

    if (!h->ready && h->refused)
        word = PAGE_REFUSED;
    else if (!h->ready && !h->file_ok)
        word = PAGE_NO_FILE;
    (void)itr_buf_append_fmt(out, "<span class=\"badge%s\">%s</span>", class, page_text(l, word));
}

static void append_head(struct itr_buf *out, enum page_language l, const struct app_status *h,
                        bool folded)
{
    (void)itr_buf_append_fmt(out, "<section%s data-app=\"", folded ? " class=\"fine\"" : "");
    append_text(out, h->name);
    (void)itr_buf_append_fmt(out, "\" data-fence=\"%" PRIu64 "\"><details%s><summary><header><h2>",
                             h->fence, folded ? "" : " open");
    append_text(out, h->name);
    (void)itr_buf_append_str(out, "</h2>");
    append_badge(out, l, h);
    (void)itr_buf_append_str(out, "</header></summary><p class=\"id\">");
    append_text(out, h->app_id);
    (void)itr_buf_append_str(out, "</p>");
}

static void append_span(struct itr_buf *out, enum page_language l, enum page_word w, int64_t ms)
{
    char text[SPAN_MAX];
    const char *values[1] = {span(text, l, ms)};

    append_filled(out, page_text(l, w), values, 1);
}

/* The bar is what is left of the token's life; the mark is where it is refreshed. */
static void append_life(struct itr_buf *out, enum page_language l, const struct app_status *h,
                        const char *id)
{
    bool due = h->refresh_in_ms <= 0, over = h->expires_in_ms <= 0;
    int64_t life;

    if (h->fence == 0) {
        append_bar(out, "life", "bad", 0, -1);
        (void)itr_buf_append_fmt(out, "<p>%s</p>", page_text(l, PAGE_NO_TOKEN));
        return;
    }
    life = h->age_ms + h->expires_in_ms;
    append_bar(out, "life",
               over  ? "bad"
               : due ? "due"
                     : "good",
               share(h->expires_in_ms, life), share(h->expires_in_ms - h->refresh_in_ms, life));
    (void)itr_buf_append_str(out, "<p>");
    if (over)
        (void)itr_buf_append_str(out, page_text(l, PAGE_EXPIRED));
    else
        append_span(out, l, PAGE_REMAINING, h->expires_in_ms);
    (void)itr_buf_append_str(out, " · ");
    if (due)
        (void)itr_buf_append_str(out, page_text(l, PAGE_DUE));
    else
        append_span(out, l, PAGE_REFRESH_IN, h->refresh_in_ms);
    (void)itr_buf_append_fmt(out, " · <span class=\"note\">sha256:%s</span></p>", id);
}

static void append_today(struct itr_buf *out, enum page_language l, const struct app_status *h)
{
    char today[NUMBER_MAX], limit[NUMBER_MAX];
    const char *values[2] = {h->fetches_today >= 0 ? number(today, h->fetches_today)
                                                   : page_text(l, PAGE_UNKNOWN),
                             number(limit, h->daily_limit)};
    int used = share(h->fetches_today, h->daily_limit);

    if (h->daily_limit > 0)
        append_bar(out, "today",
                   used >= WHOLE            ? "bad"
                   : used >= WHOLE * 8 / 10 ? "due"
                                            : "good",
                   used, -1);
    (void)itr_buf_append_fmt(out, "<p>%s: ", page_text(l, PAGE_TODAY));
    append_filled(out, h->daily_limit > 0 ? page_text(l, PAGE_OF_LIMIT) : "%s", values, 2);
    (void)itr_buf_append_str(out, "</p>");
}

static int64_t failed_fetches(const struct app_status *h)
{
    int64_t sum = 0;
    size_t i;

    for (i = 0; i < sizeof h->failed / sizeof *h->failed; i++)
        sum += h->failed[i];
    return sum;
}

static void append_counts(struct itr_buf *out, enum page_language l, const struct app_status *h)
{
    char text[4][NUMBER_MAX];
    const char *values[4] = {number(text[0], h->count[APP_TOKENS]),
                             number(text[1], h->count[APP_REFUSALS]),
                             number(text[2], failed_fetches(h)), number(text[3], h->waiters)};

    (void)itr_buf_append_str(out, "<p class=\"note\">");
    append_filled(out, page_text(l, PAGE_COUNTS), values, 4);
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
    append_span(out, l, PAGE_AGO, now_wall_ms - e->at_wall_ms);
    (void)itr_buf_append_fmt(out, "</td><td>%s → %s", page_text_why(l, e->why),
                             page_text_state(l, e->state));
    if (e->times > 1) {
        const char *values[2] = {number(times, e->times),
                                 span(since, l, now_wall_ms - e->first_wall_ms)};
        append_filled(out, page_text(l, PAGE_TIMES), values, 2);
    }
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
                             h->ready && !h->failing ? "" : " open", page_text(l, PAGE_EVENTS));
    for (i = events->n; i > 0; i--)
        append_event(out, l, &events->event[i - 1], now_wall_ms);
    (void)itr_buf_append_str(out, "</table></details>");
}

/* ---- the page ---- */

enum itr_status page_begin(struct itr_buf *out, enum page_language l)
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
    return itr_buf_reserve(out, PIECE_MAX);
}

enum itr_status page_summary(struct itr_buf *out, enum page_language l, size_t n, size_t failed,
                             size_t warned)
{
    char text[3][NUMBER_MAX];
    const char *all = number(text[0], (int64_t)n);
    const char *ready[2] = {all, all}, *values[2] = {number(text[1], (int64_t)failed), all};
    const char *more[1] = {number(text[2], (int64_t)warned)};

    if (n == 0)
        return ITR_OK;
    (void)itr_buf_append_fmt(out, "<p class=\"sum badge%s\">",
                             failed > 0   ? " bad"
                             : warned > 0 ? " due"
                                          : "");
    if (failed > 0)
        append_filled(out, page_text(l, PAGE_SOME_FAIL), values, 2);
    else if (warned == 0)
        append_filled(out, page_text(l, PAGE_ALL_READY), ready, 2);
    if (warned > 0) {
        (void)itr_buf_append_str(out, failed > 0 ? " " : "");
        append_filled(out, page_text(l, PAGE_SOME_WARN), more, 1);
    }
    (void)itr_buf_append_str(out, "</p>");
    return itr_buf_reserve(out, PIECE_MAX);
}

enum itr_status page_app(struct itr_buf *out, enum page_language l, const struct app_status *h,
                         const struct itr_stats *stats, const struct itr_event_list *events,
                         int64_t now_wall_ms, bool folded)
{
    folded = folded && h->ready && !h->failing;
    append_head(out, l, h, folded);
    if (stats->last_error.kind != ITR_OK) {
        (void)itr_buf_append_str(out, "<p class=\"reason\">");
        append_error(out, l, &stats->last_error);
        (void)itr_buf_append_str(out, "</p>");
    }
    append_life(out, l, h, stats->id);
    append_today(out, l, h);
    append_counts(out, l, h);
    append_events(out, l, h, events, now_wall_ms);
    (void)itr_buf_append_str(out, "</details></section>");
    return itr_buf_reserve(out, PIECE_MAX);
}

enum itr_status page_end(struct itr_buf *out, enum page_language l, size_t n)
{
    if (n == 0)
        (void)itr_buf_append_fmt(out, "<section>%s</section>", page_text(l, PAGE_NO_APPS));
    (void)itr_buf_append_fmt(out, "<footer>itriggerd " ITR_VERSION " · %s</footer></body></html>",
                             page_text(l, PAGE_REFRESHES));
    return itr_buf_reserve(out, PIECE_MAX);
}
