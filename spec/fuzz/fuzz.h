/*
 * fuzz: what every fuzz target needs. A target is one file, fuzz_NAME.c, that defines
 * LLVMFuzzerTestOneInput; its first inputs are in corpus/NAME, its words in NAME.dict.
 */
#ifndef SPEC_FUZZ_H
#define SPEC_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Abort, as libFuzzer expects of a finding, unless `what` holds. Unlike assert() it is never
 * compiled out. */
#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #what);               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Try one input; return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Return a copy of the input with a NUL after it; the caller frees it. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
