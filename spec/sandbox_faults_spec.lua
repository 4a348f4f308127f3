-- The faults of the sandbox, its laid-down answers, its listeners and its control API.
local cjson = require "cjson"
local sandbox = require "spec.support.sandbox"

local token_path = "/itrigger-tenant/v1/basic/accessTokenOpen/token"
local get_path = "/itrigger-tenant/v1/basic/openAPItest/test/get"
local register_path = "/itrigger-bff/v2/open/api/member/register"

local curl = sandbox.request

-- curl's exit codes.
local got_nothing, partial_file, bad_encoding, recv_error, timed_out, bad_certificate = 52, 18, 61, 56, 28, 60

local sb, url

local function get(more)
  return curl(url, more)
end

local function json(answer)
  return cjson.decode(answer.body)
end

-- Plays one fault on one call.
local function play(fault, more)
  sb:fault(fault)
  return get(more)
end

-- A call that goes on while the spec does other things; `:read()` gives its answer's body.
local function start_call(address)
  return io.popen("curl --silent --noproxy '*' '" .. (address or url) .. "'", "r")
end

local function finish(pipe)
  local text = pipe:read("*a")
  pipe:close()
  return cjson.decode(text)
end

describe("the sandbox", function()
  setup(function() sb = sandbox.start() end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:reset()
    sb:token { grant = { "good" } }
    url = sb.gateway .. get_path .. "?accessToken=good"
  end)

  describe("plays a fault", function()
    it("the given number of times, and then no more", function()
      sb:fault { kind = "status", status = 503, times = 2 }
      assert.same({ 503, 503, 200 }, { get().status, get().status, get().status })
      assert.equal(2, sb:state().faults)
    end)

    it("only on the path, method and turn that were named", function()
      local token_url = sb.gateway .. token_path .. "?appId=sandbox-app&appSecret=sandbox-secret"
      sb:fault { kind = "status", path = "token" }
      assert.equal(200, get().status)
      assert.equal(500, curl(token_url).status)
      sb:fault { kind = "status", path = "api", skip = 1 }
      assert.equal(200, curl(token_url).status)
      assert.equal(401, json(get()).code)
      assert.equal(500, get().status)
      sb:fault { kind = "status", path = register_path, method = "POST" }
      assert.equal(200, get().status)
      assert.equal(200, curl(sb.gateway .. register_path).status)
      assert.equal(500, curl(sb.gateway .. register_path, { "-d", "{}" }).status)
    end)

    it("on a share of the requests, the same one in every run", function()
      local function hits()
        sb:reset()
        sb:fault { kind = "status", share = 0.5 }
        local pattern = {}
        for i = 1, 12 do
          pattern[i] = get().status == 500 and "x" or "."
        end
        return table.concat(pattern)
      end
      local pattern = hits()
      assert.truthy(pattern:find("x", 1, true) and pattern:find(".", 1, true))
      assert.equal(pattern, hits())
    end)

    it("status: with JSON, and without", function()
      local answer = play { kind = "status", status = 502, code = 61451, message = "坏", retry_after = 7 }
      assert.same({ 502, 61451, "坏" }, { answer.status, json(answer).code, json(answer).message })
      assert.truthy(answer.head:find("retry-after: 7\r\n", 1, true))
      answer = play { kind = "status", status = 401, json = false }
      assert.equal(401, answer.status)
      assert.truthy(answer.head:find("content-type: text/html", 1, true))
    end)

    it("too_many, html, empty, redirect", function()
      local answer = play { kind = "too_many", retry_after = 3 }
      assert.equal(429, answer.status)
      assert.truthy(answer.head:find("retry-after: 3\r\n", 1, true))
      answer = play { kind = "html" }
      assert.equal(200, answer.status)
      assert.truthy(answer.body:find("^<html>"))
      assert.equal("", play({ kind = "empty" }).body)
      answer = play { kind = "redirect", location = "http://other.example/x" }
      assert.equal(302, answer.status)
      assert.truthy(answer.head:find("location: http://other.example/x\r\n", 1, true))
    end)

    it("huge, invalid_utf8, deep", function()
      local answer = play { kind = "huge", bytes = 1000000 }
      assert.equal(1000000, #json(answer).data)
      assert.truthy(play({ kind = "invalid_utf8" }).body:find("\255\254", 1, true))
      local levels = select(2, play({ kind = "deep", levels = 300 }).body:gsub("%[", ""))
      assert.equal(300, levels)
    end)

    it("huge: 100 MB, if nothing else is said", function()
      sb:fault { kind = "huge" }
      local size = sandbox.curl { "-o", "/dev/null", "-w", "%{size_download}", url }
      assert.equal(104857600 + #'{"code":200,"message":"操作成功","data":""}', tonumber(size))
    end)

    it("close, reset, close_read: no byte of an answer, nothing executed", function()
      local body = { "-H", "Content-Type: application/json", "-d",
        '{"mobile":"13900000001","storeNo":"7","channel":"4"}' }
      for kind, exit in pairs { close = got_nothing, reset = recv_error, close_read = got_nothing } do
        sb:fault { kind = kind }
        local answer = curl(sb.gateway .. register_path .. "?accessToken=good", body)
        assert.is_nil(answer.status, kind)
        -- Bytes that were not read make a reset of a close.
        assert.is_true(answer.exit == exit or kind == "close" and answer.exit == recv_error, kind)
      end
      assert.equal(200, json(curl(sb.gateway .. register_path .. "?accessToken=good", body)).code)
    end)

    it("close_after: executed all the same", function()
      local body = { "-H", "Content-Type: application/json", "-d",
        '{"mobile":"13900000001","storeNo":"7","channel":"4"}' }
      sb:fault { kind = "close_after" }
      assert.equal(got_nothing, curl(sb.gateway .. register_path .. "?accessToken=good", body).exit)
      assert.equal(80001, json(curl(sb.gateway .. register_path .. "?accessToken=good", body)).code)
    end)

    it("kept: only on a connection that carried a request before", function()
      sb:fault { kind = "close_read", kept = true }
      assert.equal(200, get().status)
      -- curl repeats by itself on a new connection: three requests arrive.
      get { url }
      local seen = sb:requests()
      assert.equal(4, #seen)
      assert.same({ 1, 2, 1 }, {
        seen[2].connection_requests, seen[3].connection_requests, seen[4].connection_requests,
      })
      assert.equal("close_read", seen[3].fault)
      assert.equal(seen[2].connection, seen[3].connection)
    end)

    it("close_mid, truncated, wrong_length", function()
      local answer = play { kind = "close_mid", bytes = 9 }
      assert.same({ partial_file, 200, '{"code":2' }, { answer.exit, answer.status, answer.body })
      answer = play { kind = "truncated", bytes = 9 }
      assert.same({ 0, '{"code":2' }, { answer.exit, answer.body })
      local whole = get().body
      answer = play { kind = "wrong_length", by = 5 }
      assert.same({ partial_file, whole }, { answer.exit, answer.body })
      answer = play { kind = "wrong_length", by = -5 }
      assert.same({ 0, whole:sub(1, -6) }, { answer.exit, answer.body })
    end)

    it("drip: chunked", function()
      local whole = get().body
      local answer = play { kind = "drip", bytes = 7, ms = 1 }
      assert.equal(whole, answer.body)
      assert.truthy(answer.head:find("transfer-encoding: chunked", 1, true))
      assert.equal('9\r\n{"code":2\r\n', play({ kind = "drip", bytes = 9 }, { "--raw" }).body:sub(1, 14))
    end)

    it("gzip, also a corrupt one", function()
      local whole = get().body
      local answer = play({ kind = "gzip" }, { "--compressed" })
      assert.equal(whole, answer.body)
      assert.truthy(answer.head:find("content-encoding: gzip", 1, true))
      sb:answer { path = get_path, body = ("y"):rep(200000), times = 1 }
      assert.equal(("y"):rep(200000), play({ kind = "gzip" }, { "--compressed" }).body)
      answer = play({ kind = "gzip", corrupt = true }, { "--compressed" })
      assert.is_true(answer.exit == bad_encoding or answer.exit == 23, answer.exit)
    end)

    it("raw: exact bytes", function()
      local answer = play { kind = "raw", body = "HTTP/1.1 299 Odd\r\nX: y\r\n\r\nrest" }
      assert.same({ 299, "rest", 0 }, { answer.status, answer.body, answer.exit })
      assert.is_nil(play({ kind = "raw", body_base64 = "AAEC/w==" }).status)
    end)

    it("delay, delay_answer", function()
      local answer = play({ kind = "delay", ms = 10000 }, { "--max-time", "0.2" })
      assert.equal(timed_out, answer.exit)
      assert.equal(200, play({ kind = "delay", ms = 1 }).status)
      assert.equal(200, play({ kind = "delay_answer", ms = 1 }).status)
    end)
  end)

  describe("holds", function()
    it("requests until they are released, one by one or all", function()
      sb:fault { kind = "hold", times = 3 }
      local calls = { start_call(), start_call(), start_call() }
      local waited = sb:wait { held = 3 }
      assert.same({ true, 3 }, { waited.reached, waited.held })
      assert.equal(1, sb:release({ count = 1 }).released)
      assert.equal(2, sb:state().held)
      assert.equal(2, sb:release().released)
      for _, call in ipairs(calls) do
        assert.equal(200, finish(call).code)
      end
    end)

    it("the first to come goes first", function()
      sb:fault { kind = "hold", times = 2 }
      local first = start_call()
      assert.is_true(sb:wait({ held = 1 }).reached)
      local second = start_call()
      assert.is_true(sb:wait({ held = 2 }).reached)
      sb:release { count = 1 }
      assert.equal(200, finish(first).code)
      sb:token { revoke = true }
      sb:release()
      assert.equal(401, finish(second).code)
    end)

    it("them before the token is looked at, hold_answer after", function()
      for kind, code in pairs { hold = 401, hold_answer = 200 } do
        sb:token { grant = { "good" } }
        sb:fault { kind = kind }
        local call = start_call()
        assert.is_true(sb:wait({ held = 1 }).reached)
        sb:token { revoke = true }
        sb:release()
        assert.equal(code, finish(call).code, kind)
      end
    end)

    it("no longer than the client stays", function()
      sb:fault { kind = "hold" }
      local pipe = io.popen("curl --silent --noproxy '*' '" .. url .. "' >/dev/null & echo $!", "r")
      local pid = pipe:read("*l")
      pipe:close()
      assert.is_true(sb:wait({ held = 1 }).reached)
      os.execute("kill " .. pid)
      assert.is_true(sb:wait({ gone = 1 }).reached)
      assert.equal(0, sb:state().held)
    end)

    it("nothing for ever: reset lets all go", function()
      sb:fault { kind = "hold" }
      local call = start_call()
      assert.is_true(sb:wait({ held = 1 }).reached)
      assert.equal(1, sb:reset().released)
      assert.equal(401, finish(call).code)
    end)
  end)

  describe("a laid-down answer", function()
    it("is exact: status, headers, bytes", function()
      sb:answer { path = get_path, status = 418, headers = { ["X-Tea"] = "yes" }, body_base64 = "AP9hYg==", times = 1 }
      local seen = sandbox.curl({ url }, "| od -An -tx1")
      assert.equal("00 ff 61 62", seen:match("^%s*(.-)%s*$"))
      assert.equal("ok", json(get()).data)
      sb:answer { path = "/itrigger-tenant/*", body = "x", headers = { ["Content-Type"] = "text/plain" } }
      local answer = get()
      assert.equal("x", answer.body)
      assert.truthy(answer.head:find("content-type: text/plain\r\n", 1, true))
      assert.equal("x", get().body)
    end)

    it("can be long without being sent here", function()
      sb:answer { path = get_path, head = '{"code":200,"data":"', body = "ab", ["repeat"] = 100001, tail = '"}' }
      local answer = get()
      assert.equal(("ab"):rep(100001), json(answer).data)
    end)
  end)

  describe("listens", function()
    it("with a certificate for localhost, HTTP/2 and HTTP/1.1", function()
      url = sb.https .. get_path .. "?accessToken=good"
      local answer = get { "--cacert", sb.ca_file }
      assert.same({ 200, "2" }, { answer.status, answer.version })
      answer = get { "--cacert", sb.ca_file, "--http1.1" }
      assert.same({ 200, "1.1" }, { answer.status, answer.version })
      answer = curl(url:gsub("localhost", "127.0.0.1"), { "--cacert", sb.ca_file })
      assert.equal(200, answer.status)
      assert.equal(bad_certificate, get().exit)
    end)

    it("with certificates that must be refused, and are not wrong in any other way", function()
      for name, complaint in pairs {
        wrong_host = "no alternative certificate subject name matches",
        expired = "certificate has expired",
        unknown_ca = "unable to get local issuer certificate",
      } do
        local text = sandbox.curl({ "--cacert", sb.ca_file, sb[name] .. get_path }, "2>&1")
        assert.truthy(text:find(complaint, 1, true), name .. ": " .. text)
        assert.equal(200, curl(sb[name] .. get_path, { "--insecure" }).status)
      end
    end)

    it("and has its faults over HTTP/2 too", function()
      url = sb.https .. get_path .. "?accessToken=good"
      local h2 = { "--cacert", sb.ca_file }
      for _, kind in ipairs { "close", "close_read", "close_after", "close_mid" } do
        assert.not_equal(0, play({ kind = kind }, h2).exit, kind)
      end
      assert.equal(200, get(h2).status)
    end)
  end)

  describe("its control API", function()
    it("refuses what it does not know, by name", function()
      local function complaint(path, fields)
        local ok, err = pcall(sb.control, sb, path, fields)
        assert.is_false(ok)
        return err
      end
      assert.truthy(complaint("token", { lif_ms = 5 }):find("unknown field lif_ms", 1, true))
      assert.truthy(complaint("token", { kind = "odd" }):find("kind must be one of overlap, overwrite, same", 1, true))
      assert.truthy(complaint("fault", { kind = "html", bytes = 1 }):find("unknown field bytes", 1, true))
      assert.truthy(complaint("fault", {}):find("kind is missing", 1, true))
      assert.truthy(complaint("answer", { body = "x" }):find("path is missing", 1, true))
      assert.truthy(complaint("token", "[1]"):find("one JSON object", 1, true))
      assert.truthy(complaint("nothing"):find("no such control call", 1, true))
    end)

    it("counts calls per path, connections, and tells the last 100 requests", function()
      for _ = 1, 35 do
        get { url, url }
      end
      local state = sb:state()
      assert.equal(105, state.calls[get_path])
      assert.equal(35, state.connections)
      local seen = sb:requests()
      assert.equal(100, #seen)
      assert.equal(200, seen[100].status)
      assert.equal(get_path .. "?accessToken=good", seen[100].uri)
    end)

    it("tells a body up to 64 KB, and how long it was", function()
      local file = os.tmpname()
      local handle = assert(io.open(file, "w"))
      handle:write(("z"):rep(3000000))
      handle:close()
      curl(url, { "--data-binary", "@" .. file })
      os.remove(file)
      local seen = sb:requests()[1]
      assert.same({ 65536, 3000000 }, { #seen.body, seen.body_bytes })
    end)

    it("clears faults and answers, and leaves the rest", function()
      sb:fault { kind = "status" }
      sb:answer { path = get_path, body = "x" }
      sb:clear()
      assert.equal("ok", json(get()).data)
    end)

    it("resets everything", function()
      sb:fault { kind = "status" }
      sb:token { kind = "same", life_ms = 5, daily_limit = 0, refused_as = "http401" }
      sb:app { frozen = true }
      sb:settings { echo = true }
      get()
      local before = sb:reset() and sb:state()
      assert.same({ 0, 0, 0 }, { before.requests, before.faults_pending, #before.tokens })
      assert.same({ "overwrite", "overlap", 7200000, "code401" }, {
        before.token.kind, before.token.refresh_kind, before.token.life_ms, before.token.refused_as,
      })
      assert.is_nil(before.token.daily_limit)
      assert.is_false(before.apps[1].frozen)
      assert.is_false(before.settings.echo)
    end)
  end)
end)
