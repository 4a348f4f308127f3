-- luacheck: ignore 143 (what math has only where Lua has integers)
local cjson = require "cjson"
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local set_collector = require "spec.support.collector"

local integers = math.type ~= nil
local luajit = rawget(_G, "jit") ~= nil
local query = face.api .. "/member/query"

describe("client", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  -- The result of a call that fails before anything is sent.
  local function unsent(text, result, err)
    assert.is_nil(result)
    assert.is_true(errors.is(err))
    assert.equal("usage", err.kind)
    assert.is_false(err.retryable)
    assert.truthy(err.message:find(text, 1, true), ("%q is not in %q"):format(text, err.message))
    assert.equal(0, sb:state().requests)
  end

  -- What the test endpoint answers to a GET is this text.
  local function answer(body, status, headers)
    sb:answer { path = face.echo_get, body = body, status = status, headers = headers }
  end

  local function raises(text, f)
    local ok, err = pcall(f)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("spec/client_spec.lua:%d+: "), err)
    assert.truthy(err:find(text, 1, true), err)
  end

  describe("get", function()
    it("gives the whole envelope as a table", function()
      local res = assert(client:get(query, face.member))
      assert.equal("200", tostring(res.code))
      assert.equal("操作成功", res.message)
      assert.is_table(res.data)
      assert.is_string(res.data.realName)
    end)

    it("gives what lists have beside their data", function()
      local res = assert(client:get(face.api .. "/member/point/list",
        { mobile = face.member.mobile, storeNo = face.member.storeNo, pageNum = 1, pageSize = 5 }))
      assert.equal(5, #res.data)
      assert.is_number(res.total)
      assert.equal("1", tostring(res.pageNum))
      assert.equal("5", tostring(res.pageSize))
    end)

    it("sends the token first, then the parameters sorted by name and percent-encoded", function()
      local told = face.echo(client, { b = "x y&z", a = "会", ["c=d"] = "1/2", B = "~-._" })
      local token, rest = told.query:match("^accessToken=(%x+)&(.*)$")
      assert.is_string(token)
      assert.equal("B=~-._&a=%E4%BC%9A&b=x%20y%26z&c%3Dd=1%2F2", rest)
    end)

    it("sends numbers, booleans, and arrays as repeated names", function()
      local told = face.echo(client, {
        n = 5, f = 12.88, i = 10.0, big = 2 ^ 53 - 1, yes = true, no = false, list = { "b", 1, true },
        none = {},
      })
      assert.equal("big=9007199254740991&f=12.88&i=10&list=b&list=1&list=true&n=5&no=false&yes=true",
        told.query:match("&(.*)"))
    end)

    it("sends integers in full", function()
      if not integers then
        return pending("this Lua has no integers")
      end
      local told = face.echo(client, { min = math.mininteger, id = math.tointeger(2 ^ 53) + 1 })
      assert.equal("id=9007199254740993&min=-9223372036854775808", told.query:match("&(.*)"))
    end)

    it("sends LuaJIT's 64-bit cdata in full", function()
      if not luajit then
        return pending("this is not LuaJIT")
      end
      local ffi = require "ffi"
      local told = face.echo(client, { id = ffi.new("int64_t", 2 ^ 53) + 1, u = ffi.new("uint64_t", 0) - 1 })
      assert.equal("id=9007199254740993&u=18446744073709551615", told.query:match("&(.*)"))
    end)

    it("may send a parameter called appId", function()
      assert.equal("appId=666", face.echo(client, { appId = 666 }).query:match("&(.*)"))
    end)

    it("percent-encodes what a path cannot hold", function()
      sb:answer { path = "/itrigger-bff/a b/会%41", body = '{"code":200}' }
      assert(client:get("/itrigger-bff/a b/会%41"))
    end)

    it("refuses what cannot be a path, before anything is sent", function()
      for path, text in pairs {
        [""] = "path", ["no/slash"] = "/", ["//host/x"] = "path", ["https://h/x"] = "path", ["/a?b=1"] = "param",
        ["/a#b"] = "#", ["/a/../b"] = "..", ["/.."] = "..", ["/a/./b"] = "path", ["/a\nb"] = "control",
        ["/a\0b"] = "control", ["/a\\b"] = "path", ["/\255"] = "UTF-8",
      } do
        local result, err = client:get(path)
        unsent(text, result, err)
        assert.equal(path, err.path)
        assert.equal("GET", err.method)
      end
    end)

    it("refuses parameters that have no form in a URL, and names them", function()
      local function refuses(text, params)
        unsent(text, client:get(query, params))
      end
      refuses("accessToken", { accessToken = "x" })
      refuses("parameter a: null", { a = itrigger.null })
      refuses("parameter a: a table within a table", { a = { { 1 } } })
      refuses("parameter a: null", { a = { itrigger.null } })
      refuses("parameter a: a table must be an array", { a = { b = 1 } })
      refuses("parameter a: a table must be an array", { a = { 1, nil, 3 } })
      refuses("parameter a: NaN", { a = 0 / 0 })
      refuses("parameter a: NaN", { a = math.huge })
      refuses("parameter a: a function", { a = print })
      refuses("names as keys", { "x" })
      refuses("", { [""] = "x" })
      refuses("UTF-8", { a = "\255" })
      refuses("UTF-8", { ["\255"] = "a" })
    end)
  end)

  describe("post", function()
    it("gives the envelope", function()
      local res = assert(client:post(face.api .. "/member/modify",
        { mobile = face.member.mobile, storeNo = face.member.storeNo, city = "北京" }))
      assert.is_true(res.data)
      assert.equal("北京", assert(client:get(query, face.member)).data.city)
    end)

    it("sends the body as one JSON document, and only the token in the URL", function()
      local told = face.echo_body(client, { list = { 1, "x", { a = itrigger.null } }, name = "会员\0" })
      assert.equal("POST", told.method)
      assert.truthy(told.query:find("^accessToken=%x+$"))
      assert.truthy(told.headers["content-type"]:find("^application/json"))
      assert.same({ list = { 1, "x", { a = cjson.null } }, name = "会员\0" }, cjson.decode(told.body))
    end)

    it("sends {} without a body, and arrays as arrays", function()
      assert.equal("{}", face.echo_body(client).body)
      assert.equal("{}", face.echo_body(client, {}).body)
      assert.equal("[]", face.echo_body(client, itrigger.array {}).body)
      assert.equal("[1,2]", face.echo_body(client, { 1, 2 }).body)
    end)

    it("sends a body of a megabyte", function()
      local text = ("会员"):rep(180000)
      assert.equal(#text + 8, #face.echo_body(client, { a = text }).body)
    end)

    it("sends integers in full", function()
      if not integers then
        return pending("this Lua has no integers")
      end
      assert.equal('{"id":9007199254740993}', face.echo_body(client, { id = math.tointeger(2 ^ 53) + 1 }).body)
      assert.equal('{"id":-9223372036854775808}', face.echo_body(client, { id = math.mininteger }).body)
    end)

    it("refuses a body that JSON or the gateway does not take, and names the member", function()
      local function refuses(text, body)
        unsent(text, client:post(face.echo_post, body))
      end
      local cycle = {}
      cycle.a = { cycle }
      local deep = {}
      for _ = 1, 200 do
        deep = { deep }
      end
      refuses("body: accessToken", { accessToken = "x" })
      refuses("body: items[3].name: a function", { items = { {}, {}, { name = print } } })
      refuses("body: a: NaN", { a = 0 / 0 })
      refuses("body: both string keys and numbers", { 1, a = 2 })
      refuses("body: a: an array with holes", { a = { 1, nil, 3 } })
      refuses("body: a[1]: a cycle", cycle)
      refuses("more than 100 levels", deep)
      refuses("body: name: not valid UTF-8", { name = "\255" })
      refuses("body: an empty key", { [""] = 1 })
    end)

    it("lets accessToken be the name of a deeper member", function()
      assert.equal('{"a":{"accessToken":"x"}}', face.echo_body(client, { a = { accessToken = "x" } }).body)
    end)

    it("refuses a path with a query, which the gateway would ignore", function()
      unsent("?", client:post(face.echo_post .. "?a=1", {}))
    end)
  end)

  describe("an argument of the wrong type raises at the caller's level", function()
    it("and is named", function()
      raises("'path' to 'get' (string expected, got nil)", function() client:get() end)
      raises("'path' to 'post' (string expected, got table)", function() client:post({}) end)
      raises("'params' to 'get' (table or nil expected, got string)", function() client:get("/x", "a=1") end)
      raises("'body' to 'post' (table or nil expected, got string)", function() client:post("/x", "{}") end)
      raises("'body' to 'post'", function() client:post("/x", itrigger.null) end)
      raises("'opts' to 'get'", function() client:get("/x", {}, 5) end)
      raises("'opts' to 'post'", function() client:post("/x", {}, true) end)
      raises("'opts' to 'token'", function() client:token(5) end)
      raises("'opts' to 'refresh'", function() client:refresh("x") end)
    end)

    it("also when the method is called with a point", function()
      raises("'get' was called on a string", function() client.get("/x") end)
      raises("'close' was called on a nil", function() client.close() end)
      raises("'stats' was called on a userdata", function() client.stats(io.stdout) end)
    end)
  end)

  describe("opts", function()
    it("that are unknown name the nearest known one", function()
      unsent('did you mean "timeout"', client:get(query, nil, { timeuot = 1 }))
      unsent('did you mean "idempotent"', client:get(query, nil, { idempotant = true }))
      unsent("opts.something_else", client:get(query, nil, { something_else = 1 }))
      unsent("names as keys", client:get(query, nil, { 1 }))
    end)

    it("of the wrong type or out of bounds are named", function()
      local function refuses(text, opts)
        unsent(text, client:get(query, nil, opts))
      end
      refuses("opts.timeout must be a number of seconds, not a string", { timeout = "1" })
      refuses("opts.timeout is 0", { timeout = 0 })
      refuses("opts.timeout is -1", { timeout = -1 })
      refuses("opts.timeout", { timeout = 0 / 0 })
      refuses("opts.timeout", { timeout = math.huge })
      refuses("opts.idempotent must be a boolean", { idempotent = 1 })
      refuses("opts.raw must be a boolean", { raw = "yes" })
      refuses("opts.min_valid", { min_valid = -1 })
      refuses("min_valid is more than token_ttl", { min_valid = 7201 })
      refuses('opts.null is "maybe"', { null = "maybe" })
      refuses("opts.null must be", { null = true })
      refuses("opts.headers must be a table", { headers = "A: b" })
    end)

    it("headers are sent as given, numbers too", function()
      local told = face.echo(client, nil, { headers = { ["X-Number"] = 5, ["X-Text"] = "a b, c", ["X-None"] = "" } })
      assert.equal("5", told.headers["x-number"])
      assert.equal("a b, c", told.headers["x-text"])
      assert.equal("", told.headers["x-none"])
    end)

    it("headers do not stay for the next call", function()
      local before = face.echo(client).headers
      face.echo(client, nil, { headers = { ["X-Once"] = "1", ["X-Twice"] = "2" } })
      assert.same(before, face.echo(client).headers)
    end)

    it("headers that would break the request are refused", function()
      local function refuses(text, headers)
        unsent(text, client:get(query, nil, { headers = headers }))
      end
      for _, name in ipairs { "Host", "content-length", "Transfer-Encoding", "CONNECTION" } do
        refuses(name, { [name] = "x" })
      end
      refuses("", { ["a b"] = "x" })
      refuses("", { ["a:b"] = "x" })
      refuses("", { [""] = "x" })
      refuses("X-A", { ["X-A"] = "a\r\nX-B: c" })
      refuses("X-A", { ["X-A"] = "a\0b" })
      refuses("X-A", { ["X-A"] = {} })
      refuses("X-A", { ["X-A"] = true })
      refuses("names as keys", { "X-A: b" })
    end)

    it("timeout bounds the whole call", function()
      assert(client:token())
      sb:fault { kind = "hold", path = "api" }
      local res, err = client:get(query, face.member, { timeout = 0.5 })
      sb:release()
      assert.is_nil(res)
      assert.equal("timeout", err.kind)
      assert.is_false(err.retryable)
    end)

    it("raw gives the HTTP answer undecoded", function()
      answer('{"code":500,"message":"x"} \0', 418, { ["X-One"] = "1", ["X-Two"] = { "a", "b" } })
      local res = assert(client:get(face.echo_get, nil, { raw = true }))
      assert.equal("418", tostring(res.status))
      assert.equal('{"code":500,"message":"x"} \0', res.body)
      assert.equal("1", res.headers["x-one"])
      assert.equal("a, b", res.headers["x-two"])
      assert.truthy(res.headers["content-type"]:find("^application/json"))
      assert.is_true(res.elapsed > 0 and res.elapsed < 30)
    end)

    it("null keeps null members for one call", function()
      answer('{"code":200,"data":null,"list":[null]}')
      local function got(opts)
        local res = assert(client:get(face.echo_get, nil, opts))
        res.elapsed = nil
        return res
      end
      assert.same({ code = 200, list = { itrigger.null } }, got())
      assert.same({ code = 200, data = itrigger.null, list = { itrigger.null } }, got { null = "keep" })
      assert.same({ code = 200, list = { itrigger.null } }, got())
    end)

    it("null of the client holds for all its calls but those that say otherwise", function()
      local keeper = face.client(sb, { null = "keep" })
      answer('{"code":200,"data":null}')
      assert.equal(itrigger.null, keeper:get(face.echo_get).data)
      assert.is_nil(keeper:get(face.echo_get, nil, { null = "nil" }).data)
      keeper:close()
    end)
  end)

  describe("an answer", function()
    it("keeps every integer's value", function()
      answer('{"code":200,"data":{"small":5,"exact":9007199254740991,"trade":226529926389059299,'
        .. '"min":-9223372036854775808,"huge":123456789012345678901234567890,"time":1556647800000,"half":0.5}}')
      local data = assert(client:get(face.echo_get)).data
      assert.equal("5", tostring(data.small))
      assert.equal("9007199254740991", ("%.0f"):format(data.exact))
      assert.equal("226529926389059299", data.trade)
      assert.equal("-9223372036854775808", data.min)
      assert.equal("123456789012345678901234567890", data.huge)
      assert.equal("1556647800000", ("%.0f"):format(data.time))
      assert.equal(0.5, data.half)
      if integers then
        assert.equal("integer", math.type(data.time))
        assert.equal("integer", math.type(data.exact))
      end
    end)

    it("may have its code as a string; res.code is a number all the same", function()
      sb:settings { code_as_string = true }
      local res = assert(client:get(query, face.member))
      assert.equal(200, res.code)
      local _, err = client:get(query, { mobile = "13000000000", storeNo = face.member.storeNo })
      assert.equal(80002, err.code)
    end)

    it("with code 204 is a success without data", function()
      answer('{"code":204,"message":"操作成功","data":null}')
      local res = assert(client:get(face.echo_get))
      assert.equal(204, res.code)
      assert.is_nil(res.data)
    end)

    it("with another code is an error of kind api with all that is known", function()
      local res, err = client:get(query, { mobile = "13000000000", storeNo = face.member.storeNo })
      assert.is_nil(res)
      assert.equal("api", err.kind)
      assert.equal("80002", tostring(err.code))
      assert.equal("member_not_found", err.name)
      assert.equal("会员不存在", err.message)
      assert.equal("200", tostring(err.http_status))
      assert.is_false(err.retryable)
      assert.equal("GET", err.method)
      assert.equal(query, err.path)
      assert.same({ code = 80002, message = "会员不存在" }, err.response)
      assert.equal("itrigger: api 80002 member_not_found: 会员不存在 (GET " .. query .. ", HTTP 200)", tostring(err))
    end)

    it("with another code and HTTP 500 is the same", function()
      answer('{"code":500,"message":"broken","data":{"id":9007199254740993}}', 500)
      local _, err = client:get(face.echo_get)
      assert.equal("api", err.kind)
      assert.equal("system_error", err.name)
      assert.equal(500, err.http_status)
      assert.equal("9007199254740993", err.response.data.id)
    end)

    it("that denies permission says so and leaves the token alone", function()
      local _, err = client:get("/itrigger-bff/v2/open/api/not/applied/for")
      assert.equal("api", err.kind)
      assert.equal("no_permission", err.name)
      assert.equal(1, sb:state().fetches)
      assert(client:get(query, face.member))
      assert.equal(1, sb:state().fetches)
    end)

    it("may be chunked or compressed", function()
      for _, kind in ipairs { "drip", "gzip" } do
        sb:fault { kind = kind, path = "api" }
        assert.is_string(assert(client:get(query, face.member)).data.realName)
      end
    end)
  end)

  describe("token", function()
    it("gives the token and where it comes from", function()
      local token, err, source = client:token()
      assert.equal(sb:state().tokens[1], token)
      assert.is_nil(err)
      assert.equal("gateway", source)
    end)

    it("is fetched once for many calls and clients of one app", function()
      local options = face.options(sb)
      local one, two = assert(itrigger.new(options)), assert(itrigger.new(options))
      local token = one:token()
      assert.equal(token, two:token())
      assert(one:get(query, face.member))
      assert(two:get(query, face.member))
      assert.equal(1, sb:state().fetches)
      one:close()
      two:close()
    end)

    it("that is rejected is replaced by one fetch, and the call is retried", function()
      local before = client:token()
      sb:token { revoke = true }
      assert(client:get(query, face.member))
      assert.equal(2, sb:state().fetches)
      assert.are_not.equal(before, client:token())
    end)

    it("knows timeout and min_valid, and nothing else", function()
      assert(client:token { timeout = 5, min_valid = 60 })
      local token, err = client:token { raw = true }
      assert.is_nil(token)
      assert.equal("usage", err.kind)
      token, err = client:token { min_valid = 7201 }
      assert.is_nil(token)
      assert.equal("usage", err.kind)
    end)

    it("waits no longer than its timeout", function()
      sb:fault { kind = "hold", path = "token" }
      local token, err = client:token { timeout = 0.1 }
      sb:release()
      assert.is_nil(token)
      assert.equal("timeout", err.kind)
      assert.is_nil(err.path)
    end)

    it("tells a failure by the documented code", function()
      local frozen = face.options(sb)
      sb:app { id = frozen.app_id, frozen = true }
      local c = assert(itrigger.new(frozen))
      local token, err = c:token()
      assert.is_nil(token)
      assert.equal("token", err.kind)
      assert.equal(40003, err.code)
      assert.equal("app_frozen", err.name)
      c:close()
    end)

    it("comes with an error when it could not be refreshed", function()
      local lazy = face.client(sb, { min_refresh_interval = 0 })
      local token = assert(lazy:token())
      sb:fault { kind = "status", status = 503, path = "token", times = 5 }
      local again, err = lazy:refresh()
      assert.equal(token, again)
      assert.is_true(errors.is(err))
      lazy:close()
    end)
  end)

  describe("refresh", function()
    it("fetches a new token now", function()
      local eager = face.client(sb, { min_refresh_interval = 0 })
      local first = assert(eager:token())
      local second, err, source = eager:refresh()
      assert.is_nil(err)
      assert.equal("gateway", source)
      assert.are_not.equal(first, second)
      assert.equal(second, eager:token())
      eager:close()
    end)

    it("keeps min_refresh_interval, then gives the present token", function()
      local token = assert(client:token())
      assert.equal(token, (client:refresh()))
      assert.equal(1, sb:state().fetches)
    end)
  end)

  describe("stats", function()
    it("tells about the token, the calls and the changes", function()
      assert(client:get(query, face.member))
      sb:token { revoke = true }
      assert(client:get(query, face.member))
      local stats = assert(client:stats())
      assert.equal("file", stats.store)
      assert.equal(2, stats.calls)
      assert.equal(1, stats.refused)
      assert.equal(1, stats.repeated)
      assert.equal(2, stats.fetched)
      assert.equal(2, stats.fetches_today)
      assert.equal(0, stats.waiters)
      assert.is_string(stats.state)
      assert.is_number(stats.fence)
      assert.is_true(stats.age >= 0 and stats.age < 60)
      assert.is_true(stats.expires_in > 7000 and stats.expires_in <= 7200)
      assert.is_true(stats.refresh_in > 0 and stats.refresh_in < stats.expires_in)
      assert.truthy(stats.token:find("^sha256:%x%x%x%x%x%x%x%x$"))
      local whys = {}
      for _, event in ipairs(stats.events) do
        whys[event.why] = true
        assert.is_true(math.abs(event.at - os.time()) < 60)
        assert.is_string(event.state)
      end
      assert.is_true(whys.start)
      assert.is_true(whys.refused)
    end)

    it("shows no token and no secret", function()
      local token = assert(client:token())
      local function search(t)
        for key, value in pairs(t) do
          if type(value) == "table" then
            search(value)
          else
            assert.is_nil(tostring(value):find(token, 1, true), key)
          end
        end
      end
      search(assert(client:stats()))
    end)

    it("is there before the first token", function()
      local stats = assert(client:stats())
      assert.is_nil(stats.fence)
      assert.is_nil(stats.age)
      assert.equal(0, stats.calls)
      assert.same({}, stats.events)
    end)

    it("tells the last error", function()
      sb:fault { kind = "status", status = 503, path = "token", times = 5 }
      assert.is_nil((client:token()))
      local stats = client:stats()
      assert.is_true(errors.is(stats.last_error))
    end)
  end)

  describe("close", function()
    it("may be called again, and every later call says that it is closed", function()
      assert.is_true(client:close())
      assert.is_true(client:close())
      for _, method in ipairs { "get", "post", "token", "refresh", "stats" } do
        local res, err = client[method](client, (method == "get" or method == "post") and "/x" or nil)
        assert.is_nil(res)
        assert.equal("usage", err.kind)
        assert.equal("the client is closed", err.message)
      end
    end)

    it("happens at the end of a to-be-closed variable", function()
      if not (integers and load("local x <const> = 1")) then
        return pending("this Lua has no to-be-closed variables")
      end
      local outside
      load("local c, f = ... local x <close> = c f(x)")(client, function(x) outside = x end)
      assert.equal("itrigger.client (closed)", tostring(outside))
    end)

    it("happens to clients that are no longer referenced", function()
      local weak = setmetatable({}, { __mode = "k" })
      weak[face.client(sb)] = true
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(weak))
    end)

    it("does not disturb another client of the same app", function()
      local options = face.options(sb)
      local one, two = assert(itrigger.new(options)), assert(itrigger.new(options))
      assert(one:token())
      one:close()
      assert(two:get(query, face.member))
      assert.equal(1, sb:state().fetches)
      two:close()
    end)
  end)

  it("can be called by a finalizer while a call is under way", function()
    local calls = 0
    -- Works on every Lua: 5.1 has __gc for userdata only.
    local function garbage()
      local metatable = {
        __gc = function()
          if client:get(query, face.member) then
            calls = calls + 1
          end
        end,
      }
      local proxy = rawget(_G, "newproxy")
      if proxy then
        local p = proxy(true)
        getmetatable(p).__gc = metatable.__gc
      else
        setmetatable({}, metatable)
      end
    end
    assert(client:token())
    local pause, step = set_collector(1, 200)
    local params = { mobile = face.member.mobile, storeNo = face.member.storeNo }
    for i = 1, 50 do
      garbage()
      params.n = ("x"):rep(i * 100)
      assert.is_string(assert(client:get(query, params)).data.realName)
    end
    set_collector(pause, step)
    collectgarbage()
    assert.is_true(calls > 0)
  end)

  -- In a process of its own, for what it would do is crash.
  it("can be closed by a finalizer while a call is under way", function()
    local options = face.options(sb)
    local output, status = face.run([[
      local itrigger = require "itrigger"
      local set_collector = dofile "spec/support/collector.lua"
      local function garbage(f)
        local metatable = { __gc = f }
        if newproxy then
          getmetatable(newproxy(true)).__gc = f
        else
          setmetatable({}, metatable)
        end
      end
      local params = { x = 1 }
      local keep = assert(itrigger.new())
      assert(keep:token())
      for i = 1, 50 do
        local client = assert(itrigger.new())
        assert(client:get("]] .. face.echo_get .. [["))
        collectgarbage()
        collectgarbage("stop")
        garbage(function() client:close() end)
        local opts = { headers = { X = "1" }, raw = i % 2 == 0 }
        set_collector(0, 100000)
        collectgarbage("restart")
        local res, err = client:get("]] .. face.echo_get .. [[", params, opts)
        assert(res or tostring(err):find("closed", 1, true), tostring(err))
      end
      print("ended")
    ]], {
      ITRIGGER_GATEWAY = options.gateway,
      ITRIGGER_APP_ID = options.app_id,
      ITRIGGER_APP_SECRET = options.app_secret,
    })
    assert.equal("ended\n", output)
    assert.equal(0, status)
  end)

  it("and marked arrays live on when the library is loaded again in the same state", function()
    local array = itrigger.array {}
    local loaded = {}
    for name, module in pairs(package.loaded) do
      if name:find("^itrigger") then
        loaded[name] = module
        package.loaded[name] = nil
      end
    end
    local again = require "itrigger"
    for name, module in pairs(loaded) do
      package.loaded[name] = module
    end
    assert.are_not.equal(itrigger, again)
    assert(client:get(query, face.member))
    assert.equal("[]", require("itrigger.json").encode(array))
    assert.equal(array, again.array(array))
    assert.is_true(client:close())
  end)

  it("shows its app and gateway as a string, and no secret", function()
    local options = face.options(sb)
    local c = assert(itrigger.new(options))
    assert.equal(("itrigger.client (app %s at %s)"):format(options.app_id, sb.gateway), tostring(c))
    c:close()
    assert.equal("itrigger.client (closed)", tostring(c))
  end)

  it("keeps its connection from call to call", function()
    if package.cpath:find("/oldcurl/", 1, true) then
      return pending("built for libcurl < 7.80, where a connection serves one request so that none is repeated")
    end
    local first = face.echo(client)
    local second = face.echo_body(client, { a = 1 })
    assert.equal(first.connection, second.connection)
  end)

  it("speaks HTTPS to a gateway whose certificate is good, and to no other", function()
    local good = face.client(sb, { gateway = sb.https, ca_file = sb.ca_file })
    assert(good:get(query, face.member))
    good:close()
    for _, gateway in ipairs { sb.wrong_host, sb.expired, sb.unknown_ca } do
      local bad = face.client(sb, { gateway = gateway, ca_file = sb.ca_file, retries = 0 })
      local res, err = bad:get(query, face.member)
      assert.is_nil(res)
      assert.equal("tls", err.kind)
      bad:close()
    end
  end)
end)
