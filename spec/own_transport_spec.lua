-- The option transport = { send, sleep }: the program's own function carries API calls.
local core = require "itrigger.core"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local sandbox = require "spec.support.sandbox"

describe("a transport of the program's own", function()
  local sb = fixture.sandbox()
  local client, seen, slept

  -- By the curl command: blocking, but whose bytes they are is all that counts here.
  local function by_curl(request)
    seen[#seen + 1] = request
    local arguments = { "--request", request.method }
    for name, value in pairs(request.headers) do
      arguments[#arguments + 1] = "--header"
      arguments[#arguments + 1] = value == "" and name .. ";" or name .. ": " .. value
    end
    if request.body then
      arguments[#arguments + 1] = "--data-binary"
      arguments[#arguments + 1] = request.body
    end
    local answer = sandbox.request(request.url, arguments)
    if not answer.status then
      return nil, "curl: exit code " .. answer.exit
    end
    local headers = {}
    for name, value in answer.head:gmatch("([^\r\n:]+): ([^\r\n]*)\r\n") do
      headers[name] = value
    end
    return { status = answer.status, headers = headers, body = answer.body }
  end

  local function sleep(seconds)
    slept[#slept + 1] = seconds
    os.execute("sleep " .. seconds)
  end

  local function new(send, more)
    more = more or {}
    more.transport = { send = send, sleep = sleep }
    client = face.client(sb, more)
    return client
  end

  local function fails(expected, ...)
    local res, err = client:get(...)
    assert.is_nil(res)
    for name, value in pairs(expected) do
      if name == "text" then
        assert.truthy(err.message:find(value, 1, true), err.message)
      else
        assert.equal(value, err[name], tostring(err))
      end
    end
  end

  before_each(function()
    seen, slept = {}, {}
  end)

  after_each(function()
    if client then
      client:close()
      client = nil
    end
  end)

  it("carries a GET with all that is in it", function()
    new(by_curl, { user_agent = "till/1" })
    local data = face.echo(client, { b = "会员", a = 1 }, { headers = { ["X-Trace"] = "7", ["X-None"] = "" } })
    assert.equal("1", data.headers["x-sandbox-echo"])
    assert.equal("7", data.headers["x-trace"])
    assert.equal("", data.headers["x-none"])
    assert.equal("application/json", data.headers.accept)
    assert.equal("till/1", data.headers["user-agent"])
    assert.truthy(data.query:find("a=1&b=%E4%BC%9A%E5%91%98", 1, true))
    assert.equal("GET", seen[1].method)
    assert.is_nil(seen[1].body)
    assert.is_true(seen[1].deadline > 0 and seen[1].deadline <= 30)
  end)

  it("carries a POST with its body", function()
    new(by_curl)
    local data = face.echo_body(client, { city = "北京" })
    assert.equal('{"city":"北京"}', data.body)
    assert.equal("application/json", data.headers["content-type"])
    assert.equal("POST", seen[1].method)
  end)

  it("never gets the app secret: tokens come by the fetch thread", function()
    local options = face.options(sb, { app_secret = "hush-hush-hush" })
    sb:app { id = options.app_id, secret = "hush-hush-hush" }
    options.transport = { send = by_curl, sleep = sleep }
    client = assert(itrigger.new(options))
    assert(client:get(face.echo_get))
    assert.equal(1, sb:state().fetches)
    assert.equal(1, #seen)
    assert.is_true(#slept > 0)
    for _, seconds in ipairs(slept) do
      assert.is_true(seconds > 0 and seconds <= 0.05)
    end
    for _, request in ipairs(seen) do
      for _, part in pairs(request) do
        assert.falsy(tostring(part):find("hush", 1, true))
      end
    end
  end)

  it("gives the raw answer, its headers in lower case", function()
    new(function()
      return { status = 200, headers = { ["X-One"] = "1", ["X-Two"] = { "a", "b" }, Bad = "x\ny" }, body = "hello" }
    end)
    local raw = assert(client:get(face.echo_get, nil, { raw = true }))
    assert.equal(200, raw.status)
    assert.equal("hello", raw.body)
    assert.same({ ["x-one"] = "1", ["x-two"] = "a, b" }, raw.headers)
  end)

  it("repeats once when the token is refused", function()
    new(by_curl)
    assert(client:get(face.echo_get))
    sb:token { revoke = true }
    assert(client:get(face.echo_get))
    assert.equal(3, #seen)
    assert.equal(2, sb:state().fetches)
  end)

  it("waits by its sleep after HTTP 429", function()
    new(by_curl)
    assert(client:token())
    slept = {}
    sb:fault { kind = "too_many", path = "api", retry_after = 1 }
    assert(client:get(face.echo_get))
    assert.equal(2, #seen)
    assert.is_true(#slept > 1)
  end)

  it("fails with what its send says, and repeats nothing that may have been executed", function()
    local calls = 0
    new(function()
      calls = calls + 1
      return nil, "the modem is off"
    end)
    fails({ kind = "network", text = "the modem is off", retryable = false }, face.echo_get)
    assert.equal(1, calls)
  end)

  it("fails with kind timeout when its send says so", function()
    new(function()
      return nil, "timeout"
    end)
    fails({ kind = "timeout" }, face.echo_get)
  end)

  it("shows no token that is in the text of an error", function()
    new(function(request)
      return nil, "cannot open " .. request.url
    end)
    local _, err = client:get(face.echo_get)
    local token = assert(client:token())
    assert.truthy(err.message:find("cannot open", 1, true))
    assert.falsy(tostring(err):find(token, 1, true))
  end)

  it("takes nothing that is no response", function()
    for _, response in ipairs { {}, { status = "ok" }, { status = 0 }, { status = 5000 }, { body = "x" } } do
      new(function()
        return response
      end)
      fails({ kind = "network", text = "without a status" }, face.echo_get)
      client:close()
    end
    new(function() end)
    fails({ kind = "network", text = "no answer" }, face.echo_get)
    client:close()
    new(function()
      return "200 OK"
    end)
    fails({ kind = "network" }, face.echo_get)
  end)

  it("bounds the answer", function()
    new(function()
      return { status = 200, body = ("x"):rep(1001) }
    end, { max_response_bytes = 1000 })
    fails({ kind = "http", text = "max_response_bytes" }, face.echo_get)
  end)

  it("judges the answer as any other", function()
    local response
    new(function()
      return response
    end)
    response = { status = 200, body = "<html>" }
    fails({ kind = "decode", http_status = 200 }, face.echo_get)
    response = { status = 302, body = "" }
    fails({ kind = "http", http_status = 302 }, face.echo_get)
    response = { status = 200, body = '{"code":63001,"message":"参数缺失"}' }
    fails({ kind = "api", code = 63001 }, face.echo_get)
    fails({ kind = "usage" }, "no slash")
  end)

  it("raises what its send raises, and the next call works", function()
    local bad = true
    new(function(request)
      if bad then
        error({ reason = "a table" })
      end
      return by_curl(request)
    end)
    local ok, raised = pcall(client.get, client, face.echo_get)
    assert.is_false(ok)
    assert.same({ reason = "a table" }, raised)
    bad = false
    collectgarbage()
    assert(client:get(face.echo_get))
  end)

  it("may yield: two coroutines are out at once", function()
    new(function(request)
      coroutine.yield("sent")
      return by_curl(request)
    end)
    assert(client:token())
    local done = {}
    local function call(n)
      return coroutine.create(function()
        assert(client:get(face.echo_get, { n = n }))
        done[#done + 1] = n
      end)
    end
    local first, second = call(1), call(2)
    assert.equal("sent", select(2, assert(coroutine.resume(first))))
    assert.equal("sent", select(2, assert(coroutine.resume(second))))
    assert(coroutine.resume(second))
    assert(coroutine.resume(first))
    assert.same({ 2, 1 }, done)
  end)

  it("cancels the call of a coroutine that is no more", function()
    new(function()
      coroutine.yield()
    end)
    assert(client:token())
    do
      local dead = coroutine.wrap(function()
        client:get(face.echo_get)
      end)
      dead()
    end
    collectgarbage()
    collectgarbage()
    assert.equal(1, client:stats().calls)
    assert.is_true(client:close())
  end)

  it("carries a batch, one call after another", function()
    new(by_curl)
    local list = {}
    for i = 1, 4 do
      list[i] = { "GET", face.echo_get, { n = i } }
    end
    local results = client:all(list)
    assert.equal(4, #results)
    for i = 1, 4 do
      assert(results[i].response, tostring(results[i].error))
      assert.truthy(seen[i].url:find("n=" .. i, 1, true))
    end
  end)

  it("paces a batch by its sleep", function()
    new(by_curl)
    local from = core.now()
    for result in client:batch({ { "GET", face.echo_get }, { "GET", face.echo_get }, { "GET", face.echo_get } }, { rate = 10 }) do
      assert(result.response, tostring(result.error))
    end
    assert.is_true(core.now() - from > 0.198)
  end)

  it("gives the token by its sleep", function()
    new(by_curl)
    local token, _, source = client:token()
    assert.is_string(token)
    assert.equal("gateway", source)
    assert.equal(0, #seen)
    assert.equal(token, (client:token()))
  end)

  it("must be two functions", function()
    local function refused(transport, text)
      local made, err = itrigger.new(face.options(sb, { transport = transport }))
      assert.is_nil(made)
      assert.equal("config", err.kind)
      assert.truthy(err.message:find(text, 1, true), err.message)
    end
    refused({}, "its field send must be a function, not a nil")
    refused({ send = print, sleep = 1 }, "its field sleep must be a function, not a number")
    refused({ send = print, sleep = print, more = 1 }, '"more"')
    refused(print, '"blocking", or a table of two functions')
    refused("curl", '"blocking", or a table of two functions')
  end)
end)
