#include "core/base/reason.h"

#include <stdio.h>
#include <string.h>

/* GNU: the text is where it returns, which need not be buf. */
static const char *of_gnu(const char *returned, const char *buf)
{
    (void)buf;
    return returned;
}

/* POSIX: the text is in buf, and what it returns is an error number. */
static const char *of_posix(int returned, const char *buf)
{
    return returned == 0 ? buf : "";
}

const char *itr_reason(int error, char buf[ITR_REASON])
{
    const char *text;

    buf[0] = '\0';
    text = _Generic(strerror_r(error, buf, ITR_REASON), int
                    : of_posix, default
                    : of_gnu)(strerror_r(error, buf, ITR_REASON), buf);
    if (text != NULL && *text != '\0')
        return text;
    (void)snprintf(buf, ITR_REASON, "error %d", error);
    return buf;
}
