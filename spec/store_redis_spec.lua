-- The store "redis:" from Lua: the module itrigger.redis, a real redis-server, and neither of them.
local client = require "itrigger.client"
local face = require "spec.support.face"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

local PROGRAM = [[
local client, wrong = require("itrigger.client").new {}
if not client then
  error(tostring(wrong))
end
local token, err, source = client:token()
io.write(tostring(token), " ", source or tostring(err))
]]

describe("token_store redis:", function()
  local sb, environment

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    local id, secret = face.app(sb)
    environment = { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret }
  end)

  it("says how to install the module that it lacks", function()
    local loaded, preload = package.loaded["itrigger.redis"], package.preload["itrigger.redis"]
    package.loaded["itrigger.redis"] = nil
    package.preload["itrigger.redis"] = function()
      error("no hiredis")
    end
    local made, err = client.new { gateway = sb.gateway, app_id = "a", app_secret = "s-e-c-r-e-t",
      token_store = "redis://:pass-word@127.0.0.1" }
    package.loaded["itrigger.redis"], package.preload["itrigger.redis"] = loaded, preload
    assert.is_nil(made)
    assert.equal("config", err.kind)
    assert.truthy(err.message:find("itrigger-redis", 1, true), err.message)
    assert.truthy(err.message:find("no hiredis", 1, true), err.message)
    assert.falsy(err.message:find("pass-word", 1, true), err.message)
  end)

  local lacks = redis.missing()
  if lacks then
    pending("on a real server: " .. lacks)
    return
  end

  it("names the server that is not there, without the password", function()
    environment.ITRIGGER_TOKEN_STORE = "redis://:pass-word@127.0.0.1:1"
    local output = face.run(PROGRAM, environment)
    assert.truthy(output:find("^nil itrigger: store: token store redis://127.0.0.1:1/0"), output)
    assert.falsy(output:find("pass-word", 1, true), output)
    assert.equal(0, sb:state().fetches)
  end)

  -- spec/c/store_redis_tls_test.c has the rest of it, on a server with TLS.
  it("takes rediss: where it was built with TLS, and else says what to do", function()
    environment.ITRIGGER_TOKEN_STORE = "rediss://:pass-word@127.0.0.1:1"
    local output = face.run(PROGRAM, environment)
    local lacks_tls = output:find("itrigger: config: option token_store: this build of itrigger.redis has no TLS", 1, true)
    local cannot_connect = output:find("^nil itrigger: store: token store rediss://127.0.0.1:1/0")
    assert.truthy(lacks_tls or cannot_connect, output)
    assert.falsy(output:find("pass-word", 1, true), output)
    assert.equal(0, sb:state().fetches)
  end)

  it("gives the token of one process to the next", function()
    local server = redis.start()
    environment.ITRIGGER_TOKEN_STORE = server.address
    local first = face.run(PROGRAM, environment)
    local second = face.run(PROGRAM, environment)
    server:remove()
    assert.truthy(first:find("^%x+ gateway$"), first)
    assert.equal(first:match("^%x+"), second:match("^%x+"))
    assert.truthy(second:find(" redis$"), second)
    assert.equal(1, sb:state().fetches)
  end)
end)
