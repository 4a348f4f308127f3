-- The face of the library: what `require "itrigger"` gives.

local channels = require "itrigger.channels"
local check = require "itrigger.check"
local client = require "itrigger.client"
local core = require "itrigger.core"
local errors = require "itrigger.errors"
local json = require "itrigger.json"
local later = require "itrigger.later"

-- The Lua files and the C module can come from two places: two prefixes, or opm, which has only the former.
local VERSION = "0.1.0"
if core.version ~= VERSION then
  error(("itrigger: the Lua files are of version %s (%s), but itrigger.core is of %s: install both from one version")
    :format(VERSION, debug.getinfo(1, "S").short_src, core.version), 0)
end

-- A copy that raises for an unknown name: nil would only look like a missing parameter.
local function named(values, what)
  local copy, names = {}, {}
  for name, value in pairs(values) do
    copy[name], names[#names + 1] = value, name
  end
  return setmetatable(copy, {
    __index = function(_, name)
      local shown = errors.visible(tostring(name), true)
      local near = core.nearest(shown, names)
      error(('unknown %s "%s"%s'):format(what, shown, near and (': did you mean "%s"?'):format(near) or ""), 2)
    end,
  })
end

local itrigger = {
  array = json.array,
  channel = named(channels, "channel"),
  decode = json.decode,
  encode = json.encode,
  null = json.null,
  version = core.version,
}

-- ---- clients ----

-- Make a client. options: see docs; what is not given comes from the environment (ITRIGGER_APP_ID ...).
-- Returns client | nil, err of kind "config".
function itrigger.new(options)
  check.table_or_nil("new", "options", options)
  return client.new(options or {})
end

-- The default client: made by configure, or from the environment at the first call. One that cannot be
-- made is tried again at the next call.
local default

local function ensure_default()
  local err
  if default == nil then
    default, err = client.new({})
  end
  return default, err
end

-- Close the default client, if there is one; the next call makes it anew. Returns true.
function itrigger.close()
  if default ~= nil then
    default:close()
    default = nil
  end
  return true
end

-- Make the default client anew, of options or of a client that exists (also one of itrigger.testing). Returns true | nil,
-- err; after an error the earlier one stays.
function itrigger.configure(options)
  local made, err
  if client.is_client(options) then
    made = options
  else
    check.table_or_nil("configure", "options", options)
    made, err = client.new(options or {})
  end
  if made == nil then
    return nil, err
  elseif made == default then
    return true
  end
  itrigger.close()
  default = made
  return true
end

-- ---- the methods of the default client ----

-- As the method of a client; nil, err where there is no default client.
local function returning(name)
  return function(a, b, c)
    local it = default
    if it == nil then
      local made, err = ensure_default()
      if made == nil then
        return nil, err
      end
      it = made
    end
    return it[name](it, a, b, c)
  end
end

-- The same, but what gives no error raises it.
local function raising(name)
  return function(a, b, c)
    local it, err = ensure_default()
    if it == nil then
      check.fail(err)
    end
    return it[name](it, a, b, c)
  end
end

itrigger.get = returning("get")
itrigger.post = returning("post")
itrigger.token = returning("token")
itrigger.refresh = returning("refresh")
itrigger.stats = returning("stats")
itrigger.metrics = returning("metrics")
itrigger.batch = raising("batch")
itrigger.all = raising("all")
itrigger.pages = raising("pages")

-- As client:define on the default client, and on each that configure makes.
function itrigger.define(entry)
  later.groups.define(nil, entry, itrigger)
  return true
end

-- itrigger.member.query { … }: the endpoints of the default client.
return setmetatable(itrigger, {
  __index = function(_, name)
    return later.groups.find(nil, name, ensure_default)
  end,
})
