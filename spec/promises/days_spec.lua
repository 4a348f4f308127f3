-- Promises 1 to 4 over a day: cron jobs, each a process of its own with its own idea of the time, all
-- over one store, and a gateway that goes by the same clock (clock.lua). Every minute one starts.
--
-- The whole days are `make days` (ITR_WHOLE_DAYS=1, part of `make check-all`); `make test` has the
-- first hours, on one Lua. Fleets of 20 and 200 processes that live all day are shown in fake time by
-- spec/c/fleet_sim_test.c, with the real token_cache and token_record: a process's monotonic clock
-- cannot be moved without moving the deadlines of libcurl and of every wait with it.
local clock = require "spec.support.clock"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local whole = os.getenv("ITR_WHOLE_DAYS") == "1"
local minutes_a_day = 1440

-- What one job does: its call, and it stays until nothing is fetched behind it.
local job = [[
  local client = assert(require "itrigger".new {})
  local res, err = client:get(worker.path)
  worker.say(res and "ok" or err.kind)
  repeat
    local state = client:stats().state
  until state ~= "fetching" and state ~= "refreshing"
]]

-- Every minute an ordinary call, then one to an endpoint whose answer reads like a refused token.
local misled = [[
  local client = assert(require "itrigger".new {})
  local res, err = client:get("/itrigger-bff/v2/open/api/coupons/detail/byUserCardCode", { userCardCode = "1" })
  worker.say(res and "ok" or err.kind)
]]

describe("a day of jobs every minute", function()
  local sb, place, wall

  local why_not = select(2, clock.new()) or _VERSION ~= "Lua 5.4" and "on Lua 5.4 only: a thousand processes"
  if why_not then
    pending("is served with few fetches: " .. why_not)
    return
  end

  before_each(function()
    wall = clock.new()
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

  -- Of a whole day, or of the first `hours` of it.
  local function minutes(hours)
    return whole and minutes_a_day or hours * 60
  end

  for _, gateway in ipairs { { "overwrite", 17 }, { "overlap", 17 }, { "same", 24 } } do
    local kind, most = gateway[1], gateway[2]
    it(("needs at most %d fetches where the gateway is of the kind %q, and no call fails"):format(most, kind), function()
      sb:token { kind = kind }
      place = fleet.place(sb)
      local count = whole and minutes_a_day or 5 * 60
      -- Without a whole day to count over: one every five minutes, for as many as there is time.
      local said = place:start_each(count, whole and 60 or 240, wall, job):rest()
      assert.same({ ok = count }, said)
      local fetches = sb:state().fetches
      print(kind, fetches)
      assert.is_true(fetches > 1 and fetches <= most, tostring(fetches))
    end)
  end

  for _, gateway in ipairs { { "overwrite", 40 }, { "same", 60 } } do
    local kind, most = gateway[1], gateway[2]
    it(("of an endpoint misread as a refusal costs at most %d fetches (%s)"):format(most, kind), function()
      sb:token { kind = kind }
      place = fleet.place(sb)
      sb:answer { path = "/itrigger-bff/*", body = '{"code":500,"message":"优惠券令牌已失效"}' }
      local count = minutes(3)
      assert.same({ token = count }, place:start_each(count, 60, wall, misled):rest())
      local fetches = sb:state().fetches
      print(kind, fetches)
      assert.is_true(fetches <= most, tostring(fetches))
    end)
  end

  it("with the token endpoint down for three hours does not burn daily_limit", function()
    place = fleet.place(sb, { daily_limit = 60 })
    sb:fault { kind = "html", status = 503, path = "token", share = 1 }
    local count = 180
    assert.same({ http = count }, place:start_each(count, 60, wall, job):rest())
    local down = sb:state().fetches
    print("down", down)
  end)
end)
