---@meta itrigger
-- The types of everything public, for lua-language-server: add this folder to `workspace.library`. The explanations
-- are those of docs/reference.md, which says more; spec/reference_spec.lua compares both with the code.
-- luacheck: ignore 212 241 631

---@alias itrigger.Scalar string|number|boolean
---@alias itrigger.Param itrigger.Scalar|itrigger.Scalar[]

---@alias itrigger.Kind
---| "usage" # a bad value in a call: path, parameter, header, body, opt; nothing was sent
---| "config" # a bad or missing option of `new`, `configure` or the environment
---| "network" # DNS or connection failed, or the answer was lost; of the call or of the token fetch behind it
---| "tls" # a certificate or a handshake failed
---| "timeout" # the deadline passed, in whatever phase
---| "http" # not 2xx and no envelope; a redirect; more than `max_response_bytes`
---| "decode" # 2xx without an envelope, or JSON that is not strict
---| "api" # an envelope with a code outside 200–299, whatever the HTTP status
---| "token" # 40001–40003; a token answer without a token; rejected again with a new token
---| "quota" # 40004; `daily_limit` is used up
---| "store" # the token store failed and this process holds no token

---@alias itrigger.Source
---| "memory" # this process held it already, or it came from the store `memory:`
---| "file" # this call took it from the `file:` store, where this user's programs put it
---| "redis" # this call took it from Redis
---| "server" # this call asked the central server
---| "gateway" # this call waited, and this process fetched the token

---@alias itrigger.State
---| "none" # no token, and no fetch in flight
---| "fetching" # a fetch is in flight and callers wait for it
---| "held" # a token to give out
---| "refreshing" # a token to give out, and a fetch of the next one in flight

---@alias itrigger.Why
---| "start" # the first fetch
---| "ahead" # the token is due for its refresh
---| "expired" # the token is past its expiry
---| "refused" # the gateway rejected the token
---| "asked" # `client:refresh()`, or `min_valid` beyond the remaining lifetime
---| "fetched" # a fetch brought a token
---| "failed" # a fetch failed
---| "kept" # a fetch succeeded without a newer token
---| "stale" # an expired token starts to be given out, because fetching fails
---| "forked" # this is the child of a fork; the fetch in flight is the parent's

---@class itrigger.Options
---@field app_id? string the app's id
---@field app_secret? string the app's secret
---@field app_secret_file? string a file with the secret in its first line, which other users cannot read
---@field gateway? string base URL of your environment, `https://…` (http for loopback only)
---@field token_store? string where the token is kept: `file:` (the user's cache directory), `file:/directory`, `redis://host/0`, `memory:` (this process), or a central server: `https://host:port`, `unix:/path`
---@field token_store_key? string this client's key at a central server, instead of the app secret; not needed on a Unix socket
---@field token_endpoint? "token"|"refresh" `token` (a fetch invalidates the earlier token) or `refresh` (the earlier one stays valid until it expires)
---@field token_ttl? number lifetime of a token
---@field refresh_margin? number how long before its expiry a token is refreshed, at most a quarter of its lifetime
---@field min_refresh_interval? number shortest time between fetches that `refresh` or rejections ask for
---@field daily_limit? integer token fetches a day (Asia/Shanghai), at most; 0: no limit, they are only counted
---@field token_error_codes? integer[]|string envelope codes that mean that the token was rejected
---@field permission_error_codes? integer[]|string envelope codes that mean that the app may not call the API
---@field timeout? number deadline of a call, which covers everything: token, DNS, retries
---@field connect_timeout? number limit for opening a connection
---@field token_timeout? number limit for one token fetch
---@field retries? integer how often a call is retried where that is safe
---@field concurrency? integer calls in flight in a batch
---@field max_host_connections? integer connections to the gateway, at most
---@field max_response_bytes? integer a longer answer is an error of kind `http`
---@field ca_file? string CA certificates (PEM) in place of the system's
---@field proxy? string proxy for all calls; `""`: none
---@field user_agent? string header User-Agent
---@field http_version? "auto"|"1.1"|"2" `auto` (HTTP/2 where negotiated), `1.1` or `2`
---@field trace? integer 1: one redacted line for each answer to stderr
---@field null? "nil"|"keep" `nil`: null members are left out; `keep`: they become `itrigger.null`
---@field on_call? fun(call:itrigger.Call) called after each call with a table
---@field transport? "auto"|"luv"|"cqueues"|"nginx"|"blocking"|{ send: (fun(request: table): table?, string?), sleep: fun(seconds: number) } where the program runs: `auto` detects it on each call; or a table of two functions, `send` and `sleep`, which carry the calls

---@class itrigger.CallOpts
---@field timeout? number deadline, which covers everything: token, DNS, retries
---@field idempotent? boolean may be retried even if the gateway may have executed it
---@field min_valid? number shortest remaining lifetime of the token
---@field headers? table<string, string|number> extra headers; not Host, Content-Length, Transfer-Encoding, Connection
---@field raw? boolean return the HTTP answer as it is: `{ status, headers, body, elapsed }`
---@field null? "nil"|"keep" as the option `null`, for this call

---@class itrigger.TokenOpts
---@field timeout? number deadline, which covers everything: token, DNS, retries
---@field min_valid? number shortest remaining lifetime of the token

---@class itrigger.Error
---@field kind itrigger.Kind one of the kinds below
---@field message string what happened; the gateway's own words for `api`
---@field retryable boolean nothing of the call was executed, so it may be made again (wait first: the cause may last)
---@field code? integer|string the envelope's code
---@field name? string what the code is called, such as `member_not_found`
---@field http_status? integer if there was an HTTP answer
---@field method? "GET"|"POST" of the call
---@field path? string of the call, as it was given
---@field response? itrigger.Envelope the envelope, if one came
---@field elapsed? number seconds from start to end of the call

---@class itrigger.Envelope
---@field code integer|string a number also when the gateway sent it as a string
---@field message? string
---@field data? any absent when it is null
---@field total? integer of list endpoints
---@field pageNum? integer of list endpoints
---@field pageSize? integer of list endpoints
---@field pageCount? integer of list endpoints
---@field elapsed? number seconds from start to end of the call

---What a call with `raw = true` returns.
---@class itrigger.Raw
---@field status integer HTTP status
---@field headers table<string, string> names in lower case; several of one name are joined by `, `
---@field body string as it came, with gzip decoded
---@field elapsed number seconds from start to end of the call

---@class itrigger.Event
---@field at number seconds since 1970
---@field state itrigger.State after the change
---@field why itrigger.Why what changed it
---@field error? itrigger.Error of `failed`

---@class itrigger.Stats
---@field state itrigger.State of the token in this process
---@field token? string short id, `sha256:` and 8 digits; this and the next four only if there is a token
---@field fence? integer|string number that grows with each new token
---@field age? number seconds since the gateway issued it
---@field refresh_in? number seconds until it is refreshed; negative: due
---@field expires_in? number seconds until it expires; negative: expired
---@field fetches_today? integer token fetches of all who share the store, as last seen; absent with a central server, which alone knows
---@field daily_limit? integer the option, if it is set
---@field last_error? itrigger.Error of the last fetch, if it failed
---@field waiters integer calls of this process that wait for a token now
---@field store string kind of the store: `memory`, `file`, `redis`, `server`
---@field fetched integer tokens that this process got from the gateway
---@field calls integer started by this client
---@field refused integer answers to this client in which the gateway rejected the token
---@field repeated integer requests of this client that were sent again, for whatever reason
---@field events itrigger.Event[] the last 20 changes, oldest first

---A call, as `on_call` gets it.
---@class itrigger.Call
---@field method? "GET"|"POST" `GET` or `POST`
---@field path? string as it was given, never with a query
---@field endpoint? string such as `member.query`, of a call by an endpoint's function
---@field kind? itrigger.Kind the kind of the error; absent: the call succeeded
---@field code? integer|string the envelope's code
---@field http_status? integer if there was an HTTP answer
---@field elapsed number seconds from start to end of the call
---@field attempts integer requests that were sent; 0: none
---@field refused integer answers in which the gateway rejected the token
---@field bytes integer of the last answer's body, decompressed

---Counts of calls that several processes share: `require("itrigger.counts").shared(dict)`.
---@class itrigger.Counts
---@field on_call fun(call:itrigger.Call) for the option
---@field read fun():table

---@class itrigger.Request : itrigger.CallOpts
---@field [1] "GET"|"POST"|table method; with a function, such as `client.order.trades`, the path is left out and the parameters are `[2]`
---@field [2] string|table path
---@field [3]? table params or body
---@field tag? any comes back in the result

---@class itrigger.BatchOpts : itrigger.CallOpts
---@field concurrency? integer calls in flight
---@field rate? number calls a second, at most
---@field on_progress? fun(done: integer, total?: integer) called with `done, total` after each call

---@class itrigger.PagesOpts : itrigger.CallOpts
---@field method? "GET"|"POST" `"POST"` for lists that require it
---@field max_pages? integer pages, at most
---@field prefetch? integer pages requested ahead
---@field on_error? fun(err: itrigger.Error, page: integer): boolean? called with `err, page` for a page that failed; true: go on with the next page

---@class itrigger.Result
---@field index integer of the request
---@field tag any the request's
---@field response? itrigger.Envelope|itrigger.Raw what the call returned
---@field error? itrigger.Error why it failed; for a bad request of kind `usage`
---@field elapsed number seconds from start to end

---What `all` raises when the program's function or `on_progress` raised after something was sent.
---@class itrigger.Stopped
---@field reason any what was raised
---@field results table<integer, itrigger.Result> by the index of the request
---@field left { index: integer, tag: any }[] may have been executed

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

---One GET.
---@param path string begins with `/`, without a query
---@param params? table<string, itrigger.Param> the query
---@param opts? itrigger.CallOpts
---@return itrigger.Envelope? res the whole envelope, or with `raw` the HTTP answer
---@return itrigger.Error? err beside nil
function client:get(path, params, opts) end

---One POST, with the body as JSON.
---@param path string begins with `/`, without a query
---@param body? table sent as JSON; nil is `{}`
---@param opts? itrigger.CallOpts
---@return itrigger.Envelope? res the whole envelope, or with `raw` the HTTP answer
---@return itrigger.Error? err beside nil
function client:post(path, body, opts) end

---Many calls concurrently: `for result in client:batch(requests) do`, in the order in which the calls complete.
---@param requests itrigger.Request[]|fun(): itrigger.Request? an array, or a function that returns the next request and nil at the end
---@param opts? itrigger.BatchOpts
---@return itrigger.Batch batch the iterator of a generic `for`
function client:batch(requests, opts) end

---The results of a batch as one array, in the order of the requests.
---@param requests itrigger.Request[]|fun(): itrigger.Request?
---@param opts? itrigger.BatchOpts
---@return itrigger.Result[] results
function client:all(requests, opts) end

---The rows of a paged list: `for row, answer in client:pages(path, params) do`.
---@param path string begins with `/`, without a query
---@param params? table<string, itrigger.Param> the query, or the body of a POST
---@param opts? itrigger.PagesOpts
---@return itrigger.Rows rows the iterator of a generic `for`
function client:pages(path, params, opts) end

---The current token, for a program that must call the gateway without this library; fetched if there is none.
---@param opts? itrigger.TokenOpts
---@return string? token
---@return itrigger.Error? err beside nil; beside a token: why the last fetch failed
---@return itrigger.Source? source where this process got the token
function client:token(opts) end

---Fetch a new token now.
---@param opts? itrigger.TokenOpts
---@return string? token
---@return itrigger.Error? err beside nil; beside a token: why the last fetch failed
---@return itrigger.Source? source where this process got the token
function client:refresh(opts) end

---What the client and its token are doing.
---@return itrigger.Stats? stats
---@return itrigger.Error? err the client is closed
function client:stats() end

---The counts of this client's calls and what is known of its token, as text for Prometheus.
---@param counts? itrigger.Counts those of several processes, in place of the client's own
---@return string? text
---@return itrigger.Error? err the client is closed
function client:metrics(counts) end

---Release everything. Never waits; may be called again.
---@return true ok
function client:close() end

---Add an endpoint of your own, in the format of lua/itrigger/endpoints.lua.
---@param entry table
---@return true ok
function client:define(entry) end

---@class itrigger
---@field channel table<string, integer> the member channels by name
---@field null lightuserdata JSON's null in arrays; the same value as `cjson.null`
---@field version string of the library, such as `0.1.0`
local itrigger = {}

---`client:get` on the default client.
---@param path string
---@param params? table<string, itrigger.Param>
---@param opts? itrigger.CallOpts
---@return itrigger.Envelope? res
---@return itrigger.Error? err
function itrigger.get(path, params, opts) end

---`client:post` on the default client.
---@param path string
---@param body? table
---@param opts? itrigger.CallOpts
---@return itrigger.Envelope? res
---@return itrigger.Error? err
function itrigger.post(path, body, opts) end

---`client:batch` on the default client.
---@param requests itrigger.Request[]|fun(): itrigger.Request?
---@param opts? itrigger.BatchOpts
---@return itrigger.Batch batch
function itrigger.batch(requests, opts) end

---`client:all` on the default client.
---@param requests itrigger.Request[]|fun(): itrigger.Request?
---@param opts? itrigger.BatchOpts
---@return itrigger.Result[] results
function itrigger.all(requests, opts) end

---`client:pages` on the default client.
---@param path string
---@param params? table<string, itrigger.Param>
---@param opts? itrigger.PagesOpts
---@return itrigger.Rows rows
function itrigger.pages(path, params, opts) end

---`client:token` on the default client.
---@param opts? itrigger.TokenOpts
---@return string? token
---@return itrigger.Error? err
---@return itrigger.Source? source
function itrigger.token(opts) end

---`client:refresh` on the default client.
---@param opts? itrigger.TokenOpts
---@return string? token
---@return itrigger.Error? err
---@return itrigger.Source? source
function itrigger.refresh(opts) end

---`client:stats` of the default client.
---@return itrigger.Stats? stats
---@return itrigger.Error? err
function itrigger.stats() end

---`client:metrics` on the default client.
---@param counts? itrigger.Counts
---@return string? text
---@return itrigger.Error? err
function itrigger.metrics(counts) end

---Close the default client, if there is one; the next call creates it again.
---@return true ok
function itrigger.close() end

---`client:define` on the default client, and on each that configure makes.
---@param entry table
---@return true ok
function itrigger.define(entry) end

---Create a client. Options that are not given come from the environment. Nothing is sent yet.
---@param options? itrigger.Options
---@return itrigger.Client? client
---@return itrigger.Error? err
function itrigger.new(options) end

---Replace the default client, and close the earlier one.
---@param options? itrigger.Options|itrigger.Client
---@return true? ok
---@return itrigger.Error? err beside nil; the earlier client stays
function itrigger.configure(options) end

---Mark a table as an array, so that it is written as `[]` even when it is empty.
---@param t? table a table without a metatable; nil: a new one
---@return table t the same table
function itrigger.array(t) end

---Read JSON as answers are read: no integer changes its value, arrays stay arrays.
---@param text string
---@param opts? { null?: "nil"|"keep" } what becomes of null members
---@return any value
---@return itrigger.Error? err of kind `decode`, beside nil
function itrigger.decode(text, opts) end

---Write JSON as bodies are written: no integer changes its value.
---@param value any
---@return string? text
---@return itrigger.Error? err of kind `usage`, beside nil; names the member at fault
function itrigger.encode(value) end

return itrigger
