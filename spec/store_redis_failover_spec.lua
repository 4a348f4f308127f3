-- Real failovers while many processes call all the time: whoever has a token goes on, everybody finds the new master,
-- and a record that the failover loses costs one fetch.
local fleet = require "spec.support.fleet"
local forwarder = require "spec.support.forwarder"
local redis = require "spec.support.redis"

-- One interpreter is enough for what happens in the store.
if _VERSION ~= "Lua 5.4" then
  return
end

-- Calls until the mark "stop". After the mark "another" it tells that it saw that, and when its token is another one.
local loop = [[
  local client = assert(require "itrigger".new {})
  local first, told
  worker.call_until_stop(client, function(call)
    if not first and worker.marked "another" then
      first = client:token()
      worker.say "waits for another token"
    end
    call()
    if first and not told and client:token() ~= first then
      told = true
      worker.say "has another token"
    end
  end)
]]

local COUNT = 20
local PASSWORD, SENTINEL_PASSWORD = "f1rst-w0rd", "s3ntinel-w0rd"

-- Users with no more rights than docs/stores.md says that they need.
local USER = "user shop on >" .. PASSWORD .. " ~itrigger:* -@all +get +set +time +eval +evalsha +role"
local CLUSTER_USER = "user shop on >" .. PASSWORD .. " ~itrigger:* -@all +get +set +time +eval +evalsha +asking"
local SENTINEL_USER = "user asker on >" .. SENTINEL_PASSWORD .. " -@all +sentinel|get-master-addr-by-name"

describe("token_store redis: that fails over", function()
  local why_not = redis.missing()
    or os.getenv("ASAN_OPTIONS") and "a sanitizer is too slow for failovers in real time; spec/c runs the store under it"
  if why_not then
    pending(why_not)
    return
  end

  local f = fleet.redis_fixture(50)
  local sb, place

  local function begin(options)
    f:begin(options)
    sb, place = f.sb, f.place
  end

  local function start(options)
    return f:start(options)
  end

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

  -- Reads what the crowd says until all have said `text`. No call may have failed.
  local function await_all(crowd, text)
    local said = 0
    repeat
      local line = crowd:line()
      if line == text then
        said = said + 1
      elseif line ~= "behind: store" and line ~= "behind: nothing" and line ~= "waits for another token" then
        error(tostring(line))
      end
    until said == COUNT
  end

  -- What the crowd still says until its end. No call may have failed.
  local function await_end(crowd)
    place:mark "stop"
    await_all(crowd, "served")
    crowd:rest()
  end

  -- A master, a replica that is in step with it, and three Sentinels.
  local function start_sentinels()
    local config = { "masterauth " .. PASSWORD, "repl-diskless-sync-delay 0", USER }
    local master = start { port = true, password = PASSWORD, config = config }
    local replica = start {
      port = true, password = PASSWORD,
      config = { config[1], config[2], config[3], "replicaof 127.0.0.1 " .. master.port },
    }
    replica:await "MASTER <-> REPLICA sync: Finished with success"
    local hosts, first = {}, nil
    for i = 1, 3 do
      local sentinel = start {
        port = true, sentinel = true, password = SENTINEL_PASSWORD,
        config = {
          "sentinel sentinel-pass " .. SENTINEL_PASSWORD,
          SENTINEL_USER,
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
    place.options.token_store = (
      "redis+sentinel://shop:%s@%s/shop?sentinel_user=asker&sentinel_password=%s"
    ):format(
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
    sentinel:await "+switch-master"
    place:mark "another"
    await_all(crowd, "has another token")
    await_end(crowd)
  end)

  it("by Sentinel, its master stopped and its record lost: one fetch more, and no call fails", function()
    begin {}
    local master, replica, sentinel = start_sentinels()
    local crowd = place:start(COUNT, loop)
    crowd:expect(COUNT, "ok")
    assert.equal(1, sb:state().fetches)
    place:mark "another"
    await_all(crowd, "waits for another token")
    assert.equal("OK", master:says "FLUSHALL")
    master:signal "STOP"
    sentinel:await "+switch-master"

    -- The gateway ends the crowd's token when it gives the next.
    assert.same({ ok = 3 }, place:start(3, "worker.say(worker.call())"):rest())
    await_all(crowd, "has another token")

    -- The old master comes back as a replica, and nobody returns to it.
    master:signal "CONT"
    master:await "REPLICAOF 127.0.0.1:"
    assert.same({ ok = 3 }, place:start(3, "worker.say(worker.call())"):rest())
    await_end(crowd)
    assert.equal(2, sb:state().fetches)
    assert.equal(2, sb:state().granted)
    assert.equal("1", replica:says "DBSIZE")
  end)

  it("by Sentinel over TLS: the certificates of all of them are verified", function()
    begin {}
    local certs = sb.ca_file:match("^(.*)/")
    local tls = {
      "tls-cert-file " .. certs .. "/good.pem", "tls-key-file " .. certs .. "/leaf.key",
      "tls-ca-cert-file " .. sb.ca_file, "tls-auth-clients no", "tls-replication yes",
    }
    local function with(...)
      return { tls[1], tls[2], tls[3], tls[4], tls[5], ... }
    end
    local master = start { tls_port = true, config = tls }
    local monitor = "sentinel monitor shop 127.0.0.1 " .. master.port .. " 1"
    local sentinel = start { tls_port = true, sentinel = true, config = with(monitor) }
    local address = ("rediss+sentinel://localhost:%s/shop?ca_file="):format(sentinel.port)
    place.options.token_store = address .. sb.ca_file
    assert.same({ ok = 1 }, place:run "worker.say(worker.call())")
    place.options.token_store = address .. "/etc/ssl/certs/ca-certificates.crt"
    local told = next(place:run "worker.say(worker.call())")
    assert.truthy(told:find("certificate", 1, true), told)
  end)

  -- Three masters, and a fourth node that is nobody's replica yet.
  local function start_cluster()
    local nodes, ranges, hosts = {}, { { 0, 5460 }, { 5461, 10922 }, { 10923, 16383 } }, {}
    for i = 1, 4 do
      nodes[i] = start {
        port = true,
        config = { "cluster-enabled yes", "cluster-node-timeout 1000", "repl-diskless-sync-delay 0", CLUSTER_USER },
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
    place.options.token_store = ("redis://shop:%s@%s"):format(PASSWORD, table.concat(hosts, ","))
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
    nodes[4]:await "Failover election won"
    place:mark "another"
    await_all(crowd, "has another token")
    await_end(crowd)
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
    place.options.token_store = ("redis://127.0.0.1:%s"):format(vip.port)
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
