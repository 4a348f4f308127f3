/*
 * page: the status page: HTML that needs nothing from elsewhere, no script, and renews itself.
 * Pure; any thread.
 *
 * Written in pieces, so that no more than one app's events are in memory beside the page:
 * page_begin, page_summary, page_app for each, page_end. Each returns ITR_OK, or ITR_FULL,
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
/* A line about all n apps, of which so many have no usable token, and so many others cannot
 * refresh. */
enum itr_status page_summary(struct itr_buf *out, enum page_language l, size_t n, size_t failed,
                             size_t warned);
/* stats: of the same moment as h. Its texts may be anything. folded: only its heading is open, if
 * nothing is wrong with it. */
enum itr_status page_app(struct itr_buf *out, enum page_language l, const struct app_status *h,
                         const struct itr_stats *stats, int64_t now_wall_ms, bool folded);
/* n: how many apps there were. */
enum itr_status page_end(struct itr_buf *out, enum page_language l, size_t n);

/* The value of its Content-Security-Policy: the page's own style sheet by its digest, nothing else.
 */
void page_policy(char out[PAGE_POLICY_MAX]);

#endif
