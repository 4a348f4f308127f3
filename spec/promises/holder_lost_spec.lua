-- Promise 6: killing or stopping a process that fetches loses no token, and its lease is over when
-- it ends, not later. What is lost here is lost while the gateway holds the token request.
local fleet = require "spec.support.fleet"
local redis = require "spec.support.redis"
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
    places, asleep = {}, {}
  end)

  after_each(function()
    sb:reset()
    for _, pid in ipairs(asleep) do
      fleet.signal("CONT", pid)
    end
    for _, place in ipairs(places) do
      place:remove()
    end
  end)

  local function new_place(store)
    local place = fleet.place(sb, { token_timeout = token_timeout, min_refresh_interval = 0 }, store)
    places[#places + 1] = place
    return place
  end

  -- Starts a process whose token request (or the answer, by `kind`) stands at the gateway; returns its
  -- fleet and its id.
  local function start_holder(place, text, kind)
    local before = sb:state().held
    sb:fault { kind = kind or "hold", path = "token", times = 1 }
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

  -- Was the token in the record issued when that lease had ended? The gateway and the stores have one clock here. The
  -- record's own time may be a little early.
  local function came_after(record, lease_end)
    assert.is_true(sb:state().issued_ms[record.token] >= lease_end)
  end

  -- Has one stopped between the swap and the save: the token is issued, and the answer lies in its
  -- socket while a newer one is fetched. Nothing else is held yet.
  local function stop_before_save(store)
    local place = new_place(store)
    local lost = { place = place }
    lost.sleeper, lost.pid = start_holder(place, "worker.say(worker.pid()) worker.say(worker.call())", "hold_answer")
    fleet.signal("STOP", lost.pid)
    asleep[#asleep + 1] = lost.pid
    lost.lease_end = place:record().lease_end
    assert.equal(1, sb:release().released)
    return lost
  end

  -- Loses one holder that fetches a first token, one that fetches the next while others have one, and
  -- has one that fetches a first token stopped. Returns what came of it.
  local function lose_three(store)
    local cold, warm, stopped = new_place(store), new_place(store), new_place(store)
    warm:make("refresh")
    local loop = warm:start(1, served)
    loop:expect(1, "ok")
    local lost = { cold = cold, warm = warm, stopped = stopped, loop = loop, first = warm:record() }

    lost.sleeper, lost.pid = start_holder(stopped, "worker.say(worker.pid()) worker.say(worker.call())")
    fleet.signal("STOP", lost.pid)
    asleep[#asleep + 1] = lost.pid
    lost.stopped_end = stopped:record().lease_end
    lost.warm_end, lost.cold_end = lose_holder(warm), lose_holder(cold)
    return lost
  end

  -- While the leases stand: with a token in the record a new process is served, without it waits.
  local function come_next(lost)
    lost.next_warm = lost.warm:start(1, newcomer)
    lost.next_warm:expect(1, "ok")
    lost.next_warm:expect(1, "at refresh")
    assert.equal(lost.first.fence, lost.warm:record().fence)
    lost.next_cold = lost.cold:start(1, "worker.say(worker.call())")
    lost.next_stopped = lost.stopped:start(1, "worker.say(worker.call())")
    lost.warm:open("refresh")
  end

  local function took_over(lost)
    assert.same({ gateway = 1, ok = 1 }, lost.next_warm:rest())
    assert.same({ ok = 1 }, lost.next_cold:rest())
    assert.same({ ok = 1 }, lost.next_stopped:rest())
    came_after(lost.warm:record(), lost.warm_end)
    came_after(lost.cold:record(), lost.cold_end)
    came_after(lost.stopped:record(), lost.stopped_end)
    assert.is_true(lost.warm:record().fence > lost.first.fence)
    lost.warm:mark("stop")
    assert.same({ served = 1 }, lost.loop:rest())
  end

  -- The one that overslept touches nothing of it, and goes on with the other's token.
  local function wakes(lost)
    local record = lost.stopped:record()
    fleet.signal("CONT", lost.pid)
    assert.same({ ok = 1 }, lost.sleeper:rest())
    assert.same(record, lost.stopped:record())
    for _, name in ipairs { "cold", "warm", "stopped" } do
      assert.is_true(is_sound(lost[name]:record()))
    end
  end

  -- One test for all, because all leases end while one waits for them.
  local function overtake(stores)
    local all, answered = {}, {}
    for i, store in ipairs(stores) do
      answered[i] = stop_before_save(store)
    end
    for i, store in ipairs(stores) do
      all[i] = lose_three(store)
    end
    assert.equal(5 * #all, sb:state().fetches)
    for _, lost in ipairs(answered) do
      lost.next = lost.place:start(1, "worker.say(worker.call())")
    end
    for _, step in ipairs { come_next, took_over } do
      for _, lost in ipairs(all) do
        step(lost)
      end
    end
    for _, lost in ipairs(answered) do
      assert.same({ ok = 1 }, lost.next:rest())
      came_after(lost.place:record(), lost.lease_end)
    end
    assert.equal(9 * #all, sb:state().fetches)

    -- The older answer comes after the newer one, and changes nothing.
    for _, lost in ipairs(answered) do
      local record = lost.place:record()
      fleet.signal("CONT", lost.pid)
      assert.same({ ok = 1 }, lost.sleeper:rest())
      assert.same(record, lost.place:record())
    end
    for _, lost in ipairs(all) do
      wakes(lost)
    end
    assert.equal(9 * #all, sb:state().fetches)
  end

  local lacks = redis.missing()
  if lacks then
    pending("over Redis: " .. lacks)
  end
  local stores = { "file", not lacks and "redis" or nil }

  local name = "is followed by the next one when its lease ends, and those with a token are served (%s)"
  it(name:format(table.concat(stores, ", ")), function() overtake(stores) end)
end)
