---@meta itrigger
-- Made by tools/docs from docs/api.lua. Do not edit.
-- luacheck: ignore 212 241 631

---@alias itrigger.Scalar string|number|boolean
---@alias itrigger.Param itrigger.Scalar|itrigger.Scalar[]

---@alias itrigger.Kind
---| "usage" # a bad value in a call: path, parameter, header, body, opt; nothing was sent
---| "config" # a bad or missing option of `new`, `configure` or the environment
---| "network" # DNS, connection, or an answer that was lost, of the call or of the token fetch behind it
---| "tls" # a certificate or a handshake that failed
---| "timeout" # the deadline passed, in whatever phase
---| "http" # not 2xx and no envelope; a redirect; more than `max_response_bytes`
---| "decode" # 2xx without an envelope; JSON that is not strict
---| "api" # an envelope with a code other than 200–299, whatever the HTTP status
---| "token" # 40001–40003; a token answer without a token; refused again with a fresh token
---| "quota" # 40004; `daily_limit` is used up
---| "store" # the token store failed, and no token is at hand

---@alias itrigger.Source
---| "memory" # it was at hand, or came from the store `memory:`
---| "gateway" # this call waited, and the token is one that this process fetched

---@alias itrigger.State
---| "none" # no token, and no fetch is out
---| "fetching" # a fetch is out, and callers wait for it
---| "held" # a token to give out
---| "refreshing" # a token to give out, and a fetch of the next one is out

---@alias itrigger.Why
---| "start" # the first fetch
---| "ahead" # the token is due
---| "expired" # the token is past its end
---| "refused" # the gateway refused the token
---| "asked" # `client:refresh()`, or `min_valid` beyond what is left
---| "fetched" # a fetch brought a token
---| "failed" # a fetch failed
---| "kept" # a fetch ended well without a newer token
---| "stale" # an expired token begins to be given out, because no other is to be had
---| "forked" # this is the child of a fork: the fetch that was out is the parent's

---@class itrigger.Options
---@field app_id? string the app's id
---@field app_secret? string the app's secret
---@field app_secret_file? string or: a file with the secret in its first line, which others cannot read
---@field gateway? string base URL of your environment, `https://…` (http for loopback only)
---@field token_store? string where the token lives: `file:` (the user's cache directory), `file:/directory`, `redis://host/0`, `memory:` (the process's), or a central server: `https://host:port`, `unix:/path`; see stores.md
---@field token_store_key? string this client's key at a central token server, instead of the app secret; not needed on a Unix socket
---@field token_endpoint? "token"|"refresh" `token` (a fetch ends the earlier token) or `refresh` (it lives on)
---@field token_ttl? number life of a token
---@field refresh_margin? number how long before its end a token is refreshed, at most a quarter of its life
---@field min_refresh_interval? number least time between fetches that `refresh` or refusals ask for
---@field daily_limit? integer no more token fetches than this a day (Asia/Shanghai)
---@field token_error_codes? integer[]|string envelope codes that mean that the token was refused
---@field permission_error_codes? integer[]|string envelope codes that mean that the app may not call the API
---@field timeout? number deadline of a call over everything: token, DNS, repeats
---@field connect_timeout? number limit for making a connection
---@field token_timeout? number limit for one token fetch
---@field retries? integer how often a call is repeated when that is safe
---@field concurrency? integer calls at once in a batch
---@field max_host_connections? integer connections to the gateway, at most
---@field max_response_bytes? integer a longer answer is an error of kind `http`
---@field ca_file? string CA certificates (PEM) in place of the system's
---@field proxy? string proxy for all calls; `""`: none
---@field user_agent? string header User-Agent
---@field http_version? "auto"|"1.1"|"2" `auto` (HTTP/2 where negotiated), `1.1` or `2`
---@field trace? integer 1: one redacted line for each answer to stderr
---@field null? "nil"|"keep" `nil`: null members are left out; `keep`: they become `itrigger.null`
---@field transport? "auto"|{ send: (fun(request: table): table?, string?), sleep: fun(seconds: number) } what carries the calls: `auto`, libcurl; or a table of two functions, `send` and `sleep`

---@class itrigger.CallOpts
---@field timeout? number deadline over everything: token, DNS, repeats
---@field idempotent? boolean may be repeated even if the gateway may have executed it
---@field min_valid? number life that the token must have left
---@field headers? table<string, string|number> extra headers; not Host, Content-Length, Transfer-Encoding, Connection
---@field raw? boolean the HTTP answer as it is: `{ status, headers, body, elapsed }`
---@field null? "nil"|"keep" as the option `null`, for this call

---@class itrigger.TokenOpts
---@field timeout? number deadline over everything: token, DNS, repeats
---@field min_valid? number life that the token must have left

---@class itrigger.Error
---@field kind itrigger.Kind one of the kinds below
---@field message string what happened; the gateway's own words for `api`
---@field retryable boolean the same call may be made again: nothing of it was executed (wait first: the cause may last)
---@field code? integer|string the envelope's code
---@field name? string what the code is called, such as `member_not_found`
---@field http_status? integer if there was an HTTP answer
---@field method? "GET"|"POST" of the call
---@field path? string of the call, as it was given
---@field response? itrigger.Envelope the envelope, if one came

---@class itrigger.Envelope
---@field code integer|string a number also when the gateway sent it as a string
---@field message? string
---@field data? any absent when it is null
---@field total? integer of list endpoints
---@field pageNum? integer of list endpoints
---@field pageSize? integer of list endpoints
---@field pageCount? integer of list endpoints

---What a call with `raw = true` returns.
---@class itrigger.Raw
---@field status integer HTTP status
---@field headers table<string, string> names in lower case; several of one name are joined by `, `
---@field body string as it came, gzip undone
---@field elapsed number seconds, of this request

---@class itrigger.Event
---@field at number seconds since 1970
---@field state itrigger.State after the change
---@field why itrigger.Why what changed it
---@field error? itrigger.Error of `failed`

---@class itrigger.Stats
---@field state itrigger.State of the token in this process: see states
---@field token? string short id, `sha256:` and 8 digits; this and the next four only if there is a token
---@field fence? integer|string number that grows with each new token
---@field age? number seconds since the gateway gave it
---@field refresh_in? number seconds until it is refreshed; negative: due
---@field expires_in? number seconds until its end; negative: past it
---@field fetches_today? integer token fetches of all who share the store, as last seen; not with a central server, which alone knows
---@field daily_limit? integer the option, if it is given
---@field last_error? itrigger.Error of the last fetch, if it failed
---@field waiters integer calls of this process that wait for a token now
---@field store string kind of the store: `memory`, `file`, `redis`, `server`
---@field fetched integer tokens that this process got from the gateway
---@field calls integer begun by this client
---@field refused integer answers to this client in which the gateway refused the token
---@field repeated integer requests of this client that were sent again, for whatever reason
---@field events itrigger.Event[] the last 20 changes, oldest first

---@class itrigger.Request : itrigger.CallOpts
---@field [1] "GET"|"POST"
---@field [2] string path
---@field [3]? table params or body
---@field tag? any comes back in the result

---@class itrigger.BatchOpts : itrigger.CallOpts
---@field concurrency? integer calls at once
---@field on_progress? fun(done: integer, total?: integer)

---@class itrigger.PagesOpts : itrigger.CallOpts
---@field method? "GET"|"POST"
---@field max_pages? integer
---@field prefetch? integer pages asked for ahead

---@class itrigger.Result
---@field index integer of the request
---@field tag any the request's
---@field response? itrigger.Envelope|itrigger.Raw
---@field error? itrigger.Error
---@field elapsed number s from start to end

---@class itrigger.Batch
---@overload fun(): itrigger.Result?
---@field next fun(self: itrigger.Batch): itrigger.Result?
---@field close fun(self: itrigger.Batch): { index: integer, tag: any }[]

---@class itrigger.Rows
---@overload fun(): any, itrigger.Envelope
---@field next fun(self: itrigger.Rows): any, itrigger.Envelope
---@field close fun(self: itrigger.Rows)

---@class itrigger.Client
local client = {}

---One GET. Blocks until it is over, at most `timeout`.
---Success is HTTP 2xx and an envelope with a code of 200–299.
---@param path string begins with `/`, carries no query; other bytes are percent-encoded
---@param params? table<string, itrigger.Param> the query: strings, numbers, booleans, and arrays of these, which repeat their name
---@param opts? itrigger.CallOpts see opts
---@return itrigger.Envelope? res the whole envelope, or with `raw` the HTTP answer
---@return itrigger.Error? err beside nil
function client:get(path, params, opts) end

---One POST, with the body as JSON. Blocks until it is over, at most `timeout`.
---Success is HTTP 2xx and an envelope with a code of 200–299. Only the token is in the URL.
---@param path string begins with `/`, carries no query; other bytes are percent-encoded
---@param body? table sent as JSON; nil is `{}`; a table with the keys 1..n is an array, an empty one an object
---@param opts? itrigger.CallOpts see opts
---@return itrigger.Envelope? res the whole envelope, or with `raw` the HTTP answer
---@return itrigger.Error? err beside nil
function client:post(path, body, opts) end

---Many calls side by side: `for result in client:batch(requests) do`, in the order in which calls end.
---A request is `{ "GET" or "POST", path, params or body, tag = }` with options of a call beside them. A result is a table: `index`, `tag`, `response` or `error`, `elapsed` (s). A request that is wrong is a result with an error of kind `usage`. What the function or `on_progress` raises reaches the caller. Memory stays the same however many there are. While HTTP 429 asks for it no new call begins. In a script calls go on only while the loop waits for a result. After `break` nothing is left running: on Lua 5.4 at once, elsewhere after `batch:close()` or when it is collected. `batch:close()` returns an array of `{ index =, tag = }`: the requests that may have been executed and whose result was not handed out. Over a transport of one's own calls go one after another. A batch belongs to where its first result is asked for: a script, or one coroutine of an event loop.
---@param requests itrigger.Request[]|fun(): itrigger.Request? an array, or a function that gives the next request each time and nil at the end; it is called only as fast as calls end
---@param opts? itrigger.BatchOpts `concurrency` (else the client's), `on_progress(done, total)`, and opts that all calls have
---@return itrigger.Batch batch the iterator of a generic `for`; `batch:close()`
function client:batch(requests, opts) end

---The same, all at once.
---@param requests itrigger.Request[]|fun(): itrigger.Request? an array, or a function that gives the next request each time and nil at the end; it is called only as fast as calls end
---@param opts? itrigger.BatchOpts `concurrency` (else the client's), `on_progress(done, total)`, and opts that all calls have
---@return itrigger.Result[] results in the order of the requests
function client:all(requests, opts) end

---The rows of a paged list: `for row, answer in client:pages(path, params) do`.
---`params.pageNum` is the first page (1), `params.pageSize` goes to the gateway. It ends after `pageCount` pages, or by `total`, or with a page that is not full; an empty page always ends it. Raises the error object of a call that failed, of kind `decode` when the gateway answers another page than the one asked for, of kind `usage` after `max_pages`. A list that changes meanwhile may give a row twice or leave one out: that is the gateway's paging.
---@param path string begins with `/`, carries no query; other bytes are percent-encoded
---@param params? table<string, itrigger.Param> the query: strings, numbers, booleans, and arrays of these, which repeat their name
---@param opts? itrigger.PagesOpts `method` ("GET", or "POST" for lists that are), `max_pages` (10000), `prefetch` (0; pages asked for ahead, 64 at most), and opts
---@return itrigger.Rows rows the iterator of a generic `for`; `rows:close()`
function client:pages(path, params, opts) end

---The present token, for a program that must call the gateway without this library; fetched when there is none.
---An `err` beside a token says why the last fetch failed: the token is past its end by our reckoning, and it is for the gateway to say whether it is still good. Never keep the token: ask again for each use.
---@param opts? itrigger.TokenOpts `timeout` and `min_valid` of opts
---@return string? token
---@return itrigger.Error? err beside nil; beside a token: why the last fetch failed
---@return itrigger.Source? source where this process got the token
function client:token(opts) end

---Asks for one fetch now. Joins one that is out; within `min_refresh_interval` of the last one gives the present token.
---A call that is refused refreshes by itself: this is for operators. An `err` beside a token says why the fetch failed.
---@param opts? itrigger.TokenOpts `timeout` and `min_valid` of opts
---@return string? token
---@return itrigger.Error? err beside nil; beside a token: why the last fetch failed
---@return itrigger.Source? source where this process got the token
function client:refresh(opts) end

---What the client and its token are doing. Sends nothing, shows no secret.
---@return itrigger.Stats? stats see stats
---@return itrigger.Error? err the client is closed
function client:stats() end

---Gives everything back. Never waits; may be called again. Any other call then returns an error of kind `usage`.
---Also what `local client <close>` (Lua 5.4) and the garbage collector do.
---@return true ok
function client:close() end

---@class itrigger
---@field null lightuserdata JSON's null in arrays; the same value as `cjson.null`.
---@field version string Of the library, such as `0.1.0`.
local itrigger = {}

---`client:get` on the default client, which is made from the environment at the first call, or by `configure`.
---A default client that cannot be made is an error of kind `config`, and is tried again at the next call.
---@param path string begins with `/`, carries no query; other bytes are percent-encoded
---@param params? table<string, itrigger.Param> the query: strings, numbers, booleans, and arrays of these, which repeat their name
---@param opts? itrigger.CallOpts see opts
---@return itrigger.Envelope? res the whole envelope, or with `raw` the HTTP answer
---@return itrigger.Error? err beside nil
function itrigger.get(path, params, opts) end

---`client:post` on the default client.
---@param path string begins with `/`, carries no query; other bytes are percent-encoded
---@param body? table sent as JSON; nil is `{}`; a table with the keys 1..n is an array, an empty one an object
---@param opts? itrigger.CallOpts see opts
---@return itrigger.Envelope? res the whole envelope, or with `raw` the HTTP answer
---@return itrigger.Error? err beside nil
function itrigger.post(path, body, opts) end

---`client:batch` on the default client; likewise `itrigger.all` and `itrigger.pages`. Raises when there is none.
---@param requests itrigger.Request[]|fun(): itrigger.Request? an array, or a function that gives the next request each time and nil at the end; it is called only as fast as calls end
---@param opts? itrigger.BatchOpts `concurrency` (else the client's), `on_progress(done, total)`, and opts that all calls have
---@return itrigger.Batch batch
function itrigger.batch(requests, opts) end

---`client:all` on the default client.
---@param requests itrigger.Request[]|fun(): itrigger.Request? an array, or a function that gives the next request each time and nil at the end; it is called only as fast as calls end
---@param opts? itrigger.BatchOpts `concurrency` (else the client's), `on_progress(done, total)`, and opts that all calls have
---@return itrigger.Result[] results
function itrigger.all(requests, opts) end

---`client:pages` on the default client.
---@param path string begins with `/`, carries no query; other bytes are percent-encoded
---@param params? table<string, itrigger.Param> the query: strings, numbers, booleans, and arrays of these, which repeat their name
---@param opts? itrigger.PagesOpts `method` ("GET", or "POST" for lists that are), `max_pages` (10000), `prefetch` (0; pages asked for ahead, 64 at most), and opts
---@return itrigger.Rows rows
function itrigger.pages(path, params, opts) end

---A client of its own. What is not given comes from the environment. Nothing is sent yet.
---A client belongs to one Lua state. Clients with the same gateway, app id and store share one token in the whole process, each under its own options.
---@param options? itrigger.Options see options
---@return itrigger.Client? client
---@return itrigger.Error? err beside nil
function itrigger.new(options) end

---Makes the client behind `itrigger.get` and `itrigger.post` anew, and closes the earlier one.
---@param options? itrigger.Options see options
---@return true? ok
---@return itrigger.Error? err beside nil; the earlier client stays
function itrigger.configure(options) end

---Marks a table as an array, so that it is written as `[]` also when it is empty.
---@param t? table a table without a metatable; nil: a new one
---@return table t the same table
function itrigger.array(t) end

return itrigger
