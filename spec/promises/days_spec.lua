-- Promises 1 to 4 over a day: cron jobs, each a process of its own with its own idea of the time, all
-- over one file store, and a gateway that goes by the same clock (clock.lua).
--
-- In `make days` (ITR_WHOLE_DAYS=1, part of `make check-all`) one starts every minute of a day; `make
-- test` has fewer of them, on one Lua. Fleets of 20 and 200 processes that live all day are shown in
-- fake time by spec/c/fleet_sim_test.c, on the real source/state and record: a process's
-- monotonic clock cannot be moved without moving the deadlines of every wait and transfer with it.
local clock = require "spec.support.clock"
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local whole = os.getenv("ITR_WHOLE_DAYS") == "1"
local minutes_a_day = 1440

-- What one job does: a call; and it stays while a token is fetched behind it. (One that ends at once
-- gives back what was not sent yet, and a later one fetches; then there are fewer.)
local job = [[
  local client = assert(require "itrigger".new {})
  local res, err = client:get(worker.path)
  worker.say(res and "ok" or err.kind)
  repeat
    local state = client:stats().state
  until state ~= "fetching" and state ~= "refreshing"
]]

-- A call to an endpoint whose answer reads like a refused token, whatever the token is.
local misled = [[
  local coupon = "/itrigger-bff/v2/open/api/coupons/detail/byUserCardCode"
  local res, err = require "itrigger".get(coupon, { userCardCode = "1" })
  worker.say(res and "ok" or err.kind)
]]

describe("jobs all day", function()
  local sb, place, wall

  local why_not = _VERSION ~= "Lua 5.4" and "hundreds of processes, on Lua 5.4 only" or select(2, clock.new())
  if why_not then
    pending("cost few fetches: " .. why_not)
    return
  end

  before_each(function()
    wall = clock.new()
    wall:begin_day(3600)
    sb = sandbox.start(nil, wall:words())
    place = nil
  end)

  after_each(function()
    if place then
      place:remove()
    end
    sb:stop()
    wall:remove()
  end)

  for kind, most in pairs { overwrite = 17, overlap = 17, same = 24 } do
    it(("need at most %d fetches of a gateway of the kind %q, and no call fails"):format(most, kind), function()
      sb:token { kind = kind }
      place = fleet.place(sb)
      local every = whole and 1 or 20
      local count = minutes_a_day / every
      assert.same({ ok = count }, place:start_each(count, every * 60, wall, job):rest())
      local state = sb:state()
      -- More than one per life: they were refreshed ahead.
      assert.is_true(state.fetches >= 14 and state.fetches <= most, state.fetches .. " fetches")
      assert.equal(count + state.refused, state.calls[face.echo_get])
    end)
  end

  -- A misreading costs a fetch, and these are held back further and further.
  for kind, most in pairs { overwrite = 40, same = 60 } do
    it(("cost at most %d fetches where an answer is misread as a refusal (%s)"):format(most, kind), function()
      sb:token { kind = kind }
      sb:answer { path = "/itrigger-bff/*", body = '{"code":500,"message":"优惠券令牌已失效"}' }
      place = fleet.place(sb)
      local count = whole and minutes_a_day or 60
      assert.same({ token = count }, place:start_each(count, 60, wall, misled):rest())
      local fetches = sb:state().fetches
      assert.is_true(fetches > 1 and fetches <= (whole and most or 10), fetches .. " fetches")
    end)
  end

  -- Some 13 fetches are sent in these three hours, and that leaves enough for the day.
  it("do not burn daily_limit while the token endpoint is down for three hours", function()
    place = fleet.place(sb, { daily_limit = 60 })
    sb:fault { kind = "html", status = 503, path = "token", share = 1 }
    local every = whole and 1 or 2
    local count = 180 / every
    assert.same({ http = count }, place:start_each(count, every * 60, wall, job):rest())
    local down = sb:state().fetches
    assert.is_true(down > 6 and down <= 30, down .. " fetches")

    -- It is up again: after the last failure's distance every job is served, to the end of the day.
    sb:clear()
    every = whole and 1 or 10
    count = 19 * 60 / every
    local said = place:start_each(count, every * 60, wall, job):rest()
    local late = said.http or 0
    assert.same({ ok = count - late, http = said.http }, said)
    assert.is_true(late * every <= 60, late .. " jobs")
    assert.is_true(sb:state().fetches <= 60)
  end)
end)
