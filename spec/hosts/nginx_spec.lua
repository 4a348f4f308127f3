-- Promise 11 in nginx: its loop never waits on us. Real nginx, the library in its workers.
local nginx = require "spec.support.nginx"
local sandbox = require "spec.support.sandbox"
local face = require "spec.support.face"

local missing = nginx.missing()

describe("nginx", function()
  if missing then
    pending("needs " .. missing)
    return
  end

  local sb, host

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
  end)

  after_each(function()
    if host then
      host:stop()
      host = nil
    end
  end)

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
    location = /hasty { content_by_lua_block { answer { timeout = 0.3 } } }
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
end)
