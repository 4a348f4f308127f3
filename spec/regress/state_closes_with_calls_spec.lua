-- A finalizer that stepped a batch while the Lua state was being closed never came back: the batch waited for calls that
-- had gone with their client.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

describe("a batch that is stepped while the Lua state is being closed", function()
  local sb = fixture.sandbox()

  for _, last in ipairs { "client, batch", "batch, client" } do
    it("ends, with what is not sent as closed: " .. last, function()
      local id, secret = face.app(sb)
      sb:answer { path = face.api .. "/quick", body = '{"code":200}' }
      sb:fault { kind = "hold", path = face.echo_get, times = 2 }
      local output, status = face.run([[
        local itrigger = require "itrigger"
        local function at_exit(run)
          local newproxy = rawget(_G, "newproxy")
          if newproxy then
            local proxy = newproxy(true)
            getmetatable(proxy).__gc = run
            return proxy
          end
          return setmetatable({}, { __gc = run })
        end
        local client, batch
        local first = at_exit(function()
          for result in batch do io.write("[", result.tag, " ", tostring(result.error), "]") end
          io.write "over"
          io.stdout:flush()
        end)
        client = assert(itrigger.new { token_store = "memory:", concurrency = 2 })
        assert(client:token())
        local path = os.getenv "SPEC_PATH"
        batch = client:batch { { "GET", os.getenv "SPEC_QUICK", tag = 1 }, { "GET", path, tag = 2 }, { "GET", path, tag = 3 } }
        assert(batch:next().tag == 1)
        kept = { first, ]] .. last .. [[ }]], {
        ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret, ITRIGGER_GATEWAY = sb.gateway, SPEC_PATH = face.echo_get,
        SPEC_QUICK = face.api .. "/quick", ITRIGGER_TIMEOUT = "3600",
      })
      sb:release()
      assert.equal(0, status, output)
      assert.truthy(output:find("over$"), output)
    end)
  end
end)
