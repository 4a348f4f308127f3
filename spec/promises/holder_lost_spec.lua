-- Promise 6: killing or stopping a process that fetches loses no token, and its lease is over when
-- it ends, not later. What is lost here is lost while the gateway holds the token request.
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- A lease is 5 s longer than that.
local token_timeout = 2

-- Fetches: its first token, or where the record has one, the next.
local fetches = [[
  local client = assert(require "itrigger".new {})
  worker.say(worker.pid())
  client:token()
  client:refresh()
]]

-- Calls without a pause; tells every failure.
local served = [[
  worker.say(worker.call())
  while not worker.marked "stop" do
    local outcome = worker.call()
    if outcome ~= "ok" then
      worker.say(outcome)
    end
  end
  worker.say "served"
]]

-- The next process: serves a call if there is a token, then asks for one fetch as well.
local newcomer = [[
  local client = assert(require "itrigger".new {})
  worker.say(worker.call(client))
  worker.gate "refresh"
  local token, err, source = client:refresh()
  worker.say(token and source or tostring(err))
  worker.say(worker.call(client))
]]

describe("a process that is lost while it fetches", function()
  local sb, places, asleep

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    -- A call every few milliseconds is enough of them.
    sb:fault { kind = "delay", ms = 5, path = "api", share = 1 }
    places, asleep = {}, nil
  end)

  after_each(function()
    sb:reset()
    if asleep then
      fleet.signal("CONT", asleep)
    end
    for _, place in pairs(places) do
      place:remove()
    end
  end)

  local function new_place(name)
    places[name] = fleet.place(sb, { token_timeout = token_timeout, min_refresh_interval = 0 })
    return places[name]
  end

  -- Starts a process whose token request stands at the gateway; returns its fleet and its id.
  local function start_holder(place, text)
    local before = sb:state().held
    sb:fault { kind = "hold", path = "token", times = 1 }
    local holder = place:start(1, text)
    local pid = holder:line()
    assert.is_true(sb:wait({ held = before + 1 }).reached)
    return holder, pid
  end

  -- Starts one, and kills it; its request goes with it, unanswered. Returns the end of its lease.
  local function lose_holder(place)
    local gone = sb:state().gone
    local holder, pid = start_holder(place, fetches)
    fleet.signal("KILL", pid)
    assert.is_true(sb:wait({ gone = gone + 1 }).reached)
    holder:rest()
    return place:record().lease_end
  end

  -- One token, no lease, nothing that holds a fetch back.
  local function is_sound(record)
    return record.token ~= nil and record.lease_end == nil and record.owner == nil and record.retry == nil
  end

  -- Was the token in the record fetched when that lease had ended? Both times are the store's.
  local function came_after(record, lease_end)
    assert.is_true(record.fetched >= lease_end)
  end

  -- One test, because the leases of all three end while one waits for them.
  it("is followed by the next one when its lease ends, and those with a token are served", function()
    local cold, warm, stopped = new_place("cold"), new_place("warm"), new_place("stopped")
    warm:make("refresh")
    local loop = warm:start(1, served)
    loop:expect(1, "ok")
    local first = warm:record()

    local sleeper, pid = start_holder(stopped, "worker.say(worker.pid()) worker.say(worker.call())")
    fleet.signal("STOP", pid)
    asleep = pid
    local stopped_end = stopped:record().lease_end
    local warm_end, cold_end = lose_holder(warm), lose_holder(cold)
    assert.equal(4, sb:state().fetches)

    -- While the leases stand: with a token in the record a new process is served, without it waits.
    local next_warm = warm:start(1, newcomer)
    next_warm:expect(1, "ok")
    next_warm:expect(1, "at refresh")
    assert.equal(first.fence, warm:record().fence)
    local next_cold = cold:start(1, "worker.say(worker.call())")
    local next_stopped = stopped:start(1, "worker.say(worker.call())")
    warm:open("refresh")

    assert.same({ gateway = 1, ok = 1 }, next_warm:rest())
    assert.same({ ok = 1 }, next_cold:rest())
    assert.same({ ok = 1 }, next_stopped:rest())
    came_after(warm:record(), warm_end)
    came_after(cold:record(), cold_end)
    came_after(stopped:record(), stopped_end)
    assert.equal(7, sb:state().fetches)
    assert.is_true(warm:record().fence > first.fence)
    warm:mark("stop")
    assert.same({ served = 1 }, loop:rest())

    -- The one that overslept touches nothing of it, and goes on with the other's token.
    local record = stopped:record()
    fleet.signal("CONT", pid)
    asleep = nil
    assert.same({ ok = 1 }, sleeper:rest())
    assert.same(record, stopped:record())
    assert.equal(7, sb:state().fetches)

    for _, place in pairs(places) do
      assert.is_true(is_sound(place:record()))
    end
  end)
end)
