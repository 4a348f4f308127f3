-- The one source of what is said about the Lua face. tools/docs makes of it docs/reference.md, types/itrigger.lua
-- and the tables in the two READMEs; what the core itself knows (types, bounds and defaults of options, names of
-- codes) comes from there, and `tools/docs --check` fails where the two disagree.
--
-- text: English, for everywhere. zh: the same in Chinese, for README.zh-CN.md. more: for the reference only.
-- rule: where it comes from. Types are LuaCATS.
-- luacheck: std lua54

local api = {}

-- ---- functions ----

local PATH = { name = "path", type = "string", text = "begins with `/`, carries no query; other bytes are percent-encoded" }
local PARAMS = {
  name = "params",
  type = "table<string, itrigger.Param>",
  optional = true,
  text = "the query: strings, numbers, booleans, and arrays of these, which repeat their name",
}
local BODY = {
  name = "body",
  type = "table",
  optional = true,
  text = "sent as JSON; nil is `{}`; a table with the keys 1..n is an array, an empty one an object",
}
local CALL_OPTS = { name = "opts", type = "itrigger.CallOpts", optional = true, text = "see [opts](#opts-of-a-call)" }
local TOKEN_OPTS = {
  name = "opts",
  type = "itrigger.TokenOpts",
  optional = true,
  text = "`timeout` and `min_valid` of [opts](#opts-of-a-call)",
}
local CALL_RETURNS = {
  { name = "res", type = "itrigger.Envelope", optional = true, text = "the whole envelope, or with `raw` the HTTP answer" },
  { name = "err", type = "itrigger.Error", optional = true, text = "beside nil" },
}
local TOKEN_RETURNS = {
  { name = "token", type = "string", optional = true, text = "" },
  { name = "err", type = "itrigger.Error", optional = true, text = "beside nil; beside a token: why the last fetch failed" },
  { name = "source", type = "itrigger.Source", optional = true, text = "where this process got the token" },
}

local REQUESTS = {
  name = "requests",
  type = "itrigger.Request[]|fun(): itrigger.Request?",
  text = "an array, or a function that gives the next request each time and nil at the end; it is called only as fast as"
    .. " calls end",
}
local BATCH_OPTS = {
  name = "opts",
  type = "itrigger.BatchOpts",
  optional = true,
  text = "`concurrency` (else the client's), `on_progress(done, total)`, and [opts](#opts-of-a-call) that all calls have",
}
local PAGES_OPTS = {
  name = "opts",
  type = "itrigger.PagesOpts",
  optional = true,
  text = '`method` ("GET", or "POST" for lists that are), `max_pages` (10000), `prefetch` (0; pages asked for ahead, 64 at'
    .. " most), and [opts](#opts-of-a-call)",
}

local CALL_ERRORS = { "usage", "network", "tls", "timeout", "http", "decode", "api", "token", "quota", "store" }

-- on: "module" (itrigger.x) or "client" (client:x). A string among errors is a kind.
api.functions = {
  {
    on = "module",
    name = "get",
    args = { PATH, PARAMS, CALL_OPTS },
    returns = CALL_RETURNS,
    errors = { "config", table.unpack(CALL_ERRORS) },
    text = "`client:get` on the default client, which is made from the environment at the first call, or by `configure`.",
    more = "A default client that cannot be made is an error of kind `config`, and is tried again at the next call.",
    rule = "design.md 2",
  },
  {
    on = "module",
    name = "post",
    args = { PATH, BODY, CALL_OPTS },
    returns = CALL_RETURNS,
    errors = { "config", table.unpack(CALL_ERRORS) },
    text = "`client:post` on the default client.",
    rule = "design.md 2",
  },
  {
    on = "module",
    name = "batch",
    args = { REQUESTS, BATCH_OPTS },
    returns = { { name = "batch", type = "itrigger.Batch", text = "" } },
    errors = {},
    text = "`client:batch` on the default client; likewise `itrigger.all` and `itrigger.pages`. Raises when there is none.",
    rule = "design.md 2",
  },
  {
    on = "module",
    name = "all",
    args = { REQUESTS, BATCH_OPTS },
    returns = { { name = "results", type = "itrigger.Result[]", text = "" } },
    errors = {},
    text = "`client:all` on the default client.",
    rule = "design.md 2",
  },
  {
    on = "module",
    name = "pages",
    args = { PATH, PARAMS, PAGES_OPTS },
    returns = { { name = "rows", type = "itrigger.Rows", text = "" } },
    errors = {},
    text = "`client:pages` on the default client.",
    rule = "design.md 2",
  },
  {
    on = "module",
    name = "new",
    args = { { name = "options", type = "itrigger.Options", optional = true, text = "see [options](#options)" } },
    returns = {
      { name = "client", type = "itrigger.Client", optional = true, text = "" },
      { name = "err", type = "itrigger.Error", optional = true, text = "beside nil" },
    },
    errors = { "config" },
    text = "A client of its own. What is not given comes from the environment. Nothing is sent yet.",
    more = "A client belongs to one Lua state. Clients with the same gateway, app id and store share one token in the"
      .. " whole process, each under its own options.",
    rule = "design.md 2, 6",
  },
  {
    on = "module",
    name = "configure",
    args = { { name = "options", type = "itrigger.Options", optional = true, text = "see [options](#options)" } },
    returns = {
      { name = "ok", type = "true", optional = true, text = "" },
      { name = "err", type = "itrigger.Error", optional = true, text = "beside nil; the earlier client stays" },
    },
    errors = { "config" },
    text = "Makes the client behind `itrigger.get` and `itrigger.post` anew, and closes the earlier one.",
    rule = "design.md 2",
  },
  {
    on = "module",
    name = "array",
    args = { { name = "t", type = "table", optional = true, text = "a table without a metatable; nil: a new one" } },
    returns = { { name = "t", type = "table", text = "the same table" } },
    errors = {},
    text = "Marks a table as an array, so that it is written as `[]` also when it is empty.",
    rule = "design.md 2, Numbers, null and arrays",
  },
  {
    on = "client",
    name = "get",
    args = { PATH, PARAMS, CALL_OPTS },
    returns = CALL_RETURNS,
    errors = CALL_ERRORS,
    text = "One GET. Blocks until it is over, at most `timeout`.",
    more = "Success is HTTP 2xx and an envelope with a code of 200–299.",
    rule = "design.md 5",
  },
  {
    on = "client",
    name = "post",
    args = { PATH, BODY, CALL_OPTS },
    returns = CALL_RETURNS,
    errors = CALL_ERRORS,
    text = "One POST, with the body as JSON. Blocks until it is over, at most `timeout`.",
    more = "Success is HTTP 2xx and an envelope with a code of 200–299. Only the token is in the URL.",
    rule = "design.md 5",
  },
  {
    on = "client",
    name = "batch",
    args = { REQUESTS, BATCH_OPTS },
    returns = { { name = "batch", type = "itrigger.Batch", text = "the iterator of a generic `for`; `batch:close()`" } },
    errors = {},
    text = "Many calls side by side: `for result in client:batch(requests) do`, in the order in which calls end.",
    more = "A request is `{ \"GET\" or \"POST\", path, params or body, tag = }` with options of a call beside them. A result is a"
      .. " table: `index`, `tag`, `response` or `error`, `elapsed` (s). A request that is wrong is a result with an error of kind"
      .. " `usage`. What the function or `on_progress` raises reaches the caller. Memory stays the same however many there are."
      .. " While HTTP 429 asks for it no new call begins. In a script calls go on only while the loop waits for a result."
      .. " After `break` nothing is left running: on Lua 5.4 at once, elsewhere after `batch:close()` or when it is collected."
      .. " `batch:close()` returns an array of `{ index =, tag = }`: the requests that may have been executed and whose result"
      .. " was not handed out. Over a transport of one's own calls go one after another. A batch belongs to where its first"
      .. " result is asked for: a script, or one coroutine of an event loop.",
    rule = "design.md 6",
  },
  {
    on = "client",
    name = "all",
    args = { REQUESTS, BATCH_OPTS },
    returns = { { name = "results", type = "itrigger.Result[]", text = "in the order of the requests" } },
    errors = {},
    text = "The same, all at once.",
    rule = "design.md 6",
  },
  {
    on = "client",
    name = "pages",
    args = { PATH, PARAMS, PAGES_OPTS },
    returns = { { name = "rows", type = "itrigger.Rows", text = "the iterator of a generic `for`; `rows:close()`" } },
    errors = {},
    text = "The rows of a paged list: `for row, answer in client:pages(path, params) do`.",
    more = "`params.pageNum` is the first page (1), `params.pageSize` goes to the gateway. It ends after `pageCount` pages, or by"
      .. " `total`, or with a page that is not full; an empty page always ends it. Raises the error object of a call that failed,"
      .. " of kind `decode` when the gateway answers another page than the one asked for, of kind `usage` after `max_pages`."
      .. " A list that changes meanwhile may give a row twice or leave one out: that is the gateway's paging.",
    rule = "protocol.md, Envelope",
  },
  {
    on = "client",
    name = "token",
    args = { TOKEN_OPTS },
    returns = TOKEN_RETURNS,
    errors = CALL_ERRORS,
    text = "The present token, for a program that must call the gateway without this library; fetched when there is none.",
    more = "An `err` beside a token says why the last fetch failed: the token is past its end by our reckoning, and it is for"
      .. " the gateway to say whether it is still good. Never keep the token: ask again for each use.",
    rule = "design.md 2, 4.1",
  },
  {
    on = "client",
    name = "refresh",
    args = { TOKEN_OPTS },
    returns = TOKEN_RETURNS,
    errors = CALL_ERRORS,
    text = "Asks for one fetch now. Joins one that is out; within `min_refresh_interval` of the last one gives the present token.",
    more = "A call that is refused refreshes by itself: this is for operators. An `err` beside a token says why the fetch failed.",
    rule = "design.md 2, 4.2",
  },
  {
    on = "client",
    name = "stats",
    args = {},
    returns = {
      { name = "stats", type = "itrigger.Stats", optional = true, text = "see [stats](#stats)" },
      { name = "err", type = "itrigger.Error", optional = true, text = "the client is closed" },
    },
    errors = { "usage" },
    text = "What the client and its token are doing. Sends nothing, shows no secret.",
    rule = "design.md 2",
  },
  {
    on = "client",
    name = "close",
    args = {},
    returns = { { name = "ok", type = "true", text = "" } },
    errors = {},
    text = "Gives everything back. Never waits; may be called again. Any other call then returns an error of kind `usage`.",
    more = "Also what `local client <close>` (Lua 5.4) and the garbage collector do.",
    rule = "design.md 2, 4.3",
  },
}

api.values = {
  { name = "null", type = "lightuserdata", text = "JSON's null in arrays; the same value as `cjson.null`." },
  { name = "version", type = "string", text = "Of the library, such as `0.1.0`." },
}

-- ---- options of new, configure and the environment ----

-- standard: what to show where the default is none or says too little. lua: an option that only the Lua side knows.
api.options = {
  {
    name = "app_id",
    text = "the app's id",
    zh = "应用的 appId",
    standard = { text = "required", zh = "必填" },
  },
  {
    name = "app_secret",
    text = "the app's secret",
    zh = "应用的 appSecret",
    standard = { text = "required", zh = "必填" },
    more = "Rather give `app_secret_file`: an environment is easily shown.",
  },
  {
    name = "app_secret_file",
    text = "or: a file with the secret in its first line, which others cannot read",
    zh = "或者：存放密钥的文件（取第一行），其他用户不可读",
    more = "Given in the program it sets `ITRIGGER_APP_SECRET` aside, and `app_secret` sets `ITRIGGER_APP_SECRET_FILE` aside;"
      .. " both in one place are an error.",
  },
  {
    name = "gateway",
    text = "base URL of your environment, `https://…` (http for loopback only)",
    zh = "所用环境的网关地址，`https://…`（http 仅限本机回环地址）",
    standard = { text = "required", zh = "必填" },
    rule = "protocol.md, Gateway",
  },
  {
    name = "token_store",
    text = "where the token lives: `file:` (the user's cache directory), "
      .. "`file:/directory`, `redis://host/0`, `memory:` (the process's), or a central server: "
      .. "`https://host:port`, `unix:/path`; see stores.md",
    zh = "token 存放处：`file:`（用户缓存目录）、`file:/目录`、`redis://主机/0`、`memory:`（仅本进程），"
      .. "或中央 token 服务：`https://主机:端口`、`unix:/路径`；见 stores.md",
    rule = "design.md 4.5",
  },
  {
    name = "token_store_key",
    text = "this client's key at a central token server, instead of the app secret; not needed on a Unix socket",
    zh = "本客户端在中央 token 服务上的密钥，代替 app secret；使用 Unix socket 时可不填",
    rule = "design.md 4.5",
  },
  {
    name = "token_endpoint",
    text = "`token` (a fetch ends the earlier token) or `refresh` (it lives on)",
    zh = "`token`（获取新 token 后旧的立即失效）或 `refresh`（旧的用到自然到期）",
    rule = "protocol.md, Token",
  },
  {
    name = "token_ttl",
    text = "life of a token",
    zh = "token 的有效期",
    rule = "protocol.md, Token",
  },
  {
    name = "refresh_margin",
    text = "how long before its end a token is refreshed, at most a quarter of its life",
    zh = "提前多久刷新 token，最多取有效期的四分之一",
    rule = "design.md 4.1",
  },
  {
    name = "min_refresh_interval",
    text = "least time between fetches that `refresh` or refusals ask for",
    zh = "主动刷新或因 token 被拒而刷新时，两次获取之间的最短间隔",
    rule = "design.md 4.2",
  },
  {
    name = "daily_limit",
    text = "no more token fetches than this a day (Asia/Shanghai)",
    zh = "每天（北京时间）最多获取 token 的次数",
    standard = { text = "0: only counted", zh = "0：只计数，不限制" },
    rule = "design.md 4.2",
  },
  {
    name = "token_error_codes",
    text = "envelope codes that mean that the token was refused",
    zh = "表示 token 被拒的返回码",
    standard = { text = "{}", zh = "{}" },
    more = "As text: separated by commas or spaces. At most 32.",
    rule = "protocol.md, Where the vendor is silent",
  },
  {
    name = "permission_error_codes",
    text = "envelope codes that mean that the app may not call the API",
    zh = "表示无权调用该接口的返回码",
    standard = { text = "{}", zh = "{}" },
    more = "As text: separated by commas or spaces. At most 32.",
    rule = "protocol.md, Where the vendor is silent",
  },
  {
    name = "timeout",
    text = "deadline of a call over everything: token, DNS, repeats",
    zh = "一次调用的总时限，含取 token、域名解析和重试",
    rule = "design.md 5",
  },
  {
    name = "connect_timeout",
    text = "limit for making a connection",
    zh = "建立连接的时限",
    rule = "design.md 5",
  },
  {
    name = "token_timeout",
    text = "limit for one token fetch",
    zh = "一次获取 token 的时限",
    rule = "design.md 4.2",
  },
  {
    name = "retries",
    text = "how often a call is repeated when that is safe",
    zh = "在确保安全的前提下，一次调用最多重试几次",
    more = "Safe is: nothing was sent, HTTP 429, or the caller said `idempotent`. The one repeat after a refused token is not counted.",
    rule = "design.md 5",
  },
  {
    name = "concurrency",
    text = "calls at once in a batch",
    zh = "批量调用的并发数",
    rule = "design.md 6",
  },
  {
    name = "max_host_connections",
    text = "connections to the gateway, at most",
    zh = "到网关的最大连接数",
    rule = "design.md 5",
  },
  {
    name = "max_response_bytes",
    text = "a longer answer is an error of kind `http`",
    zh = "响应超过此长度即报 `http` 类错误",
    unit = { text = "bytes", zh = "字节" },
    standard = { text = "67108864 (64 MiB)", zh = "67108864（64 MiB）" },
    rule = "design.md 5",
  },
  {
    name = "ca_file",
    text = "CA certificates (PEM) in place of the system's",
    zh = "代替系统 CA 的证书文件（PEM）",
    standard = { text = "the system's", zh = "系统 CA" },
    rule = "design.md 5",
  },
  {
    name = "proxy",
    text = 'proxy for all calls; `""`: none',
    zh = '代理地址；`""` 表示不用代理',
    standard = { text = "the environment's", zh = "取自环境变量" },
    more = "libcurl's environment variables (`https_proxy`, `no_proxy` …) count unless this is given; for loopback they never do.",
    rule = "design.md 4.5",
  },
  {
    name = "user_agent",
    text = "header User-Agent",
    zh = "请求头 User-Agent",
  },
  {
    name = "http_version",
    text = "`auto` (HTTP/2 where negotiated), `1.1` or `2`",
    zh = "`auto`（能协商则用 HTTP/2）、`1.1` 或 `2`",
    rule = "design.md 5",
  },
  {
    name = "trace",
    text = "1: one redacted line for each answer to stderr",
    zh = "设为 1：每个响应向 stderr 输出一行（已脱敏）",
    more = "Method, gateway, path, short id of the token, HTTP status, code, time, outcome. Token fetches are not traced:"
      .. " see `events` of [stats](#stats).",
    rule = "design.md 2",
  },
  {
    name = "null",
    lua = { words = { "nil", "keep" }, default = "nil" },
    text = "`nil`: null members are left out; `keep`: they become `itrigger.null`",
    zh = "`nil`：值为 null 的字段不出现；`keep`：保留为 `itrigger.null`",
    rule = "design.md 2, Numbers, null and arrays",
  },
  {
    name = "transport",
    lua = {
      words = { "auto" },
      also = "{ send: (fun(request: table): table?, string?), sleep: fun(seconds: number) }",
      default = "auto",
    },
    text = "what carries the calls: `auto`, libcurl; or a table of two functions, `send` and `sleep`",
    zh = "调用的传输方式：`auto` 即 libcurl；或含 `send`、`sleep` 两个函数的表",
    more = "With `auto` a call blocks in a script and waits in its coroutine in nginx, luv and cqueues; the two functions"
      .. " serve any other event loop (event-loops.md). Tokens always come by libcurl.",
    rule = "design.md 6",
  },
}

-- ---- opts of one call ----

-- token: client:token and client:refresh know it too.
api.opts = {
  {
    name = "timeout",
    type = "number",
    unit = "s",
    token = true,
    bounds = "0.001 – 86400",
    standard = { text = "the client's", zh = "同选项" },
    text = "deadline over everything: token, DNS, repeats",
    zh = "本次调用的总时限，含取 token、域名解析和重试",
  },
  {
    name = "idempotent",
    type = "boolean",
    standard = { text = "false", zh = "false" },
    text = "may be repeated even if the gateway may have executed it",
    zh = "即使网关可能已执行过，也允许重试",
    more = "Then also after a lost answer, a timeout and HTTP 5xx, `retries` times.",
  },
  {
    name = "min_valid",
    type = "number",
    unit = "s",
    token = true,
    bounds = "0 – 86400",
    standard = { text = "0", zh = "0" },
    text = "life that the token must have left",
    zh = "要求 token 至少还剩多长有效期",
    more = "More than `token_ttl` is an error of kind `usage`. While no new token is to be had, the present one is used.",
  },
  {
    name = "headers",
    type = "table<string, string|number>",
    standard = { text = "none", zh = "无" },
    text = "extra headers; not Host, Content-Length, Transfer-Encoding, Connection",
    zh = "附加请求头；不能是 Host、Content-Length、Transfer-Encoding、Connection",
    more = "At most 64. A value with CR, LF, NUL or other control characters is an error.",
  },
  {
    name = "raw",
    type = "boolean",
    standard = { text = "false", zh = "false" },
    text = "the HTTP answer as it is: `{ status, headers, body, elapsed }`",
    zh = "原样返回 HTTP 响应：`{ status, headers, body, elapsed }`",
    more = "Whatever HTTP status and envelope say. A refused token is renewed all the same.",
  },
  {
    name = "null",
    type = '"nil"|"keep"',
    standard = { text = "the client's", zh = "同选项" },
    text = "as the option `null`, for this call",
    zh = "同选项 `null`，仅对本次调用生效",
  },
}

-- ---- errors ----

api.kinds = {
  {
    name = "usage",
    text = "a bad value in a call: path, parameter, header, body, opt; nothing was sent",
    zh = "调用参数有误（路径、参数、请求头、请求体、opts），未发出任何请求",
  },
  {
    name = "config",
    text = "a bad or missing option of `new`, `configure` or the environment",
    zh = "`new`、`configure` 或环境变量中的选项有误或缺失",
  },
  {
    name = "network",
    text = "DNS, connection, or an answer that was lost, of the call or of the token fetch behind it",
    zh = "域名解析失败、连接失败或响应丢失（包括背后获取 token 的请求）",
  },
  { name = "tls", text = "a certificate or a handshake that failed", zh = "证书校验或 TLS 握手失败" },
  { name = "timeout", text = "the deadline passed, in whatever phase", zh = "超过时限，不论处于哪个阶段" },
  {
    name = "http",
    text = "not 2xx and no envelope; a redirect; more than `max_response_bytes`",
    zh = "非 2xx，且响应不是带 code 的 JSON；重定向；超过 `max_response_bytes`",
  },
  {
    name = "decode",
    text = "2xx without an envelope; JSON that is not strict",
    zh = "2xx，但响应不是带 code 的 JSON，或 JSON 不合规范",
  },
  {
    name = "api",
    text = "an envelope with a code other than 200–299, whatever the HTTP status",
    zh = "网关返回的 code 不在 200–299 之间，不论 HTTP 状态码",
  },
  {
    name = "token",
    text = "40001–40003; a token answer without a token; refused again with a fresh token",
    zh = "40001–40003；获取 token 的响应里没有 token；换了新 token 仍被拒",
  },
  {
    name = "quota",
    text = "40004; `daily_limit` is used up",
    zh = "40004；`daily_limit` 已用完",
  },
  {
    name = "store",
    text = "the token store failed, and no token is at hand",
    zh = "token 存储出错，且手头没有 token",
  },
}

api.err = {
  { name = "kind", type = "itrigger.Kind", text = "one of the kinds below", zh = "错误类别，见下表" },
  { name = "message", type = "string", text = "what happened; the gateway's own words for `api`", zh = "错误说明；`api` 类为网关原话" },
  {
    name = "retryable",
    type = "boolean",
    text = "the same call may be made again: nothing of it was executed (wait first: the cause may last)",
    zh = "可以原样再调一次：网关没有执行过本次请求（请先等一会儿，原因可能还在）",
  },
  {
    name = "code",
    type = "integer|string",
    optional = true,
    text = "the envelope's code",
    zh = "网关返回的 code",
    more = "A string of its digits beyond ±(2^53−1).",
  },
  {
    name = "name",
    type = "string",
    optional = true,
    text = "what the code is called, such as `member_not_found`",
    zh = "code 的名字，如 `member_not_found`",
    more = "See [codes](#codes). `token_refused` and `no_permission` go by meaning, not by code.",
  },
  { name = "http_status", type = "integer", optional = true, text = "if there was an HTTP answer", zh = "HTTP 状态码（收到响应时才有）" },
  { name = "method", type = '"GET"|"POST"', optional = true, text = "of the call", zh = "本次调用的方法" },
  { name = "path", type = "string", optional = true, text = "of the call, as it was given", zh = "本次调用的路径" },
  {
    name = "response",
    type = "itrigger.Envelope",
    optional = true,
    text = "the envelope, if one came",
    zh = "网关的完整响应（收到时才有）",
  },
}

-- ---- what comes back ----

api.envelope = {
  { name = "code", type = "integer|string", text = "a number also when the gateway sent it as a string" },
  { name = "message", type = "string", optional = true, text = "" },
  { name = "data", type = "any", optional = true, text = "absent when it is null" },
  { name = "total", type = "integer", optional = true, text = "of list endpoints" },
  { name = "pageNum", type = "integer", optional = true, text = "of list endpoints" },
  { name = "pageSize", type = "integer", optional = true, text = "of list endpoints" },
  { name = "pageCount", type = "integer", optional = true, text = "of list endpoints" },
}

api.raw = {
  { name = "status", type = "integer", text = "HTTP status" },
  { name = "headers", type = "table<string, string>", text = "names in lower case; several of one name are joined by `, `" },
  { name = "body", type = "string", text = "as it came, gzip undone" },
  { name = "elapsed", type = "number", text = "seconds, of this request" },
}

api.stats = {
  { name = "state", type = "itrigger.State", text = "of the token in this process: see [states](#states-and-events)" },
  {
    name = "token",
    type = "string",
    optional = true,
    text = "short id, `sha256:` and 8 digits; this and the next four only if there is a token",
  },
  { name = "fence", type = "integer|string", optional = true, text = "number that grows with each new token" },
  { name = "age", type = "number", optional = true, text = "seconds since the gateway gave it" },
  { name = "refresh_in", type = "number", optional = true, text = "seconds until it is refreshed; negative: due" },
  { name = "expires_in", type = "number", optional = true, text = "seconds until its end; negative: past it" },
  {
    name = "fetches_today",
    type = "integer",
    optional = true,
    text = "token fetches of all who share the store, as last seen; not with a central server, which alone knows",
  },
  { name = "daily_limit", type = "integer", optional = true, text = "the option, if it is given" },
  { name = "last_error", type = "itrigger.Error", optional = true, text = "of the last fetch, if it failed" },
  { name = "waiters", type = "integer", text = "calls of this process that wait for a token now" },
  { name = "store", type = "string", text = "kind of the store: `memory`, `file`, `redis`, `server`" },
  { name = "fetched", type = "integer", text = "tokens that this process got from the gateway" },
  { name = "calls", type = "integer", text = "begun by this client" },
  { name = "refused", type = "integer", text = "answers to this client in which the gateway refused the token" },
  { name = "repeated", type = "integer", text = "requests of this client that were sent again, for whatever reason" },
  { name = "events", type = "itrigger.Event[]", text = "the last 20 changes, oldest first" },
}

api.event = {
  { name = "at", type = "number", text = "seconds since 1970" },
  { name = "state", type = "itrigger.State", text = "after the change" },
  { name = "why", type = "itrigger.Why", text = "what changed it" },
  { name = "error", type = "itrigger.Error", optional = true, text = "of `failed`" },
}

api.states = {
  { name = "none", text = "no token, and no fetch is out" },
  { name = "fetching", text = "a fetch is out, and callers wait for it" },
  { name = "held", text = "a token to give out" },
  { name = "refreshing", text = "a token to give out, and a fetch of the next one is out" },
}

api.whys = {
  { name = "start", text = "the first fetch" },
  { name = "ahead", text = "the token is due" },
  { name = "expired", text = "the token is past its end" },
  { name = "refused", text = "the gateway refused the token" },
  { name = "asked", text = "`client:refresh()`, or `min_valid` beyond what is left" },
  { name = "fetched", text = "a fetch brought a token" },
  { name = "failed", text = "a fetch failed" },
  { name = "kept", text = "a fetch ended well without a newer token" },
  { name = "stale", text = "an expired token begins to be given out, because no other is to be had" },
  { name = "forked", text = "this is the child of a fork: the fetch that was out is the parent's" },
}

api.sources = {
  { name = "memory", text = "it was at hand, or came from the store `memory:`" },
  { name = "gateway", text = "this call waited, and the token is one that this process fetched" },
}

return api
