/*
 * page_style: the style sheet of the status page, and the value of Content-Security-Policy, which
 * allows it by its SHA-256 and nothing else. Pure.
 */
#ifndef ITRIGGERD_PAGE_STYLE_H
#define ITRIGGERD_PAGE_STYLE_H

extern const char page_style[];
extern const char page_policy[]; /* a change of the sheet changes the digest in it */

#endif
