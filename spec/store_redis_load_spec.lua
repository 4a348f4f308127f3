-- A Redis that fails while a fleet calls all the time: who holds a good token goes on; who has none
-- is told what is wrong, and nobody asks the gateway behind the store's back.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local redis = require "spec.support.redis"

local PASSWORD = "f1rst-w0rd"

-- Calls until the mark "stop", and tells the first call that is served after the mark "flushed".
local loop = [[
  local seen
  worker.call_until_stop(assert(require "itrigger".new {}), function(call)
    local flushed = not seen and worker.marked "flushed"
    if call() == "ok" and flushed then
      seen = true
      worker.say "served after that"
    end
  end)
]]

-- What can befall a server, and what a process without a token is then told.
local troubles = {
  {
    "killed",
    words = { "token store redis+unix:", "token_store" },
    befall = function(server) server:signal("KILL") end,
    mend = function(server) server:start() end,
  },
  {
    "stopped",
    words = { "no answer within 300 ms" },
    befall = function(server) server:signal("STOP") end,
    mend = function(server) server:signal("CONT") end,
  },
  {
    "out of memory",
    words = { "out of memory", "maxmemory" },
    befall = function(server) assert.equal("OK", server:says("CONFIG", "SET", "maxmemory", "1")) end,
    mend = function(server) assert.equal("OK", server:says("CONFIG", "SET", "maxmemory", "0")) end,
  },
  {
    "made a replica by a failover",
    words = { "replica", "master" },
    befall = function(server) assert.equal("OK", server:says("REPLICAOF", "127.0.0.1", "1")) end,
    mend = function(server) assert.equal("OK", server:says("REPLICAOF", "NO", "ONE")) end,
  },
  {
    "given another password",
    words = { "rejected the user or the password" },
    befall = function(server) server:set_password("an0ther-w0rd") end,
    mend = function(server) server:set_password(PASSWORD) end,
  },
}

describe("token_store redis: under load", function()
  local lacks = redis.missing()
  if lacks then
    pending(lacks)
    return
  end

  local f = fleet.redis_fixture(5)
  local sb, place, server

  local function begin(options)
    f:begin(options)
    sb, place, server = f.sb, f.place, f:start { password = PASSWORD }
    place.options.token_store = server.address .. "?timeout_ms=300&password=" .. PASSWORD
  end

  for _, trouble in ipairs(troubles) do
    it("that is " .. trouble[1] .. ": who holds a token goes on, and refreshes when it is mended", function()
      local count = fleet.crowd(8, 3)
      begin { token_ttl = 1 } -- due again and again
      local crowd = place:start(count, loop)
      crowd:expect(count, "ok")
      trouble.befall(server)
      crowd:expect(count, "behind: store")
      local fetches = sb:state().fetches
      local called = sb:state().calls[face.echo_get]
      sb:wait { requests = sb:state().requests + 10 * count }
      assert.is_true(sb:state().calls[face.echo_get] > called)
      assert.equal(fetches, sb:state().fetches)

      trouble.mend(server)
      crowd:expect(count, "behind: nothing")
      place:mark("stop")
      assert.same({ served = count }, crowd:rest())
      assert.is_true(sb:state().fetches > fetches)
    end)

    it("that is " .. trouble[1] .. ": who has no token is told so, without the password", function()
      begin {}
      trouble.befall(server)
      local told = next(place:run("worker.say(worker.call())"))
      assert.truthy(told:find("^store: itrigger: store: "), told)
      for _, word in ipairs(trouble.words) do
        assert.truthy(told:find(word, 1, true), told)
      end
      assert.falsy(told:find("w0rd", 1, true), told)
      assert.equal(0, sb:state().fetches)

      trouble.mend(server)
      assert.same({ ok = 1 }, place:run("worker.say(worker.call())"))
      assert.equal(1, sb:state().fetches)
    end)
  end

  it("that is emptied costs one fetch and no failed call", function()
    local count = fleet.crowd(8, 3)
    begin {}
    local crowd = place:start(count, loop)
    crowd:expect(count, "ok")
    assert.equal(1, sb:state().fetches)
    assert.equal("OK", server:says("FLUSHALL"))

    -- The gateway ends the crowd's token when it gives the next.
    assert.same({ ok = 3 }, place:start(3, "worker.say(worker.call())"):rest())
    place:mark("flushed")
    crowd:expect(count, "served after that")
    place:mark("stop")
    assert.same({ served = count }, crowd:rest())
    assert.equal(2, sb:state().fetches)
    assert.equal(2, sb:state().granted)
  end)
end)
