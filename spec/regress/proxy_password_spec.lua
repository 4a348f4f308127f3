-- libcurl quotes a proxy that it does not understand, and the error showed its password.

local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

describe("the password of a proxy", function()
  for _, proxy in ipairs { "foo://me:hunter22@127.0.0.1:1", "http://me:hunter22@127.0.0.1:port" } do
    it("is in no error: " .. proxy, function()
      local sb = sandbox.shared()
      local client = face.client(sb, { proxy = proxy, retries = 0 })
      local res, err = client:get(face.echo_get)
      assert.is_nil(res)
      assert.equal("network", err.kind)
      assert.is_nil(tostring(err):find("hunter22", 1, true))
      local last = client:stats().last_error
      assert.is_nil(last and tostring(last):find("hunter22", 1, true))
      client:close()
    end)
  end
end)
