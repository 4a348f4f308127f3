-- Endpoints as functions of a client: client.member.query { … }. client.member is a group, client.member.query a handle
-- that can be called, asked for its :pages, or named in a batch. Both are made when they are looked up and keep nothing
-- alive but their client.

local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"
local later = require "itrigger.later"

local endpoint, watch = later.endpoint, later.watch
local concat, error, getmetatable, next, pairs = table.concat, error, getmetatable, next, pairs
local rawget, setmetatable, tostring, type = rawget, setmetatable, tostring, type

local groups = {}
local NONE = {}

-- ---- handles: a client's endpoint, to be called ----

local group_metatable = { __name = "itrigger.endpoints" }

local function check_tables(e, params, opts)
  if getmetatable(params) == group_metatable then
    check.fail("%s was called with a colon; write a dot: client.%s { … }", e.name, e.name)
  elseif params ~= nil and type(params) ~= "table" then
    check.wrong_type(e.name, e.is_post and "body" or "params", "table or nil", params)
  elseif opts ~= nil and type(opts) ~= "table" then
    check.wrong_type(e.name, "opts", "table or nil", opts)
  end
end

-- The client behind a handle. Returns client | nil, err.
local function client_of(self)
  if self.client then
    return self.client
  end
  return self.default()
end

local PAGING = { pageNum = true, pageSize = true }
local handle_methods = {}
local handle_metatable = { __index = handle_methods, __name = "itrigger.endpoint" }

-- Call the endpoint: (params, opts) as get and post have them. Returns the envelope | nil, err.
function handle_metatable.__call(self, params, opts)
  local e = self.endpoint
  check_tables(e, params, opts)
  local wrong = endpoint.check(e, params, opts)
  local client, err = client_of(self)
  if wrong then
    return nil, client and watch.unstarted(client, wrong, e.method, e.path, e.name) or wrong
  elseif client == nil then
    return nil, err
  end
  opts = endpoint.opts(e, opts)
  if e.is_post then
    return client:post(e.path, params, opts, e.name)
  end
  return client:get(e.path, params, opts, e.name)
end

function handle_metatable.__tostring(self)
  return "itrigger endpoint " .. self.endpoint.name
end

-- The rows of a paged endpoint: `for row, page in client.member.point_list:pages(params, opts) do`. Raises what is
-- wrong with the parameters, and the error of a page.
function handle_methods:pages(params, opts)
  local e = self.endpoint
  if not e.entry.paged then
    check.fail("%s is not a paged list: call it without :pages", e.name)
  end
  check_tables(e, params, opts)
  local err = endpoint.check(e, params, opts, PAGING)
  if err then
    check.fail(err)
  end
  local client
  client, err = client_of(self)
  if client == nil then
    check.fail(err)
  end
  local page_opts = { method = e.method }
  for name, value in pairs(endpoint.opts(e, opts) or NONE) do
    page_opts[name] = value
  end
  return client:pages(e.path, params, page_opts, e.name)
end

-- The endpoint behind a handle; nil for anything else. For batches.
function groups.endpoint_of(value)
  return type(value) == "table" and getmetatable(value) == handle_metatable and rawget(value, "endpoint") or nil
end

-- ---- groups ----

local function add(to, e)
  local group = to[e.group] or {}
  to[e.group] = group
  group[e.short] = e
end

local documented = {}
for _, e in next, endpoint.documented do
  add(documented, e)
end

-- client → its own endpoints by group; those of the default client are at the key `groups`.
local defined = setmetatable({}, { __mode = "k" })

local function names_of(...)
  local names = {}
  for i = 1, select("#", ...) do
    for name in pairs((select(i, ...)) or NONE) do
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

function group_metatable.__index(self, name)
  local group = rawget(self, "group")
  local own = defined[rawget(self, "client") or groups]
  own = own and own[group]
  local e = own and own[name] or documented[group] and documented[group][name]
  if e == nil then
    local names = names_of(documented[group], own)
    local near = type(name) == "string" and core.nearest(name, names)
    error(('unknown endpoint "%s.%s"%s; known: %s'):format(group, errors.visible(tostring(name), true),
      near and (': did you mean "%s"?'):format(near) or "", concat(names, ", ")), 2)
  end
  return setmetatable({ client = rawget(self, "client"), default = rawget(self, "default"), endpoint = e },
    handle_metatable)
end

function group_metatable.__newindex(self)
  error(("the endpoints of %s cannot be assigned to; use client:define"):format(rawget(self, "group")), 2)
end

function group_metatable.__tostring(self)
  return "itrigger endpoints " .. rawget(self, "group")
end

-- The group of this name for a client, or nil. client nil: for the client that `default` returns at each call.
function groups.find(client, name, default)
  local own = defined[client or groups]
  if documented[name] == nil and not (own and own[name]) then
    return nil
  end
  return setmetatable({ group = name, client = client, default = default }, group_metatable)
end

-- A copy of a table down to that depth.
local function copy(value, depth)
  if type(value) ~= "table" or depth == 0 then
    return value
  end
  local made = {}
  for name, one in next, value do
    made[name] = copy(one, depth - 1)
  end
  return made
end

local DEPTH = 4 -- of a definition: params, a parameter, its values

-- Add an endpoint of the program's own to a client (nil: to the default client). taken: the fields that a group would hide
-- or be hidden by. Raises what is wrong with the definition.
function groups.define(client, entry, taken)
  local e, wrong = endpoint.compile(copy(entry, DEPTH)) -- the program may use its table for the next one
  if e and rawget(taken, e.group) ~= nil then
    wrong = ('the group "%s" is the name of a method or field'):format(e.group)
  elseif e and documented[e.group] and documented[e.group][e.short] then
    wrong = ("%s is a documented endpoint"):format(e.name)
  end
  if wrong then
    check.fail("define: %s", wrong)
  end
  local own = defined[client or groups] or {}
  defined[client or groups] = own
  add(own, e)
end

return groups
