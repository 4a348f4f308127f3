/*
 * The one place that knows the version. The Makefile, the rockspecs and the user agent read it from
 * here.
 */
#ifndef ITR_CORE_BASE_VERSION_H
#define ITR_CORE_BASE_VERSION_H

#define ITR_VERSION "0.1.0"

#endif
