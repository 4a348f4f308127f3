-- A standard header that the program gives without a value was sent twice: its own and the library's.

local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

describe("a standard header without a value", function()
  local sb = sandbox.shared()

  for _, name in ipairs { "User-Agent", "Accept", "Accept-Encoding" } do
    it("is sent once, as it was given: " .. name, function()
      local c = face.client(sb)
      local seen = face.echo(c, nil, { headers = { [name] = "" } })
      c:close()
      assert.equal("", seen.headers[name:lower()])
    end)
  end
end)

describe("a head of 90 KB", function()
  it("is taken in raw, too", function()
    local sb = sandbox.shared()
    local c = face.client(sb)
    assert(c:token())
    local headers = {}
    for i = 1, 90 do
      headers["X-Part-" .. i] = ("x"):rep(1000)
    end
    sb:answer { path = face.echo_get, headers = headers, body = '{"code":200}', times = 2 }
    assert(c:get(face.echo_get))
    local res = assert(c:get(face.echo_get, nil, { raw = true }))
    c:close()
    assert.equal(1000, #res.headers["x-part-90"])
  end)
end)
