-- Real failovers while many processes call all the time: whoever has a token goes on, everybody finds the new master,
-- and a record that the failover loses costs one fetch.
local fleet = require "spec.support.fleet"
local forwarder = require "spec.support.forwarder"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

local why_not = redis.missing()

-- One interpreter is enough for what happens in the store.
if _VERSION ~= "Lua 5.4" then
  return
end

-- Calls until the mark "stop", and ten times more. Tells every call that failed, and each change of what stands between
-- this process and a newer token. After the mark "revoked", when it was served with another token.
local loop = [[
  local client = assert(require "itrigger".new {})
  local behind, first, told = "nothing", nil, false
  worker.say(worker.call(client))
  first = client:token()
  local function call()
    local outcome = worker.call(client)
    if outcome ~= "ok" then
      worker.say(outcome)
    end
    local failed = client:stats().last_error
    local now = failed and failed.kind or "nothing"
    if now ~= behind then
      behind = now
      worker.say("behind: " .. now)
    end
  end
  repeat
    local revoked = not told and worker.marked "revoked"
    call()
    if revoked and client:token() ~= first then
      told = true
      worker.say "has another token"
    end
  until worker.marked "stop"
  for _ = 1, 10 do
    call()
  end
  worker.say "served"
]]

local COUNT = 20
local PASSWORD, SENTINEL_PASSWORD = "f1rst-w0rd", "s3ntinel-w0rd"

describe("token_store redis: that fails over", function()
  if why_not then
    pending(why_not)
    return
  end

  local sb, place, servers

  setup(function()
    sb = sandbox.shared()
  end)

  -- Calls take their time, or the loops of so many would only heat the machine.
  local function begin(options)
    sb:reset()
    sb:fault { kind = "delay", ms = 50, path = "api", share = 1 }
    options.token_store = "later"
    place, servers = fleet.place(sb, options), {}
  end

  local function start(options)
    servers[#servers + 1] = redis.start(options)
    return servers[#servers]
  end

  after_each(function()
    for _, server in ipairs(servers) do
      if server.log then
        server:signal "CONT"
      end
    end
    place:remove()
    for _, server in ipairs(servers) do
      server:remove()
    end
    sb:reset()
  end)

  -- Waits until the crowd has fetched so many tokens more.
  local function await_fetches(more)
    local most = sb:state().fetches + more
    for _ = 1, 200 do
      if sb:state().fetches >= most then
        return
      end
      sb:wait { requests = sb:state().requests + COUNT }
    end
    error "no fetch came"
  end

  -- A master, a replica that is in step with it, and three Sentinels.
  local function start_sentinels()
    local config = { "masterauth " .. PASSWORD, "repl-diskless-sync-delay 0" }
    local master = start { port = true, password = PASSWORD, config = config }
    local replica = start {
      port = true, password = PASSWORD,
      config = { config[1], config[2], "replicaof 127.0.0.1 " .. master.port },
    }
    replica:await "MASTER <-> REPLICA sync: Finished with success"
    local hosts, first = {}, nil
    for i = 1, 3 do
      local sentinel = start {
        port = true, sentinel = true, password = SENTINEL_PASSWORD,
        config = {
          "sentinel sentinel-pass " .. SENTINEL_PASSWORD,
          "sentinel monitor shop 127.0.0.1 " .. master.port .. " 2",
          "sentinel auth-pass shop " .. PASSWORD,
          "sentinel down-after-milliseconds shop 500",
          "sentinel failover-timeout shop 5000",
        },
      }
      hosts[i] = "127.0.0.1:" .. sentinel.port
      first = first or sentinel
    end
    -- It knows the other two and the replica.
    first:await("+slave", "+sentinel ", "+sentinel ")
    place.options.token_store = ("redis+sentinel://:%s@%s/shop?timeout_ms=500&sentinel_password=%s"):format(
      PASSWORD,
      table.concat(hosts, ","),
      SENTINEL_PASSWORD
    )
    return master, replica, first
  end

  it("by Sentinel, its master killed: everybody refreshes on the new one, and no call fails", function()
    begin { token_ttl = 1 } -- due again and again
    local master, _, sentinel = start_sentinels()
    local crowd = place:start(COUNT, loop)
    crowd:expect(COUNT, "ok")
    master:signal "KILL"
    crowd:expect(COUNT, "behind: store")
    local fetches = sb:state().fetches
    sentinel:await "+switch-master"
    crowd:expect(COUNT, "behind: nothing")
    assert.is_true(sb:state().fetches > fetches)
    place:mark "stop"
    assert.same({ served = COUNT }, crowd:rest())
  end)

  it("by Sentinel, its master stopped and its record lost: one fetch more, and no call fails", function()
    begin {}
    local master, replica, sentinel = start_sentinels()
    local crowd = place:start(COUNT, loop)
    crowd:expect(COUNT, "ok")
    assert.equal(1, sb:state().fetches)
    assert.equal("OK", master:says "FLUSHALL")
    master:signal "STOP"
    sentinel:await "+switch-master"

    -- The gateway ends the crowd's token when it gives the next.
    assert.same({ ok = 3 }, place:start(3, "worker.say(worker.call())"):rest())
    place:mark "revoked"
    crowd:expect(COUNT, "has another token")

    -- The old master comes back as a replica, and nobody returns to it.
    master:signal "CONT"
    master:await "REPLICAOF 127.0.0.1:"
    assert.same({ ok = 3 }, place:start(3, "worker.say(worker.call())"):rest())
    place:mark "stop"
    assert.same({ served = COUNT }, crowd:rest())
    assert.equal(2, sb:state().fetches)
    assert.equal(2, sb:state().granted)
    assert.equal("1", replica:says "DBSIZE")
  end)

  -- Three masters, and a fourth node that is nobody's replica yet.
  local function start_cluster()
    local nodes, ranges, hosts = {}, { { 0, 5460 }, { 5461, 10922 }, { 10923, 16383 } }, {}
    for i = 1, 4 do
      nodes[i] = start {
        port = true,
        config = { "cluster-enabled yes", "cluster-node-timeout 1000", "repl-diskless-sync-delay 0" },
      }
      nodes[i].id = nodes[i]:says("CLUSTER", "MYID")
      nodes[i]:says("CLUSTER", "SET-CONFIG-EPOCH", i)
    end
    for i = 1, 3 do
      assert.equal("OK", nodes[i]:says("CLUSTER", "ADDSLOTSRANGE", ranges[i][1], ranges[i][2]))
      hosts[i] = "127.0.0.1:" .. nodes[i].port
    end
    for i = 2, 4 do
      assert.equal("OK", nodes[1]:says("CLUSTER", "MEET", "127.0.0.1", nodes[i].port))
    end
    for i = 1, 4 do
      nodes[i]:await "Cluster state changed: ok"
    end
    place.options.token_store = ("redis://%s?timeout_ms=500"):format(table.concat(hosts, ","))
    return nodes
  end

  -- The node that has the only key, that key, and its slot.
  local function find_key(nodes)
    for i = 1, 3 do
      local key = nodes[i]:says("--scan")
      if key ~= "" then
        return nodes[i], key, nodes[i]:says("CLUSTER", "KEYSLOT", key)
      end
    end
  end

  it("of a cluster, its key moved and then its node killed: no call fails", function()
    begin { token_ttl = 1 }
    local nodes = start_cluster()
    local crowd = place:start(COUNT, loop)
    crowd:expect(COUNT, "ok")

    -- To another node. Between the two steps the first one answers ASK.
    local from, key, slot = find_key(nodes)
    local to = from == nodes[1] and nodes[2] or nodes[1]
    assert.equal("OK", nodes[4]:says("CLUSTER", "REPLICATE", to.id))
    nodes[4]:await "MASTER <-> REPLICA sync: Finished with success"
    assert.equal("OK", to:says("CLUSTER", "SETSLOT", slot, "IMPORTING", from.id))
    assert.equal("OK", from:says("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id))
    assert.equal("OK", from:says("MIGRATE", "127.0.0.1", to.port, key, 0, 1000))
    await_fetches(2)
    for _, node in ipairs { to, from, nodes[1], nodes[2], nodes[3] } do
      assert.equal("OK", node:says("CLUSTER", "SETSLOT", slot, "NODE", to.id))
    end
    await_fetches(2)

    to:signal "KILL"
    crowd:expect(COUNT, "behind: store")
    crowd:expect(COUNT, "behind: nothing")
    place:mark "stop"
    assert.same({ served = COUNT }, crowd:rest())
    assert.equal("master", nodes[4]:says("ROLE"):match("^%S+"))
  end)

  local lacks = forwarder.missing()
  if lacks then
    pending("behind an address that moves: " .. lacks)
    return
  end

  it("behind an address that moves, the old master a replica now: everybody follows, and no call fails", function()
    begin { token_ttl = 1 }
    local master = start { port = true }
    local replica = start { port = true, config = { "replicaof 127.0.0.1 " .. master.port, "repl-diskless-sync-delay 0" } }
    replica:await "MASTER <-> REPLICA sync: Finished with success"
    local vip = forwarder.start(master.port)
    finally(function() vip:stop() end)
    place.options.token_store = ("redis://127.0.0.1:%s?timeout_ms=500"):format(vip.port)
    local crowd = place:start(COUNT, loop)
    crowd:expect(COUNT, "ok")

    -- Connections to the old master stay open.
    assert.equal("OK", replica:says("REPLICAOF", "NO", "ONE"))
    vip:switch(replica.port)
    assert.equal("OK", master:says("REPLICAOF", "127.0.0.1", replica.port))
    await_fetches(3)
    place:mark "stop"
    assert.same({ served = COUNT }, crowd:rest()) -- nor was anybody kept from a fetch
  end)
end)
