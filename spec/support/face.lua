-- What specs of the library share: clients with an app of their own (token sources belong to the
-- process, so two specs with one app would see each other's token), and child processes on the
-- interpreter that runs the specs.

local client = require "itrigger.client"

local face = {}

face.echo_get = "/itrigger-tenant/v1/basic/openAPItest/test/get"
face.echo_post = "/itrigger-tenant/v1/basic/openAPItest/test/post"
face.api = "/itrigger-bff/v2/open/api"
face.member = { mobile = "18899888899", storeNo = "1159374785466208256" }

local count = 0
local this_run = tostring({}):gsub("%W", "") .. os.time()

-- Makes an app known to the sandbox; returns its id and secret.
function face.app(sb)
  count = count + 1
  local id, secret = ("spec-%s-%d"):format(this_run, count), "secret-of-app-" .. count
  sb:app { id = id, secret = secret }
  return id, secret
end

-- The options of a new app's client; `more` adds to them or replaces them.
function face.options(sb, more)
  local options = { gateway = sb.gateway }
  options.app_id, options.app_secret = face.app(sb)
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

function face.client(sb, more)
  return assert(client.new(face.options(sb, more)))
end

-- Has the test endpoint tell what arrives; returns that.
function face.echo(c, params, opts)
  opts = opts or {}
  opts.headers = opts.headers or {}
  opts.headers["X-Sandbox-Echo"] = "1"
  return assert(c:get(face.echo_get, params, opts)).data
end

function face.echo_body(c, body, opts)
  opts = opts or {}
  opts.headers = { ["X-Sandbox-Echo"] = "1" }
  return assert(c:post(face.echo_post, body, opts)).data
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- The command that runs these specs.
function face.interpreter()
  local i = 0
  while arg[i - 1] do
    i = i - 1
  end
  return arg[i]
end

-- Runs Lua text in a process of its own with more environment, after some words of the shell; returns
-- all that it printed, and its exit status (128 and more: a signal).
function face.run(text, environment, before)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  local words = { "env" }
  for variable, value in pairs(environment or {}) do
    words[#words + 1] = quote(variable .. "=" .. value)
  end
  words[#words + 1] = quote(face.interpreter())
  local pipe = assert(io.popen((before or "") .. " " .. table.concat(words, " ") .. " " .. quote(name) .. " 2>&1; echo $?"))
  local output, status = pipe:read("*a"):match("^(.-)(%d+)\n$")
  pipe:close()
  os.remove(name)
  return output, tonumber(status)
end

return face
