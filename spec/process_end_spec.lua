-- A process that ends while its fetch is out: it stays until the answer is in the store, so that the
-- next one finds a token and not the lease of somebody who is gone.
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- A call that gives up while the token endpoint is held, and the end of the program. The last word
-- comes from the closing of the Lua state: what is still to come is the process's own end.
local ends_early = [[
  local client = assert(require "itrigger".new {})
  local res, err = client:get(worker.path, nil, { timeout = 0.2 })
  worker.say(res and "ok" or err.kind)
  worker.gate "end"
  last = setmetatable({}, { __gc = function() worker.say "closed" end })
  if not _VERSION:find "5.1" then
    %s
  end
  worker.say "closed"
  os.exit(0)
]]

local how = {
  ["by running out"] = "return",
  ["by os.exit"] = "worker.say 'closed' os.exit(0)",
  ["by os.exit that closes the state"] = "os.exit(0, true)",
}

describe("a process that ends while its fetch is out", function()
  local sb, place

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    place = fleet.place(sb)
  end)

  after_each(function()
    sb:reset()
    place:remove()
  end)

  for name, text in pairs(how) do
    it("leaves the token to the next one: " .. name, function()
      place:make("end")
      sb:fault { kind = "hold", path = "token" }
      local one = place:start(1, ends_early:format(text))
      one:expect(1, "timeout")
      one:expect(1, "at end")
      assert.is_true(sb:wait({ held = 1 }).reached)
      place:open("end")
      one:expect(1, "closed")
      sb:release()
      assert.same({}, one:rest())

      local record = place:record()
      assert.is_true(record.fence > 0)
      assert.is_nil(record.owner)
      local say = 'local c = assert(require "itrigger".new {}) local _, _, source = c:token() worker.say(source)'
      assert.same({ file = 1 }, place:run(say))
      local state = sb:state()
      assert.equal(1, state.fetches)
      assert.equal(1, state.granted)
    end)
  end
end)
