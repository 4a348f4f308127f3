-- Clients that were dropped, not closed, held their descriptors until Lua happened to collect them: 340 of them ended a
-- script at the usual limit of 1 024.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

describe("clients that are dropped and not closed", function()
  local sb = fixture.sandbox()

  it("are collected before the process runs out of file descriptors", function()
    local id, secret = face.app(sb)
    local output, status = face.run([[
      collectgarbage("stop") -- nobody else collects them
      local itrigger = require "itrigger"
      for i = 1, 200 do
        local client, err = itrigger.new {}
        assert(client, err and i .. ": " .. tostring(err))
        assert(client:get(os.getenv "SPEC_PATH"))
      end
      assert(io.open("/dev/null")):close()
    ]], {
      ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway, SPEC_PATH = face.echo_get,
      ITRIGGER_TOKEN_STORE = "memory:",
    }, "ulimit -n 128;")
    assert.equal(0, status, output)
  end)
end)
