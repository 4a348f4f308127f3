-- Promise 1, where the wall clock of the machine is set while processes run and others start: however
-- far it goes, and back, it costs few fetches and no call. (The record's times are of that clock.)
local clock = require "spec.support.clock"
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local hour, day = 3600, 86400

-- One call before and five after each step.
local calls = [[
  local client = assert(require "itrigger".new {})
  for i = 0, %d do
    worker.gate("step " .. i)
    for _ = 1, 5 do
      worker.say(worker.call(client))
    end
    -- What it fetches behind the calls belongs to this step.
    repeat
      local state = client:stats().state
    until state ~= "fetching" and state ~= "refreshing"
  end
  worker.gate("step %d")
]]

describe("a wall clock that is set", function()
  local sb, place, wall

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
  end)

  after_each(function()
    sb:reset()
    if place then
      place:remove()
    end
    if wall then
      wall:remove()
    end
    place, wall = nil, nil
  end)

  local why_not = select(2, clock.new())
  if why_not then
    pending("under running and new processes: " .. why_not)
    return
  end

  -- Steps the clock by each of `steps` in turn under `count` processes, and has as many new ones start
  -- each time. Returns how many fetches each step cost.
  local function under(count, steps)
    wall = clock.new()
    place = fleet.place(sb)
    for i = 0, #steps + 1 do
      place:make("step " .. i)
    end
    local crowd = place:start(count, calls:format(#steps, #steps + 1), nil, wall:words())
    crowd:expect(count, "at step 0")
    local costs, before = {}, 0
    for i = 0, #steps do
      wall:set(steps[i] or 0)
      place:open("step " .. i)
      assert.same({ ok = 5 * count, ["at step " .. i + 1] = count }, crowd:some(6 * count))
      assert.same({ ok = count }, place:start(count, "worker.say(worker.call())", nil, wall:words()):rest())
      local fetches = sb:state().fetches
      costs[i], before = fetches - before, fetches
    end
    place:open("step " .. #steps + 1)
    assert.same({}, crowd:rest())
    local state = sb:state()
    assert.equal(6 * count * (1 + #steps) + state.refused, state.calls[face.echo_get])
    return costs
  end

  -- The token is good and not due, by either time.
  it("by an hour ahead and back costs no fetch and no call", function()
    assert.same({ [0] = 1, 0, 0, 0, 0 }, under(fleet.crowd(10, 3), { hour, 0, -hour, 0 }))
  end)

  -- By the clock of tomorrow its life is over; what is then fetched was made in a future that is taken back.
  it("by a day ahead and back costs one fetch at most each time, and no call", function()
    local costs = under(fleet.crowd(10, 3), { day, 0, -day, 0 })
    for i, cost in pairs(costs) do
      assert.is_true(cost <= 1, ("step %d: %d fetches"):format(i, cost))
    end
    assert.equal(1, costs[0])
  end)
end)
