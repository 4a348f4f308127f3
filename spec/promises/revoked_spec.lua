-- Promise 2: a refused token costs one fetch in the fleet, and one repeat in each call.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- Calls without a pause, tells every failure, and after each revocation the first call that began
-- later and got through.
local loop = [[
  worker.say(worker.call())
  local seen = {}
  while not worker.marked "stop" do
    local revoked = {}
    for _, name in ipairs { "first", "second" } do
      revoked[name] = not seen[name] and worker.marked(name)
    end
    local outcome = worker.call()
    if outcome ~= "ok" then
      worker.say(outcome)
    end
    for name, was in pairs(revoked) do
      if was then
        seen[name] = true
        worker.say("served after " .. name)
      end
    end
  end
]]

describe("a token revoked", function()
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

  -- Both revocations are within 20 s of each other, and so no third fetch is held back.
  fleet.on_each_store(it, pending, "under a fleet that calls in a loop costs one fetch and no call, twice", function(store)
    local count = fleet.crowd(50, 8)
    place = fleet.place(sb, nil, store)
    local crowd = place:start(count, loop)
    crowd:expect(count, "ok")
    assert.equal(1, sb:state().fetches)

    for i, name in ipairs { "first", "second" } do
      sb:token { revoke = true }
      place:mark(name)
      crowd:expect(count, "served after " .. name)
      local state = sb:state()
      assert.equal(1 + i, state.fetches)
      assert.is_true(state.refused >= i and state.refused <= i * count, tostring(state.refused))
    end

    place:mark("stop")
    assert.same({}, crowd:rest())
    assert.equal(3, sb:state().fetches)
  end)

  -- The requests of each process in the order of their arrival, as text: "ok" or "refused".
  local function fates()
    local of = {}
    for _, request in ipairs(sb:requests()) do
      local worker = request.path == face.echo_get and request.headers["x-worker"]
      if worker then
        of[worker] = (of[worker] and of[worker] .. " " or "") .. (request.refused and "refused" or "ok")
      end
    end
    local counts = {}
    for _, fate in pairs(of) do
      counts[fate] = (counts[fate] or 0) + 1
    end
    return counts
  end

  it("while all its calls are at the gateway costs one fetch, and each call one repeat", function()
    local count = fleet.crowd(30, 12)
    place = fleet.place(sb)
    place:make("storm")
    local crowd = place:start(count, 'worker.say(worker.call()) worker.gate "storm" worker.say(worker.call())')
    local told = {}
    for _ = 1, 2 * count do
      local line = crowd:line()
      told[line] = (told[line] or 0) + 1
    end
    assert.same({ ok = count, ["at storm"] = count }, told)

    -- Every process sends a call with the good token, and all are judged after it was revoked.
    sb:fault { kind = "hold", path = "api", times = count }
    place:open("storm")
    assert.is_true(sb:wait({ held = count, timeout_ms = 25000 }).reached)
    sb:token { revoke = true }
    sb:release()

    assert.same({ ok = count }, crowd:rest())
    local state = sb:state()
    assert.equal(2, state.fetches)
    assert.equal(count, state.refused)
    assert.equal(3 * count, state.calls[face.echo_get])
    assert.same({ ["ok refused ok"] = count }, fates())
  end)

  -- All calls of all processes are at the gateway with one token, and then it is revoked.
  local storm = [[
    local client = assert(require "itrigger".new {})
    worker.say(worker.call(client))
    worker.gate "storm"
    local requests = {}
    for i = 1, %d do
      requests[i] = { "GET", worker.path }
    end
    local results, failed = {}, nil
    for result in client:batch(requests, { concurrency = #requests }) do
      failed = failed or result.error
      results[#results + 1] = result
    end
    local stats = client:stats()
    worker.say(failed and tostring(failed) or ("%%d ok, %%d refused, %%d repeated"):format(#results, stats.refused, stats.repeated))
  ]]

  fleet.on_each_store(it, pending, "under a storm of calls costs one fetch, and each call one repeat", function(store)
    local processes, calls = fleet.crowd(10, 4), fleet.crowd(50, 10)
    local count = processes * calls
    place = fleet.place(sb, nil, store)
    place:make("storm")
    local crowd = place:start(processes, storm:format(calls))
    local told = {}
    for _ = 1, 2 * processes do
      local line = crowd:line()
      told[line] = (told[line] or 0) + 1
    end
    assert.same({ ok = processes, ["at storm"] = processes }, told)

    sb:fault { kind = "hold", path = "api", times = count }
    place:open("storm")
    assert.is_true(sb:wait({ held = count, timeout_ms = 25000 }).reached)
    sb:token { revoke = true }
    sb:release()

    assert.same({ [("%d ok, %d refused, %d repeated"):format(calls, calls, calls)] = processes }, crowd:rest())
    local state = sb:state()
    assert.equal(2, state.fetches)
    assert.equal(count, state.refused)
    assert.equal(processes + 2 * count, state.calls[face.echo_get])
  end)
end)
