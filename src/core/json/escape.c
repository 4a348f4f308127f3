#include "core/json/escape.h"

#include "core/base/hex.h"

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static enum itr_status escape_char(unsigned char c, struct itr_buf *out)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its letter */
    char text[6] = {'\\', 'u', '0', '0', ITR_HEX_LOWER[c >> 4], ITR_HEX_LOWER[c & 15]};
    size_t i;

    for (i = 0; named[i] != '\0'; i += 2)
        if ((unsigned char)named[i] == c) {
            text[1] = named[i + 1];
            return itr_buf_append(out, text, 2);
        }
    return itr_buf_append(out, text, sizeof text);
}

enum itr_status itr_json_escape(const char *text, size_t n, struct itr_buf *out)
{
    enum itr_status s = itr_buf_append_char(out, '"');
    size_t at = 0;

    while (s == ITR_OK && at < n) {
        size_t run = at;
        while (run < n && is_plain((unsigned char)text[run]))
            run++;
        if (run > at)
            s = itr_buf_append(out, text + at, run - at);
        if (s == ITR_OK && run < n)
            s = escape_char((unsigned char)text[run++], out);
        at = run;
    }
    return s == ITR_OK ? itr_buf_append_char(out, '"') : s;
}
