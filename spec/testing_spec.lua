-- itrigger.testing: a client without network or token.
local errors = require "itrigger.errors"
local itrigger = require "itrigger"
local testing = require "itrigger.testing"

local member = { mobile = "18899888899", storeNo = "1159374785466208256" }

local function raises(text, f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(text, 1, true), ("%q is not in %q"):format(text, tostring(err)))
end

describe("testing", function()
  it("answers an endpoint and a path with the stub, as the gateway would", function()
    local client = testing.client {
      ["member.query"] = { data = { realName = "李雷" } },
      ["POST /own"] = { data = { id = "9007199254740993" }, total = 3 },
    }
    local res = assert(client.member.query(member))
    assert.same({ code = 200, message = "操作成功", data = { realName = "李雷" }, elapsed = 0 }, res)
    assert.equal("李雷", assert(client:get("/itrigger-bff/v2/open/api/member/query", member)).data.realName)
    assert.equal(3, assert(client:post("/own", {})).total)
  end)

  it("records what was called", function()
    local client = testing.client { ["member.register"] = { data = true } }
    local body = { mobile = member.mobile, storeNo = member.storeNo, channel = itrigger.channel.wechat }
    assert(client.member.register(body, { timeout = 5 }))
    body.mobile = "changed afterwards"
    assert.equal(1, #client.calls)
    local call = client.calls[1]
    assert.equal("member.register", call.endpoint)
    assert.equal("POST", call.method)
    assert.equal(member.mobile, call.params.mobile)
    assert.equal(5, call.opts.timeout)
  end)

  it("fails with the errors of the library", function()
    local client = testing.client {
      ["member.register"] = testing.error(80001),
      ["member.query"] = testing.error("timeout", nil, { retryable = true }),
    }
    local res, err = client:post("/itrigger-bff/v2/open/api/member/register", {})
    assert.is_nil(res)
    assert.is_true(errors.is(err))
    assert.same({ "api", 80001, "member_exists" }, { err.kind, err.code, err.name })
    assert.equal(80001, err.response.code)
    res, err = client.member.query(member)
    assert.is_nil(res)
    assert.same({ "timeout", true }, { err.kind, err.retryable })
    raises('expected a code or one of decode, http', function()
      testing.error("nothing")
    end)
    raises('testing.error: unknown field "retriable", did you mean "retryable"?', function()
      testing.error("timeout", nil, { retriable = true })
    end)
  end)

  it("checks parameters as the real functions do, before a call is recorded", function()
    local client = testing.client { ["member.query"] = { data = {} } }
    local res, err = client.member.query { mobil = "1" }
    assert.is_nil(res)
    assert.truthy(err.message:find('unknown parameter "mobil"', 1, true))
    assert.equal(0, #client.calls)
  end)

  it("takes functions and sequences", function()
    local client = testing.client {
      ["member.query"] = function(params)
        return params.mobile == member.mobile and { data = { realName = "A" } } or testing.error(80002)
      end,
      ["member.point"] = testing.sequence({ data = { currentPoint = 1 } }, testing.error("network"), { data = { currentPoint = 2 } }),
    }
    assert.equal("A", assert(client.member.query(member)).data.realName)
    assert.equal("member_not_found", select(2, client.member.query { mobile = "18899888890", storeNo = "1" }).name)
    assert.equal(1, assert(client.member.point(member)).data.currentPoint)
    assert.equal("network", select(2, client.member.point(member)).kind)
    assert.equal(2, assert(client.member.point(member)).data.currentPoint)
    assert.equal(2, assert(client.member.point(member)).data.currentPoint)
  end)

  it("refuses a stub that the documentation does not know", function()
    raises('unknown endpoint "member.qery", did you mean "member.query"?', function()
      testing.client { ["member.qery"] = {} }
    end)
    raises('data.realname is not documented, did you mean "realName"?', function()
      testing.client { ["member.query"] = { data = { realname = "x" } } }
    end)
    raises('unknown field "datta", did you mean "data"?; check = false in testing.client allows it', function()
      testing.client { ["member.query"] = { datta = {} } }
    end)
    raises("data must be of type array as documented, not object", function()
      testing.client { ["member.point_list"] = { data = { id = 1 } } }
    end)
    raises("must be a table, a function, testing.error or testing.sequence, not a string", function()
      testing.client { ["member.query"] = "x" }
    end)
    assert.truthy(testing.client({ ["member.query"] = { data = { vip = "x" } } }, { check = false }))
  end)

  it("refuses an answer that the library would give as an error, and what a function returns wrongly", function()
    raises("an answer with the code 80002 is an error for the library: write testing.error(80002)", function()
      testing.client { ["member.query"] = { code = 80002 } }
    end)
    for text, answer in pairs { ["not a string"] = "x", ["did you mean \"realName\"?"] = { data = { realname = "x" } } } do
      local client = testing.client { ["member.query"] = function()
        return answer
      end }
      raises(text, function()
        client.member.query(member)
      end)
    end
  end)

  it("records what was sent, whatever a stub or the program does with it afterwards", function()
    local client = testing.client {
      ["POST /x"] = function(params)
        params.id = "changed"
      end,
      ["POST /y"] = testing.error(80001),
    }
    assert(client:post("/x", { id = "1", note = itrigger.null }))
    assert.same({ id = "1", note = itrigger.null }, client.calls[1].params)
    local _, err = client:post("/y", {})
    err.response.code = 1
    assert.equal(80001, select(2, client:post("/y", {})).response.code)
  end)

  it("refuses the paths and opts that a client refuses, with the same words", function()
    local real = assert(itrigger.new { app_id = "1", app_secret = "s", gateway = "http://127.0.0.1:1" })
    local client = testing.client { ["GET /x"] = {} }
    for _, call in ipairs { { "x" }, { "/x", nil, { timout = 1 } }, { "/x", nil, { zzzzzzz = 1 } } } do
      local _, expected = real:get(call[1], call[2], call[3])
      local _, err = client:get(call[1], call[2], call[3])
      assert.equal(tostring(expected), tostring(err))
    end
    for _, name in ipairs { "timeout", "idempotent", "min_valid", "headers", "raw", "null" } do
      local _, err = real:get("/x", nil, { [name] = print }) -- of the wrong type, so known
      assert.truthy(err.message:find("opts." .. name .. " must be", 1, true), err.message)
      assert(client:get("/x", nil, { [name] = 1 }))
    end
    real:close()
  end)

  it("is closed after close, as a client is", function()
    local client = testing.client { ["GET /x"] = {} }
    client:close()
    local res, err = client:get("/x")
    assert.is_nil(res)
    assert.same({ "usage", "the client is closed" }, { err.kind, err.message })
  end)

  it("raises for a call without a stub, and says which there are", function()
    local client = testing.client { ["member.point"] = { data = { currentPoint = 1 } }, ["GET /x"] = {} }
    raises("for member.query (GET /itrigger-bff/v2/open/api/member/query); the client has stubs for: GET /x, member.point", function()
      client.member.query(member)
    end)
  end)

  it("serves batches, all and pages", function()
    local client = testing.client {
      ["order.trades"] = function(params)
        return params.platformTradeCode == "2" and testing.error(61451) or { data = true }
      end,
      ["member.point_list"] = testing.sequence(
        { data = { { id = 1 }, { id = 2 } }, total = 3 }, { data = { { id = 3 } }, total = 3 }),
    }
    local requests = {}
    for i = 1, 3 do
      requests[i] = { client.order.trades, {
        platformCode = "TB", platformTradeCode = tostring(i), shopName = "s", originalContent = "{}" }, tag = i }
    end
    local results = client:all(requests)
    assert.same({ 1, 2, 3 }, { results[1].tag, results[2].tag, results[3].tag })
    assert.is_nil(results[2].response)
    assert.equal(61451, results[2].error.code)
    local ids = {}
    for row, page in client.member.point_list:pages(member) do
      ids[#ids + 1] = row.id
      assert.equal(3, page.total)
    end
    assert.same({ 1, 2, 3 }, ids)
    assert.equal(2, client.calls[5].params.pageNum)
  end)

  it("calls on_call as a client does, and counts", function()
    local told = {}
    local client
    client = testing.client({
      ["member.query"] = { data = { realName = "李雷" } },
      ["member.register"] = testing.error(80001),
      ["GET /x"] = testing.error("timeout"),
      ["member.point_list"] = { data = { { id = 1 } }, total = 1 },
    }, { on_call = function(call)
      told[#told + 1] = call
      client:get("/x") -- is counted, and not told
    end })
    local res = assert(client.member.query(member))
    assert.equal(0, res.elapsed)
    assert.same({ method = "GET", path = "/itrigger-bff/v2/open/api/member/query", endpoint = "member.query", code = 200,
      http_status = 200, elapsed = 0, attempts = 1, refused = 0, bytes = #itrigger.encode(res) - #',"elapsed":0' }, told[1])
    local function last()
      local call = told[#told]
      return { call.endpoint or "none", call.kind, call.code or "none", call.attempts }
    end
    client:post("/itrigger-bff/v2/open/api/member/register", {})
    assert.same({ "none", "api", 80001, 1 }, last())
    client:get("x?a=secret")
    assert.equal("x", told[3].path)
    client.member.query {}
    assert.same({ "member.query", "usage", "none", 0 }, last())
    client:all { { client.member.query, member }, { client.member.query, {} }, { "PUT", "/x" } }
    assert.equal(7, #told)
    assert.same({ "none", "usage", "none", 0 }, last())
    for _ in client.member.point_list:pages(member) do
      assert.equal("member.point_list", told[8].endpoint)
    end
    local text = client:metrics()
    for outcome, n in pairs { ok = 3, api = 1, usage = 4, timeout = 8, network = 0 } do
      assert.truthy(text:find(('outcome="%s"} %d\n'):format(outcome, n), 1, true), outcome .. "\n" .. text)
    end
    client:close()
    local none, err = client:metrics()
    assert.is_nil(none)
    assert.equal("the client is closed", err.message)
    assert.equal(8, #told)
    raises("bad argument 'opts.on_call' to 'testing.client' (function expected, got string)", function()
      testing.client({}, { on_call = "print" })
    end)
  end)

  it("gives the result of a batch the time that its answer or error says", function()
    local client = testing.client {
      ["GET /a"] = { elapsed = 2 },
      ["GET /b"] = testing.error("timeout", nil, { elapsed = 30 }),
      ["GET /c"] = {},
    }
    local times = {}
    for result in client:batch { { "GET", "/a" }, { "GET", "/b" }, { "GET", "/c" }, { "GET", "no path" } } do
      times[result.index] = result.elapsed
    end
    assert.same({ 2, 30, 0, 0 }, times)
  end)

  it("has the stats of a client, in the same fields", function()
    local real = assert(itrigger.new { app_id = "a", app_secret = "s", gateway = "http://127.0.0.1:9", token_store = "memory:" })
    local client = testing.client { ["member.query"] = { data = { realName = "李雷" } } }
    assert(client.member.query(member))
    local stats = client:stats()
    assert.equal(1, stats.calls)
    for name, value in pairs(real:stats()) do
      if name ~= "fetches_today" then -- unknown before the store was read
        assert.equal(type(value), type(stats[name]), name)
      end
    end
    real:close()
  end)

  it("supports on_progress, max_pages and on_error", function()
    local client = testing.client {
      ["POST /x"] = {},
      ["GET /list"] = testing.sequence({ data = { 1 }, total = 9 }, testing.error("decode"), { data = { 3 }, total = 2 }),
      ["GET /endless"] = { data = { 1 }, total = 1e9 },
    }
    local progress = {}
    client:all({ { "POST", "/x" }, { "POST", "/x" } }, { on_progress = function(done, total)
      progress[#progress + 1] = done .. " of " .. total
    end })
    assert.same({ "1 of 2", "2 of 2" }, progress)
    local rows, failed = {}, {}
    for row in client:pages("/list", nil, { timeout = 1, on_error = function(err, page)
      failed[#failed + 1] = err.kind .. " " .. page
      return true
    end }) do
      rows[#rows + 1] = row
    end
    assert.same({ { 1, 3 }, { "decode 2" } }, { rows, failed })
    assert.same({ timeout = 1 }, client.calls[3].opts)
    raises("the list has more than 2 pages", function()
      for _ in client:pages("/endless", nil, { max_pages = 2 }) do
        rows[#rows + 1] = true
      end
    end)
    assert.equal(4, #rows)
  end)

  it("can be the default client", function()
    local client = testing.client { ["member.query"] = { data = { realName = "李雷" } } }
    assert.is_true(itrigger.configure(client))
    assert.equal("李雷", assert(itrigger.member.query(member)).data.realName)
    assert.equal("李雷", assert(itrigger.get("/itrigger-bff/v2/open/api/member/query", member)).data.realName)
    assert.equal(2, #client.calls)
    itrigger.close()
  end)
end)
