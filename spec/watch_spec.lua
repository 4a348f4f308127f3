-- The option on_call, and `elapsed`: what a program is told of its calls.

local errors = require "itrigger.errors"
local face = require "spec.support.face"
local finalizer = require "spec.support.finalizer"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"

local query, point_list = face.api .. "/member/query", face.api .. "/member/point/list"

describe("on_call", function()
  local sb = fixture.sandbox()
  local told, client

  local function watched(more)
    told = {}
    local options = { on_call = function(call)
      told[#told + 1] = call
    end }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    client = face.client(sb, options)
    return client
  end

  before_each(function()
    watched()
  end)

  after_each(function()
    client:close()
  end)

  it("is called after a call that succeeded", function()
    local res = assert(client:get(query, face.member))
    assert.equal(1, #told)
    assert.is_true(res.elapsed > 0)
    local raw = assert(client:get(query, face.member, { raw = true }))
    assert.same({ method = "GET", path = query, code = 200, http_status = 200, elapsed = res.elapsed, attempts = 1,
      refused = 0, bytes = #raw.body }, told[1])
    assert.equal(raw.elapsed, told[2].elapsed)
  end)

  it("is called after one that failed, with the fields of its error", function()
    local _, err = client:post(face.api .. "/member/modify", { mobile = "13000000000", storeNo = "1" })
    assert.equal("api", err.kind)
    assert.is_true(err.elapsed > 0)
    assert.equal(1, #told)
    for _, name in ipairs { "method", "path", "kind", "code", "http_status", "elapsed" } do
      assert.equal(err[name], told[1][name], name)
    end
    assert.is_true(told[1].bytes > 0)
  end)

  it("is called when no answer came", function()
    assert(client:token())
    sb:fault { kind = "close", path = "api" }
    local _, err = client:post(face.echo_post, {})
    assert.equal("network", err.kind)
    assert.same({ method = "POST", path = face.echo_post, kind = "network", elapsed = err.elapsed, attempts = 1, refused = 0,
      bytes = 0 }, told[1])
  end)

  it("gets the number of requests sent, and of rejected tokens", function()
    assert(client:get(query, face.member))
    sb:token { revoke = true }
    assert(client:get(query, face.member))
    assert.same({ 2, 1 }, { told[2].attempts, told[2].refused })
    sb:fault { kind = "status", path = "api", status = 429, retry_after = "0" }
    assert(client:get(query, face.member))
    assert.same({ 2, 0 }, { told[3].attempts, told[3].refused })
    assert.equal(2, client:stats().repeated)
  end)

  it("gets the endpoint of a call that was made by its function, in batches and pages too", function()
    assert(client.member.query(face.member))
    assert.equal("member.query", told[1].endpoint)
    client:all { { client.member.point, face.member }, { "GET", query, face.member } }
    local names = {}
    for i = 2, 3 do
      names[told[i].path] = told[i].endpoint or "none"
    end
    assert.same({ [face.api .. "/member/point"] = "member.point", [query] = "none" }, names)
    assert(client.member.point_list:pages(face.member)())
    assert.same({ "member.point_list", point_list }, { told[4].endpoint, told[4].path })
    assert(client:pages(point_list, face.member)())
    assert.is_nil(told[5].endpoint)
    client:define { name = "shop.ask", method = "GET", path = face.echo_get, params = {} }
    assert(client.shop.ask())
    assert.equal("shop.ask", told[6].endpoint)
  end)

  it("is called after each call of a batch, with the elapsed of its result", function()
    local requests, of_result = {}, {}
    for i = 1, 20 do
      requests[i] = { "GET", query, face.member }
    end
    for result in client:batch(requests, { concurrency = 5 }) do
      of_result[#of_result + 1] = result.elapsed
      assert.equal(result.elapsed, result.response.elapsed)
      assert.equal(#of_result, #told) -- before its result is handed out, and after the one before
      assert.equal(result.elapsed, told[#told].elapsed)
    end
    assert.equal(20, #told)
  end)

  it("is called for a usage error that is returned, and not for one that raises", function()
    local unsent = { kind = "usage", elapsed = 0, attempts = 0, refused = 0, bytes = 0 }
    local function is_told(more, err)
      for name, value in pairs(unsent) do
        more[name] = value
      end
      assert.same({ more }, told)
      assert.equal(0, err.elapsed)
      told[1] = nil
    end
    is_told({ method = "GET", path = "no path" }, select(2, client:get("no path")))
    is_told({ method = "POST", path = "/x" }, select(2, client:post("/x", { 0 / 0 })))
    is_told({ method = "GET", path = query, endpoint = "member.query" }, select(2, client.member.query { mobil = "1" }))
    is_told({ method = "GET", path = "x" }, client:all({ { "GET", "x" } })[1].error)
    is_told({ method = "GET", path = query, endpoint = "member.query" }, client:all({ { client.member.query, {} } })[1].error)
    is_told({}, client:all({ { "PUT", "/x" } })[1].error)
    client:close()
    is_told({ method = "GET", path = "/x" }, select(2, client:get("/x")))
    assert.is_false(pcall(client.get, client, 1))
    assert.is_false(pcall(client.get, client, "/x", 1))
    assert.same({}, told)
  end)

  it("gets neither the token nor the parameters", function()
    local secret = "value-that-nobody-needs"
    client:get(face.echo_get, { [secret] = secret })
    client:post(face.echo_post, { [secret] = secret }, { headers = { ["X-A"] = secret } })
    client:get("/a?accessToken=" .. secret)
    client:get("/a#" .. secret)
    sb:token { revoke = true }
    client:get(face.echo_get, { a = secret })
    assert.equal(5, #told)
    local token = assert(client:token())
    for _, call in ipairs(told) do
      local text = assert(itrigger.encode(call))
      assert.is_nil(text:find(secret, 1, true), text)
      assert.is_nil(text:find(token, 1, true), text)
    end
    assert.equal("/a", told[3].path)
  end)

  it("may close the client, and the call has its result all the same", function()
    local closing = watched { on_call = function()
      client:close()
    end }
    assert.equal("张三", assert(closing:get(query, face.member)).data.realName)
    local _, err = closing:get(query, face.member)
    assert.equal("the client is closed", err.message)
  end)

  it("may close the batch that its call is of, which still hands out this result", function()
    local batch
    watched { on_call = function()
      batch:close()
    end }
    batch = client:batch { { "GET", query, face.member }, { "GET", query, face.member } }
    assert.is_truthy(batch:next().response)
    assert.is_nil(batch:next())
  end)

  it("is not called for calls that it makes itself, which are counted", function()
    local n = 0
    watched { on_call = function()
      n = n + 1
      assert(client:get(query, face.member))
    end }
    assert(client:get(query, face.member))
    assert.equal(1, n)
    assert.truthy(client:metrics():find('outcome="ok"} 2\n', 1, true))
    client:all { { "GET", query, face.member }, { "GET", query, face.member } }
    assert.equal(3, n)
    assert.truthy(client:metrics():find('outcome="ok"} 6\n', 1, true))
  end)

  it("belongs to its client, and keeps it from no collector", function()
    local weak = setmetatable({}, { __mode = "v" })
    do
      local one
      one = face.client(sb, { on_call = function()
        return one
      end })
      assert(one:get(query, face.member))
      weak[1] = one
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)

  it("can be any value that can be called, and no other", function()
    local n = 0
    watched { on_call = setmetatable({}, { __call = function(_, call)
      n = n + call.attempts
    end }) }
    assert(client:get(query, face.member))
    assert.equal(1, n)
    local none, err = itrigger.new { app_id = "1", app_secret = "s", gateway = "http://127.0.0.1:1", on_call = "print" }
    assert.is_nil(none)
    assert.equal("itrigger: config: option on_call must be a function, not a string", tostring(err))
  end)

  it("is called for calls over a transport of the program's own", function()
    watched { token_store = "memory:", transport = {
      send = function() return { status = 200, headers = {}, body = '{"code":200}' } end,
      sleep = function() end,
    } }
    local res = assert(client.test.get())
    assert.same({ method = "GET", path = face.echo_get, endpoint = "test.get", code = 200, http_status = 200,
      elapsed = res.elapsed, attempts = 1, refused = 0, bytes = 12 }, told[1])
    assert.is_true(client:all({ { "GET", face.echo_get } })[1].response.elapsed >= 0)
    assert.equal(2, #told)
  end)

  it("survives finalizers that close the client while it runs", function()
    for n = 1, 25 do
      watched { token_store = "memory:" }
      assert(client:token())
      local ok, err = finalizer.during(n, function()
        client:close()
      end, function()
        for _ = 1, 3 do
          client:get(query, face.member)
          client.member.query {}
          client:all { { "GET", query, face.member }, { client.member.query, face.member } }
        end
      end)
      assert.is_true(ok or tostring(err):find("is closed", 1, true) ~= nil, err)
    end
  end)

  -- ---- what it raises ----

  local preamble = [[
    local itrigger = require "itrigger"
    local query, member = "]] .. query .. [[", { mobile = "18899888899", storeNo = "1159374785466208256" }
    local n = 0
    local function client_with(on_call)
      return assert(itrigger.new { on_call = on_call, token_store = "memory:" })
    end
  ]]

  local function run(text)
    local id, secret = face.app(sb)
    return face.run(preamble .. text, { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret })
  end

  it("reports what it raises once for each client, and gives every result", function()
    local output, status = run [[
      for _, what in ipairs { "a text", setmetatable({}, { __tostring = function() error "twice" end }) } do
        local client = client_with(function() n = n + 1 error(what, 0) end)
        assert(client:get(query, member))
        assert(client:post(query, {}) == nil)
        assert(client.member.query {} == nil)
        for _, result in ipairs(client:all { { "GET", query, member }, { "GET", query, member } }) do assert(result.response) end
        client:close()
      end
      print(n)
    ]]
    local line = "itrigger: on_call raised an error; the call is not affected, and later errors of this on_call are not "
      .. "reported: "
    assert.equal(line .. "a text\n" .. line .. "a table\n10\n", output)
    assert.equal(0, status)
  end)

  it("cannot yield, and says so", function()
    local output = run [[
      local client = client_with(function() coroutine.yield "out of on_call" end)
      local co = coroutine.create(function() return client:get(query, member).data.realName end)
      print(select(2, coroutine.resume(co)))
    ]]
    assert.truthy(output:find("attempt to yield across ", 1, true), output)
    assert.truthy(output:find("(on_call cannot wait: make no call in it, and do not sleep)\n张三\n", 1, true), output)
  end)

  it("is called once for a call whose on_call was interrupted, and the result is not lost", function()
    local output = run [[
      local client = client_with(function()
        n = n + 1
        if n == 1 then error("interrupted!", 0) end
      end)
      local batch = client:batch { { "GET", query, member } }
      print(pcall(batch.next, batch))
      print(batch:next().response.data.realName, batch:next(), n, client:metrics():match 'outcome="ok"} (%d+)')
    ]]
    assert.equal("false\tinterrupted!\n张三\tnil\t1\t1\n", output)
  end)

  it("does not swallow Ctrl-C", function()
    local output, status = run [[
      local stat = io.open "/proc/self/stat"
      local pid = stat:read "*n"
      stat:close()
      local client = client_with(function()
        io.popen("kill -INT " .. pid):close()
        for _ = 1, 1e6 do n = n + 1 end
      end)
      client:get(query, member)
      print "went on"
    ]]
    assert.is_falsy(output and output:find("went on", 1, true))
    if not face.interpreter():find "lua%-host" then -- which has no handler of SIGINT
      assert.is_truthy(output:find("interrupted!", 1, true), output)
      assert.equal(1, status)
    end
  end)
end)

describe("elapsed", function()
  local client
  local sb = fixture.client(function(made)
    client = made
  end, { retries = 0, token_store = "memory:" })

  it("is in every error of a call, and in no other", function()
    sb:fault { kind = "close", path = "token", times = 2 }
    local _, err = client:get(query)
    assert.equal("network", err.kind)
    assert.is_true(err.elapsed > 0)
    local none
    none, err = client:token()
    assert.is_nil(none)
    assert.is_true(errors.is(err) and err.elapsed == nil)
  end)
end)
