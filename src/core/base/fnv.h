/*
 * fnv: FNV-1a, 64 bits: a hash that is quick for short texts and can be forged. Pure.
 */
#ifndef ITR_CORE_BASE_FNV_H
#define ITR_CORE_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define ITR_FNV_START UINT64_C(0xcbf29ce484222325)

/* Return the hash of n bytes. start: ITR_FNV_START; with a seed in it nobody can choose bytes that
 * fall together. */
static inline uint64_t itr_fnv(uint64_t start, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = start;

    for (; n > 0; n--, p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h;
}

#endif
