/*
 * page_style: the style sheet of the status page, and the policy that allows it by its digest.
 * Pure.
 */
#ifndef ITRIGGERD_PAGE_STYLE_H
#define ITRIGGERD_PAGE_STYLE_H

extern const char page_style[];

#endif
