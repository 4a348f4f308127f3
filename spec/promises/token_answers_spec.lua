-- Promises 1 to 3 where the token endpoint answers otherwise than it should: with the token lost on
-- its way, or with the one that all have already. (An older answer after a newer one: holder_lost.)
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- Calls without a pause, tells every failure, and once that a call got through which began after the
-- mark "lost".
local loop = [[
  worker.say(worker.call())
  local told
  while not worker.marked "stop" do
    local lost = worker.marked "lost"
    local outcome = worker.call()
    if outcome ~= "ok" then
      worker.say(outcome)
    elseif lost and not told then
      told = true
      worker.say "served"
    end
  end
]]

-- Five calls; what is fetched behind them is waited for.
local five = [[
  local client = assert(require "itrigger".new {})
  worker.gate "%s"
  for _ = 1, 5 do
    worker.say(worker.call(client))
  end
  repeat
    local state = client:stats().state
  until state == "held"
]]

describe("a token endpoint", function()
  local sb, place

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
  end)

  after_each(function()
    sb:reset()
    place:remove()
  end)

  -- The gateway has ended the old token, and nobody knows the new one.
  fleet.on_each_store(it, pending, "whose answer is lost costs one fetch more, and no call", function(store)
    local count = fleet.crowd(20, 5)
    place = fleet.place(sb, { min_refresh_interval = 0 }, store)
    local crowd = place:start(count, loop)
    crowd:expect(count, "ok")
    local first = place:record()

    sb:fault { kind = "close_after", path = "token", times = 1 }
    local asks = 'local c = assert(require "itrigger".new {}) c:token() local _, err = c:refresh() worker.say(err and err.kind)'
    assert.same({ network = 1 }, place:run(asks))
    place:mark("lost")
    crowd:expect(count, "served")
    place:mark("stop")
    assert.same({}, crowd:rest())

    local state = sb:state()
    assert.equal(3, state.fetches)
    assert.equal(3, state.granted)
    assert.is_true(state.refused >= 1)
    assert.is_true(place:record().fence > first.fence)
  end)

  fleet.on_each_store(it, pending, "that gives the same token again is asked once, and not again soon", function(store)
    local count = fleet.crowd(20, 5)
    place = fleet.place(sb, nil, store)
    sb:token { kind = "same" }
    assert.same({ ok = 1 }, place:run("worker.say(worker.call())"))
    local first = place:record()
    place:make_due()

    -- All see that it is due; one asks, and what it is told holds for all, also for those who come later.
    place:make("now", "later")
    for _, gate in ipairs { "now", "later" } do
      local crowd = place:start(count, five:format(gate))
      crowd:expect(count, "at " .. gate)
      place:open(gate)
      assert.same({ ok = 5 * count }, crowd:rest())
    end
    local state, record = sb:state(), place:record()
    assert.equal(2, state.fetches)
    assert.equal(0, state.refused)
    assert.equal(1 + 10 * count, state.calls[face.echo_get])
    assert.equal(first.token, record.token)
    assert.equal(first.born, record.born)
    assert.is_true(record.refresh > record.fetched)
    assert.is_true(record.fence > first.fence)
  end)
end)
