-- libcurl quotes a proxy that it does not understand, and the error showed its password.

local client = require "itrigger.client"
local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

describe("the password of a proxy", function()
  it("is in no error of a call", function()
    local sb = sandbox.shared()
    local c = face.client(sb, { gateway = sb.https, proxy = "http://me:hunter22@127.0.0.1:port", retries = 0 })
    local res, err = c:get(face.echo_get)
    assert.is_nil(res)
    assert.equal("network", err.kind)
    assert.is_nil(tostring(err):find("hunter22", 1, true))
    local last = c:stats().last_error
    assert.is_nil(last and tostring(last):find("hunter22", 1, true))
    c:close()
  end)

  for _, password in ipairs { "p@hunter22", "p/hunter22", "hunter22?" } do
    it("is not taken for the proxy's host: " .. password, function()
      local options = face.options(sandbox.shared(), { proxy = "http://me:" .. password .. "@127.0.0.1:1" })
      local c, err = client.new(options)
      assert.is_nil(c)
      assert.equal("config", err.kind)
      assert.truthy(err.message:find("percent-encode", 1, true))
      assert.is_nil(tostring(err):find("hunter22", 1, true))
    end)
  end

  it("is not in the error about an unknown scheme, which new returns", function()
    local options = face.options(sandbox.shared(), { proxy = "foo://me:hunter22@127.0.0.1:1" })
    local c, err = client.new(options)
    assert.is_nil(c)
    assert.equal("config", err.kind)
    assert.is_nil(tostring(err):find("hunter22", 1, true))
  end)
end)
