-- Everything at once, for as long as is asked, with a fault every ten seconds: nginx with four workers, two itriggerd,
-- a batch, all with one token by way of Redis with Sentinels, and a batch by way of files on a disk of its own.
--
--   make soak MINUTES=60            SEED=n repeats the order of the faults
--
-- Who may fail, and when, is in the table `faults`. In the end: no other call failed, nobody's memory grew, and the
-- fetches that the records count are those that the gateway saw. The last line is the verdict, and so is the exit code.
package.path = "./?.lua;" .. package.path
local clock = require "spec.support.clock"
local face = require "spec.support.face"
local itriggerd = require "spec.support.itriggerd"
local nginx = require "spec.support.nginx"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

local MINUTES = tonumber(arg[1]) or 60
local SEED = tonumber(os.getenv "SEED") or os.time()
local EVERY = 10 -- seconds from fault to fault
local TTL = 60 -- of tokens, so that many are fetched
local LIFETIME = math.floor(MINUTES * 60) + 600 -- of servers, at most

local shell = itriggerd.shell

local function say(form, ...)
  io.stdout:write(os.date "!%H:%M:%S ", form:format(...), "\n")
  io.stdout:flush()
end

local function pause(seconds)
  shell("sleep " .. seconds)
end

-- ---- what runs ----

local sb, dir, master, replica, sentinels, place, daemons, host, wall
local own_batch, file_batch, driver -- { pipe, pid }
local file_app -- the app of file_batch
local disk_guard -- unmounts it, however this ends
local disk -- where the file store is; nil: this user cannot mount one

-- As docs/stores.md says: a master that is cut off from its replica takes no writes that it would lose.
local function redis_options(replica_of)
  return { port = true, lifetime = LIFETIME, config = { "min-replicas-to-write 1", "min-replicas-max-lag 5", replica_of } }
end

local function start_redis()
  master = redis.start(redis_options())
  replica = redis.start(redis_options("replicaof 127.0.0.1 " .. master.port))
  replica:await "MASTER <-> REPLICA sync: Finished"
  sentinels = {}
  local hosts = {}
  for i = 1, 3 do
    sentinels[i] = redis.start { port = true, sentinel = true, lifetime = LIFETIME, config = {
      "sentinel monitor shop 127.0.0.1 " .. master.port .. " 2",
      "sentinel down-after-milliseconds shop 1000",
      "sentinel failover-timeout shop 6000",
    } }
    hosts[i] = "127.0.0.1:" .. sentinels[i].port
  end
  sentinels[1]:await("+slave", "+sentinel ", "+sentinel ")
  for _, server in ipairs { master, replica, table.unpack(sentinels) } do
    server:leave_log()
  end
  return "redis+sentinel://" .. table.concat(hosts, ",") .. "/shop"
end

-- Which of the two Sentinel says is the master; the servers change their names with it.
local function sort_servers()
  local port = sentinels[1]:says("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop"):match "(%d+)$"
  if port == tostring(replica.port) then
    master, replica = replica, master
  end
end

local function start_daemon(i, server)
  local text = place:config { server = server, app = { token_ttl = TTL } }
  daemons[i] = place:launch("--config " .. place:write("itriggerd" .. i .. ".ini", text), wall:words())
  daemons[i].server = server
end

local function start_nginx(options)
  return nginx.start {
    workers = 4,
    init = ([[
      client_of = {}
      options = {}
      options.redis = { gateway = "%s", app_id = "%s", app_secret = "%s", token_store = "%s", token_ttl = %d }
      for i, url in ipairs { "%s", "%s" } do
        options["central" .. i] = { gateway = "%s", app_id = "%s", token_store = url, token_store_key = "%s" }
      end
      function call(name)
        client_of[name] = client_of[name] or assert(require "itrigger".new(options[name]))
        local res, err = client_of[name]:get("%s")
        ngx.say(res and "ok" or name .. " " .. err.kind .. " " .. tostring(err):gsub("%%s+", " "))
      end
    ]]):format(sb.gateway, options.app_id, options.app_secret, options.token_store, TTL, daemons[1].url, daemons[2].url,
      sb.gateway, options.app_id, itriggerd.key, face.echo_get),
    locations = [[
      location = /redis { content_by_lua_block { call "redis" } }
      location = /central1 { content_by_lua_block { call "central1" } }
      location = /central2 { content_by_lua_block { call "central2" } }
    ]],
  }
end

-- A process that writes lines "TIME OUTCOME" to a file in dir. It ends with the pipe that only this process holds.
local function spawn(name, command, words)
  local file = ("%s/%s.pid"):format(dir, name)
  local form = "{ %s sh -c 'echo $$ >%s; exec %s' >>%s/%s.out 2>&1 </dev/null & }; cat >/dev/null; kill -KILL $(cat %s)"
  local pipe = assert(io.popen(form:format(words or "", file, command, dir, name, file) .. " 2>/dev/null", "w"))
  repeat
    local opened = io.open(file)
    local pid = opened and opened:read "*l"
    if opened then
      opened:close()
    end
  until pid
  return { name = name, pipe = pipe, pid = io.open(file):read "*l", command = command, words = words }
end

local function finish(process)
  process.pipe:close()
  os.remove(("%s/%s.pid"):format(dir, process.name))
end

local BATCH = [[
  local itrigger = require "itrigger"
  local client = assert(itrigger.new { gateway = %q, app_id = %q, app_secret = %q, token_store = %q, timeout = 20, token_ttl = %d })
  local function requests()
    return { "GET", %q, { t = "1" } }
  end
  local last, ok = os.time(), 0
  io.stdout:setvbuf "line"
  for result in client:batch(requests, { concurrency = 4, rate = 40 }) do
    if result.error then
      print(os.time(), "batch " .. result.error.kind .. " " .. tostring(result.error):gsub("%%s+", " "))
    else
      ok = ok + 1
    end
    if os.time() ~= last then
      print(os.time(), "ok", ok)
      last, ok = os.time(), 0
    end
  end
]]

local function start_batch(name, app_id, app_secret, store, words)
  local path = ("%s/%s.lua"):format(dir, name)
  local file = assert(io.open(path, "w"))
  file:write(BATCH:format(sb.gateway, app_id, app_secret, store, TTL, face.echo_get))
  file:close()
  return spawn(name, face.interpreter() .. " " .. path, words)
end

-- Three calls of each kind at once, again and again. Each line of the answer has the time before it.
local function start_driver()
  local path = dir .. "/driver.sh"
  local file = assert(io.open(path, "w"))
  file:write(([[
while :; do
  for where in redis central1 central2; do
    for n in 1 2 3; do
      { curl -s --unix-socket %s/socket --max-time 60 -w '%%{exitcode}\n' "http://host/$where" | {
        read -r line; read -r code || { code=$line; line=none; }; echo "$(date +%%s) $line exit $code"; } } &
    done
  done
  wait
  sleep 0.1
done
]]):format(host.dir))
  file:close()
  return spawn("driver", "sh " .. path)
end

-- ---- the records ----

local function record_in_redis()
  sort_servers()
  return master:says("--raw", "GET", master:says("--scan", "--pattern", "itrigger:*"):match "%S+")
end

local function record_in_files()
  return shell("cat " .. disk .. "/*")
end

-- ---- faults ----

-- The token of a record, not all that there are: one that is fetched just then would be revoked before its first call.
local revoked = { redis = { count = 0, at = 0 }, files = { count = 0, at = 0 } }
local function revoke(where, record)
  revoked[where] = { count = revoked[where].count + 1, at = os.time() }
  sb:token { revoke = record:match "\ntoken (%S+)" }
end

-- A fleet whose fresh tokens are refused again and again waits longer from time to time, 30 seconds at first
-- (core/record/hold.c). A revocation within that time would be felt, as it has to be.
local function may_revoke(where)
  local one = revoked[where]
  return os.time() - one.at > 30 * 2 ^ (one.count - 1) + 10
end

local function of_two()
  return math.random(2)
end

local function worker()
  local pids = host:workers()
  return pids[math.random(#pids)]
end

local function stopped(pid, seconds)
  shell("kill -STOP " .. pid)
  pause(seconds)
  shell("kill -CONT " .. pid .. " 2>/dev/null")
end

local function restart_daemon(i)
  daemons[i]:stop "KILL"
  start_daemon(i, daemons[i].server)
end

-- A Redis that was killed comes back as a replica of the other.
local function return_redis(server)
  sort_servers()
  server.options.config = redis_options("replicaof 127.0.0.1 " .. (server == master and replica or master).port).config
  server:start()
end

-- Until the master has its replica again, and so takes writes; else the fault is not over.
local function await_replica()
  for _ = 1, 120 do
    sort_servers()
    if master:says("INFO", "replication"):find "min_slaves_good_slaves:1" then
      return
    end
    pause(0.5)
  end
  error "no replica within a minute"
end

-- Each: its name; what it does; which failures it allows, as patterns of the outcome; whose token it revokes. It allows
-- them from its beginning until GRACE seconds after its end.
local GRACE = 8
local REDIS = { "^redis store", "^batch store", "^redis timeout", "^batch timeout", "^central%d store", "^central%d timeout" }
local faults = {
  { "nginx worker killed", function() shell("kill -KILL " .. worker()) end, { "^none exit 52", "^none exit 56", "^none exit 7" } },
  { "nginx worker stopped", function() stopped(worker(), 3) end, {} },
  { "nginx reloaded", function() host:signal "HUP" end, {} },
  { "itriggerd killed", function() restart_daemon(of_two()) end, { "^central%d store", "^central%d timeout" } },
  { "itriggerd stopped", function() stopped(daemons[of_two()].pid, 3) end, { "^central%d store", "^central%d timeout" } },
  { "itriggerd reloaded", function() daemons[of_two()]:signal "HUP" end, {} },
  { "redis killed", function()
      local killed = master
      killed:signal "KILL"
      pause(3)
      return_redis(killed)
      await_replica()
    end, REDIS },
  { "redis failover", function() sentinels[1]:says("SENTINEL", "FAILOVER", "shop") pause(2) await_replica() end, REDIS },
  { "redis stopped", function() stopped(master.pid, 3) pause(2) await_replica() end, REDIS },
  { "clock stepped an hour ahead and back", function() wall:set(3600) pause(3) wall:set(0) end, {} },
  { "clock stepped an hour back and right", function() wall:set(-3600) pause(3) wall:set(0) end, {} },
  { "token revoked", function() revoke("redis", record_in_redis()) end, {}, "redis" },
  { "batch killed", function()
      finish(own_batch)
      own_batch = spawn(own_batch.name, own_batch.command, own_batch.words)
    end, {} },
  { "disk full, token revoked", function()
      shell(("dd if=/dev/zero of=%s/filler bs=4k 2>/dev/null"):format(disk))
      revoke("files", record_in_files())
      pause(3)
      os.remove(disk .. "/filler")
    end, { "^batch store" }, "files" },
}

-- ---- the verdict ----

local happened = {} -- { name, allows, from, to }
local complaints = {}

local function complain(form, ...)
  complaints[#complaints + 1] = form:format(...)
  if #complaints <= 50 then
    say("AGAINST THE RULES: %s", complaints[#complaints])
  end
end

local function allowed(time, outcome)
  for _, one in ipairs(happened) do
    if time >= one.from and time <= one.to + GRACE then
      for _, pattern in ipairs(one.allows) do
        if outcome:find(pattern) then
          return true
        end
      end
    end
  end
  return false
end

local totals = { ok = 0, failed = 0, forgiven = 0 }

-- The lines that have come to a file since the last look.
local positions = {}
local function each_new_line(name, see)
  local file = io.open(("%s/%s.out"):format(dir, name))
  if not file then
    return
  end
  file:seek("set", positions[name] or 0)
  while true do
    local line = file:read "*L"
    if not line or line:sub(-1) ~= "\n" then
      break
    end
    positions[name] = file:seek()
    see(line:sub(1, -2))
  end
  file:close()
end

local function judge(name)
  each_new_line(name, function(line)
    local time, outcome = line:match "^(%d+)%s+(.+)$"
    local count = outcome and (outcome:match "^ok%s+(%d+)$" or outcome == "ok exit 0" and 1)
    if count then
      totals.ok = totals.ok + count
    elseif outcome and not outcome:find "exit 143" then
      totals.failed = totals.failed + 1
      if allowed(tonumber(time), outcome) then
        totals.forgiven = totals.forgiven + 1
      else
        complain("%s: %s (%s)", name, outcome, os.date("!%H:%M:%S", tonumber(time)))
      end
    elseif not outcome then
      complain("%s said: %s", name, line)
    end
  end)
end

-- Memory: the resident size of each process when it was half a minute old, and now.
local sizes = {}

local function resident_kb(pid)
  local file = io.open(("/proc/%s/status"):format(pid))
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return tonumber(text:match "VmRSS:%s+(%d+)")
end

local function weigh(name, pid)
  local one = sizes[pid] or { name = name, since = os.time() }
  sizes[pid] = one
  one.now = resident_kb(pid) or one.now
  if not one.first and os.time() - one.since >= 30 then
    one.first = one.now
  end
  if one.first and os.time() - one.since >= 90 then
    one.old = true
  end
end

local function weigh_all()
  for _, pid in ipairs(host:workers()) do
    weigh("nginx worker", pid)
  end
  for i, d in ipairs(daemons) do
    weigh("itriggerd " .. i, d.pid)
  end
  weigh("batch", own_batch.pid)
  if file_batch then
    weigh("batch on files", file_batch.pid)
  end
end

local function judge_memory()
  local most = 0
  for pid, one in pairs(sizes) do
    if one.old then
      local growth = one.now - one.first
      most = math.max(most, growth)
      if growth > 4096 + one.first // 5 then
        complain("%s (%s) grew from %d to %d KB", one.name, pid, one.first, one.now)
      end
    end
  end
  say("memory: no process that lived longer than 90 s grew by more than %d KB", most)
end

-- What a record counts today, against what the gateway was asked for. A process that is killed between its lease and its
-- request has counted one that was not sent; a failover may lose the last write.
local function judge_fetches(name, record, app_id, killed, failovers)
  local counted, sent = tonumber(record:match "\nfetches (%d+)") or 0, nil
  for _, app in ipairs(sb:state().apps) do
    sent = app.id == app_id and app.fetches_today or sent
  end
  say("fetches by %s: %d counted, %d sent (%d processes killed, %d failovers)", name, counted, sent, killed, failovers)
  if counted > sent + killed or counted < sent - failovers then
    complain("%s: %d fetches counted, %d sent", name, counted, sent)
  end
end

-- ---- the run ----

local function start_all()
  dir = shell("mktemp -d"):match "%S+"
  wall = assert(clock.new())
  sb = sandbox.start()
  local store = start_redis()
  place = itriggerd.place(sb)
  daemons = {}
  for i = 1, 2 do
    -- The same port again after a kill.
    local server = { listen = "127.0.0.1:" .. (20000 + math.random(9999)), token_store = store }
    start_daemon(i, server)
  end
  host = start_nginx { app_id = place.app_id, app_secret = place.app_secret, token_store = store }
  own_batch = start_batch("batch", place.app_id, place.app_secret, store, wall:words())
  driver = start_driver()
  if shell "id -u" == "0\n" then
    disk = dir .. "/disk"
    local mount = "mkdir %s && mount -t tmpfs -o size=256k,mode=700 itrigger-soak %s 2>/dev/null && echo mounted"
    if shell(mount:format(disk, disk)) ~= "mounted\n" then
      disk = nil
    else
      disk_guard = assert(io.popen(("trap '' INT TERM HUP; cat >/dev/null; umount -l %s"):format(disk), "w"))
    end
  end
  if disk then
    local secret
    file_app, secret = face.app(sb)
    file_batch = start_batch("batch-on-files", file_app, secret, "file:" .. disk)
  end
end

local function stop_all()
  for _, process in ipairs { driver, own_batch, file_batch } do
    finish(process)
  end
  host:stop()
  place:remove()
  for _, server in ipairs { master, replica, table.unpack(sentinels) } do
    server:remove()
  end
  sb:stop()
  wall:remove()
  if disk then
    disk_guard:close()
  end
  shell("rm -rf " .. dir)
end

local function shuffled()
  local order = {}
  for i, fault in ipairs(faults) do
    if disk or not fault[1]:find "^disk" then
      table.insert(order, math.random(#order + 1), i)
    end
  end
  return order
end

local function run()
  local stop_at = os.time() + MINUTES * 60
  local killed, failovers = 0, 0
  local order = {}
  pause(5)
  while os.time() < stop_at do
    if #order == 0 then
      order = shuffled()
    end
    local name, act, allows, revokes = table.unpack(faults[table.remove(order)])
    if revokes and not may_revoke(revokes) then
      goto continue
    end
    local one = { allows = allows, from = os.time() - 1, to = math.huge }
    happened[#happened + 1] = one
    act()
    one.to = os.time()
    killed = killed + (name:find "killed" and 1 or 0)
    failovers = failovers + (name:find "redis" and 1 or 0)
    pause(math.max(0, EVERY - (os.time() - one.from - 1)))
    for _, file in ipairs { "driver", "batch", "batch-on-files" } do
      judge(file)
    end
    weigh_all()
    say("%-40s so far %d calls, %d failed", name, totals.ok + totals.failed, totals.failed)
    ::continue::
  end
  pause(GRACE)
  judge "driver"
  judge "batch"
  judge "batch-on-files"
  judge_memory()
  judge_fetches("Redis", record_in_redis(), place.app_id, killed, failovers)
  if disk then
    judge_fetches("files", record_in_files(), file_app, 0, 0)
  end
end

math.randomseed(SEED)
say("soak for %g minutes, seed %d", MINUTES, SEED)
start_all()
if not disk then
  say "no full disk: only root can mount a small one"
end
local done, why = xpcall(run, debug.traceback)
stop_all()
if not done then
  complain("the soak itself failed: %s", why)
end
if totals.ok < MINUTES * 60 then
  complain("only %d calls were answered", totals.ok)
end
say("%d calls, of which %d failed as the rules allow, %d faults", totals.ok + totals.failed, totals.forgiven, #happened)
say("%s", #complaints == 0 and "verdict: passed" or ("verdict: FAILED, %d complaints"):format(#complaints))
os.exit(#complaints == 0, true)
