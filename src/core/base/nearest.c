#include "core/base/nearest.h"

#include <stddef.h>
#include <string.h>

#define LONGEST 40 /* longer names are never looked at */
#define FARTHEST 3 /* further off is no misspelling */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein distance, one row at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    size_t n = strlen(b), i, j;

    for (j = 0; j <= n; j++)
        row[j] = j;
    for (i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0]++;
        for (j = 0; j < n; j++) {
            size_t changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, diagonal + 1, row[j] + 1);
        }
    }
    return row[n];
}

const char *itr_nearest(const char *name, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = FARTHEST + 1;

    if (strlen(name) > LONGEST)
        return NULL;
    for (; *names != NULL; names++) {
        size_t d = distance(name, *names);
        if (d < best_distance && d < strlen(*names)) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}
