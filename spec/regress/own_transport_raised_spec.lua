-- After the send of a transport of the program's own had raised, and the program had caught that, the next step of its
-- batch slept for ever.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

describe("a batch over a transport whose send raised", function()
  local sb = fixture.sandbox()

  it("goes on; the call that was being sent may have been executed", function()
    local sent, slept = 0, nil
    local client = face.client(sb, { transport = {
      send = function()
        sent = sent + 1
        if sent == 2 then
          error("no carrier", 0)
        end
        return { status = 200, body = '{"code":200}' }
      end,
      sleep = function()
        if slept then -- the token is there
          slept = slept + 1
          assert(slept < 1000, "sleeps for ever")
        end
      end,
    } })
    assert(client:token())
    local batch = client:batch { { "POST", "/a", tag = "a" }, { "POST", "/b", tag = "b" }, { "POST", "/c", tag = "c" } }
    slept = 0
    assert.equal("a", batch:next().tag)
    local ok, err = pcall(batch.next, batch)
    assert.is_false(ok)
    assert.equal("no carrier", err)
    local result = batch:next()
    assert.equal("b", result.tag)
    assert.equal("network", result.error.kind)
    assert.is_false(result.error.retryable)
    assert.equal("c", batch:next().tag)
    assert.is_nil(batch:next())
    client:close()
  end)
end)
