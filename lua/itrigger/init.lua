-- The face of the library: what `require "itrigger"` gives.

local async = require "itrigger.async"
local batch = require "itrigger.batch"
local client = require "itrigger.client"
local core = require "itrigger.core"
local endpoints = require "itrigger.endpoints"
local groups = require "itrigger.groups"
local json = require "itrigger.json"
local pages = require "itrigger.pages"

local check_call, check_options = client.check_call, client.check_options
local call = async.call

local itrigger = {
  array = json.array,
  channel = endpoints.channels,
  null = json.null,
  version = core.version,
}

-- The client behind itrigger.get and itrigger.post: made by configure, or from the environment at
-- the first call. One that cannot be made is tried again at the next call.
local default

local function default_client()
  local err
  if default == nil then
    default, err = client.new({})
  end
  return default, err
end

-- A client of its own. options: see docs, or `itrigger.options`; what is not given comes from the
-- environment (ITRIGGER_APP_ID ...). Returns client | nil, err of kind "config".
function itrigger.new(options)
  check_options("itrigger.new", options)
  return client.new(options or {})
end

-- Makes the client behind itrigger.get and itrigger.post anew. Returns true | nil, err; after an
-- error the earlier one stays.
function itrigger.configure(options)
  check_options("itrigger.configure", options)
  local made, err = client.new(options or {})
  if made == nil then
    return nil, err
  end
  if default ~= nil then
    default:close()
  end
  default = made
  return true
end

-- As client:get on the default client.
function itrigger.get(path, params, opts)
  check_call("itrigger.get", "params", path, params, opts)
  local c, err = default_client()
  if c == nil then
    return nil, err
  end
  return call(c, false, path, params, opts)
end

-- As client:post on the default client.
function itrigger.post(path, body, opts)
  check_call("itrigger.post", "body", path, body, opts)
  local c, err = default_client()
  if c == nil then
    return nil, err
  end
  return call(c, true, path, body, opts)
end

-- As client:batch, client:all and client:pages on the default client; raise if there is none.
function itrigger.batch(requests, opts)
  batch.check("itrigger.batch", requests, opts)
  local c, err = default_client()
  if c == nil then
    error(err, 2)
  end
  return batch.new(c, requests, opts)
end

function itrigger.all(requests, opts)
  batch.check("itrigger.all", requests, opts)
  local c, err = default_client()
  if c == nil then
    error(err, 2)
  end
  return batch.all(c, requests, opts)
end

function itrigger.pages(path, params, opts)
  pages.check("itrigger.pages", path, params, opts)
  local c, err = default_client()
  if c == nil then
    error(err, 2)
  end
  return pages.new(c, path, params, opts)
end

-- As client:define on the default client, and on each that configure makes.
function itrigger.define(entry)
  groups.define(nil, entry, itrigger, 2)
  return true
end

-- itrigger.member.query { … }: the endpoints of the default client.
return setmetatable(itrigger, {
  __index = function(_, name)
    return groups.find(nil, name, default_client)
  end,
})
