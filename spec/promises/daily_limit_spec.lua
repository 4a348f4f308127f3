-- Promise 4: the daily limit is never exceeded, and a gateway that gives no more tokens is not stormed.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

-- One fetch more: the record's token is taken first, so that the one asked for is a new one.
local fetch_one = [[
  local client = assert(require "itrigger".new {})
  client:token()
  local token, err, source = client:refresh()
  worker.say(("%s %s"):format(source, err and err.kind or "ok"))
  worker.say(worker.call(client))
]]

-- Three calls; of each failure kind and code.
local three_calls = [[
  local client = assert(require "itrigger".new {})
  worker.gate "start"
  for _ = 1, 3 do
    local res, err = client:get(worker.path)
    worker.say(res and "ok" or ("%s %s"):format(err.kind, tostring(err.code)))
  end
]]

describe("token fetches", function()
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

  -- Has `count` processes make three calls each, all at once; returns what came of them.
  local function calls_of(count)
    local crowd = place:start(count, three_calls)
    crowd:expect(count, "at start")
    place:open("start")
    return crowd:rest()
  end

  it("end at daily_limit, in every process, and the last token stays in use", function()
    local count = fleet.crowd(20, 8)
    place = fleet.place(sb, { daily_limit = 3, min_refresh_interval = 0 })
    place:make("start")
    assert.same({ ["gateway ok"] = 1, ok = 1 }, place:run(fetch_one)) -- fetches two
    assert.same({ ["gateway ok"] = 1, ok = 1 }, place:run(fetch_one))
    assert.equal(3, sb:state().fetches)

    -- The limit is reached: whoever asks is told, and has the token all the same.
    assert.same({ ["memory quota"] = 1, ok = 1 }, place:run(fetch_one))
    assert.equal(3, sb:state().fetches)

    -- Without a good token every call says so, and nobody fetches.
    sb:token { revoke = true }
    assert.same({ ["quota nil"] = 3 * count }, calls_of(count))
    assert.equal(3, sb:state().fetches)
    assert.equal(3, place:record().fetches)
  end)

  it("are not repeated by any process when the gateway says that its limit is reached", function()
    local count = fleet.crowd(20, 8)
    place = fleet.place(sb)
    place:make("start")
    sb:token { daily_limit = 0 }
    assert.same({ ["quota 40004"] = 3 * count }, calls_of(count))
    local state = sb:state()
    assert.equal(1, state.fetches)
    assert.equal(0, state.granted)
    assert.is_nil(state.calls[face.echo_get])

    -- Nor by those that come later.
    assert.same({ ["quota 40004"] = 3 }, calls_of(1))
    assert.equal(1, sb:state().fetches)
  end)

  it("are not repeated by any process when the gateway forbids the app to fetch", function()
    local count = fleet.crowd(20, 8)
    place = fleet.place(sb)
    place:make("start")
    sb:app { id = place.options.app_id, frozen = true }
    assert.same({ ["token 40003"] = 3 * count }, calls_of(count))
    assert.equal(1, sb:state().fetches)
  end)
end)
