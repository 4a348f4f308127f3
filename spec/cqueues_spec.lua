-- Promise 11 in a cqueues controller: a call in a coroutine of its does not block it, and a call
-- elsewhere blocks as in a script.
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local needs = require "spec.support.needs"

describe("cqueues", function()
  local lacks = needs.module("cqueues", "lua-cqueues")
  if lacks then
    pending(lacks)
    return
  end

  local cqueues = require "cqueues"

  local client
  local sb = fixture.client(function(c)
    client = c
  end)
  local loop

  before_each(function()
    loop = cqueues.new()
  end)

  local function spawn(body)
    loop:wrap(body)
  end

  local function run()
    assert(loop:loop())
    assert.is_true(loop:empty())
  end

  it("goes on while 50 calls are held", function()
    assert(client:token())
    sb:fault { kind = "hold", path = "api", times = 50 }
    local done, turns = 0, 0
    for _ = 1, 50 do
      spawn(function()
        assert(client:get(face.echo_get))
        done = done + 1
      end)
    end
    spawn(function()
      while sb:state().held < 50 do
        cqueues.sleep(0)
      end
      for _ = 1, 20 do
        turns = turns + 1
        assert.equal(0, done)
        cqueues.sleep(0)
      end
      sb:release()
    end)
    run()
    assert.equal(20, turns)
    assert.equal(50, done)
    assert.equal(50, sb:state().calls[face.echo_get])
  end)

  it("goes on while the token is fetched, which is fetched once", function()
    sb:fault { kind = "hold", path = "token" }
    local done = 0
    for _ = 1, 10 do
      spawn(function()
        assert(client:get(face.echo_get))
        done = done + 1
      end)
    end
    spawn(function()
      while sb:state().held < 1 do
        cqueues.sleep(0)
      end
      assert.equal(0, done)
      sb:release()
    end)
    run()
    assert.equal(10, done)
    assert.equal(1, sb:state().fetches)
  end)

  it("ends calls by their deadline", function()
    assert(client:token())
    sb:fault { kind = "hold", path = "api", times = 3 }
    local kinds = {}
    for _ = 1, 3 do
      spawn(function()
        local _, err = client:get(face.echo_get, nil, { timeout = 0.1 })
        kinds[#kinds + 1] = err.kind
      end)
    end
    run()
    assert.same({ "timeout", "timeout", "timeout" }, kinds)
  end)

  it("carries the calls of two controllers, one in the other", function()
    local order = {}
    spawn(function()
      local inner = cqueues.new()
      inner:wrap(function()
        assert(client:get(face.echo_get))
        order[#order + 1] = "inner"
      end)
      assert(inner:loop())
      assert(client:get(face.echo_get))
      order[#order + 1] = "outer"
    end)
    run()
    assert.same({ "inner", "outer" }, order)
  end)

  it("is blocked by a call outside a controller, and in a coroutine that is not its", function()
    assert.equal(200, assert(client:get(face.echo_get)).code)
    local code
    spawn(function()
      code = coroutine.wrap(function()
        return assert(client:get(face.echo_get)).code
      end)()
    end)
    run()
    assert.equal(200, code)
  end)

  it("is blocked by a call where nothing can yield", function()
    local answer
    spawn(function()
      answer = ("x"):gsub("x", function()
        return tostring(assert(client:get(face.echo_get)).code)
      end)
    end)
    run()
    assert.equal("200", answer)
  end)

  it("gives the token without blocking", function()
    sb:fault { kind = "hold", path = "token" }
    local token, source
    spawn(function()
      local _
      token, _, source = client:token()
    end)
    spawn(function()
      while sb:state().held < 1 do
        cqueues.sleep(0)
      end
      assert.is_nil(token)
      sb:release()
    end)
    run()
    assert.is_string(token)
    assert.equal("gateway", source)
  end)

  it("cancels the call of a coroutine that went with its controller", function()
    assert(client:token())
    sb:fault { kind = "hold", path = "api" }
    spawn(function()
      client:get(face.echo_get)
    end)
    while sb:state().held < 1 do
      loop:step(0)
    end
    loop = cqueues.new()
    collectgarbage()
    collectgarbage()
    assert.is_true(sb:wait({ gone = 1 }).reached)
    spawn(function()
      assert.equal(200, assert(client:get(face.echo_get)).code)
    end)
    run()
  end)

  it("goes on while a batch is out", function()
    assert(client:token())
    sb:fault { kind = "hold", path = "api", times = 20 }
    local list, n = {}, 0
    for i = 1, 20 do
      list[i] = { "GET", face.echo_get, { n = i } }
    end
    spawn(function()
      local batch = client:batch(list, { concurrency = 20 })
      local result = batch:next()
      while result do -- Lua 5.1 cannot yield in a generic for
        assert(result.response)
        n = n + 1
        result = batch:next()
      end
    end)
    spawn(function()
      while sb:state().held < 20 do
        cqueues.sleep(0)
      end
      assert.equal(0, n)
      sb:release()
    end)
    run()
    assert.equal(20, n)
  end)
end)
