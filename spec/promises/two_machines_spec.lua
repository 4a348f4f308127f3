-- Promises 1 and 2 for machines: two of them, each with a network of its own, that share one Redis and
-- nothing else. They reach it and the gateway (https) over their links.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local network = require "spec.support.network"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

local calls = [[
  worker.gate "start"
  worker.say "calls"
  worker.say(worker.call())
  worker.gate "again"
  worker.say(worker.call())
]]

describe("two machines that share a Redis", function()
  local lacks = redis.missing() or network.missing()
  if lacks then
    pending("fetch one token: " .. lacks)
    return
  end

  local sb, server, net, place

  setup(function()
    net = assert(network.new(2))
    sb = sandbox.start("--address " .. network.address, net.hub)
    sb.socket = sb.dir .. "/gateway.sock"
    server = redis.start {
      before = net.hub,
      port = 6379,
      config = { "bind " .. network.address, "protected-mode no" },
    }
    place = fleet.place(sb, {
      gateway = ("https://%s:%s"):format(network.address, sb.https:match("%d+$")),
      ca_file = sb.ca_file,
      token_store = ("redis://%s:6379/0?insecure=1"):format(network.address),
    })
  end)

  teardown(function()
    place:remove()
    server:remove()
    sb:stop()
    net:remove()
  end)

  it("fetch one token when all processes of both start at once, and one more when it is revoked", function()
    local count = fleet.crowd(20, 6)
    place:make("start", "again")
    sb:fault { kind = "hold", path = "token", times = 1 }
    local crowds = {}
    for i, machine in ipairs(net) do
      crowds[i] = place:start(count, calls, nil, machine)
      crowds[i]:expect(count, "at start")
    end
    place:open("start")
    for _, crowd in ipairs(crowds) do
      crowd:expect(count, "calls")
    end
    assert.is_true(sb:wait({ held = 1 }).reached)
    sb:release()
    for _, crowd in ipairs(crowds) do
      assert.same({ ok = count, ["at again"] = count }, crowd:some(2 * count))
    end
    assert.equal(1, sb:state().fetches)

    sb:token { revoke = true }
    place:open("again")
    for _, crowd in ipairs(crowds) do
      assert.same({ ok = count }, crowd:rest())
    end
    local state = sb:state()
    assert.equal(2, state.fetches)
    assert.equal(4 * count + state.refused, state.calls[face.echo_get])
  end)
end)
