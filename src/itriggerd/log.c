#include "itriggerd/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/utf8.h"
#include "core/json/escape.h"
#include "core/os/thread.h"
#include "itriggerd/now.h"

#define TEXT_MAX 1024
#define LINE_MAX_BYTES 8192
#define QUEUE_MAX ((size_t)256 * 1024)
#define CHUNK_MAX ((size_t)16 * 1024)
#define RETRY_MS 100   /* a stderr that does not take more is asked again */
#define NOBODY_MS 1000 /* between two lines about requests without a valid key */

const char *const log_level_names[LOG_LEVELS + 1] = {"debug", "info", "warning", "error", NULL};
const char *const log_access_names[LOG_ACCESS_COUNT + 1] = {"off", "errors", "all", NULL};

/* The queue of whole lines, and what is left out. Guarded by lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool runs;   /* the thread */
    bool writes; /* it has a chunk that is not written yet */
    char bytes[QUEUE_MAX];
    size_t len;
    uint64_t untold;        /* dropped, and no line says so yet */
    size_t notice_end;      /* where a line ends that says how many were; 0: there is none */
    uint64_t noticed;       /* how many that is */
    int64_t nobody_mono_ms; /* when a request without a valid key was logged last */
    uint64_t nobody_untold;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static atomic_bool as_json;
static atomic_int least_level = LOG_LEVEL_INFO, access_mode = LOG_ACCESS_ERRORS;
static atomic_uint_fast64_t dropped;

void log_configure(bool json, enum log_level least, enum log_access access)
{
    atomic_store(&as_json, json);
    atomic_store(&least_level, (int)least);
    atomic_store(&access_mode, (int)access);
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}

/* ---- writing ---- */

/* Blocks as long as stderr does. Returns how much was written: less than len if it takes no more.
 */
static size_t write_text(const char *text, size_t len)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    size_t at = 0;
    ssize_t n;

    while (at < len) {
        n = write(STDERR_FILENO, text + at, len - at);
        if (n < 0 && errno == EAGAIN)
            (void)poll(&room, 1, RETRY_MS);
        else if (n < 0 && errno != EINTR)
            break;
        at += n > 0 ? (size_t)n : 0;
    }
    return at;
}

/* The same for whole lines. *torn: an earlier write stopped in the middle of a line, which is ended
 * first. */
static size_t write_chunk(const char *text, size_t len, bool *torn)
{
    size_t n;

    if (*torn && write_text("\n", 1) == 0)
        return 0;
    n = write_text(text, len);
    *torn = n > 0 && text[n - 1] != '\n';
    return n;
}

static uint64_t count_lines(const char *text, size_t len)
{
    const char *end = text + len;
    uint64_t n = 0;

    while (text < end && (text = memchr(text, '\n', (size_t)(end - text))) != NULL)
        text++, n++;
    return n;
}

/* The whole lines at the front of the queue that fit into a chunk; *notice_end: where the notice
 * among them ends, or 0. Under the lock. */
static size_t take_chunk(char chunk[CHUNK_MAX], size_t *notice_end)
{
    size_t n = queue.len;

    if (n > CHUNK_MAX)
        for (n = CHUNK_MAX; queue.bytes[n - 1] != '\n';)
            n--;
    memcpy(chunk, queue.bytes, n);
    queue.len -= n;
    memmove(queue.bytes, queue.bytes + n, queue.len);
    *notice_end = queue.notice_end <= n ? queue.notice_end : 0;
    queue.notice_end -= queue.notice_end <= n ? queue.notice_end : n;
    return n;
}

/* These lines could not be written. noticed: how many dropped lines the notice among them reports;
 * 0: there is no notice. The notice itself is not counted. Under the lock. */
static void note_lost(const char *text, size_t len, uint64_t noticed)
{
    uint64_t n = count_lines(text, len) - (noticed > 0 ? 1 : 0);

    atomic_fetch_add(&dropped, n);
    queue.untold += n + noticed;
}

static void *write_lines(void *arg)
{
    static char chunk[CHUNK_MAX];
    bool torn = false;
    size_t n, written, notice_end;
    uint64_t noticed;

    (void)arg;
    pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (queue.len == 0)
            pthread_cond_wait(&queue.changed, &queue.lock);
        n = take_chunk(chunk, &notice_end);
        noticed = queue.noticed;
        queue.writes = true;
        pthread_mutex_unlock(&queue.lock);
        written = write_chunk(chunk, n, &torn);
        pthread_mutex_lock(&queue.lock);
        queue.writes = false;
        note_lost(chunk + written, n - written, notice_end > written ? noticed : 0);
        pthread_cond_broadcast(&queue.changed);
    }
    return NULL;
}

int log_start(void)
{
    pthread_t thread;
    int failed;

    pthread_mutex_lock(&queue.lock);
    failed = pthread_create(&thread, NULL, write_lines, NULL);
    if (failed == 0)
        (void)pthread_detach(thread);
    queue.runs = failed == 0;
    pthread_mutex_unlock(&queue.lock);
    return failed;
}

void log_flush(int64_t within_ms)
{
    int64_t until = now_mono() + within_ms;
    bool busy = true;

    while (busy && now_mono() < until) {
        pthread_mutex_lock(&queue.lock);
        busy = queue.runs && (queue.len > 0 || queue.writes);
        pthread_mutex_unlock(&queue.lock);
        if (busy)
            itr_clock_sleep_ms(itr_clock_system(), 1);
    }
}

/* ---- one line ---- */

static void time_text(char out[40])
{
    struct timespec now;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, 40 - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* Line ends of any alphabet, and marks that turn the direction of writing, would let somebody
 * else's words look like a line of the daemon's. */
static bool is_disguise(const unsigned char *p, size_t n)
{
    unsigned c = 0;

    if (n == 2)
        c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    else if (n == 3)
        c = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return (c >= 0x80 && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Copy text with a space for each control character, and "?" for bytes that are not UTF-8. */
static void make_plain(const char *text, char out[TEXT_MAX])
{
    const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
    size_t n, len = 0;

    for (; p < end; p += n) {
        n = *p < 0x80 ? 1 : itr_utf8_sequence(p, end);
        if (n == 1)
            out[len++] = (char)(*p < 0x20 || *p == 0x7f ? ' ' : *p);
        else if (n == 0 || is_disguise(p, n))
            out[len++] = n == 0 ? '?' : ' ';
        else
            for (size_t i = 0; i < n; i++)
                out[len++] = (char)p[i];
        n = n > 0 ? n : 1;
    }
    out[len] = '\0';
}

/* Words are ours, or names of the configuration: nothing in them needs an escape. */
static void append_word(struct itr_buf *line, const char *name, const char *word)
{
    (void)itr_buf_append_fmt(line, atomic_load(&as_json) ? ",\"%s\":\"%s\"" : " %s=%s", name, word);
}

static void append_bare(struct itr_buf *line, const char *name, const char *value)
{
    (void)itr_buf_append_fmt(line, atomic_load(&as_json) ? ",\"%s\":%s" : " %s=%s", name, value);
}

static void append_number(struct itr_buf *line, const char *name, int64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, n);
    append_bare(line, name, text);
}

static void begin_line(struct itr_buf *line, enum log_level level, const char *event,
                       const char *app)
{
    char now[40];

    time_text(now);
    itr_buf_init(line, LINE_MAX_BYTES);
    (void)itr_buf_append_fmt(
        line,
        atomic_load(&as_json) ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"" : "%s %s %s",
        now, log_level_names[level], event);
    if (app != NULL)
        append_word(line, "app", app);
}

static void append_message(struct itr_buf *line, const char *text)
{
    if (atomic_load(&as_json)) {
        (void)itr_buf_append_str(line, ",\"message\":");
        (void)itr_json_escape(text, strlen(text), line);
    } else {
        (void)itr_buf_append_fmt(line, ": %s", text);
    }
}

static void end_line(struct itr_buf *line)
{
    (void)itr_buf_append_str(line, atomic_load(&as_json) ? "}\n" : "\n");
}

/* ---- the queue ---- */

/* Under the lock. */
static bool put(const struct itr_buf *line)
{
    if (line->len > QUEUE_MAX - queue.len)
        return false;
    memcpy(queue.bytes + queue.len, itr_buf_str(line), line->len);
    queue.len += line->len;
    return true;
}

/* The first line after some were lost says so. Under the lock. */
static void put_dropped(void)
{
    uint64_t n = queue.untold;
    struct itr_buf line;
    char text[64];

    (void)snprintf(text, sizeof text, "%" PRIu64 " log line(s) were dropped before this one", n);
    begin_line(&line, LOG_LEVEL_WARNING, "log", NULL);
    append_message(&line, text);
    end_line(&line);
    if (put(&line)) {
        queue.notice_end = queue.len;
        queue.noticed = n;
        queue.untold -= n;
    }
    itr_buf_clear(&line);
}

static void enqueue(struct itr_buf *line)
{
    bool direct;

    pthread_mutex_lock(&queue.lock);
    direct = !queue.runs;
    if (!direct) {
        if (queue.untold > 0 && queue.notice_end == 0 && queue.len < QUEUE_MAX / 2)
            put_dropped();
        if (!put(line)) {
            atomic_fetch_add(&dropped, 1);
            queue.untold++;
        }
        pthread_cond_broadcast(&queue.changed);
    }
    pthread_mutex_unlock(&queue.lock);
    if (direct && write_text(itr_buf_str(line), line->len) < line->len)
        atomic_fetch_add(&dropped, 1);
    itr_buf_clear(line);
}

void log_write(enum log_level level, const char *event, const char *app, const char *fmt, ...)
{
    char text[TEXT_MAX], plain[TEXT_MAX];
    struct itr_buf line;
    va_list args;

    if ((int)level < atomic_load(&least_level))
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    make_plain(text, plain);
    begin_line(&line, level, event, app);
    append_message(&line, plain);
    end_line(&line);
    enqueue(&line);
}

/* ---- requests ---- */

/* Anybody can make as many of these as he likes. True: log this one; *left_out before it were not.
 */
static bool may_log_nobody(uint64_t *left_out)
{
    int64_t now = now_mono();
    bool may;

    pthread_mutex_lock(&queue.lock);
    may = queue.nobody_mono_ms == 0 || now - queue.nobody_mono_ms >= NOBODY_MS;
    *left_out = queue.nobody_untold;
    queue.nobody_untold = may ? 0 : queue.nobody_untold + 1;
    if (may)
        queue.nobody_mono_ms = now;
    pthread_mutex_unlock(&queue.lock);
    return may;
}

void log_access(const struct log_request *q)
{
    int mode = atomic_load(&access_mode);
    bool failed = q->http_status >= 400 || q->code != 200;
    uint64_t left_out = 0;
    struct itr_buf line;

    if (LOG_LEVEL_INFO < atomic_load(&least_level) || mode == LOG_ACCESS_OFF ||
        (mode == LOG_ACCESS_ERRORS && !failed && !q->costs))
        return;
    if (failed && q->client == NULL && q->http_status != 503 && !may_log_nobody(&left_out))
        return;
    begin_line(&line, LOG_LEVEL_INFO, "request", q->app);
    if (q->client != NULL)
        append_word(&line, "client", q->client);
    if (q->key > 0)
        append_number(&line, "key", q->key);
    append_word(&line, "request", q->request);
    append_bare(&line, "drop_in", q->drop_in ? "true" : "false");
    append_number(&line, "status", q->http_status);
    append_number(&line, "code", q->code);
    append_number(&line, "ms", q->ms);
    if (left_out > 0) /* before it, without a valid key */
        append_number(&line, "left_out", (int64_t)left_out);
    end_line(&line);
    enqueue(&line);
}
