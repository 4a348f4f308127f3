#include "itriggerd/page_style.h"

const char page_style[] =
    ":root{color-scheme:light dark;--ink:#1c2430;--dim:#5c6675;--card:#fff;--ground:#f2f4f7;"
    "--line:#dde2e9;--good:#1a7a42;--due:#d98a00;--warn:#8a5a00;--bad:#c22b38}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#98a2b0;--card:#1d232c;"
    "--ground:#12161c;--line:#313a46;--good:#3fbf78;--due:#f0a830;--warn:#f0a830;--bad:#f0707b}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1rem;max-width:46rem;background:var(--ground);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'PingFang SC','Microsoft YaHei','Noto Sans CJK "
    "SC',sans-serif}"
    "h1{font-size:1.3rem;margin:.2rem 0 1rem}h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;"
    "margin:0 0 1rem}"
    "header{display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline;"
    "justify-content:space-between}"
    ".badge{color:var(--good);font-weight:600}.badge.bad{color:var(--bad)}.badge.due{color:var(--"
    "warn)}"
    ".sum{font-size:1.1rem;font-weight:600}.reason{color:var(--bad)}"
    ".id,.note,footer{color:var(--dim);font-size:.88rem;overflow-wrap:anywhere}p{margin:.3rem 0}"
    "svg{display:block;width:100%;height:.9rem;margin:.6rem 0 .3rem;border-radius:.3rem}"
    ".track{fill:var(--line)}.good{fill:var(--good)}.due{fill:var(--due)}.bad{fill:var(--bad)}"
    ".mark{fill:var(--ink)}"
    "table{width:100%;border-collapse:collapse;font-size:.88rem}"
    "td{border-top:1px solid var(--line);padding:.25rem .5rem .25rem 0;vertical-align:top}"
    "td:first-child{white-space:nowrap;color:var(--dim)}td:last-child{overflow-wrap:anywhere}"
    "summary{cursor:pointer;margin:.5rem 0 .3rem}"
    "section>details>summary{margin:0}section>details>summary header{display:inline-flex;width:92%}"
    ".fine{padding:.4rem 1rem;margin:0 0 .4rem}";

const char page_policy[] =
    "default-src 'none'; style-src 'sha256-lrMxRCZFnCQXxgPZzKqGOVU6UHChsb55I/DRyr2+CUo='; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
