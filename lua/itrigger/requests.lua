-- The requests of a batch: an array or an iterator of { "GET" or "POST", path, params or body, tag =, and options of a call } or
-- { client.order.trades, params, … }. Read and checked here; started elsewhere.

local check = require "itrigger.check"
local errors = require "itrigger.errors"
local later = require "itrigger.later"

local next, pairs, rawget, type = next, pairs, rawget, type
local is_callable, is_post_method = check.is_callable, check.is_post

local OWN_OPTS = { concurrency = true, on_progress = true, rate = true }
local CHECKED_OPTS = { check = true, concurrency = true, on_progress = true, rate = true } -- check: of endpoints
local MOST = 1024 -- calls at once, as of the option concurrency
local LEAST_RATE, MOST_RATE = 0.001, 1e6 -- calls a second

local requests = {}

local function usage(message, ...)
  return errors.new { kind = "usage", retryable = false, message = message:format(...) }
end

-- The requests as an iterator; an array ends at its first nil.
function requests.each(given)
  if is_callable(given) then
    return given
  end
  local i = 0
  return function()
    i = i + 1
    return given[i]
  end
end

-- Return whether the value can be so many calls a second.
function requests.is_rate(value)
  return type(value) == "number" and value >= LEAST_RATE and value <= MOST_RATE
end

-- Raise what is wrong with the arguments of the function `name`.
function requests.check(name, given, opts)
  if type(given) ~= "table" and not is_callable(given) then
    check.wrong_type(name, "requests", "array or iterator function", given)
  end
  check.table_or_nil(name, "opts", opts)
  check.opts(name, CHECKED_OPTS, opts)
  opts = opts or {}
  if opts.concurrency ~= nil and not check.is_integer(opts.concurrency, 1, MOST) then
    check.fail("bad argument 'opts' to '%s' (concurrency must be an integer from 1 to %d)", name, MOST)
  elseif opts.rate ~= nil and not requests.is_rate(opts.rate) then
    check.fail("bad argument 'opts' to '%s' (rate must be a number of calls a second, from %g to %.0f)", name, LEAST_RATE,
      MOST_RATE)
  elseif opts.on_progress ~= nil and not is_callable(opts.on_progress) then
    check.wrong_type(name, "opts.on_progress", "function", opts.on_progress)
  end
end

-- The options that all calls have, or nil.
function requests.shared_opts(opts)
  local shared
  for name, value in pairs(opts or {}) do
    if not OWN_OPTS[name] then
      shared = shared or {}
      shared[name] = value
    end
  end
  return shared
end

-- What a request says beside method, path and params, on top of what all have. Those that say nothing
-- share one table.
local function opts_of(request, shared)
  local opts
  for name, value in next, request do
    if name ~= 1 and name ~= 2 and name ~= 3 and name ~= "tag" then
      if opts == nil then
        opts = {}
        for shared_name, shared_value in pairs(shared or {}) do
          opts[shared_name] = shared_value
        end
      end
      opts[name] = value
    end
  end
  return opts or shared
end

-- The endpoint behind a value, or nil: nobody has one before groups.lua is loaded.
local function endpoint_of(value)
  local groups = rawget(later, "groups")
  return groups and groups.endpoint_of(value)
end

-- A request that names an endpoint: { client.order.trades, params, … }. Returns is_post, path, params, opts, name |
-- nil, err.
local function of_endpoint(e, request, shared)
  local params, opts = request[2], opts_of(request, shared)
  if params ~= nil and type(params) ~= "table" then
    return nil, usage("the parameters of a request (its second item) must be a table, not a %s", type(params))
  end
  local err = later.endpoint.check(e, params, opts)
  if err then
    return nil, err
  end
  return e.is_post, e.path, params, later.endpoint.opts(e, opts), e.name
end

-- The name of the endpoint that a request names, or nil.
function requests.endpoint_name(request)
  local e = type(request) == "table" and endpoint_of(request[1])
  return e and e.name or nil
end

-- What one request asks for. Returns is_post, path, params, opts, name of the endpoint if it names one | nil, err of kind
-- "usage".
function requests.read(request, shared)
  if type(request) ~= "table" then
    return nil, usage('a request must be a table { "GET" or "POST", path, params or body }, not a %s', type(request))
  end
  local e = type(request[1]) == "table" and endpoint_of(request[1])
  if e then
    return of_endpoint(e, request, shared)
  end
  local is_post, path, params = is_post_method(request[1]), request[2], request[3]
  if is_post == nil then
    local given = type(request[1]) == "string" and '"' .. errors.visible(request[1]) .. '"' or "a " .. type(request[1])
    return nil, usage('the method of a request (its first item) must be "GET" or "POST", not %s', given)
  elseif type(path) ~= "string" then
    return nil, usage("the path of a request (its second item) must be a string, not a %s", type(path))
  elseif params ~= nil and type(params) ~= "table" then
    return nil, usage("the %s of a request (its third item) must be a table, not a %s",
      is_post and "body" or "params", type(params))
  end
  return is_post, path, params, opts_of(request, shared)
end

return requests
