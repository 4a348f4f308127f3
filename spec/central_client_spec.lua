-- token_store = "http://…", "https://…", "unix:…": a client of a central token server, which has no
-- app secret. The server is played by the sandbox: its answers are laid down, byte by byte, under
-- the paths of docs/design.md 4.6, and its faults are the sandbox's.
local client = require "itrigger.client"
local eventually = require "spec.support.eventually"
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local KEY = "key-of-this-client-0123456789"

local count = 0
local this_run = tostring({}):gsub("%W", "") .. os.time()

-- What a server grants, as text; `times` is "expiresIn, refreshIn" as they are written.
local function grant(token, fence, expires_in, refresh_in)
  return ('{"code":200,"message":"ok","data":{"accessToken":"%s","fence":%s,"expiresIn":%s,"refreshIn":%s}}'):format(
    token, fence, expires_in or "7140", refresh_in or "5290")
end

describe("token_store of a central server", function()
  local sb, app_id, path, options, clients

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    count = count + 1
    app_id = ("central-%s-%d"):format(this_run, count)
    path = "/v1/apps/" .. app_id
    options = { gateway = sb.gateway, app_id = app_id, token_store = sb.gateway, token_store_key = KEY,
      token_timeout = 5 }
    clients = {}
  end)

  after_each(function()
    for _, c in ipairs(clients) do
      c:close()
    end
    sb:reset()
  end)

  local function new(more)
    local all = {}
    for _, set in ipairs { options, more or {} } do
      for name, value in pairs(set) do
        all[name] = value
      end
    end
    local made = assert(client.new(all))
    clients[#clients + 1] = made
    return made
  end

  -- The server answers GET …/token so.
  local function serve(body, more)
    local answer = { path = path .. "/token", method = "GET", body = body }
    for name, value in pairs(more or {}) do
      answer[name] = value
    end
    sb:answer(answer)
  end

  local function serve_refresh(body)
    sb:answer { path = path .. "/refresh", method = "POST", body = body }
  end

  -- The requests for this test's app that the server has seen; a client of an earlier test may still
  -- be fetching.
  local function asked()
    local found = {}
    for _, request in ipairs(sb:requests()) do
      if request.uri:find(path .. "/", 1, true) == 1 then
        found[#found + 1] = request
      end
    end
    return found
  end

  -- How many of them have been for a token, and for a newer one, ever: the list is of the last 100.
  local function counted()
    local calls = sb:state().calls
    return { calls[path .. "/token"] or 0, calls[path .. "/refresh"] or 0 }
  end

  local function assert_called(c)
    assert(c:get(face.echo_get))
  end

  -- Fails with kind `kind`; the message has all of the words in it, and never the key.
  local function assert_fails(c, kind, ...)
    local res, err = c:get(face.echo_get)
    assert.is_nil(res)
    assert.equal(kind, err.kind)
    for _, word in ipairs { ... } do
      assert.truthy(err.message:find(word, 1, true), err.message)
    end
    assert.is_nil(tostring(err):find(KEY, 1, true))
    return err
  end

  describe("gives a token", function()
    before_each(function()
      sb:token { grant = { "tok-1" } }
      serve(grant("tok-1", "1795500000000"))
    end)

    it("by one GET with the key, and the gateway is asked for none", function()
      local c = new()
      local token, err, source = c:token()
      assert.equal("tok-1", token)
      assert.is_nil(err)
      assert.equal("server", source)
      assert.equal("memory", (select(3, c:token())))
      assert_called(c)

      local requests = asked()
      assert.equal(1, #requests)
      assert.equal("GET", requests[1].method)
      assert.equal(path .. "/token", requests[1].uri)
      assert.equal("Bearer " .. KEY, requests[1].headers.authorization)
      assert.equal(0, sb:state().fetches)
    end)

    it("once for all clients and calls of a process", function()
      for i = 1, 20 do
        local c = new()
        for _ = 1, 5 do
          assert_called(c)
        end
        assert.equal(i, #clients)
      end
      assert.same({ 1, 0 }, counted())
    end)

    it("and tells what it knows of it", function()
      local c = new()
      assert_called(c)
      local stats = c:stats()
      assert.equal("server", stats.store)
      assert.equal("held", stats.state)
      assert.equal(1795500000000, tonumber(stats.fence))
      assert.equal(0, stats.fetched)
      assert.is_nil(stats.fetches_today) -- only the server knows
      assert.is_true(stats.expires_in <= 7140 and stats.expires_in > 7000)
      assert.is_true(stats.refresh_in <= 5295 and stats.refresh_in > 5100)
    end)

    it("on a Unix socket, without a key and without a proxy", function()
      local c = new { token_store = "unix:" .. sb.dir .. "/gateway.sock", proxy = "http://127.0.0.1:1", gateway = sb.https }
      c:close()
      options.token_store_key = nil
      c = new { token_store = "unix:" .. sb.dir .. "/gateway.sock", proxy = "http://127.0.0.1:1", gateway = sb.https }
      assert.equal("tok-1", (c:token()))
      assert.is_nil(asked()[1].headers.authorization)
    end)

    it("on loopback without a proxy, which would be shown the key", function()
      assert.equal("tok-1", (new { proxy = "http://127.0.0.1:1", gateway = sb.https }:token()))
    end)

    it("over https whose certificate is good", function()
      local c = new { token_store = sb.https, ca_file = sb.ca_file }
      assert.equal("tok-1", (c:token()))
      assert.equal("https", asked()[1].scheme)
    end)

    it("over no connection whose certificate is not", function()
      for _, server in ipairs { sb.https, sb.wrong_host, sb.expired, sb.unknown_ca } do
        local c = new { token_store = server, ca_file = server ~= sb.https and sb.ca_file or nil }
        assert_fails(c, "store", server, "certificate")
      end
      assert.equal(0, #asked())
    end)

    it("to a process that has all from its environment", function()
      local output = face.run([[
        local client = assert(require("itrigger.client").new {})
        io.write(tostring((client:get("]] .. face.echo_get .. [[")) ~= nil), " ", client:stats().store)
      ]], { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = app_id, ITRIGGER_TOKEN_STORE = sb.gateway,
        ITRIGGER_TOKEN_STORE_KEY = KEY })
      assert.equal("true server", output)
    end)
  end)

  it("encodes the app id, whatever is in it", function()
    sb:answer { path = "/*", body = grant("tok-1", 1) }
    assert.equal("tok-1", (new { app_id = "../a b/应?#%" }:token()))
    local requests = sb:requests()
    assert.equal("/v1/apps/..%2Fa%20b%2F%E5%BA%94%3F%23%25/token", requests[#requests].uri)
  end)

  it("reads a fence beyond 2^53 exactly", function()
    serve(grant("tok-1", "9007199254740993"))
    serve_refresh(grant("tok-2", "9007199254740994"))
    sb:token { grant = { "tok-2" } }
    assert_called(new())
    assert.equal('{"refused":9007199254740993}', asked()[2].body)
  end)

  -- ---- a refused token ----

  describe("whose token the gateway rejects", function()
    it("receives its fence once, and all calls use the newer one", function()
      sb:token { grant = { "tok-1", "tok-2" } }
      serve(grant("tok-1", 1000))
      serve_refresh(grant("tok-2", 1001))
      for _ = 1, 10 do
        assert_called(new())
      end
      sb:token { revoke = "tok-1" }
      for _, c in ipairs(clients) do
        assert_called(c)
      end
      local requests = asked()
      assert.equal(2, #requests)
      assert.equal("POST", requests[2].method)
      assert.equal(path .. "/refresh", requests[2].uri)
      assert.equal('{"refused":1000}', requests[2].body)
      assert.equal("application/json", requests[2].headers["content-type"])
      assert.equal("Bearer " .. KEY, requests[2].headers.authorization)
      assert.equal(1, sb:state().refused)
      for _, request in ipairs(requests) do
        assert.is_nil(request.uri:find("tok-", 1, true))
        assert.is_nil((request.body or ""):find("tok-", 1, true))
      end
    end)

    it("and has no newer one, is a failed call of kind token that says both", function()
      serve(grant("tok-1", 1000))
      serve_refresh(grant("tok-1", 1000))
      local err = assert_fails(new(), "token", "rejected", sb.gateway)
      assert.equal(2, #asked())
      assert.is_true(err.retryable)
    end)
  end)

  it("refreshes when it is asked to", function()
    serve(grant("tok-1", 1000))
    serve_refresh(grant("tok-2", 1001))
    local c = new()
    assert.equal("tok-1", (c:token()))
    assert.equal("tok-2", (c:refresh()))
    assert.equal("tok-2", (c:token()))
    assert.equal("{}", asked()[2].body)
    assert.equal(2, #asked())
  end)

  -- ---- a server in trouble ----

  describe("that is down", function()
    it("is no trouble while a token is held, not even past its end", function()
      sb:token { grant = { "tok-1" } }
      serve(grant("tok-1", 1000, "0", "0"))
      sb:fault { kind = "close", path = path .. "/", skip = 1, times = 1000 }
      local c = new()
      eventually("the server was asked again, and did not answer", function()
        assert_called(c)
        return c:stats().last_error ~= nil
      end)
      for _ = 1, 20 do
        assert_called(c)
      end
      assert.equal("store", c:stats().last_error.kind)
      assert.equal("held", c:stats().state)
      assert.is_true(#asked() < 10, "asked in vain " .. #asked() .. " times")
    end)

    it("and no token at hand, is a failed call of kind store that names the address", function()
      local err = assert_fails(new { token_store = "http://127.0.0.1:1" }, "store", "http://127.0.0.1:1")
      assert.is_true(err.retryable)
      local socket = "unix:" .. sb.dir .. "/nobody.sock"
      err = assert_fails(new { token_store = socket }, "store", socket)
      assert.is_true(err.retryable)
      assert.equal(0, #asked())
    end)

    it("by not answering, fails within token_timeout, and a call within its own", function()
      sb:fault { kind = "hold", path = path .. "/", times = 1000 }
      local _, err = new { token_timeout = 60 }:get(face.echo_get, nil, { timeout = 0.05 })
      assert.equal("timeout", err.kind)
      assert.is_true(err.retryable)
      assert_fails(new { token_timeout = 0.05 }, "store", sb.gateway, "within")
    end)
  end)

  it("delays no process that ends: requests in flight are cancelled", function()
    for _, server in ipairs { sb.gateway, sb.https } do
      sb:reset()
      sb:fault { kind = "hold", path = path .. "/", times = 1000 }
      local output, status = face.run([[
        local client = assert(require("itrigger.client").new {})
        local res, err = client:get("]] .. face.echo_get .. [[", nil, { timeout = 1 })
        io.write(tostring(res), " ", err.kind)
      ]], { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = app_id, ITRIGGER_TOKEN_STORE = server,
        ITRIGGER_TOKEN_STORE_KEY = KEY, ITRIGGER_CA_FILE = sb.ca_file, ITRIGGER_TOKEN_TIMEOUT = "600" })
      assert.equal("nil timeout", output)
      assert.equal(0, status)
      assert.is_true(sb:wait { gone = 1 }.reached)
    end
  end)

  describe("that refuses", function()
    local function refuse(status, code, message, more)
      local answer = { status = status, body = ('{"code":%d,"message":"%s"}'):format(code, message) }
      for name, value in pairs(more or {}) do
        answer[name] = value
      end
      serve(answer.body, answer)
    end

    it("the key or the app, says what to look at", function()
      refuse(401, 401, "no such key")
      local err = assert_fails(new(), "store", "token_store_key", "no such key")
      assert.equal(401, err.http_status)
      assert.equal(401, err.code)
      refuse(403, 403, "not for this app")
      assert_fails(new { user_agent = "a" }, "store", "token_store_key", "not for this app")
      refuse(404, 404, "no such app")
      assert_fails(new { user_agent = "b" }, "store", "app_id", "no such app")
    end)

    it("for a while, is left alone that long", function()
      refuse(503, 503, "no token yet", { headers = { ["Retry-After"] = "60" } })
      for i = 1, 5 do
        local c = new()
        local err = assert_fails(c, "store", "no token yet")
        assert.equal(503, err.http_status)
        assert.equal(i, #clients)
      end
      assert.equal(1, #asked())
    end)

    it("with the gateway's own code, passes on kind and code", function()
      refuse(503, 40004, "limit", { headers = { ["Retry-After"] = "60" } })
      assert.equal(40004, assert_fails(new(), "quota").code)
      refuse(503, 40003, "frozen", { headers = { ["Retry-After"] = "60" } })
      assert.equal(40003, assert_fails(new { user_agent = "a" }, "token").code)
    end)

    it("and echoes the key, has it cut out", function()
      refuse(401, 401, "the key " .. KEY .. " is \\u006bey-of-this-client-0123456789")
      local err = assert_fails(new(), "store", "the key ***")
      assert.is_nil(err.message:find("0123456789", 1, true))
      assert.is_nil(tostring(clients[1]:stats().last_error):find("0123456789", 1, true))
    end)
  end)

  -- ---- a server that is none ----

  it("takes a hostile answer for no token, and for one when it can be used", function()
    local bad = {
      "", "null", "[]", "<html>", '{"code":200', '{"code":200}', '{"code":200,"data":[]}',
      grant("tok-1", '"1000"'), grant("tok-1", "1000.5"), grant("tok-1", "1e3"), grant("tok-1", "0"),
      grant("tok-1", "-1"), grant("tok-1", "9223372036854775808"), grant("tok-1", "null"),
      grant("", "1000"), grant("tok\\u0000-1", "1000"), grant(("x"):rep(513), "1000"),
      grant("tok-1", "1000", '"7140"'), grant("tok-1", "1000", "null"), grant("tok-1", "1000", "1", "{}"),
      grant("tok-1", "1000", "Infinity"), grant("tok-1", "1000", "1e"),
    }
    for i, body in ipairs(bad) do
      serve(body)
      local token, err = new { user_agent = "bad " .. i }:token()
      assert.is_nil(token, body)
      assert.equal("store", err.kind, body)
    end
    local good = { { "-1", "-1e300" }, { "0", "0" }, { "1e300", "1e300" }, { "1e-300", "1" }, { "5", "1e400" } }
    for i, times in ipairs(good) do
      serve(grant("tok-1", "1000", times[1], times[2]))
      local c = new { user_agent = "good " .. i, token_ttl = 100 }
      assert.equal("tok-1", (c:token()))
      local stats = c:stats()
      assert.is_true(stats.expires_in <= 100)
      assert.is_true(stats.refresh_in <= math.max(stats.expires_in, 0) + 0.001)
    end
  end)

  it("takes a fault in mid-answer for no token", function()
    local faults = {
      { kind = "huge", bytes = 10485760 }, { kind = "deep" }, { kind = "invalid_utf8" }, { kind = "html" },
      { kind = "redirect" }, { kind = "reset" }, { kind = "close_mid" }, { kind = "truncated" },
      { kind = "raw", body = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{" },
      { kind = "raw", body = "220 mail.test ESMTP\r\n" },
    }
    for i, fault in ipairs(faults) do
      serve(grant("tok-1", 1000))
      fault.path, fault.times = path .. "/", 1
      sb:fault(fault)
      local token, err = new { user_agent = "fault " .. i }:token()
      assert.is_nil(token, fault.kind)
      assert.equal("store", err.kind, fault.kind)
    end
    assert.equal(#faults, #asked())
  end)

  -- ---- options ----

  describe("and its options:", function()
    local function assert_refused(more, ...)
      for name, value in pairs(more) do
        options[name] = value
      end
      local made, err = client.new(options)
      assert.is_nil(made)
      assert.equal("config", err.kind)
      for _, word in ipairs { ... } do
        assert.truthy(err.message:find(word, 1, true), err.message)
      end
      assert.is_nil(tostring(err):find("s-e-c-r-e-t", 1, true))
    end

    it("the app secret must not be given", function()
      assert_refused({ app_secret = "s-e-c-r-e-t" }, "app_secret", "token_store")
    end)

    it("nor a file of it, which is not read", function()
      assert_refused({ app_secret_file = "/nowhere/s" }, "app_secret_file", "token_store")
    end)

    it("nor by the environment, and the message says by which variable", function()
      local output = face.run([[
        local made, err = require("itrigger.client").new { token_store = "unix:/x" }
        io.write(tostring(made), " ", tostring(err))
      ]], { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = app_id, ITRIGGER_APP_SECRET = "s-e-c-r-e-t" })
      assert.truthy(output:find("^nil itrigger: config"), output)
      assert.truthy(output:find("ITRIGGER_APP_SECRET", 1, true), output)
      assert.is_nil(output:find("s-e-c-r-e-t", 1, true))
    end)

    it("TCP requires a key", function()
      options.token_store_key = nil
      assert_refused({}, "token_store_key", "ITRIGGER_TOKEN_STORE_KEY")
    end)

    it("a key is printable", function()
      assert_refused({ token_store_key = "s-e-c-r-e-t\r\nX: y" }, "token_store_key")
    end)

    it("http is for loopback, and the address has nothing else in it", function()
      assert_refused({ token_store = "http://tokens.internal:8700" }, "token_store", "https://tokens.internal")
      assert_refused({ token_store = "https://tokens.internal/v1" }, "token_store", "path")
      assert_refused({ token_store = "https://tokens.internal?x" }, "token_store", "query")
      assert_refused({ token_store = "https://me:s-e-c-r-e-t@tokens.internal" }, "token_store", "user")
      assert_refused({ token_store = "unix:run/x.sock" }, "token_store", "unix:/run")
    end)
  end)

  it("never shows the key, in errors, stats, trace or tostring", function()
    local output = face.run([[
      local client = assert(require("itrigger.client").new {})
      local function show(value, depth)
        io.write(tostring(value), "\n")
        if type(value) == "table" and depth < 5 then
          for k, v in pairs(value) do show(k, depth + 1) show(v, depth + 1) end
        end
      end
      show(client, 0)
      for _ = 1, 3 do
        local res, err = client:get("]] .. face.echo_get .. [[", nil, { timeout = 10 })
        show(res, 0)
        show(err, 0)
      end
      show(client:stats(), 0)
      io.write("all shown\n")
    ]], { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = app_id, ITRIGGER_TOKEN_STORE = sb.gateway,
      ITRIGGER_TOKEN_STORE_KEY = KEY, ITRIGGER_TRACE = "1" })
    assert.truthy(output:find("all shown", 1, true), output)
    assert.truthy(output:find("404", 1, true), output) -- there was something to be shown
    assert.is_nil(output:find("0123456789", 1, true))
  end)

  it("serves many processes, each by one GET, and by one POST each when the token is refused", function()
    local processes = fleet.crowd(20, 4)
    local place = fleet.place(sb, { token_store = sb.gateway, token_store_key = KEY })
    place.options.app_secret = nil
    path = "/v1/apps/" .. place.options.app_id
    sb:token { grant = { "tok-1", "tok-2" } }
    serve(grant("tok-1", 1000))
    serve_refresh(grant("tok-2", 1001))
    place:make("revoked")
    local crowd = place:start(processes, [[
      worker.say(worker.call())
      worker.gate "revoked"
      worker.say(worker.call())
      worker.say(worker.call())
    ]])
    for _ = 1, processes do
      crowd:line()
      crowd:line() -- its first call, and that it stands at the gate
    end
    sb:token { revoke = "tok-1" }
    place:open("revoked")
    assert.same({ ok = 2 * processes }, crowd:rest())
    place:remove()
    assert.same({ processes, processes }, counted())
    assert.equal(0, sb:state().fetches)
  end)
end)
