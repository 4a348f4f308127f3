/*
 * page: writes the status page: HTML without scripts or external resources, which refreshes itself.
 * Pure; any thread.
 *
 * It is written in pieces, so that only one app's events are in memory at a time besides the page:
 * page_begin, page_summary, page_app for each app, page_end. Each returns ITR_OK, ITR_FULL or
 * ITR_NOMEM.
 */
#ifndef ITRIGGERD_PAGE_H
#define ITRIGGERD_PAGE_H

#include <stdint.h>

#include "core/base/buf.h"
#include "itriggerd/app_status.h"
#include "itriggerd/page_text.h"

#define PAGE_TYPE "text/html; charset=utf-8"
#define PAGE_POLICY_MAX 256

enum itr_status page_begin(struct itr_buf *out, enum page_language l);
/* Append the line about all n apps: `failed` of them have no usable token, and `warned` others
 * cannot refresh. */
enum itr_status page_summary(struct itr_buf *out, enum page_language l, size_t n, size_t failed,
                             size_t warned);
/* Append one app. stats and events are of the same moment as h, and their texts may contain
 * anything. folded: show only the heading, unless something is wrong with the app. */
enum itr_status page_app(struct itr_buf *out, enum page_language l, const struct app_status *h,
                         const struct itr_stats *stats, const struct itr_event_list *events,
                         int64_t now_wall_ms, bool folded);
/* Append the end of the page. n: the number of apps on it. */
enum itr_status page_end(struct itr_buf *out, enum page_language l, size_t n);

/* Write the value of the page's Content-Security-Policy: its own style sheet by digest, nothing
 * else. */
void page_policy(char out[PAGE_POLICY_MAX]);

#endif
