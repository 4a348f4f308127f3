-- Promise 11 in a cqueues controller: what event_loops_spec.lua does not show of it.
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

  it("reports an on_call that sleeps, which changes nothing", function()
    local id, secret = face.app(sb)
    local output = face.run([[
      local cqueues, itrigger = require "cqueues", require "itrigger"
      local client = assert(itrigger.new { on_call = function() cqueues.sleep(0) print "slept" end, token_store = "memory:" })
      local loop = cqueues.new()
      for i = 1, 3 do
        loop:wrap(function() print(client.test.get().code) end)
      end
      assert(loop:loop())
    ]], { ITRIGGER_GATEWAY = sb.gateway, ITRIGGER_APP_ID = id, ITRIGGER_APP_SECRET = secret })
    local lines, n = output:gsub("200\n", "")
    assert.equal(3, n, output)
    assert.truthy(lines:find("^itrigger: on_call raised an error; [^\n]*%(on_call cannot wait[^\n]*\n$"), output)
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
end)
