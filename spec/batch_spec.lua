local cjson = require "cjson"
local core = require "itrigger.core"
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"

local unpack = table.unpack or unpack
local query = face.api .. "/member/query"
local closes_at_break = _VERSION >= "Lua 5.4"

-- An answer without any work behind it.
local cheap = "/itrigger-bff/cheap"

describe("batch", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  local function queries(n)
    local requests = {}
    for i = 1, n do
      requests[i] = { "GET", query, face.member, tag = "t" .. i }
    end
    return requests
  end

  -- Without end; counts what was pulled.
  local function endless(path)
    local pulled = { n = 0 }
    return function()
      pulled.n = pulled.n + 1
      return { "GET", path or query, face.member, tag = pulled.n }
    end, pulled
  end

  -- While this script waits in a batch: once `held` calls are held, `acts` go to the sandbox, one control call
  -- each. Returns what waits for its end.
  local function meanwhile(held, acts)
    local commands = {}
    for i, act in ipairs { { "wait", { held = held } }, unpack(acts) } do
      commands[i] = ("curl -s --noproxy '*' -d '%s' %s/_sandbox/%s"):format(
        next(act[2] or {}) and cjson.encode(act[2]) or "{}", sb.gateway, act[1])
    end
    local pipe = io.popen(table.concat(commands, " && "), "r")
    return function()
      local said = pipe:read("*a")
      pipe:close()
      assert.truthy(said:find('"reached":true', 1, true), said)
    end
  end

  -- Of n calls that are sent, one is answered.
  local function one_of(n)
    sb:fault { kind = "hold", path = "api", times = n }
    return meanwhile(n, { { "release", { count = 1 } } })
  end

  local function count(list)
    local n = 0
    for _ in pairs(list) do
      n = n + 1
    end
    return n
  end

  it("answers every request once, with its index and tag", function()
    local seen = {}
    for result in client:batch(queries(50), { concurrency = 8 }) do
      assert.is_nil(seen[result.index])
      seen[result.index] = true
      assert.equal("t" .. result.index, result.tag)
      assert.equal(200, result.response.code)
      assert.is_nil(result.error)
      assert.is_true(result.elapsed >= 0)
    end
    assert.equal(50, count(seen))
    assert.equal(1, sb:state().fetches)
    assert.equal(51, sb:state().requests)
  end)

  it("hands results out in the order in which calls end", function()
    assert(client:get(query, face.member))
    sb:fault { kind = "hold", path = "api", times = 1 } -- the first one's
    local order = {}
    for result in client:batch(queries(4), { concurrency = 4 }) do
      order[#order + 1] = result.index
      if #order == 3 then
        sb:release()
      end
    end
    assert.equal(1, order[4])
  end)

  it("has never more out than concurrency says", function()
    assert(client:get(query, face.member))
    sb:fault { kind = "hold", path = "api", times = 5 }
    local iterator, pulled = endless()
    local released = meanwhile(5, { { "release" } })
    local batch = client:batch(iterator, { concurrency = 5 })
    assert.is_nil(batch().error)
    assert.equal(5, pulled.n)
    released()
    batch:close()
  end)

  it("takes the client's concurrency where nothing else is said", function()
    local other = face.client(sb, { concurrency = 3 })
    local iterator, pulled = endless()
    local batch = other:batch(iterator)
    assert.is_nil(batch().error)
    assert.equal(3, pulled.n)
    batch:close()
    other:close()
  end)

  it("POSTs, and gives each call its options", function()
    local results = client:all({
      { "POST", face.echo_post, { a = 1 }, headers = { ["X-Sandbox-Echo"] = "1", ["X-One"] = "1" } },
      { "get", face.echo_get, { b = "2" } },
      { "GET", query, face.member, raw = true },
    }, { headers = { ["X-Sandbox-Echo"] = "1" } })
    assert.same({ a = 1 }, cjson.decode(results[1].response.data.body))
    assert.equal("1", results[1].response.data.headers["x-one"])
    assert.truthy(results[2].response.data.query:find("b=2", 1, true))
    assert.equal(200, results[3].response.status)
  end)

  it("all: gives results in the order of the requests", function()
    local requests = queries(20)
    requests[7] = { "GET", "/itrigger-bff/nowhere" }
    local results = client:all(requests, { concurrency = 4 })
    assert.equal(20, #results)
    for i, result in ipairs(results) do
      assert.equal(i, result.index)
      assert.equal(i == 7, result.error ~= nil)
    end
    assert.equal("api", results[7].error.kind)
    assert.same({}, client:all({}))
  end)

  it("tells progress", function()
    local told = {}
    client:all(queries(3), {
      on_progress = function(done, total)
        told[#told + 1] = done .. "/" .. tostring(total)
      end,
    })
    assert.same({ "1/3", "2/3", "3/3" }, told)
    local n = 0
    client:all(function()
      n = n + 1
      return n == 1 and { "GET", query, face.member } or nil
    end, {
      on_progress = function(done, total)
        assert.equal(1, done)
        assert.is_nil(total)
      end,
    })
  end)

  it("gives an error result for a wrong request, and continues", function()
    local wrong = {
      { 12, "must be a table" },
      { { "PUT", query }, '"PUT"' },
      { { "GET" }, "the path of a request" },
      { { "GET", query, "x" }, "the params of a request" },
      { { "POST", query, 1 }, "the body of a request" },
      { { "GET", "no/slash" }, "path" },
      { { "GET", query, idempotant = true }, 'did you mean "idempotent"' },
      { { "GET", query, timeout = -1 }, "timeout" },
      { { "GET", query, timeout = 0 / 0 }, "timeout" },
    }
    local requests = {}
    for i, case in ipairs(wrong) do
      requests[i] = case[1]
    end
    requests[#requests + 1] = queries(1)[1]
    local results = client:all(requests)
    for i, case in ipairs(wrong) do
      local err = results[i].error
      assert.is_true(errors.is(err))
      assert.equal("usage", err.kind)
      assert.truthy(tostring(err):find(case[2], 1, true), tostring(err))
    end
    assert.equal(200, results[#requests].response.code)
    assert.equal(2, sb:state().requests)
  end)

  it("raises at the caller for arguments of the wrong type", function()
    local function raises(text, ...)
      local ok, message = pcall(client.batch, client, ...)
      assert.is_false(ok)
      assert.truthy(message:find(text, 1, true), message)
    end
    raises("'requests' to 'batch'", nil)
    raises("'requests' to 'batch'", "x")
    raises("'opts' to 'batch'", {}, 1)
    raises("concurrency", {}, { concurrency = 0 })
    raises("concurrency", {}, { concurrency = 1.5 })
    raises("concurrency", {}, { concurrency = 1025 })
    raises("on_progress", {}, { on_progress = 1 })
    raises('unknown option "concurency": did you mean "concurrency"?', {}, { concurency = 8 })
    raises('unknown option "timout": did you mean "timeout"?', {}, { timout = 8 })
    raises('unknown option "1"', {}, { 8 })
    for _, rate in ipairs { 0, -1, "10", 0 / 0, 1 / 0 } do
      raises("rate must be a number of calls a second, from 0.001 to 1000000", {}, { rate = rate })
    end
    local ok, message = pcall(function()
      client:batch()
    end)
    assert.is_false(ok)
    assert.truthy(message:find("batch_spec.lua:", 1, true), message)
  end)

  it("leaves nothing running after close, and tells what was sent and not answered", function()
    assert(client:get(query, face.member))
    local held = one_of(4)
    local batch = client:batch(queries(4), { concurrency = 4 })
    local first = batch()
    held()
    local left = batch:close()
    assert.equal(3, #left)
    for _, request in ipairs(left) do
      assert.not_equal(first.index, request.index)
      assert.equal("t" .. request.index, request.tag)
    end
    assert.is_true(sb:wait({ gone = 3 }).reached)
    assert.is_nil(batch())
    assert.same({}, batch:close())
  end)

  it("tells nothing of what was never sent", function()
    sb:fault { kind = "hold", path = "token" }
    local batch = client:batch(queries(4), { concurrency = 4, timeout = 0.3 })
    assert.equal("timeout", batch().error.kind)
    assert.same({}, batch:close())
    sb:release()
  end)

  it("ends at a break, from Lua 5.4 on at once and elsewhere when it is collected", function()
    assert(client:get(query, face.member))
    local held = one_of(3)
    for result in client:batch(queries(3), { concurrency = 3 }) do -- luacheck: ignore 512
      assert.is_nil(result.error)
      held()
      break
    end
    if not closes_at_break then
      collectgarbage()
      collectgarbage()
    end
    assert.is_true(sb:wait({ gone = 2 }).reached)
    sb:clear()
    assert.equal(200, client:get(query, face.member).code)
  end)

  for _, thrown in ipairs { "text", { "a table" } } do
    it("lets what the iterator throws reach the caller: " .. type(thrown), function()
      local n = 0
      local ok, err = pcall(function()
        for _ in client:batch(function()
          n = n + 1
          if n == 4 then
            error(thrown, 0)
          end
          return queries(1)[1]
        end, { concurrency = 2 }) do
        end
      end)
      assert.is_false(ok)
      assert.equal(thrown, err)
      assert.equal(4, n)
      assert.equal(200, client:get(query, face.member).code)
    end)
  end

  it("ends for a program that continues after its iterator raised", function()
    local batch = client:batch(function()
      error("once", 0)
    end)
    assert.is_false(pcall(batch))
    assert.is_nil(batch())
  end)

  it("lets what on_progress throws reach the caller", function()
    local ok, err = pcall(client.all, client, queries(3), {
      on_progress = function()
        error("enough", 0)
      end,
    })
    assert.is_false(ok)
    assert.equal("enough", err.reason)
  end)

  it("all: leaves nothing running when the iterator throws", function()
    assert(client:token())
    sb:fault { kind = "hold", path = "api", times = 3 }
    local n = 0
    local ok, err = pcall(client.all, client, function()
      n = n + 1
      if n == 5 then
        assert.is_true(sb:wait({ held = 3 }).reached)
        collectgarbage("stop") -- it must not be the collector who ends them
        error({ "mine" })
      end
      return { "GET", face.echo_get }
    end, { concurrency = 4 })
    local gone = sb:wait({ gone = 3 }).reached
    collectgarbage("restart")
    assert.is_false(ok)
    assert.equal("mine", err.reason[1])
    assert.is_true(gone)
  end)

  it("takes coroutines and callable objects as iterators", function()
    local n = 0
    for _ in client:batch(coroutine.wrap(function()
      for _ = 1, 5 do
        coroutine.yield(queries(1)[1])
      end
    end)) do
      n = n + 1
    end
    local object = setmetatable({ left = 3 }, {
      __call = function(self)
        self.left = self.left - 1
        return self.left >= 0 and queries(1)[1] or nil
      end,
    })
    for _ in client:batch(object) do
      n = n + 1
    end
    assert.equal(8, n)
  end)

  it("fetches once when the token is refused under 256 calls in flight, and repeats each once", function()
    local wide = face.client(sb, { max_host_connections = 256 })
    assert(wide:get(query, face.member))
    sb:fault { kind = "hold", path = "api", times = 256 }
    local revoked = meanwhile(256, { { "token", { revoke = true } }, { "release" } })
    local n = 0
    for result in wide:batch(queries(256), { concurrency = 256 }) do
      assert.is_nil(result.error, tostring(result.error))
      n = n + 1
    end
    revoked()
    assert.equal(256, n)
    local stats = wide:stats()
    assert.equal(256, stats.refused)
    assert.equal(256, stats.repeated)
    assert.equal(2, sb:state().fetches)
    assert.equal(1 + 256 + 256, sb:state().calls[query])
    wide:close()
  end)

  it("slows down as a whole when the gateway has enough", function()
    assert(client:get(query, face.member))
    sb:fault { kind = "too_many", path = "api", retry_after = 1, times = 1 }
    local others = 0 -- that end while the refused one waits for its repeat
    for result in client:batch(endless(), { concurrency = 4 }) do
      assert.is_nil(result.error)
      if sb:state().faults_pending == 0 and result.index == 1 then
        break
      end
      others = others + 1
    end
    assert.is_true(others <= 8, others .. " calls went out meanwhile")
    assert.equal(1, client:stats().repeated)
  end)

  it("is never faster than its rate, repeats included", function()
    assert(client:get(query, face.member))
    sb:fault { kind = "too_many", path = "api", retry_after = 0, times = 2 }
    local from, n = core.now(), 0
    for result in client:batch(queries(4), { concurrency = 4, rate = 20 }) do
      assert.is_nil(result.error, tostring(result.error))
      n = n + 1
    end
    assert.equal(4, n)
    assert.equal(6, sb:state().calls[query] - 1)
    assert.is_true(core.now() - from > 5 * 0.05 - 0.002, "took " .. core.now() - from)
  end)

  it("has a rate of its own, which calls beside it do not have", function()
    local slow = client:batch(queries(2), { rate = 0.001 })
    assert.is_nil(slow().error)
    assert.equal(20, #client:all(queries(20)))
    assert.same({}, slow:close()) -- the second one did not begin
    assert.equal(21, sb:state().calls[query])
  end)

  it("sends over one connection where HTTP/2 allows it", function()
    if package.cpath:find("/oldcurl/", 1, true) then
      pending("libcurl before 7.80: each request has a connection of its own")
      return
    end
    local two = face.client(sb, { gateway = sb.https, ca_file = sb.ca_file, max_host_connections = 1 })
    assert(two:get(query, face.member))
    local before = sb:state().connections
    sb:fault { kind = "hold", path = "api", times = 64 }
    local released = meanwhile(64, { { "release" } })
    for result in two:batch(queries(64), { concurrency = 64 }) do
      assert.is_nil(result.error, tostring(result.error))
    end
    released()
    for _, request in ipairs(sb:requests()) do
      if request.path == query then
        assert.equal(2, tonumber(request.http_version))
      end
    end
    assert.is_true(sb:state().connections - before <= 4) -- the control calls' own
    two:close()
  end)

  it("lets other calls of the client be made in its body, and two run side by side", function()
    local a, b = client:batch(queries(10), { concurrency = 3 }), client:batch(queries(10), { concurrency = 3 })
    local n = 0
    while true do
      local x, y = a(), b()
      if x == nil and y == nil then
        break
      end
      n = n + (x and 1 or 0) + (y and 1 or 0)
      assert.equal(200, client:get(query, face.member).code)
    end
    assert.equal(20, n)
  end)

  it("gives what is left an error when the client is closed in the middle", function()
    local batch = client:batch(queries(6), { concurrency = 2 })
    assert.is_nil(batch().error)
    client:close()
    local n = 0
    for result in batch do
      n = n + 1
      if result.error then
        assert.equal("usage", result.error.kind)
        assert.truthy(result.error.message:find("closed", 1, true))
      end
    end
    assert.is_true(n <= 5)
  end)

  it("is cancelled when it is no longer referenced", function()
    assert(client:get(query, face.member))
    local held = one_of(3)
    local function abandon()
      assert(client:batch(queries(3), { concurrency = 3 })())
      held()
    end
    abandon()
    collectgarbage()
    collectgarbage()
    assert.is_true(sb:wait({ gone = 2 }).reached)
  end)

  it("holds no more memory the longer it runs", function()
    sb:answer { path = cheap, body = '{"code":200,"message":"ok"}' }
    local iterator, pulled = endless(cheap)
    local after_warm_up
    for _ in client:batch(iterator, { concurrency = 16 }) do
      if pulled.n % 1000 == 0 then
        collectgarbage()
        collectgarbage()
        local kb = collectgarbage("count")
        if pulled.n == 1000 then
          after_warm_up = kb
        end
        if pulled.n >= 4000 then
          assert.is_true(kb - after_warm_up < 64, ("%.0f KB more"):format(kb - after_warm_up))
          break
        end
      end
    end
  end)

  it("is there on the default client, too", function()
    assert(itrigger.configure(face.options(sb)))
    assert.equal(200, itrigger.all({ { "GET", query, face.member } })[1].response.code)
    for result in itrigger.batch({ { "GET", query, face.member } }) do
      assert.equal(200, result.response.code)
    end
  end)
end)
