-- Promise 3: a valid token is never thrown away because a refresh failed.
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- Calls until the mark "stop", and ten times more; tells every call that failed, and once that a
-- refresh behind the calls did.
local through_failure = [[
  local client = assert(require "itrigger".new {})
  local _, _, source = client:token()
  worker.say(source)
  local told
  local function call()
    local outcome = worker.call(client)
    if outcome ~= "ok" then
      worker.say(outcome)
    end
    local failed = client:stats().last_error
    if failed and not told then
      worker.say("refresh: " .. failed.kind)
      told = true
    end
  end
  repeat
    call()
  until worker.marked "stop"
  for _ = 1, 10 do
    call()
  end
  worker.say "served"
]]

-- Calls until the token is past its end and was given out all the same, and ten times more.
local past_the_end = [[
  local client = assert(require "itrigger".new {})
  local stale = 0
  local function call()
    local outcome = worker.call(client)
    if outcome ~= "ok" then
      worker.say(outcome)
    end
  end
  local function is_stale()
    for _, event in ipairs(client:stats().events) do
      if event.why == "stale" then
        return true
      end
    end
    return false
  end
  call()
  worker.gate "down"
  repeat
    call()
  until is_stale()
  for _ = 1, 10 do
    call()
  end
  worker.say "served when stale"
  worker.gate "refused"
  worker.say(worker.call(client))
]]

describe("a token that is due while the token endpoint is down", function()
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

  -- The token endpoint answers with a page, `times` or from now on. Calls take their time, or a
  -- loop of them would only heat the machine.
  local function break_token_endpoint(times)
    local fault = { kind = "html", status = 503, path = "token", times = times }
    fault.share = not times and 1 or nil
    sb:fault(fault)
    sb:fault { kind = "delay", ms = 5, path = "api", share = 1 }
  end

  -- Has `count` processes call until the refresh of one of them failed; checks what they said.
  local function serves(count)
    local crowd = place:start(count, through_failure)
    local told = {}
    repeat
      local line = assert(crowd:line(), "no refresh failed")
      told[line] = (told[line] or 0) + 1
    until line == "refresh: http"
    place:mark("stop")
    for line, times in pairs(crowd:rest()) do
      told[line] = (told[line] or 0) + times
    end
    assert.is_true(told["refresh: http"] <= count)
    told["refresh: http"] = nil
    assert.same({ file = count, served = count }, told)
  end

  it("serves every call of every process that starts meanwhile", function()
    local count = fleet.crowd(10, 4)
    place = fleet.place(sb)
    assert.same({ ok = 1 }, place:run("worker.say(worker.call())"))
    place:make_due()
    break_token_endpoint()

    serves(count)
    local state = sb:state()
    assert.is_true(state.fetches > 1)
    assert.equal(1, state.granted)
    assert.equal(0, state.refused)
  end)

  it("is refreshed as soon as the endpoint answers again", function()
    place = fleet.place(sb)
    assert.same({ ok = 1 }, place:run("worker.say(worker.call())"))
    local first = place:record()
    place:make_due()
    break_token_endpoint(1)
    serves(1)

    local again = place:run([[
      local client = assert(require "itrigger".new {})
      repeat
        local outcome = worker.call(client)
      until outcome ~= "ok" or client:stats().fetched > 0
      worker.say(worker.call(client))
    ]])
    assert.same({ ok = 1 }, again)
    assert.is_true(place:record().fence > first.fence)
    assert.equal(2, sb:state().granted)
  end)

  it("goes on serving past its end, until the gateway rejects it", function()
    place = fleet.place(sb, { token_ttl = 1 })
    place:make("down", "refused")
    local one = place:start(1, past_the_end)
    one:expect(1, "at down")
    break_token_endpoint()
    place:open("down")
    one:expect(1, "served when stale")
    one:expect(1, "at refused")
    local state = sb:state()
    assert.is_true(state.fetches > state.granted)
    assert.equal(0, state.refused)

    -- Then the call says why there is no other token.
    sb:token { revoke = true }
    place:open("refused")
    local told = one:rest()
    assert.equal("http: ", next(told):sub(1, 6), next(told))
    assert.equal(1, sb:state().refused)
  end)

  it("serves a cron job, however often it starts inside the margin", function()
    place = fleet.place(sb)
    local job = "worker.say(worker.call())"
    assert.same({ ok = 1 }, place:run(job))
    place:make_due()
    break_token_endpoint()
    for _ = 1, 5 do
      assert.same({ ok = 1 }, place:run(job))
    end
    local state = sb:state()
    assert.equal(1, state.granted)
    assert.equal(0, state.refused)
  end)
end)
