-- itriggerd keeps serving: whatever one client, the log or the system does, others get their token.
local eventually = require "spec.support.eventually"
local guard = require "spec.support.guard"
local itriggerd = require "spec.support.itriggerd"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local f = itriggerd.fixture()

  it("exits with 1, not 2, when the port is in use", function()
    local d = f.place:start()
    local path = f.place:write("b.ini", f.place:config { server = { listen = d.address } })
    local said, code = f.place:run("--config " .. path)
    assert.equal(1, code, said)
    assert.truthy(said:find("in use", 1, true), said)
  end)

  it("listens on an address that the machine does not have yet", function()
    local d = f.place:start { server = { listen = "192.0.2.77:8700", tls = "off" } }
    assert.equal("192.0.2.77:8700", d.address)
    assert.equal(0, d:stop())
  end)

  -- Opens n connections from one process of bash, each saying `text`, and holds them until the spec ends, but a minute
  -- at the most. At the end bash becomes sleep: no child of it can hold them longer.
  local function open_connections(d, n, text)
    local host, port = d.address:match("^(.*):(%d+)$")
    local pipe = assert(io.popen(("exec timeout -s KILL 60 bash -c 'ulimit -n 4096; echo $$; for ((i = 0; i < %d; i++)); do "
      .. "exec {fd}<>/dev/tcp/%s/%s; printf \"%s\" >&$fd; done; echo open; exec sleep 60' 2>/dev/null"):format(n, host, port, text)))
    local holding = guard(pipe:read("*l"))
    finally(function()
      holding:close()
      pipe:close()
    end)
    assert.equal("open", pipe:read("*l"))
  end

  local ask = "GET %s HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n"
  for name, request in pairs { silent = "", ["that ask for /healthz and stay"] = ask, ["that get a token and stay"] = ask } do
    it("answers a client at once beside more connections than it can have, " .. name, function()
      local path = f.place:write("few.ini", f.place:config { client = { apps = "*" } })
      -- 100 files: half of them are for connections.
      local wrapper = f.place:write("few", ("#!/bin/sh\nulimit -n 100\nexec %s --config %s\n"):format(itriggerd.program(), path))
      itriggerd.shell("chmod 700 " .. wrapper)
      local d = f.place:launch(path, nil, wrapper)
      d:await "token app=one"
      open_connections(d, 300, request:format(name:find "token" and f.token_path or "/healthz",
        name:find "token" and itriggerd.key or "none"))
      for _ = 1, 5 do
        assert.equal(200, sandbox.request(d.url .. f.token_path, { "--max-time", "5", "-H",
          "Authorization: Bearer " .. itriggerd.key }).status)
      end
      assert.is_true(d:metric "itrigger_connections" <= 50)
      if name == "silent" then -- the others may have gone by themselves before the limit was reached
        d:await "warning connections: the limit of "
      end
    end)
  end

  it("keeps the connection of who shows a key, and of nobody else", function()
    local d = f.place:start()
    d:await "token app=one"
    local function is_closed(...)
      return d:get(...).head:find("\nconnection: close\r", 1, true) ~= nil
    end
    assert.is_false(is_closed(f.token_path))
    assert.is_true(is_closed(f.token_path, nil, "wrong-key-0123456789"))
    assert.is_true(is_closed(f.token_path, nil, false))
    assert.is_true(is_closed("/healthz", nil, false))
  end)

  it("takes reports, of other apps and of this one, beside as many polls as one client can have", function()
    local key, id = "key-of-two-0123456789abcdef", "two-" .. f.place.app_id
    f.sb:app { id = id, secret = f.place.app_secret }
    local d = f.place:start { text = ("[app two]\napp_id = %s\napp_secret_file = %s/secret\ngateway = %s\n"
      .. "[client two]\nkey_file = %s\napps = *\n"):format(id, f.place.dir, f.sb.gateway, f.place:write("two", key .. "\n")) }
    d:await("token app=one", "token app=two")
    local one = f.granted(d:get(f.token_path))
    local guards = {}
    finally(function()
      for _, polls in ipairs(guards) do
        polls[1]:close()
        polls[2]:close()
      end
    end)
    for i = 1, 4 do
      local pipe = assert(io.popen(("exec 2>/dev/null; echo $$; exec curl -s --parallel --parallel-immediate --parallel-max 300 "
        .. "--max-time 60 --noproxy '*' -o %s/out%d -H 'Authorization: Bearer %s' '%s%s?newer_than=%d&wait=60&x=[1-300]'")
        :format(f.place.dir, i, itriggerd.key, d.url, f.token_path, one.fence)))
      guards[#guards + 1] = { guard(pipe:read("*l")), pipe }
    end
    d:await_metric("itrigger_requests_polling", 1024, key)
    local path = "/v1/apps/" .. id .. "/"
    local two = f.granted(d:get(path .. "token", nil, key))
    local after = f.granted(d:post(path .. "refresh", ('{"refused":%d}'):format(two.fence), key))
    assert.is_true(after.fence > two.fence)
    after = f.granted(d:post(f.refresh_path, ('{"refused":%d}'):format(one.fence)))
    assert.is_true(after.fence > one.fence)
    d:await_metric("itrigger_requests_polling", 0, key) -- they got it
  end)

  it("is healthy only while its timer goes round", function()
    local lacks = needs.program("cc", "gcc")
    if lacks then
      pending(lacks)
      return
    end
    -- The timer writes token_file; here that takes until somebody opens the gate.
    local source = f.place:write("stuck.c", [[
      #include <fcntl.h>
      #include <stdlib.h>
      #include <unistd.h>
      int fsync(int fd) { char c; int gate = open(getenv("GATE"), O_RDONLY); return read(gate, &c, 1) < 0 || close(gate) || fd < 0; }]])
    local library, gate = f.place.dir .. "/stuck.so", f.place.dir .. "/gate"
    assert.equal("", itriggerd.shell(("cc -shared -fPIC -o %s %s 2>&1; mkfifo %s 2>&1"):format(library, source, gate)))
    local path = f.place:write("itriggerd.ini", f.place:config { server = { token_store = "memory:" },
      app = { token_file = f.place.dir .. "/token" } })
    local d = f.place:launch("--config " .. path, ("LD_PRELOAD=%s ASAN_OPTIONS=verify_asan_link_order=0 GATE=%s"):format(library, gate))
    d:await "token app=one"
    local function await_health(status)
      d:eventually("/healthz is " .. status, function()
        local now = d:get("/healthz", nil, false).status
        return now == status, now
      end)
    end
    await_health(503)
    itriggerd.shell(": >" .. gate)
    await_health(200)
  end)

  it("frees the place of a poll whose client has gone", function()
    local d = f.place:start()
    d:await "token app=one"
    local fence = f.granted(d:get(f.token_path)).fence
    local answer = sandbox.request(d.url .. f.token_path .. ("?newer_than=%d&wait=60"):format(fence),
      { "--max-time", "0.5", "-H", "Authorization: Bearer " .. itriggerd.key })
    assert.is_nil(answer.status)
    d:await_metric('itrigger_pollers{app="one"}', 0)
  end)

  it("refreshes, answers and ends while its log is not read", function()
    local path = f.place:write("stuck.ini", f.place:config { server = { access_log = "all" },
      app = { token_ttl = 2, min_refresh_interval = 0 } })
    f.sb:token { kind = "overlap", life_ms = 2000 }
    -- A pipe that is full at once, and a reader that never reads.
    local fifo = f.place.dir .. "/fifo"
    itriggerd.shell("mkfifo " .. fifo)
    local wrapper = f.place:write("stuck", ("#!/bin/sh\nexec %s --config %s 2>>%s\n"):format(itriggerd.program(), path, fifo))
    itriggerd.shell("chmod 700 " .. wrapper)
    local port = itriggerd.shell("shuf -i 20000-30000 -n 1"):match("%d+")
    f.place:write("stuck.ini", f.place:config { server = { access_log = "all", listen = "127.0.0.1:" .. port },
      app = { token_ttl = 2, min_refresh_interval = 0 } })
    local pipe = assert(io.popen(("sleep 120 <>%s & reader=$!; %s & echo $!; wait $!; echo \"exit $?\"; kill $reader")
      :format(fifo, wrapper)))
    local pid = pipe:read("*l")
    local running = guard(pid)
    finally(function()
      running:close()
      pipe:close()
    end)
    local d = { url = "http://127.0.0.1:" .. port }
    local function get(path_, more)
      local arguments = { "--max-time", "20", "-H", "Authorization: Bearer " .. itriggerd.key }
      for _, argument in ipairs(more or {}) do
        arguments[#arguments + 1] = argument
      end
      return sandbox.request(d.url .. path_, arguments)
    end
    eventually("it is ready", function()
      local answer = get("/readyz")
      return answer.status == 200, answer.body
    end)
    -- More than a pipe takes (64 KB), and than the queue (256 KB).
    local urls = f.place:write("urls", (("url = %s%s\n"):format(d.url, f.token_path)):rep(6000))
    itriggerd.shell(("curl -s -o /dev/null --noproxy '*' -H 'Authorization: Bearer %s' -K %s"):format(itriggerd.key, urls))
    local before = f:fetches()
    eventually("two more fetches", function()
      local fetches = f:fetches()
      return fetches >= before + 2, fetches
    end)
    assert.equal(200, get("/healthz").status)
    assert.is_true(tonumber(get("/metrics").body:match("itrigger_log_lines_dropped_total (%d+)") or "1") > 0)
    itriggerd.shell("kill -TERM " .. pid)
    assert.equal("exit 0", pipe:read("*l"))
  end)

  describe("when it ends", function()
    it("refuses new connections from the first moment, and finishes what it has", function()
      f.sb:fault { kind = "hold", path = "token", times = 1 }
      local d = f.place:start { client = { apps = "*" } }
      local answer = d:begin(f.token_path)
      f.sb:wait { held = 1 }
      d:await_metric("itrigger_requests_waiting", 1)
      -- A connection that is there already, with a request of which the last line comes when it stops.
      local host, port = d.address:match("^(.*):(%d+)$")
      local gate = f.place.dir .. "/gate"
      itriggerd.shell("mkfifo " .. gate)
      local late_request = assert(io.popen(("timeout 60 bash -c 'exec 3<>/dev/tcp/%s/%s; printf \"GET /readyz "
        .. "HTTP/1.1\\r\\nHost: x\\r\\n\" >&3; read <%s; printf \"\\r\\n\" >&3; cat <&3'"):format(host, port, gate)))
      d:eventually("three connections: the request, this one, and that for the metrics", function()
        local n = d:metric "itrigger_connections"
        return n >= 3, n
      end)
      d:signal "TERM"
      d:await "stop: "
      local _, late = d:eventually("it does not listen", function()
        local exit = sandbox.request(d.url .. "/healthz", { "--max-time", "5" }).exit
        return exit ~= 0, exit
      end)
      assert.equal(7, late) -- refused, neither accepted nor reset
      itriggerd.shell("echo >" .. gate)
      assert.truthy(late_request:read("*l"):find("^HTTP/1.1 503 "))
      late_request:close()
      f.sb:release {}
      assert.equal(200, answer().status)
      assert.equal(0, d:stop())
    end)

    it("answers a poll with the token that there is", function()
      local d = f.place:start()
      d:await "token app=one"
      local first = f.granted(d:get(f.token_path))
      local answer = d:begin(f.token_path .. ("?newer_than=%d&wait=60"):format(first.fence))
      d:await_metric('itrigger_pollers{app="one"}', 1)
      assert.equal(0, d:stop())
      assert.equal(first.fence, f.granted(answer()).fence)
    end)
  end)

  it("logs a failure when it begins, when it changes and when it ends, not each time", function()
    f.sb:fault { kind = "status", status = 503, path = "token", times = 2 }
    f.sb:fault { kind = "status", status = 503, code = 501, path = "token", times = 1 }
    local d = f.place:start { app = { min_refresh_interval = 0 } }
    local first = d:await("warning fetch app=one"):match("app=one: (.*)")
    assert.not_equal(first, d:await("warning fetch app=one"):match("app=one: (.*)"))
    d:await "info fetch app=one: works again after"
    local _, times = table.concat(d.log, "\n"):gsub("warning fetch app=one", "")
    assert.equal(2, times)
    assert.is_true(d:metric 'itrigger_fetch_failures_total{app="one",kind="api"}' > 0)
  end)

  it("logs why a fetch failed that a client caused", function()
    local d = f.place:start { app = { min_refresh_interval = 0, check_interval = 0 } }
    d:await "token app=one"
    f.sb:fault { kind = "status", status = 503, code = 501, path = "token", times = 1 }
    assert.equal(200, d:post(f.refresh_path, "{}").status)
    d:await "warning fetch app=one: api: "
    assert.equal(200, d:post(f.refresh_path, "{}").status)
    assert.truthy(d:await("info fetch app=one: works again after"):find(" and 1 failed attempt(s)", 1, true))
  end)

  it("logs who reports and refreshes, and of who has no key one line a second", function()
    local d = f.place:start()
    d:await "token app=one"
    f.place:write("itriggerd.ini", f.place:config { server = { log = "json" } })
    d:signal "HUP"
    d:await '"event":"reload"'
    local first = f.granted(d:get(f.token_path))
    d:post(f.refresh_path, ('{"refused":%d}'):format(first.fence))
    local line = d:await '"event":"request"'
    assert.truthy(line:find('"client":"shop","key":1,"request":"report","drop_in":false,"status":200,"code":200', 1, true), line)
    for _ = 1, 30 do
      d:get(f.token_path, nil, "wrong-key-0123456789")
    end
    d:stop()
    local _, times = table.concat(d.log, "\n"):gsub('"status":401', "")
    assert.is_true(times >= 1 and times < 15, tostring(times))
  end)

  it("logs with log_level = debug what the HTTP library answers or closes by itself", function()
    local d = f.place:start { server = { log_level = "debug" } }
    assert.equal(400, d:get("/healthz", { "-H", "Host:" }).status)
    d:stop()
    local log = table.concat(d.log, "\n")
    assert.truthy(log:find("debug http: ", 1, true), log)
  end)

  it("logs no request with access_log = off, and nothing below log_level", function()
    local d = f.place:start { client = { apps = "*" } }
    d:await "token app=one"
    f.place:write("itriggerd.ini", f.place:config { client = { apps = "*" }, server = { access_log = "off" } })
    d:signal "HUP"
    d:await "reload: done"
    local first = f.granted(d:get(f.token_path))
    local second = f.granted(d:post(f.refresh_path, ('{"refused":%d}'):format(first.fence)))
    assert.equal(401, d:get(f.token_path, nil, "wrong-key-0123456789").status)
    d:await "info token app=one"
    f.place:write("itriggerd.ini", f.place:config { client = { apps = "*" }, server = { log_level = "warning" } })
    local before = d:metric "itrigger_reload_timestamp_seconds"
    d:signal "HUP"
    d:eventually("another reload", function()
      local now = d:metric "itrigger_reload_timestamp_seconds"
      return now > before, now
    end)
    d:post(f.refresh_path, ('{"refused":%d}'):format(second.fence))
    local lines = #d.log
    assert.equal(0, d:stop())
    local log = table.concat(d.log, "\n")
    assert.is_nil(log:find("info request", 1, true), log)
    assert.equal("exit 0", table.concat(d.log, "\n", lines + 1))
  end)
end)
