-- Promise 11 in nginx: its loop never waits on us. Real nginx, the library in its workers.
local nginx = require "spec.support.nginx"
local sandbox = require "spec.support.sandbox"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local needs = require "spec.support.needs"

describe("nginx", function()
  local lacks = nginx.missing()
  if lacks then
    pending(lacks)
    return
  end

  local sb = fixture.sandbox()
  local host
  local dirs = {}

  after_each(function()
    if host then
      host:stop()
      host = nil
    end
    for _, dir in ipairs(dirs) do
      os.execute("rm -rf " .. dir)
    end
    dirs = {}
  end)

  local function host_dir()
    local pipe = io.popen("mktemp -d")
    dirs[#dirs + 1] = pipe:read("*l")
    pipe:close()
    return dirs[#dirs]
  end

  -- The code of init_by_lua: a client, in the global `client`, and `answer`, which makes a call and
  -- tells what came of it.
  local function init(options)
    local words = {}
    for name, value in pairs(face.options(sb, options)) do
      words[#words + 1] = ("%s = %q,"):format(name, tostring(value))
    end
    return ([[
      itrigger = require "itrigger"
      client = assert(itrigger.new { %s })
      function answer(opts)
        local res, err = client:get("%s", { n = ngx.var.arg_n }, opts)
        if not res then
          ngx.log(ngx.WARN, tostring(err))
          ngx.status = 502
          ngx.say(err.kind)
          return
        end
        ngx.say("ok")
      end
    ]]):format(table.concat(words, " "), face.echo_get)
  end

  local CALL = [[
    location = /call { content_by_lua_block { answer() } }
    location = /hasty { content_by_lua_block { answer { timeout = 1 } } }
  ]]

  local function start(more)
    more = more or {}
    more.init = more.init or init { token_store = "memory:", max_host_connections = 256 }
    more.locations = CALL .. (more.locations or "")
    host = nginx.start(more)
    return host
  end

  local function ok(answer)
    assert.equal("ok\n", answer.body, host:errors())
  end

  -- ---- one call ----

  it("answers a call, and the next, and one after a pause", function()
    start()
    ok(host:get "/call")
    ok(host:get "/call")
    assert.equal("pong\n", host:get("/ping").body)
    ok(host:get "/call")
    assert.equal(1, sb:state().fetches)
    assert.equal("", host:errors())
  end)

  -- ---- many ----

  it("answers others while 200 calls are held, and then all of them", function()
    start()
    sb:fault { kind = "hold", path = "api", times = 200 }
    local many = host:many("/call", 200)
    assert.is_true(sb:wait({ held = 200 }).reached, host:errors())
    for _ = 1, 50 do
      assert.equal("pong\n", host:get("/ping").body)
    end
    assert.equal(200, sb:state().held)
    sb:release()
    assert.same({ ["200 0"] = 200 }, many:counts())
    assert.equal(1, sb:state().fetches)
    assert.equal("", host:errors())
  end)

  it("answers others while the token endpoint is held", function()
    start()
    sb:fault { kind = "hold", path = "token" }
    local many = host:many("/call", 100)
    assert.is_true(sb:wait({ held = 1 }).reached)
    for _ = 1, 20 do
      assert.equal("pong\n", host:get("/ping").body)
    end
    sb:release()
    assert.same({ ["200 0"] = 100 }, many:counts())
    assert.equal(1, sb:state().fetches)
  end)

  it("repeats each call once when the token is revoked in the middle", function()
    start()
    ok(host:get "/call")
    sb:fault { kind = "hold", path = "api", times = 50 }
    local many = host:many("/call", 50)
    assert.is_true(sb:wait({ held = 50 }).reached)
    sb:token { revoke = true }
    sb:release()
    assert.same({ ["200 0"] = 50 }, many:counts())
    local state = sb:state()
    assert.equal(2, state.fetches)
    assert.equal(1 + 100, state.calls[face.echo_get])
  end)

  it("survives a gateway that resets", function()
    start()
    ok(host:get "/call")
    sb:fault { kind = "reset", path = "api", times = 30 }
    assert.same({ ["502 0"] = 30 }, host:many("/call", 30):counts())
    assert.equal(1 + 30, sb:state().calls[face.echo_get])
    ok(host:get "/call")
    assert.equal(1, #host:workers())
  end)

  it("ends calls by their deadline", function()
    start()
    ok(host:get "/call")
    sb:fault { kind = "hold", path = "api", times = 30 }
    local many = host:many("/hasty", 30)
    assert.same({ ["502 0"] = 30 }, many:counts())
    assert.is_truthy(host:errors():find("timeout", 1, true))
    assert.is_true(sb:wait({ gone = 30 }).reached)
    ok(host:get "/call")
  end)

  it("ends calls that wait for a token by their deadline", function()
    start()
    sb:fault { kind = "hold", path = "token" }
    assert.same({ ["502 0"] = 10 }, host:many("/hasty", 10):counts())
    sb:release()
    ok(host:get "/call")
    assert.equal(1, sb:state().fetches)
  end)

  it("answers others while a batch is in flight, all of it at once", function()
    start { locations = [[
      location = /many { content_by_lua_block {
        local list = {}
        for i = 1, 30 do list[i] = { "GET", "]] .. face.echo_get .. [[", { n = i } } end
        local n = 0
        for result in client:batch(list, { concurrency = 30 }) do
          n = n + (result.response and 1 or 0)
        end
        ngx.status = n == 30 and 200 or 502
        ngx.say(n)
      } }
      location = /left { content_by_lua_block {
        local list = {}
        for i = 1, 30 do list[i] = { "GET", "]] .. face.echo_get .. [[", { n = i } } end
        local batch = client:batch(list, { concurrency = 10 })
        batch()
        ngx.say("ok")
      } }
    ]] }
    sb:fault { kind = "hold", path = "api", times = 30 }
    local many = host:many("/many", 1)
    assert.is_true(sb:wait({ held = 30 }).reached, host:errors())
    for _ = 1, 10 do
      assert.equal("pong\n", host:get("/ping").body)
    end
    sb:release()
    assert.same({ ["200 0"] = 1 }, many:counts())
    ok(host:get "/left")
    ok(host:get "/call")
    assert.equal("", host:errors())
  end)

  it("answers calls even when no timer is available for its reader", function()
    start { http = [[
      lua_max_running_timers 1;
      init_worker_by_lua_block {
        stop = require "ngx.semaphore".new()
        ngx.timer.at(0, function() stop:wait(60) end)
      }
    ]], locations = "location = /stop { content_by_lua_block { stop:post() ngx.say('ok') } }" }
    host:get "/ping" -- the timer runs
    assert.same({ ["200 0"] = 20 }, host:many("/call", 20):counts())
    assert.truthy(host:errors():find("lua_max_running_timers are not enough", 1, true))
    ok(host:get "/stop")
  end)

  -- ---- a client that goes away ----

  it("cancels the call of a client that went away", function()
    start { http = "lua_check_client_abort on;" }
    ok(host:get "/call")
    sb:fault { kind = "hold", path = "api" }
    local leave = host:leave_soon "/call"
    assert.is_true(sb:wait({ held = 1 }).reached)
    leave()
    -- The call goes when what nginx has killed is collected; when it noticed, only it knows.
    local gone
    for _ = 1, 20 do
      host:get "/collect"
      gone = gone or sb:wait({ gone = 1, timeout_ms = 500 }).reached
    end
    assert.is_true(gone)
    ok(host:get "/call")
    assert.equal(1, #host:workers())
  end)

  -- ---- many workers ----

  it("fetches one token for 4 workers that start cold", function()
    local store = host_dir()
    start { workers = 4, init = init { token_store = "file:" .. store, max_host_connections = 256 } }
    local both = { host:many("/call", 250), host:many("/call", 250) }
    assert.same({ ["200 0"] = 250 }, both[1]:counts())
    assert.same({ ["200 0"] = 250 }, both[2]:counts())
    assert.equal(1, sb:state().fetches)
    assert.equal("", host:errors())
  end)

  it("shares a token among workers that are not the master's user", function()
    if not nginx.is_root() then
      pending("needs root: a master whose workers are another user")
      return
    end
    local store = host_dir()
    os.execute("chown www-data " .. store)
    start { workers = 2, user = "www-data", init = init { token_store = "file:" .. store } }
    assert.same({ ["200 0"] = 50 }, host:many("/call", 50):counts(), host:errors())
    host:reload()
    assert.same({ ["200 0"] = 50 }, host:many("/call", 50):counts(), host:errors())
    assert.equal(1, sb:state().fetches)
    assert.equal("", host:errors())
  end)

  it("loses no request in 10 reloads under load, and no old worker stays", function()
    start { workers = 2, main = "worker_shutdown_timeout 30s;",
      http = "keepalive_timeout 0;", init = init { token_store = "file:" .. host_dir() } }
    ok(host:get "/call")
    local load, before = {}, {}
    for i = 1, 10 do
      load[i] = host:many("/call", 150, "--header 'Connection: close'")
      for _, pid in ipairs(host:workers()) do
        before[pid] = true
      end
      host:reload()
    end
    for i = 1, 10 do
      assert.same({ ["200 0"] = 150 }, load[i]:counts(), host:errors())
    end
    for _, pid in ipairs(host:workers()) do
      before[pid] = nil -- of the last generation
    end
    host:wait_gone(before)
    assert.equal(1, sb:state().fetches)
  end)

  it("lets the calls of an old worker end after a reload, and the worker then", function()
    start()
    ok(host:get "/call")
    sb:fault { kind = "hold", path = "api", times = 20 }
    local many = host:many("/call", 20)
    assert.is_true(sb:wait({ held = 20 }).reached)
    local before = {}
    for _, pid in ipairs(host:workers()) do
      before[pid] = true
    end
    host:reload()
    ok(host:get "/call") -- of the new worker
    assert.equal(20, sb:state().held)
    sb:release()
    assert.same({ ["200 0"] = 20 }, many:counts())
    host:wait_gone(before)
    assert.equal("", host:errors())
  end)

  it("keeps serving when a worker is killed with calls in flight", function()
    start { init = init { token_store = "file:" .. host_dir() } }
    ok(host:get "/call")
    sb:fault { kind = "hold", path = "api", times = 20 }
    local many = host:many("/call", 20)
    assert.is_true(sb:wait({ held = 20 }).reached)
    host:kill_workers()
    assert.same({ ["000 52"] = 20 }, many:counts())
    ok(host:get "/call")
    assert.equal(1, sb:state().fetches)
  end)

  -- ---- phases ----

  describe("waits in the phase", function()
    local phases = {
      rewrite = "rewrite_by_lua_block { answer() ngx.exit(ngx.OK) }",
      access = "access_by_lua_block { answer() ngx.exit(ngx.OK) }",
      content = "content_by_lua_block { answer() }",
      timer = [[content_by_lua_block {
        local done = require "ngx.semaphore".new()
        local res, err
        ngx.timer.at(0, function()
          res, err = client:get("]] .. face.echo_get .. [[")
          done:post()
        end)
        done:wait(20)
        ngx.say(res and "ok" or tostring(err))
      }]],
      ["light thread of content"] = [[content_by_lua_block {
        local threads = {}
        for i = 1, 5 do
          threads[i] = ngx.thread.spawn(function() return client:get("]] .. face.echo_get .. [[") end)
        end
        local good = 0
        for i = 1, 5 do
          local _, res = ngx.thread.wait(threads[i])
          good = good + (res and 1 or 0)
        end
        ngx.say(good == 5 and "ok" or good)
      }]],
      ["coroutine of content"] = [[content_by_lua_block {
        local res, err = coroutine.wrap(function() return client:get("]] .. face.echo_get .. [[") end)()
        ngx.say(res and "ok" or tostring(err))
      }]],
    }
    for name, code in pairs(phases) do
      it(name, function()
        start { locations = "location = /here { " .. code .. " }" }
        sb:fault { kind = "hold", path = "api", times = name:find("light", 1, true) and 5 or 1 }
        local one = host:many("/here", 1)
        assert.is_true(sb:wait({ held = 1 }).reached, host:errors())
        assert.equal("pong\n", host:get("/ping").body)
        sb:release()
        assert.same({ ["200 0"] = 1 }, one:counts())
        sb:clear()
        ok(host:get "/here")
      end)
    end

    it("ssl_certificate", function()
      local port = sb.dir .. "/certs"
      start { http = ([[
        server {
          listen unix:@DIR@/tls ssl;
          ssl_certificate %s/good.pem;
          ssl_certificate_key %s/leaf.key;
          ssl_certificate_by_lua_block {
            local res, err = client:get("%s")
            if not res then ngx.log(ngx.ERR, tostring(err)) ngx.exit(ngx.ERROR) end
          }
          location / { content_by_lua_block { ngx.say("ok") } }
        }]]):format(port, port, face.echo_get) }
      local answer = sandbox.request("https://localhost/", { "--unix-socket", host.dir .. "/tls", "--cacert", sb.ca_file })
      ok(answer)
      assert.equal(1, sb:state().calls[face.echo_get])
    end)
  end)

  describe("says what to do in the phase", function()
    -- The error's one line goes to nginx's log.
    local TRY = [[local res, err = client:get("]] .. face.echo_get .. [[") ngx.log(ngx.WARN, "tried: ", tostring(err))]]
    local phases = {
      set = { locations = "location = /here { set_by_lua_block $x { " .. TRY .. " return 1 } return 204; }" },
      header_filter = { locations = "location = /here { header_filter_by_lua_block { " .. TRY .. " } return 204; }" },
      body_filter = { locations = "location = /here { body_filter_by_lua_block { if not ngx.arg[2] then return end "
        .. TRY .. " } return 200 ok; }" },
      log = { locations = "location = /here { log_by_lua_block { " .. TRY .. " } return 204; }" },
      balancer = { http = "upstream u { server 0.0.0.1; balancer_by_lua_block { " .. TRY .. " ngx.exit(502) } }",
        locations = "location = /here { proxy_pass http://u; }" },
      init_worker = { http = "init_worker_by_lua_block { " .. TRY .. " }" },
    }
    for name, more in pairs(phases) do
      it(name, function()
        start(more)
        host:get "/here"
        host:get "/ping"
        local line = host:errors():match("tried: ([^\n]*)")
        assert.truthy(line and line:find("itrigger: usage: nginx cannot wait in its " .. name .. " phase", 1, true), line)
        assert.truthy(line:find("ngx.timer.at(0, function", 1, true), line)
        assert.is_nil(sb:state().calls[face.echo_get])
        ok(host:get "/call")
      end)
    end

    it("init, where require and new are right", function()
      start { init = init { token_store = "memory:" } .. ' local _, err = client:get("/x") tried = tostring(err)',
        locations = "location = /tried { content_by_lua_block { ngx.say(tried) } }" }
      local line = host:get("/tried").body
      assert.truthy(line and line:find("in its init phase", 1, true), line)
      assert.truthy(line:find("init_worker_by_lua", 1, true), line)
      ok(host:get "/call")
    end)
  end)

  describe("sends nothing where nothing can yield:", function()
    local function says_so(code)
      start { locations = ([[
        location = /here { content_by_lua_block {
          local function post()
            local res, err = client:post("%s", { n = 1 })
            ngx.log(ngx.WARN, "tried: ", tostring(err))
            return "x"
          end
          %s
          ngx.say("ok")
        } }]]):format(face.echo_post, code) }
      ok(host:get "/here")
      local line = host:errors():match("tried: ([^\n]*)")
      assert.truthy(line and line:find("itrigger: usage: nginx cannot wait here", 1, true), line)
      assert.is_nil(sb:state().calls[face.echo_post])
      ok(host:get "/call")
    end

    it("in a function that gsub calls", function()
      says_so [[local _ = ("x"):gsub("x", post)]]
    end)

    it("in a module that is being required", function()
      says_so [[package.preload.mine = post require "mine"]]
    end)
  end)

  it("waits in a pcall", function()
    start { locations = ([[
      location = /here { content_by_lua_block {
        local ok, res = pcall(client.get, client, "%s")
        ngx.say(ok and res and "ok" or "failed")
      } }]]):format(face.echo_get) }
    sb:fault { kind = "hold", path = "api" }
    local one = host:many("/here", 1)
    assert.is_true(sb:wait({ held = 1 }).reached, host:errors())
    assert.equal("pong\n", host:get("/ping").body)
    sb:release()
    assert.same({ ["200 0"] = 1 }, one:counts())
  end)

  it("gives a batch the requests of a generator that calls", function()
    start { locations = ([[
      location = /here { content_by_lua_block {
        local function orders()
          for i = 1, 5 do
            local res = assert(client:get("%s", { n = i }))
            coroutine.yield { "POST", "%s", { n = i }, tag = res.code + i }
          end
        end
        local sum = 0
        for result in client:batch(coroutine.wrap(orders), { concurrency = 3 }) do
          sum = sum + (result.response and result.tag or 0)
        end
        ngx.say(sum == 1015 and "ok" or sum)
      } }]]):format(face.echo_get, face.echo_post) }
    ok(host:get "/here")
    assert.equal(5, sb:state().calls[face.echo_post])
  end)

  it("cancels the call of a light thread that was killed, and ends its reader, without a collection", function()
    start { locations = ([[
      location = /here { content_by_lua_block {
        collectgarbage("stop")
        local thread = ngx.thread.spawn(function() client:get("%s") end)
        kill:wait(20)
        ngx.thread.kill(thread)
        ngx.say("ok")
      } }
      location = /kill { content_by_lua_block { kill:post() ngx.say("ok") } }
      location = /timers { content_by_lua_block { ngx.say(ngx.timer.running_count()) } }
      ]]):format(face.echo_get), http = [[
      init_worker_by_lua_block { kill = require "ngx.semaphore".new() }]] }
    ok(host:get "/call")
    sb:fault { kind = "hold", path = "api" }
    local one = host:many("/here", 1)
    assert.is_true(sb:wait({ held = 1 }).reached)
    ok(host:get "/kill")
    assert.same({ ["200 0"] = 1 }, one:counts())
    assert.is_true(sb:wait({ gone = 1 }).reached)
    local running
    repeat
      running = host:get("/timers").body
    until running == "0\n"
    assert.equal("", host:errors())
  end)

  it("ends the wait for a batch that another light thread closes", function()
    start { locations = ([[
      location = /here { content_by_lua_block {
        repeat -- until the reader reads: then who waits does not look by himself
          client:get("%s")
        until ngx.timer.running_count() == 1
        client:get("%s")
        local batch = client:batch { { "POST", "%s" } }
        local thread = ngx.thread.spawn(function() return batch:next() == nil end)
        close:wait(20)
        local left = batch:close()
        local _, ended = ngx.thread.wait(thread)
        ngx.say(ended and #left == 1 and "ok" or "failed")
      } }
      location = /close { content_by_lua_block { close:post() ngx.say("ok") } }
      ]]):format(face.echo_get, face.echo_get, face.echo_post), http = [[
      init_worker_by_lua_block { close = require "ngx.semaphore".new() }]] }
    ok(host:get "/call")
    sb:fault { kind = "hold", path = face.echo_post }
    local one = host:many("/here", 1)
    assert.is_true(sb:wait({ held = 1 }).reached)
    ok(host:get "/close")
    assert.same({ ["200 0"] = 1 }, one:counts())
    assert.equal("", host:errors())
  end)

  it("ends no batch for two light threads that ask it, also where its iterator waits", function()
    start { locations = ([=[
      location = /here { content_by_lua_block {
        local inside = require "ngx.semaphore".new()
        local n = 0
        local batch = client:batch(function()
          n = n + 1
          if n == 1 then
            inside:post()
            assert(client:get("%s"))
            return { "GET", "%s" }
          end
        end)
        local thread = ngx.thread.spawn(function() return batch:next() end)
        inside:wait(20)
        local asked, err = pcall(batch.next, batch)
        local _, given = ngx.thread.wait(thread)
        ngx.say(not asked and err:find "another coroutine is waiting" and given and given.response and "ok" or "failed")
      } }
      ]=]):format(face.echo_get, face.echo_get) }
    ok(host:get "/here")
    assert.equal("", host:errors())
  end)

  it("takes no call of another light thread for one of a batch's iterator, over a transport of the program's own", function()
    local own = init():gsub("itrigger%.new {", "%0 transport = transport,", 1)
    start { init = [=[
      transport = {
        send = function()
          sends:post()
          go_on:wait(20)
          return { status = 200, body = '{"code":200,"data":1}' }
        end,
        sleep = function(seconds) ngx.sleep(seconds) end,
      }]=] .. own, http = [=[
      init_worker_by_lua_block {
        local new = require "ngx.semaphore".new
        inside, sends, go_on = new(), new(), new()
      }]=], locations = [=[
      location = /here { content_by_lua_block {
        local batch = client:batch(function()
          inside:post()
          sends:wait(20)
        end)
        local thread = ngx.thread.spawn(function() return { pcall(batch.next, batch) } end)
        inside:wait(20)
        local other = ngx.thread.spawn(function() return client:get("/x") end)
        local _, ended = ngx.thread.wait(thread)
        go_on:post()
        local _, answer = ngx.thread.wait(other)
        ngx.say(ended[1] and ended[2] == nil and answer and "ok" or tostring(ended[2]))
      } }]=] }
    ok(host:get "/here")
    assert.equal("", host:errors())
  end)

  it("has one reader after the loop was blocked for longer than a reader may take to start", function()
    start { init = "local now, later = ngx.now, 0 ngx.now = function() return now() + later end block = function() later = 10 end "
      .. init { token_store = "memory:" }, locations = ([[
      location = /here { content_by_lua_block {
        local thread = ngx.thread.spawn(function() return client:get("%s") end)
        block()
        local res = client:get("%s")
        local _, other = ngx.thread.wait(thread)
        ngx.say(res and other and "ok" or "failed")
      } }]]):format(face.echo_get, face.echo_get) }
    ok(host:get "/here")
    for _ = 1, 10 do
      assert.same({ ["200 0"] = 20 }, host:many("/call", 20):counts())
    end
    assert.equal("", host:errors())
  end)

  for place, called in pairs { reads = "require 'itrigger.core', 'notifier_answered'", looks = "ngx.worker, 'exiting'" } do
    it("answers all calls, and says why, when its reader fails where it " .. place, function()
      start { init = init { token_store = "memory:" } .. ([[
        local of, name = %s
        local whole = of[name]
        of[name] = function()
          if fails then
            fails = false
            error "not enough memory"
          end
          return whole()
        end
        fails, reported = false, false
        local log = ngx.log
        ngx.log = function(...)
          reported = true
          log(...)
        end]]):format(called), locations = [[
        location = /here { content_by_lua_block {
          repeat -- until the reader reads: then who waits does not look by himself
            client:get(path)
          until ngx.timer.running_count() == 1
          fails = true
          repeat
            client:get(path)
          until not fails
          repeat
            assert(client:get(path))
          until reported
          ngx.say "ok"
        } }]], http = ("init_worker_by_lua_block { path = %q }"):format(face.echo_get) }
      ok(host:get "/here")
      assert.truthy(host:errors():find("the notifier cannot be heard: [^\n]*not enough memory"), host:errors())
    end)
  end

  it("says where the environment went when each request is a new Lua state", function()
    start { http = "lua_code_cache off;",
      init = [[itrigger = require "itrigger" local ok, err = itrigger.configure {} said = tostring(err)]],
      locations = "location = /said { content_by_lua_block { ngx.say(said) } }" }
    local said = host:get("/said").body
    assert.truthy(said:find("option gateway is missing", 1, true), said)
    assert.truthy(said:find("env ITRIGGER_GATEWAY;", 1, true), said)
    assert.truthy(said:find("lua_code_cache off", 1, true), said)
  end)

  it("has nothing running when no call is in flight: a reload ends the worker at once", function()
    start()
    ok(host:get "/call")
    local before = {}
    for _, pid in ipairs(host:workers()) do
      before[pid] = true
    end
    host:reload()
    host:wait_gone(before)
  end)

  -- ---- watching ----

  local function metrics()
    local of = {}
    local text = host:get("/metrics").body
    for name, value in text:gmatch "(itrigger_[%w_]+{[^\n]*}) (%S+)\n" do
      of[name:gsub('app="[^"]*",?', ""):gsub("{}", "")] = tonumber(value)
    end
    return of, text
  end

  it("counts the calls of all workers exactly, through a reload and the death of workers", function()
    local dir = host_dir()
    os.execute("chmod 700 " .. dir)
    start {
      workers = 4,
      http = "lua_shared_dict counts 1m;",
      init = init { token_store = "file:" .. dir, on_call = "COUNTS" }:gsub('"COUNTS"',
        'require "itrigger.counts".shared(ngx.shared.counts).on_call'),
      locations = [[
        location = /metrics {
          content_by_lua_block {
            ngx.print(client:metrics(require "itrigger.counts".shared(ngx.shared.counts)))
          }
        }
        location = /usage { content_by_lua_block { client:get "no path" ngx.say "ok" } }
      ]],
    }
    local function counted(n)
      local of = metrics()
      assert.equal(n, of['itrigger_calls_total{outcome="ok"}'])
      assert.equal(n, of.itrigger_call_duration_seconds_count)
      assert.equal(n, of['itrigger_call_duration_seconds_bucket{le="+Inf"}'])
      return of
    end
    assert.equal(0, counted(0).itrigger_call_requests_total)
    assert.same({ ["200 0"] = 300 }, host:many("/call", 300):counts())
    local before = counted(300)
    assert.is_true(before.itrigger_call_duration_seconds_sum > 0)
    assert.equal(1, before.itrigger_fetches_today)
    assert.is_true(before.itrigger_token_age_seconds >= 0)
    host:reload()
    assert.same({ ["200 0"] = 100 }, host:many("/call", 100):counts())
    counted(400)
    host:kill_workers()
    assert.same({ ["200 0"] = 100 }, host:many("/call", 100, "--retry 5 --retry-all-errors"):counts())
    counted(500)
    host:many("/usage", 10):counts()
    assert.equal(10, counted(500)['itrigger_calls_total{outcome="usage"}'])
    sb:fault { kind = "close", path = "api", times = 7 }
    host:many("/call", 7):counts()
    assert.equal(7, metrics()['itrigger_calls_total{outcome="network"}'])

    lacks = needs.program("promtool", "prometheus")
    if lacks then
      pending(lacks)
      return
    end
    local _, text = metrics()
    local file = assert(io.open(dir .. "/metrics", "w"))
    file:write(text)
    file:close()
    local pipe = io.popen("promtool check metrics <" .. dir .. "/metrics 2>&1; echo \"exit $?\"")
    assert.equal("exit 0\n", pipe:read "*a", text)
    pipe:close()
  end)

  it("reports what on_call raises once, in the error log, and answers", function()
    start { init = init { token_store = "memory:", on_call = "RAISES" }:gsub('"RAISES"',
      'function() error("raised by on_call", 0) end') }
    assert.same({ ["200 0"] = 20 }, host:many("/call", 20):counts())
    local _, n = host:errors():gsub("raised by on_call", "")
    assert.equal(1, n, host:errors())
  end)

  it("gives an error to an on_call that makes a call, which would have to wait", function()
    start { init = init { token_store = "memory:", on_call = "CALLS" }:gsub('"CALLS"', [[function()
      local res, err = client:get("/x")
      ngx.log(ngx.WARN, tostring(res), " ", tostring(err))
    end]]) }
    ok(host:get "/call")
    ok(host:get "/call")
    local log = host:errors()
    assert.truthy(log:find("nil itrigger: usage: nginx cannot wait here", 1, true), log)
    assert.is_nil(log:find("on_call raised", 1, true), log)
  end)
end)
