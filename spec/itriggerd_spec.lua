-- itriggerd: the real daemon against the sandbox, by curl and by clients of the library.
local client = require "itrigger.client"
local face = require "spec.support.face"
local itriggerd = require "spec.support.itriggerd"

local VENDOR = "/itrigger-tenant/v1/basic/accessTokenOpen/token"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local f = itriggerd.fixture()

  local function assert_error(answer, status, code, words)
    assert.equal(status, answer.status, answer.body)
    assert.equal(code, answer.json.code)
    assert.is_nil(answer.json.data)
    if words then
      assert.truthy(answer.json.message:find(words, 1, true), answer.json.message)
    end
  end

  describe("answers", function()
    local d

    before_each(function()
      d = f.place:start()
      d:await "token app=one"
    end)

    it("with the token, its fence and its times, and says not to store it", function()
      local answer = d:get(f.token_path)
      local data = f.granted(answer)
      assert.equal(32, #data.accessToken)
      assert.truthy(answer.body:find('"fence":%d%d%d%d%d%d%d%d%d%d%d%d%d,'))
      assert.is_true(data.expiresIn <= 7200 and data.expiresIn > 7100)
      assert.is_true(data.refreshIn < data.expiresIn and data.refreshIn > 5000)
      assert.truthy(answer.head:find("cache-control: no-store", 1, true))
      assert.truthy(answer.head:find("content-type: application/json", 1, true))
      assert.equal(1, f:fetches())
    end)

    it("a report of a refused token with a newer one, after one fetch", function()
      local first = f.granted(d:get(f.token_path))
      local body = ('{"refused":%d}'):format(first.fence)
      local second = f.granted(d:post(f.refresh_path, body))
      assert.is_true(second.fence > first.fence)
      assert.not_equal(first.accessToken, second.accessToken)
      -- Old news by now.
      assert.same(second.fence, f.granted(d:post(f.refresh_path, body)).fence)
      assert.equal(2, f:fetches())
    end)

    it("{} with one fetch, and keeps min_refresh_interval", function()
      local first = f.granted(d:get(f.token_path))
      assert.equal(first.fence, f.granted(d:post(f.refresh_path, "{}")).fence)
      assert.equal(1, f:fetches())
    end)

    it("401 without a key or with a wrong one, and how to show it", function()
      local answer = d:get(f.token_path, nil, false)
      assert_error(answer, 401, 401, "key")
      assert.truthy(answer.head:find("www-authenticate: bearer", 1, true))
      assert_error(d:get(f.token_path, nil, itriggerd.key .. "x"), 401, 401)
      assert_error(d:get(f.token_path, nil, itriggerd.key:sub(1, -2)), 401, 401)
      assert_error(d:get(f.token_path, { "-H", "Authorization: Digest x" }, false), 401, 401)
      assert_error(d:post(f.refresh_path, "{}", "wrong"), 401, 401)
    end)

    it("the key as the password of HTTP Basic, for page and metrics only", function()
      local basic = { "-u", "anybody:" .. itriggerd.key }
      assert.equal(200, d:get("/", basic, false).status)
      assert.equal(200, d:get("/metrics", basic, false).status)
      assert.equal(401, d:get("/", { "-u", itriggerd.key .. ":" }, false).status)
      local answer = d:get(f.token_path, basic, false)
      assert_error(answer, 401, 401)
      assert.is_nil(answer.head:lower():find("www-authenticate: basic", 1, true))
      assert_error(d:get(f.refresh_path, { "-u", "anybody:" .. itriggerd.key, "--data", "x" }, false), 401, 401)
    end)

    it("403 about an app that the key has no right to, be it there or not", function()
      assert_error(d:get("/v1/apps/nobody/token"), 403, 403)
    end)

    it("404 and 405, with the methods that there are", function()
      assert_error(d:get("/v1/apps"), 404, 404)
      assert_error(d:get("/v1/apps//token"), 404, 404)
      assert_error(d:get(f.token_path .. "/"), 404, 404)
      local answer = d:get(f.token_path, { "-X", "DELETE" })
      assert_error(answer, 405, 405)
      assert.truthy(answer.head:find("allow: get, head", 1, true))
      assert_error(d:get(f.refresh_path), 405, 405)
    end)

    it("400 to what it cannot read", function()
      for _, body in ipairs { "x", "[]", "1", '{"refused":"1"}', '{"refused":1.5}', '{"refused":-1}', '{"refused":0}',
        '{"refused":99999999999999999999}', '{"refused":1', "\255" } do
        assert_error(d:post(f.refresh_path, body), 400, 400)
      end
      assert_error(d:get(f.token_path .. "?newer_than=x"), 400, 400)
      assert_error(d:get(f.token_path .. "?newer_than=1&wait=-1"), 400, 400)
      assert_error(d:get("/v1/apps/%zz/token"), 400, 400)
      assert_error(d:get("/v1/apps/%00/token"), 400, 400)
    end)

    it("413 to a body beyond 4 KB, whether it says so before or not", function()
      local big = f.place:write("big", ("x"):rep(5000))
      assert_error(d:post(f.refresh_path, "@" .. big), 413, 413)
      assert_error(d:get(f.refresh_path, { "-H", "Transfer-Encoding: chunked", "--data-binary", "@" .. big }), 413, 413)
    end)

    it("a chunked body", function()
      f.granted(d:get(f.refresh_path, { "-H", "Transfer-Encoding: chunked", "--data-binary", "{}" }))
    end)

    it("healthz and readyz without a key", function()
      assert.equal(200, d:get("/healthz", nil, false).status)
      assert.equal(200, d:get("/readyz", nil, false).status)
    end)

    it("who waits for a newer token as soon as there is one", function()
      local first = f.granted(d:get(f.token_path))
      local waiting = assert(io.popen(("curl -s --noproxy '*' -H 'Authorization: Bearer %s' '%s%s?newer_than=%d&wait=60'")
        :format(itriggerd.key, d.url, f.token_path, first.fence)))
      local second = f.granted(d:post(f.refresh_path, ('{"refused":%d}'):format(first.fence)))
      assert.truthy(waiting:read("*a"):find(second.accessToken, 1, true))
      waiting:close()
    end)

    it("who waits in vain with the token that there is", function()
      local first = f.granted(d:get(f.token_path))
      assert.equal(first.fence, f.granted(d:get(f.token_path .. "?wait=1&newer_than=" .. ("%d"):format(first.fence))).fence)
      assert.equal(1, f:fetches())
    end)

    it("the vendor's own paths, in the vendor's own envelope", function()
      local function ask(id, key, path)
        return d:get((path or VENDOR) .. ("?appId=%s&appSecret=%s"):format(id, key), nil, false)
      end
      local current = f.granted(d:get(f.token_path)).accessToken
      local answer = ask(f.place.app_id, itriggerd.key)
      assert.same({ code = 200, message = "操作成功", data = { accessToken = current } }, answer.json)
      assert.equal(current, ask(f.place.app_id, itriggerd.key, VENDOR .. "/refresh").json.data.accessToken)
      assert_error(ask("", itriggerd.key), 200, 40001)
      assert_error(ask(f.place.app_id, ""), 200, 40001)
      assert_error(d:get(VENDOR, nil, false), 200, 40001)
      assert_error(ask(f.place.app_id, "wrong"), 200, 40002)
      assert_error(ask("nobody", itriggerd.key), 200, 40002)
      assert.equal(1, f:fetches())
    end)

    it("clients of the library, who need no app secret", function()
      local c = assert(client.new(f.place:client_options(d)))
      assert(c:get(face.echo_get))
      assert.equal("server", select(3, c:token()) == "memory" and c:stats().store)
      c:close()
      assert.equal(1, f:fetches())
    end)

    it("a hundred who report the same refused token, after one fetch", function()
      local first = f.granted(d:get(f.token_path))
      local out = itriggerd.shell(("for i in $(seq 100); do curl -s --noproxy '*' -H 'Authorization: Bearer %s' "
        .. "--data-binary '{\"refused\":%d}' %s%s & done; wait"):format(itriggerd.key, first.fence, d.url, f.refresh_path))
      local tokens = {}
      local answers = 0
      for token in out:gmatch('"accessToken":"(%x+)"') do
        tokens[token] = true
        answers = answers + 1
      end
      assert.equal(100, answers)
      assert.is_nil(tokens[first.accessToken])
      assert.is_nil(next(tokens, (next(tokens))))
      assert.equal(2, f:fetches())
    end)

    it("and ends by SIGTERM with exit code 0, having shown neither token nor secret nor key", function()
      local data = f.granted(d:get(f.token_path))
      d:get(f.token_path, nil, "a-wrong-key-of-somebody")
      assert.equal(0, d:stop())
      local log = table.concat(d.log, "\n")
      for _, secret in ipairs { data.accessToken, f.place.app_secret, itriggerd.key, "a-wrong-key-of-somebody" } do
        assert.is_nil(log:find(secret, 1, true))
      end
    end)
  end)

  it("gives each key the apps that it has a right to, and no others", function()
    local id, secret = face.app(f.sb)
    local other = "key-of-another-client-0123456789"
    local d = f.place:start { text = table.concat({ "[app two]", "app_id = " .. id, "app_secret = " .. secret,
      "gateway = " .. f.sb.gateway, "[client till]", "key_file = " .. f.place:write("other", other), "apps = two",
      "[client all]", "key_file = " .. f.place:write("all", "key-of-the-third-one-0123456789"), "apps = *" }, "\n") }
    local two = "/v1/apps/" .. id
    f.granted(d:get(f.token_path))
    f.granted(d:get(two .. "/token", nil, other))
    assert_error(d:get(two .. "/token"), 403, 403)
    assert_error(d:post(two .. "/refresh", "{}"), 403, 403)
    assert_error(d:get(f.token_path, nil, other), 403, 403)
    assert_error(d:get(VENDOR .. ("?appId=%s&appSecret=%s"):format(id, itriggerd.key), nil, false), 200, 40002)
    f.granted(d:get(f.token_path, nil, "key-of-the-third-one-0123456789"))
    f.granted(d:get(two .. "/token", nil, "key-of-the-third-one-0123456789"))
    assert_error(d:get("/v1/apps/nobody/token", nil, "key-of-the-third-one-0123456789"), 404, 404)
  end)

  describe("when the gateway gives no token", function()
    it("says 503 and when to come again, and is not ready", function()
      f.sb:fault { kind = "status", status = 500, path = "token", times = 100 }
      local d = f.place:start()
      local answer = d:get(f.token_path)
      assert_error(answer, 503, 503)
      assert.truthy(answer.head:find("retry%-after: %d"))
      assert.equal(503, d:get("/readyz", nil, false).status)
      assert.equal(200, d:get("/healthz", nil, false).status)
    end)

    it("passes its codes on", function()
      f.sb:app { id = f.place.app_id, secret = f.place.app_secret, frozen = true }
      local d = f.place:start()
      assert_error(d:get(f.token_path), 503, 40003)
      assert_error(d:get(VENDOR .. ("?appId=%s&appSecret=%s"):format(f.place.app_id, itriggerd.key)), 200, 40003)
    end)

    it("says 40004 when its own daily_limit is reached", function()
      local d = f.place:start { app = { daily_limit = 1, min_refresh_interval = 0 } }
      d:await "token app=one"
      local first = f.granted(d:get(f.token_path))
      local answer = d:post(f.refresh_path, ('{"refused":%d}'):format(first.fence))
      assert_error(answer, 429, 40004)
      assert.truthy(answer.head:find("retry%-after: %d"))
      assert.equal(first.accessToken, f.granted(d:get(f.token_path)).accessToken)
      assert.equal(1, f:fetches())
    end)
  end)

  it("gives out the token it has while the gateway is down, even past its end, and a new one after", function()
    f.sb:token { kind = "overlap" }
    local d = f.place:start { app = { token_ttl = 1, min_refresh_interval = 0 } }
    d:await "token app=one"
    local first = f.granted(d:get(f.token_path))
    f.sb:fault { kind = "status", status = 503, path = "token", times = 1000 }
    d:await "warning fetch app=one"
    repeat
      local data = f.granted(d:get(f.token_path))
      assert.equal(first.accessToken, data.accessToken)
    until data.expiresIn == 0
    assert.equal(503, d:get("/readyz", nil, false).status)
    f.sb:clear {}
    d:await "token app=one"
    assert.not_equal(first.accessToken, f.granted(d:get(f.token_path)).accessToken)
    assert.equal(200, d:get("/readyz", nil, false).status)
  end)

  it("answers who waits before it ends by SIGTERM", function()
    local d = f.place:start()
    d:await "token app=one"
    local first = f.granted(d:get(f.token_path))
    f.sb:fault { kind = "hold", path = "token" }
    local waiting = assert(io.popen(("curl -s -i --noproxy '*' -H 'Authorization: Bearer %s' --data-binary '{\"refused\":%d}' '%s%s'")
      :format(itriggerd.key, first.fence, d.url, f.refresh_path)))
    assert.is_true(f.sb:wait({ held = 1 }).reached)
    d:signal "TERM"
    d:await "stop: "
    f.sb:release {}
    local answer = waiting:read("*a")
    waiting:close()
    assert.truthy(answer:find("HTTP/1.1 200", 1, true), answer)
    assert.truthy(answer:lower():find("connection: close", 1, true), answer)
    assert.equal(0, d:wait())
  end)

  describe("keeps", function()
    it("its token over kill -9, in file:", function()
      local d = f.place:start()
      d:await "token app=one"
      local first = f.granted(d:get(f.token_path))
      d:stop "KILL"
      d = f.place:start()
      assert.truthy(d:await("token app=one"):find("from file", 1, true))
      assert.equal(first.accessToken, f.granted(d:get(f.token_path)).accessToken)
      assert.equal(1, f:fetches())
    end)

    it("a file with the current token, for its user alone", function()
      local path = f.place.dir .. "/token"
      local d = f.place:start { app = { token_file = path } }
      d:await "token app=one"
      local first = f.granted(d:get(f.token_path))
      d:post(f.refresh_path, ('{"refused":%d}'):format(first.fence))
      d:await "token app=one"
      assert.equal(0, d:stop())
      assert.equal(33, #f.place:read("token"))
      assert.not_equal(first.accessToken .. "\n", f.place:read("token"))
      assert.equal("1600\n", itriggerd.shell("stat -c %a " .. path))
    end)

    it("an idle app from costing fetches, with refresh=used", function()
      local d = f.place:start { app = { refresh = "used" } }
      assert.equal(200, d:get("/readyz", nil, false).status)
      assert.equal(0, f:fetches())
      f.granted(d:get(f.token_path))
      assert.equal(1, f:fetches())
    end)
  end)

  it("refreshes actively when there are no requests", function()
    f.sb:token { kind = "overlap", life_ms = 2000 }
    local d = f.place:start { app = { token_ttl = 2, min_refresh_interval = 0 } }
    for _ = 1, 3 do
      assert.truthy(d:await("token app=one"):find("from gateway", 1, true))
    end
  end)

  -- The gateway lets a token live longer than the two seconds that are counted on, so that a machine on which
  -- fifty clients compete for the processor has no say in it.
  it("refreshes actively, ten times, while clients call and no call fails", function()
    f.sb:token { kind = "overlap", life_ms = 10000 }
    local d = f.place:start { app = { token_ttl = 2, min_refresh_interval = 0 } }
    local worker = [[
      local client = require "itrigger.client"
      local c = assert(client.new { token_store_key = os.getenv("KEY"), token_ttl = 2 })
      local failed
      while not failed and not worker.marked "stop" do
        local outcome = worker.call(c)
        failed = outcome ~= "ok" and outcome
      end
      worker.say(failed or "ok")
    ]]
    local fleet = require "spec.support.fleet"
    local p = fleet.place(f.sb, { token_store = d.url, token_store_key = itriggerd.key })
    p.options.app_id, p.options.app_secret = f.place.app_id, nil
    local count = fleet.crowd(50, 10)
    local crowd = p:start(count, (worker:gsub("{ token_store_key = os.getenv%(\"KEY\"%), ", "{ ")))
    for _ = 1, 10 do
      d:await "token app=one"
    end
    p:mark "stop"
    assert.same({ ok = count }, crowd:rest())
    p:remove()
    d:stop()
    local _, tokens = table.concat(d.log, "\n"):gsub("info token app=one", "")
    assert.is_true(tokens >= 10)
    local extra = f:fetches() - tokens -- one may have come as it stopped
    assert.is_true(extra == 0 or extra == 1, tostring(extra))
  end)

  describe("reads its file again by SIGHUP", function()
    local function rewrite(d, more)
      f.place:write("itriggerd.ini", f.place:config(more))
      d:signal "HUP"
    end

    it("and keeps the tokens of apps that stay", function()
      local d = f.place:start()
      d:await "token app=one"
      local first = f.granted(d:get(f.token_path))
      local id, secret = face.app(f.sb)
      rewrite(d, { client = { apps = "*" }, text = ("[app two]\napp_id = %s\napp_secret = %s\ngateway = %s"):format(
        id, secret, f.sb.gateway) })
      d:await("reload: done: 2 app(s)", "token app=two")
      assert.equal(first.fence, f.granted(d:get(f.token_path)).fence)
      f.granted(d:get("/v1/apps/" .. id .. "/token"))
      assert.equal(2, f:fetches())
      rewrite(d, { client = { apps = "*" } })
      d:await "reload: done: 1 app(s)"
      assert_error(d:get("/v1/apps/" .. id .. "/token"), 404, 404)
    end)

    it("and takes a client's next key before its old one goes", function()
      local d = f.place:start()
      local next_key = "the-next-key-of-this-client-012345"
      assert_error(d:get(f.token_path, nil, next_key), 401, 401)
      rewrite(d, { client = { key_file = f.place.dir .. "/key\nkey_file = " .. f.place:write("next", next_key) } })
      d:await "reload: done"
      f.granted(d:get(f.token_path, nil, next_key))
      f.granted(d:get(f.token_path))
      rewrite(d, { client = { key_file = f.place.dir .. "/next" } })
      d:await "reload: done"
      f.granted(d:get(f.token_path, nil, next_key))
      assert_error(d:get(f.token_path), 401, 401)
    end)

    it("and keeps the old one when the new one is bad, saying where", function()
      local d = f.place:start()
      d:await "token app=one"
      f.place:write("itriggerd.ini", "[server]\nthreads = none\n")
      d:signal "HUP"
      local line = d:await "the old configuration stays"
      assert.truthy(line:find("itriggerd.ini:2:", 1, true), line)
      f.granted(d:get(f.token_path))
    end)

    it("and says what needs a restart", function()
      local d = f.place:start()
      rewrite(d, { server = { threads = 3, token_store = "memory:" } })
      d:await "token_store changed; it takes effect after a restart"
      d:await "threads changed; it takes effect after a restart"
      d:await "reload: done"
      f.granted(d:get(f.token_path))
    end)

    it("fifty times in a row while clients call, and none is turned away", function()
      local d = f.place:start()
      d:await "token app=one"
      local calling = assert(io.popen(("for i in $(seq 300); do curl -s -o %s/out$i -w '%%{http_code}\\n' --noproxy '*' "
        .. "-H 'Authorization: Bearer %s' %s%s & [ $((i %% 10)) = 0 ] && wait; done; wait"):format(
        f.place.dir, itriggerd.key, d.url, f.token_path)))
      for _ = 1, 50 do
        d:signal "HUP"
        d:await "reload: done"
      end
      local counts = {}
      for status in calling:lines() do
        counts[status] = (counts[status] or 0) + 1
      end
      calling:close()
      assert.same({ ["200"] = 300 }, counts)
      assert.equal(1, f:fetches())
    end)
  end)

  describe("by the environment alone", function()
    it("serves the app, makes a key and keeps it", function()
      local environment = ("ITRIGGER_APP_ID=%s ITRIGGER_APP_SECRET=%s ITRIGGER_GATEWAY=%s ITRIGGERD_LISTEN=127.0.0.1:0 "
        .. "ITRIGGER_TOKEN_STORE=file:%s/store"):format(f.place.app_id, f.place.app_secret, f.sb.gateway, f.place.dir)
      local d = f.place:launch("", environment)
      local path = d:await("the clients' key is in"):match("is in (%S+)")
      assert.equal(f.place.dir .. "/store/itriggerd.key", path)
      local key = f.place:read("store/itriggerd.key"):match("^%x+")
      assert.equal(64, #key)
      f.granted(d:get(f.token_path, nil, key))
      assert.equal(0, d:stop())
      assert.is_nil(table.concat(d.log, "\n"):find(key, 1, true)) -- not on a terminal
      d = f.place:launch("", environment)
      f.granted(d:get(f.token_path, nil, key))
    end)

    it("says what is missing", function()
      local said, code = f.place:run("", "-u ITRIGGER_APP_ID")
      assert.equal(2, code)
      assert.truthy(said:find("ITRIGGER_APP_ID", 1, true))
    end)

    it("says what takes a file, and which setting is wrong", function()
      local common = ("ITRIGGER_APP_ID=a ITRIGGER_GATEWAY=%s ITRIGGER_TOKEN_STORE_KEY=%s "):format(f.sb.gateway, itriggerd.key)
      local said, code = f.place:run("", common .. "ITRIGGER_APP_SECRET=b ITRIGGERD_LISTEN=0.0.0.0:0")
      assert.equal(2, code)
      assert.truthy(said:find("set tls_cert and tls_key in a configuration file (--config)", 1, true), said)
      said, code = f.place:run("", "-u CREDENTIALS_DIRECTORY " .. common .. "ITRIGGER_APP_SECRET_FILE=secret")
      assert.equal(2, code)
      assert.truthy(said:find('app_secret_file is "secret"; expected an absolute path', 1, true), said)
    end)

    it("refuses a central server as its store", function()
      local said, code = f.place:run("", ("ITRIGGER_APP_ID=a ITRIGGER_APP_SECRET=b ITRIGGER_GATEWAY=%s "
        .. "ITRIGGER_TOKEN_STORE_KEY=%s ITRIGGER_TOKEN_STORE=http://127.0.0.1:1"):format(f.sb.gateway, itriggerd.key))
      assert.equal(2, code)
      assert.truthy(said:find("token_store names a central server", 1, true), said)
    end)
  end)

  it("listens on a Unix socket, which its mode guards, and takes the place of a dead one", function()
    local path = f.place.dir .. "/sock"
    local d = f.place:start { server = { listen = "unix:" .. path } }
    assert.equal("660\n", itriggerd.shell("stat -c %a " .. path))
    local c = assert(client.new { gateway = f.sb.gateway, app_id = f.place.app_id, token_store = "unix:" .. path })
    assert(c:get(face.echo_get))
    c:close()
    d:stop "KILL"
    d = f.place:start { server = { listen = "unix:" .. path } }
    local said, code = f.place:run("--config " .. f.place.dir .. "/itriggerd.ini")
    assert.equal(1, code)
    assert.truthy(said:find("listen", 1, true), said)
    assert.equal(0, d:stop())
    assert.is_nil(io.open(path))
  end)
end)
