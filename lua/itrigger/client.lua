-- A client: its methods, and the checks of what is passed to them. The work is done in C (itrigger.core).

local async = require "itrigger.async"
local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"
local later = require "itrigger.later"
local options = require "itrigger.options"

local getmetatable, type = getmetatable, type
local core_call, core_close, core_stats, core_token = async.call, core.close, core.stats, async.token
local core_held = core.held

-- What getmetatable answers for a client: see lua_client.h.
local CLIENT = "itrigger.client"

local client = {}

-- The methods, by name. `itrigger.x` is the method x of the default client: see init.lua.
client.methods = {}

local methods = client.methods

-- ---- checks ----

local function bad_self(name, self)
  check.fail("'%s' was called on a %s, not on a client; is it written with a colon?", name, type(self))
end

-- ---- the methods ----

-- GET path with params in the query. endpoint: the name that on_call is told, of a call through an endpoint's function.
-- Returns the envelope | nil, err.
function methods:get(path, params, opts, endpoint)
  if getmetatable(self) ~= CLIENT then
    bad_self("get", self)
  end
  check.call("get", "params", path, params, opts)
  return core_call(self, false, path, params, opts, endpoint)
end

-- POST to path with body as JSON; endpoint as above. Returns the envelope | nil, err.
function methods:post(path, body, opts, endpoint)
  if getmetatable(self) ~= CLIENT then
    bad_self("post", self)
  end
  check.call("post", "body", path, body, opts)
  return core_call(self, true, path, body, opts, endpoint)
end

-- Make many calls side by side: `for result in client:batch(requests, opts) do`. requests: an array or an
-- iterator function of { "GET" or "POST", path, params or body, tag =, and options of a call }; opts:
-- concurrency, rate, on_progress, and options that all calls have. result: index, tag, response, error,
-- elapsed (s), in the order in which calls end.
function methods:batch(given, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("batch", self)
  end
  later.requests.check("batch", given, opts)
  return later.batch.new(self, given, opts)
end

-- Make them all at once. Returns an array of results, in the order of the requests.
function methods:all(given, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("all", self)
  end
  later.requests.check("all", given, opts)
  return later.batch.all(self, given, opts)
end

-- Iterate over the rows of a paged list: `for row, page in client:pages(path, params, opts) do`; page: the
-- answer that the row came in. opts: method ("POST" for lists that are), max_pages, prefetch, on_error, and options of
-- a call. Raises the error of a call that failed.
function methods:pages(path, params, opts, endpoint)
  if getmetatable(self) ~= CLIENT then
    bad_self("pages", self)
  end
  later.pages.check("pages", path, params, opts)
  return later.pages.new(self, path, params, opts, endpoint)
end

-- Return token, err, source: the present token. err beside a token says why the last fetch failed.
function methods:token(opts)
  if opts == nil and async.is_anywhere then
    local token, err, source = core_held(self) -- nearly always it is in memory
    if token then
      return token, err, source
    end
  end
  if getmetatable(self) ~= CLIENT then
    bad_self("token", self)
  end
  if opts ~= nil then
    check.table_or_nil("token", "opts", opts)
  end
  return core_token(self, opts, false)
end

-- Ask for one fetch now; returns as token does.
function methods:refresh(opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("refresh", self)
  end
  if opts ~= nil then
    check.table_or_nil("refresh", "opts", opts)
  end
  return core_token(self, opts, true)
end

-- Return what the client and its token are doing, for operators.
function methods:stats()
  if getmetatable(self) ~= CLIENT then
    bad_self("stats", self)
  end
  return core_stats(self)
end

-- Return the counts of the client's calls, and what is known of its token, as Prometheus reads them. counts: those of
-- itrigger.counts in place of the client's own. Returns text | nil, err.
function methods:metrics(counts)
  if getmetatable(self) ~= CLIENT then
    bad_self("metrics", self)
  end
  later.metrics.check(counts)
  local own, err = core.counts(self)
  local stats
  if own ~= nil then
    stats, err = core_stats(self)
  end
  if stats == nil then
    return nil, err
  end
  return later.metrics.text(own, stats, counts)
end

-- Give everything back. May be called again; any other call then gives an error.
function methods:close()
  if getmetatable(self) ~= CLIENT then
    bad_self("close", self)
  end
  return core_close(self)
end

-- Add an endpoint of the program's own: client:define { name = "shop.close", method = "POST", path = …,
-- params = { … } } makes client.shop.close { … }. The format is that of endpoints.lua. Raises what is wrong with it.
function methods:define(entry)
  if getmetatable(self) ~= CLIENT then
    bad_self("define", self)
  end
  later.groups.define(self, entry, methods)
  return true
end

-- What client.x is: a method, or a group of endpoints.
core.set_index(function(self, name)
  local method = methods[name]
  if method ~= nil then
    return method
  end
  return later.groups.find(self, name)
end)

-- Return whether the value is a client, or one of itrigger.testing.
function client.is_client(value)
  local word = getmetatable(value)
  return word == CLIENT or word == "itrigger.testing.client"
end

-- ---- making one ----

-- Without a free descriptor `require` reports a module as missing. Returns why no file can be opened; nil: one can.
local function cannot_open()
  if io then -- a host may have taken it away
    local file, reason = io.open("/dev/null")
    return not (file and file:close()) and reason or nil
  end
end

-- The store of a Redis address, which is in a module of its own; nil for the others, which the core
-- makes. Returns store | nil, err.
local function open_store(address)
  if type(address) ~= "string" or not (address:find "^rediss?[:+]") then
    return nil
  end
  local found, redis = pcall(require, "itrigger.redis")
  if not found then
    return nil, errors.new { kind = "config", retryable = false, message = "option token_store: a "
      .. "Redis store needs the module itrigger.redis (luarocks install itrigger-redis), which "
      .. "cannot be loaded: " .. (cannot_open() or tostring(redis):gsub("%s*\n%s*", " ")) }
  end
  local store, kind, message = redis.open(address)
  if store == nil then
    return nil, errors.new { kind = kind, retryable = false, message = message }
  end
  return store
end

-- given: a table of options. Returns client | nil, err.
function client.new(given)
  local settings, err = options.resolve(given)
  if settings == nil then
    return nil, err
  end
  local store, made
  store, err = open_store(settings.core.token_store)
  if err ~= nil then
    return nil, options.explain(err, settings.from)
  end
  made, err = core.new(settings.core, settings.null == "keep", store)
  if made == nil then
    return nil, options.explain(err, settings.from)
  end
  local used, missing = async.use(made, settings.transport)
  if not used then
    made:close()
    return nil, options.explain(errors.new { kind = "config", retryable = false,
      message = ('option transport is "%s", but %s'):format(settings.transport, missing) }, settings.from)
  end
  if settings.on_call then
    core.watch(made, later.watch.guard(settings.on_call))
  end
  return made
end

return client
