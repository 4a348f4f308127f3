-- token{min_valid} and refresh() gave nil and a timeout when the token endpoint was slow, though a good
-- token was held. And refresh() as the first call of a process took the token that another had stored,
-- and never fetched.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

describe("a token that is held", function()
  local sb, place, client

  before_each(function()
    sb = sandbox.shared()
    sb:reset()
    place = fleet.place(sb)
    client = face.client(sb, place:with { min_refresh_interval = 0 })
  end)

  after_each(function()
    sb:release()
    client:close()
    sb:reset()
    place:remove()
  end)

  for name, ask in pairs {
    ["token { min_valid }"] = function() return client:token { min_valid = 7200, timeout = 1 } end,
    ["refresh"] = function() return client:refresh { timeout = 1 } end,
  } do
    it("is given at the deadline, with the reason beside it: " .. name, function()
      local held = assert(client:token())
      sb:fault { kind = "hold", path = "token" }
      local token, err = ask()
      assert.equal(held, token)
      assert.equal("timeout", err.kind)
      assert.is_true(sb:wait({ held = 1 }).reached)
    end)
  end

  it("by another process does not keep the first refresh of this one from a fetch", function()
    assert(client:token())
    assert.same({ gateway = 1 }, place:run([[
      local token, err, source = require "itrigger".new({}):refresh()
      worker.say(err and err.kind or source)
    ]], { min_refresh_interval = 0 }))
    assert.equal(2, sb:state().fetches)
  end)
end)
