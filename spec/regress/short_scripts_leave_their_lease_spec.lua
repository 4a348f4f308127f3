-- A short script that found a due token took it, began the refresh behind it and ended: its lease and
-- its count stayed behind, though nothing had been sent. After a few hundred of them (a cron job each
-- minute) the day's limit was used up.
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local script = [[
  local token = assert(require "itrigger".new {}):token()
  worker.say(token and "ok" or "no token")
]]

describe("short scripts that find a due token", function()
  local sb, place

  before_each(function()
    sb = sandbox.shared()
    sb:reset()
  end)

  after_each(function()
    sb:reset()
    place:remove()
  end)

  fleet.on_each_store(it, pending, "count what was sent, and leave no lease behind", function(store)
    place = fleet.place(sb, {}, store)
    assert.same({ ok = 1 }, place:run(script))
    for _ = 1, 25 do
      place:make_due()
      assert.same({ ok = 2 }, place:start(2, script):rest())
      assert.is_nil(place:record().owner)
    end
    assert.equal(sb:state().fetches, place:record().fetches)
  end)
end)
