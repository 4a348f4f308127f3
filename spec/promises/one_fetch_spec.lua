-- Promise 1: however many processes share a store, the gateway sees one fetch.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

describe("processes that share a store", function()
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

  local function on_each_store(name, body)
    fleet.on_each_store(it, pending, name, body)
  end

  on_each_store("fetch one token when all start at once on an empty store", function(store)
    local count = fleet.crowd(200, 15)
    -- The fetch is held until the last of them is there, however slow the machine is.
    place = fleet.place(sb, { token_timeout = 50, timeout = 55 }, store)
    place:make("start")
    sb:fault { kind = "hold", path = "token" }
    local crowd = place:start(count, 'worker.gate "start" worker.say "calls" worker.say(worker.call())')
    crowd:expect(count, "at start")
    place:open("start")

    -- The token comes only when all of them want it.
    crowd:expect(count, "calls")
    assert.is_true(sb:wait({ held = 1 }).reached)
    sb:release()

    assert.same({ ok = count }, crowd:rest())
    local state = sb:state()
    assert.equal(1, state.fetches)
    assert.equal(count, state.calls[face.echo_get])
    assert.equal(0, state.refused)
  end)

  on_each_store("fetch one token when they come one after the other", function(store)
    place = fleet.place(sb, nil, store)
    local say = 'local c = assert(require "itrigger".new {}) local _, _, source = c:token() worker.say(source)'
    assert.same({ gateway = 1 }, place:run(say))
    for _ = 1, 3 do
      assert.same({ [store] = 1 }, place:run(say))
    end
    assert.equal(1, sb:state().fetches)
  end)

  it("fetch one token each for two apps in one store", function()
    place = fleet.place(sb)
    local other = fleet.place(sb, { token_store = place.options.token_store })
    local say = "worker.say(worker.call())"
    local fleets = { place:start(5, say), other:start(5, say) }
    assert.same({ ok = 5 }, fleets[1]:rest())
    assert.same({ ok = 5 }, fleets[2]:rest())
    other:remove()
    assert.equal(2, sb:state().fetches)
  end)
end)
