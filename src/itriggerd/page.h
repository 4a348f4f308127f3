/*
 * page: writes the status page: HTML without scripts or external resources, which refreshes itself.
 * Pure; any thread.
 *
 * It is written in pieces, so that only one app's events are in memory at a time besides the page:
 * page_begin, page_app for each app, page_end, which says whether all of it fitted.
 */
#ifndef ITRIGGERD_PAGE_H
#define ITRIGGERD_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "itriggerd/app_status.h"
#include "itriggerd/page_text.h"

#define PAGE_TYPE "text/html; charset=utf-8"

/* Append the head, and the line about all apps, of which there are so many in each trouble. */
void page_begin(struct itr_buf *out, enum page_language l, const size_t of_trouble[APP_TROUBLES]);
/* Append one app. events are of the same moment as h; the texts of both may contain anything.
 * folded: show only the heading, unless something is wrong with the app. */
void page_app(struct itr_buf *out, enum page_language l, const struct app_status *h,
              const struct itr_event_list *events, int64_t now_wall_ms, bool folded);
/* Append the end of the page. ITR_FULL, ITR_NOMEM: a part of the page is missing. */
enum itr_status page_end(struct itr_buf *out, enum page_language l);

#endif
