-- An answer with HTTP 500 and code 200 is an error; it was called "success".

local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

describe("an error", function()
  it("is not called success", function()
    local sb = sandbox.shared()
    sb:reset()
    local client = face.client(sb)
    sb:answer { path = face.echo_get, status = 500, body = '{"code":200,"message":"ok"}' }
    local res, err = client:get(face.echo_get)
    assert.is_nil(res)
    assert.equal("api", err.kind)
    assert.equal(200, err.code)
    assert.is_nil(err.name)
    client:close()
  end)
end)
