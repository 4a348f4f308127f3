/*
 * The one place that knows the version: programs, packages and rockspecs read it from here, and
 * tools/version checks the documents that repeat it.
 */
#ifndef ITR_CORE_BASE_VERSION_H
#define ITR_CORE_BASE_VERSION_H

#define ITR_VERSION "0.1.0"

#endif
