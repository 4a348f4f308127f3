-- A client: its methods, and the checks of what is passed to them. An argument of the wrong type is
-- the programmer's mistake and raises at the caller's level; everything else is returned as
-- nil, err. The work is done in C (itrigger.core).

local async = require "itrigger.async"
local batch = require "itrigger.batch"
local core = require "itrigger.core"
local errors = require "itrigger.errors"
local groups = require "itrigger.groups"
local options = require "itrigger.options"
local pages = require "itrigger.pages"

local error, getmetatable, type = error, getmetatable, type
local core_call, core_close, core_stats, core_token = async.call, core.close, core.stats, async.token

-- What getmetatable answers for a client: see lua_client.h.
local CLIENT = "itrigger.client"

local client = {}

-- ---- checks: level 3 is whoever called the function that checks ----

local function wrong_type(name, argument, wanted, value)
  local message = "bad argument '%s' to %s (%s expected, got %s)"
  error(message:format(argument, name, wanted, value == nil and "nil" or type(value)), 4)
end

local function bad_self(name, self)
  local message = "%s: called on a %s, not on a client; is it written with a colon?"
  error(message:format(name, type(self)), 3)
end

-- path, params or body, and opts of one call; data names the second.
function client.check_call(name, data, path, params, opts)
  if type(path) ~= "string" then
    wrong_type(name, "path", "string", path)
  end
  if params ~= nil and type(params) ~= "table" then
    wrong_type(name, data, "table or nil", params)
  end
  if opts ~= nil and type(opts) ~= "table" then
    wrong_type(name, "opts", "table or nil", opts)
  end
end

function client.check_options(name, given)
  if given ~= nil and type(given) ~= "table" then
    wrong_type(name, "options", "table or nil", given)
  end
end

local function check_opts(name, opts)
  if type(opts) ~= "table" then
    wrong_type(name, "opts", "table or nil", opts)
  end
end

local check_call = client.check_call

-- ---- the methods ----

local methods = {}

-- GET path with params in the query. Returns the envelope | nil, err.
function methods:get(path, params, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:get", self)
  end
  check_call("client:get", "params", path, params, opts)
  return core_call(self, false, path, params, opts)
end

-- POST to path with body as JSON. Returns the envelope | nil, err.
function methods:post(path, body, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:post", self)
  end
  check_call("client:post", "body", path, body, opts)
  return core_call(self, true, path, body, opts)
end

-- Many calls side by side: `for result in client:batch(requests, opts) do`. requests: an array or an
-- iterator function of { "GET" or "POST", path, params or body, tag =, and options of a call }; opts:
-- concurrency, on_progress, and options that all calls have. result: index, tag, response, error,
-- elapsed (s), in the order in which calls end.
function methods:batch(requests, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:batch", self)
  end
  batch.check("client:batch", requests, opts)
  return batch.new(self, requests, opts)
end

-- The same all at once: an array of results, in the order of the requests.
function methods:all(requests, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:all", self)
  end
  batch.check("client:all", requests, opts)
  return batch.all(self, requests, opts)
end

-- The rows of a paged list: `for row, page in client:pages(path, params, opts) do`; page: the answer
-- that the row came in. opts: method ("POST" for lists that are), max_pages, prefetch, and options of a
-- call. Raises the error of a call that failed.
function methods:pages(path, params, opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:pages", self)
  end
  pages.check("client:pages", path, params, opts)
  return pages.new(self, path, params, opts)
end

-- The present token. Returns token, err, source: err beside a token says why the last fetch failed.
function methods:token(opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:token", self)
  end
  if opts ~= nil then
    check_opts("client:token", opts)
  end
  return core_token(self, opts, false)
end

-- Asks for one fetch now; returns as token does.
function methods:refresh(opts)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:refresh", self)
  end
  if opts ~= nil then
    check_opts("client:refresh", opts)
  end
  return core_token(self, opts, true)
end

-- What the client and its token are doing, for operators.
function methods:stats()
  if getmetatable(self) ~= CLIENT then
    bad_self("client:stats", self)
  end
  return core_stats(self)
end

-- Gives everything back. May be called again; any other call then gives an error.
function methods:close()
  if getmetatable(self) ~= CLIENT then
    bad_self("client:close", self)
  end
  return core_close(self)
end

-- Adds an endpoint of the program's own: client:define { name = "shop.close", method = "POST", path = …,
-- params = { … } } makes client.shop.close { … }. The format is that of endpoints.lua. Raises what is wrong with it.
function methods:define(entry)
  if getmetatable(self) ~= CLIENT then
    bad_self("client:define", self)
  end
  groups.define(self, entry, methods, 2)
  return true
end

local find_group = groups.find

-- Methods, and groups of endpoints.
core.set_index(function(self, name)
  local method = methods[name]
  if method ~= nil then
    return method
  end
  return find_group(self, name)
end)

-- ---- making one ----

-- The store of a Redis address, which is in a module of its own; nil for the others, which the core
-- makes. Returns store | nil, err.
local function open_store(address)
  if type(address) ~= "string" or not (address:find("^rediss?:") or address:find("^redis%+")) then
    return nil
  end
  local found, redis = pcall(require, "itrigger.redis")
  if not found then
    return nil, errors.new { kind = "config", retryable = false, message = "option token_store: a "
      .. "Redis store needs the module itrigger.redis (luarocks install itrigger-redis), which "
      .. "cannot be loaded: " .. tostring(redis):gsub("%s*\n%s*", " ") }
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
  if type(settings.transport) == "table" then
    async.use(made, settings.transport)
  end
  return made
end

return client
