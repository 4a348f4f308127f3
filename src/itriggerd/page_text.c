#include "itriggerd/page_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const words[PAGE_WORDS][PAGE_LANGUAGES] = {
    [PAGE_TITLE] = {"iTrigger tokens", "iTrigger 令牌状态"},
    [PAGE_NO_APPS] = {"This key may see no app.", "此密钥无权查看任何应用。"},
    [PAGE_ALL_READY] = {"Ready: %s of %s apps.", "%s 个应用全部正常。"},
    [PAGE_SOME_FAIL] = {"No usable token: %s of %s apps.", "%s / %s 个应用没有可用令牌。"},
    [PAGE_SOME_WARN] = {"Refresh fails: %s.", "刷新失败：%s 个应用。"},
    [PAGE_WARNING] = {"refresh fails", "刷新失败"},
    [PAGE_REFUSED] = {"the gateway rejects the token", "网关拒绝令牌"},
    [PAGE_NO_FILE] = {"token_file cannot be written", "令牌文件无法写入"},
    [PAGE_TIMES] = {" × %s, first %s ago", " × %s，最早 %s前"},
    [PAGE_READY] = {"ready", "正常"},
    [PAGE_NOT_READY] = {"no usable token", "无可用令牌"},
    [PAGE_REMAINING] = {"good for %s", "剩余 %s"},
    [PAGE_REFRESH_IN] = {"refresh in %s", "%s后刷新"},
    [PAGE_DUE] = {"refresh is due", "待刷新"},
    [PAGE_EXPIRED] = {"expired", "已过期"},
    [PAGE_NO_TOKEN] = {"no token yet", "尚无令牌"},
    [PAGE_TODAY] = {"Fetches today", "今日获取次数"},
    [PAGE_OF_LIMIT] = {"%s of %s", "%s / %s"},
    [PAGE_UNKNOWN] = {"unknown", "未知"},
    [PAGE_EVENTS] = {"Last events", "最近事件"},
    [PAGE_AGO] = {"%s ago", "%s前"},
    [PAGE_REFRESHES] = {"refreshes every 5 seconds", "每 5 秒自动刷新"},
    [PAGE_COUNTS] = {"answers %s · refusals %s · failed fetches %s · waiting %s",
                     "应答 %s · 被拒 %s · 获取失败 %s · 等待 %s"},
    [PAGE_DAYS] = {" d", " 天"},
    [PAGE_HOURS] = {" h", " 小时"},
    [PAGE_MINUTES] = {" min", " 分"},
    [PAGE_SECONDS] = {" s", " 秒"},
};

/* What the core's own names are in Chinese; in English they are themselves. */
static const char *const chinese_states[] = {
    [ITR_CACHE_NONE] = "无令牌",
    [ITR_CACHE_FETCHING] = "获取中",
    [ITR_CACHE_HELD] = "持有",
    [ITR_CACHE_REFRESHING] = "刷新中",
};

static const char *const chinese_whys[] = {
    [ITR_WHY_NOTHING] = "",           [ITR_WHY_START] = "首次获取",
    [ITR_WHY_AHEAD] = "提前刷新",     [ITR_WHY_EXPIRED] = "令牌过期",
    [ITR_WHY_REFUSED] = "令牌被拒",   [ITR_WHY_ASKED] = "请求刷新",
    [ITR_WHY_FETCHED] = "获得令牌",   [ITR_WHY_FAILED] = "获取失败",
    [ITR_WHY_STALE] = "使用过期令牌", [ITR_WHY_FORKED] = "进程分叉",
    [ITR_WHY_KEPT] = "沿用令牌",
};

/* From 40001. */
static const char *const chinese_codes[] = {"应用 ID 或应用密钥为空", "应用 ID 或应用密钥错误",
                                            "应用已被冻结", "当日获取次数已用完"};

static const char *const chinese_kinds[] = {
    [ITR_NETWORK] = "网络不通",
    [ITR_TLS] = "TLS 证书或加密有问题",
    [ITR_TIMEOUT] = "网关超时",
    [ITR_HTTP] = "网关应答异常",
    [ITR_DECODE] = "网关应答异常",
    [ITR_API] = "网关返回错误码",
    [ITR_TOKEN] = "网关没有给出可用的令牌",
    [ITR_QUOTA] = "当日获取次数已用完",
    [ITR_STORE] = "令牌存储不可用",
};

#define IN(words, i)                                                                               \
    ((size_t)(i) < sizeof(words) / sizeof *(words) && (words)[i] != NULL ? (words)[i] : NULL)

const char *page_text_reason(enum page_language l, enum itr_status kind, int64_t code)
{
    const char *reason = IN(chinese_codes, code - 40001);

    if (l != PAGE_ZH)
        return "";
    if (reason == NULL)
        reason = IN(chinese_kinds, kind);
    return reason != NULL ? reason : "出错";
}

const char *page_text(enum page_language l, enum page_word w)
{
    return words[w][l];
}

const char *page_text_state(enum page_language l, enum itr_cache_state state)
{
    return l == PAGE_ZH ? chinese_states[state] : itr_cache_state_name(state);
}

const char *page_text_why(enum page_language l, enum itr_cache_why why)
{
    return l == PAGE_ZH ? chinese_whys[why] : itr_cache_why_name(why);
}

const char *page_language_tag(enum page_language l)
{
    return l == PAGE_ZH ? "zh-CN" : "en";
}

/* ---- Accept-Language (RFC 9110, 12.5.4) ---- */

static bool is_tag(const char *at, const char *primary)
{
    return (at[0] | 0x20) == primary[0] && (at[1] | 0x20) == primary[1] &&
           strchr("-,; \t", at[2]) != NULL; /* its NUL too */
}

/* Thousandths of the weight of the range that begins here; 1000 where none is given. */
static int weight(const char *at)
{
    const char *end = at + strcspn(at, ","), *q = strstr(at, "q=");
    int value, digit = 100;

    if (q == NULL || q > end)
        return 1000;
    q += 2;
    value = *q == '1' ? 1000 : 0;
    if (*q == '\0' || *++q != '.')
        return value;
    for (q++; *q >= '0' && *q <= '9' && digit > 0; q++, digit /= 10)
        value += (*q - '0') * digit;
    return value;
}

enum page_language page_language_of(const char *accept)
{
    enum page_language best = PAGE_EN;
    int best_weight = 0;

    while (accept != NULL && *(accept += strspn(accept, ", \t")) != '\0') {
        bool chinese = is_tag(accept, "zh");
        int w = chinese || is_tag(accept, "en") ? weight(accept) : 0;
        if (w > best_weight) {
            best = chinese ? PAGE_ZH : PAGE_EN;
            best_weight = w;
        }
        accept += strcspn(accept, ",");
    }
    return best;
}
