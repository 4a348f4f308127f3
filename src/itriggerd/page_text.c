#include "itriggerd/page_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const words[PAGE_WORDS][PAGE_LANGUAGES] = {
    [PAGE_TITLE] = {"iTrigger tokens", "iTrigger 令牌状态"},
    [PAGE_NO_APPS] = {"This key may see no app.", "此密钥无权查看任何应用。"},
    [PAGE_ALL_READY] = {"All %s apps have a token.", "%s 个应用全部正常。"},
    [PAGE_SOME_FAIL] = {"%s of %s apps have no usable token.", "%s / %s 个应用没有可用令牌。"},
    [PAGE_SOME_WARN] = {"%s more cannot refresh.", "另有 %s 个应用刷新失败。"},
    [PAGE_WARNING] = {"refresh fails", "刷新失败"},
    [PAGE_REFUSED] = {"the gateway refuses the token", "网关拒绝令牌"},
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
static const char *chinese_state(enum itr_cache_state state)
{
    switch (state) {
    case ITR_CACHE_NONE:
        return "无令牌";
    case ITR_CACHE_FETCHING:
        return "获取中";
    case ITR_CACHE_HELD:
        return "持有";
    case ITR_CACHE_REFRESHING:
        return "刷新中";
    }
    return "";
}

static const char *chinese_why(enum itr_cache_why why)
{
    switch (why) {
    case ITR_WHY_NOTHING:
        return "";
    case ITR_WHY_START:
        return "首次获取";
    case ITR_WHY_AHEAD:
        return "提前刷新";
    case ITR_WHY_EXPIRED:
        return "令牌过期";
    case ITR_WHY_REFUSED:
        return "令牌被拒";
    case ITR_WHY_ASKED:
        return "请求刷新";
    case ITR_WHY_FETCHED:
        return "获得令牌";
    case ITR_WHY_FAILED:
        return "获取失败";
    case ITR_WHY_STALE:
        return "使用过期令牌";
    case ITR_WHY_FORKED:
        return "进程分叉";
    case ITR_WHY_KEPT:
        return "沿用令牌";
    }
    return "";
}

static const char *chinese_code(int64_t code)
{
    switch (code) {
    case 40001:
        return "应用 ID 或应用密钥为空";
    case 40002:
        return "应用 ID 或应用密钥错误";
    case 40003:
        return "应用已被冻结";
    case 40004:
        return "当日获取次数已用完";
    default:
        return NULL;
    }
}

static const char *chinese_kind(enum itr_status kind)
{
    switch (kind) {
    case ITR_NETWORK:
        return "网络不通";
    case ITR_TLS:
        return "TLS 证书或加密有问题";
    case ITR_TIMEOUT:
        return "网关超时";
    case ITR_HTTP:
    case ITR_DECODE:
        return "网关应答异常";
    case ITR_API:
        return "网关返回错误码";
    case ITR_TOKEN:
        return "网关没有给出可用的令牌";
    case ITR_QUOTA:
        return "当日获取次数已用完";
    case ITR_STORE:
        return "令牌存储不可用";
    default:
        return "出错";
    }
}

const char *page_text_reason(enum page_language l, enum itr_status kind, int64_t code)
{
    const char *by_code = chinese_code(code);

    if (l != PAGE_ZH)
        return "";
    return by_code != NULL ? by_code : chinese_kind(kind);
}

const char *page_text(enum page_language l, enum page_word w)
{
    return words[w][l];
}

const char *page_text_state(enum page_language l, enum itr_cache_state state)
{
    return l == PAGE_ZH ? chinese_state(state) : itr_cache_state_name(state);
}

const char *page_text_why(enum page_language l, enum itr_cache_why why)
{
    return l == PAGE_ZH ? chinese_why(why) : itr_cache_why_name(why);
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
