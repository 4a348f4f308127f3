-- A proxy that could not be reached, or that refused, was reported as the gateway; and a proxy given with
-- an http gateway on loopback was sent the app secret in clear.

local face = require "spec.support.face"
local itrigger = require "itrigger"
local network = require "spec.support.network"
local sandbox = require "spec.support.sandbox"

describe("a proxy", function()
  local sb = sandbox.shared()

  local function message(proxy)
    local c = face.client(sb, { gateway = sb.https, ca_file = sb.ca_file, retries = 0, proxy = proxy })
    local res, err = c:get(face.echo_get)
    c:close()
    assert.is_nil(res)
    assert.equal("network", err.kind)
    assert.is_true(err.retryable) -- the gateway was not sent anything
    return tostring(err)
  end

  it("that cannot be reached is named", function()
    assert.truthy(message("http://127.0.0.1:1"):find("could not connect to the proxy for", 1, true))
  end)

  it("that cannot be resolved is named", function()
    assert.truthy(message("http://" .. network.no_such_host .. ":1"):find("could not resolve the proxy for", 1, true))
  end)

  it("that refuses is named, with its HTTP status", function()
    if package.cpath:find("/oldcurl/", 1, true) then
      pending("needs libcurl 7.80 or newer: an older one says only that the connection broke")
      return
    end
    -- nginx as a proxy: it answers CONNECT with 405 (400 since 1.27)
    local said = message(sb.gateway)
    assert.truthy(said:find("the proxy refused to connect to https://localhost:%d+: HTTP 40%d"), said)
  end)

  it("and an http gateway on this machine are refused together", function()
    local c, err = itrigger.new(face.options(sb, { proxy = "http://127.0.0.1:1" }))
    assert.is_nil(c)
    assert.equal("config", err.kind)
    assert.truthy(err.message:find("option proxy", 1, true))
  end)

  it("of \"\" is none, which is right with any gateway", function()
    local c = face.client(sb, { proxy = "" })
    assert(c:get(face.echo_get))
    c:close()
  end)
end)
