local errors = require "itrigger.errors"
local face = require "spec.support.face"

describe("errors", function()
  it("are one readable line as a string", function()
    local err = errors.new {
      kind = "api",
      code = 80002,
      name = "member_not_found",
      message = "会员不存在",
      method = "GET",
      path = "/itrigger-bff/v2/open/api/member/query",
      http_status = 200,
    }
    assert.equal("itrigger: api 80002 member_not_found: 会员不存在"
      .. " (GET /itrigger-bff/v2/open/api/member/query, HTTP 200)", tostring(err))
  end)

  it("leave out what they do not have", function()
    assert.equal("itrigger: config: option gateway is missing",
      tostring(errors.new { kind = "config", message = "option gateway is missing" }))
    assert.equal("itrigger: network: refused (POST /x)",
      tostring(errors.new { kind = "network", message = "refused", method = "POST", path = "/x" }))
    assert.equal("itrigger: http: bad (HTTP 502)",
      tostring(errors.new { kind = "http", message = "bad", http_status = 502 }))
  end)

  it("show control characters instead of sending them to a terminal", function()
    local err = errors.new { kind = "api", message = "a\nb\27[31m\0", name = "x\ny", method = "GET", path = "/\r" }
    assert.equal([[itrigger: api x\ny: a\nb\027[31m\000 (GET /\r)]], tostring(err))
  end)

  it("cut a long path at a character", function()
    local err = errors.new { kind = "usage", message = "m", method = "GET", path = "/" .. ("会"):rep(1000) }
    local line = tostring(err)
    assert.truthy(#line < 300)
    assert.truthy(line:find("会...)", 1, true))
  end)

  it("can be joined to a string", function()
    local err = errors.new { kind = "tls", message = "m" }
    assert.equal("failed: itrigger: tls: m", "failed: " .. err)
    assert.equal("itrigger: tls: m!", err .. "!")
  end)

  it("can be distinguished from other tables", function()
    assert.is_true(errors.is(errors.new {}))
    assert.is_false(errors.is({}))
    assert.is_false(errors.is("x"))
    assert.is_false(errors.is(nil))
  end)

  it("have a line for every kind", function()
    local kinds = {}
    for kind, text in pairs(errors.kinds) do
      kinds[#kinds + 1] = kind
      assert.is_string(text)
    end
    table.sort(kinds)
    assert.same({ "api", "config", "decode", "http", "network", "quota", "store", "timeout", "tls",
      "token", "usage" }, kinds)
  end)

  it("print as one line when assert raises them in a script", function()
    if (_VERSION == "Lua 5.1" or _VERSION == "Lua 5.2") and not rawget(_G, "jit") then
      return pending("assert takes no table on Lua 5.1 and 5.2")
    end
    local output = face.run('assert(require("itrigger").get("/x"))')
    local first = output:match("[^\n]+")
    assert.truthy(first:find("itrigger: config: option gateway is missing", 1, true), output)
    assert.falsy(output:find("table: 0x", 1, true))
  end)
end)
