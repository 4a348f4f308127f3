/*
 * bound: the smaller and the larger of two numbers. Pure.
 */
#ifndef ITR_CORE_BASE_BOUND_H
#define ITR_CORE_BASE_BOUND_H

#include <stdint.h>

static inline int64_t itr_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t itr_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
