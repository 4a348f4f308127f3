-- err.response showed a token or a secret that the gateway echoed with JSON's escapes in it, as PHP
-- and lua-cjson write every "/".

local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

describe("an echoed secret", function()
  local sb, client

  before_each(function()
    sb = sandbox.shared()
    sb:reset()
    client = face.client(sb)
    sb:token { next_tokens = { "abc/def+0123456789" } }
    assert.equal("abc/def+0123456789", assert(client:token()))
  end)

  after_each(function()
    client:close()
  end)

  for _, written in ipairs {
    "abc/def+0123456789", "abc\\/def+0123456789", "abc%2Fdef%2B0123456789", "\\u0061bc/def\\u002b0123456789",
  } do
    it("is in no error: " .. written, function()
      sb:answer { path = face.echo_get, body = '{"code":9,"message":"no ' .. written .. '","data":"' .. written .. '"}' }
      local res, err = client:get(face.echo_get)
      assert.is_nil(res)
      assert.equal(9, err.code)
      assert.truthy(err.response.message:find("^no %*+$"))
      assert.truthy(err.response.data:find("^%*+$"))
      assert.truthy(err.message:find("^no %*+$"))
    end)
  end
end)
