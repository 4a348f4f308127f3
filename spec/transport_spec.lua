-- The option transport as a word: the program says where it runs.
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local luv = require "spec.support.luv"
local needs = require "spec.support.needs"

describe("the option transport", function()
  local sb = fixture.sandbox()

  local function new(transport)
    return face.client(sb, { transport = transport })
  end

  it('"luv" has a coroutine wait although the loop does not run yet', function()
    local lacks = luv.missing()
    if lacks then
      pending(lacks)
    end
    local client = new "luv"
    assert.equal(200, assert(client:get(face.echo_get)).code) -- in the main coroutine it blocks
    sb:fault { kind = "hold", path = "api", times = 2 }
    local done = 0
    for _ = 1, 2 do
      luv.spawn(function()
        assert(client:get(face.echo_get))
        done = done + 1
      end)
    end
    assert.equal(0, done)
    luv.each_turn(function()
      return sb:state().held == 2 and sb:release()
    end)
    luv.uv.run()
    assert.equal(2, done)
    client:close()
  end)

  it('"blocking" blocks in luv and in cqueues', function()
    local client = new "blocking"
    assert(client:token())
    local order = {}
    if not luv.missing() then
      luv.run(function()
        luv.spawn(function()
          assert(client:get(face.echo_get))
          order[#order + 1] = "call"
        end)
        order[#order + 1] = "after"
      end)
      assert.same({ "call", "after" }, order)
    end
    if not needs.module("cqueues", "lua-cqueues") then
      local cqueues = require "cqueues"
      local loop = cqueues.new()
      local inside, n = false, 0
      for _ = 1, 2 do
        loop:wrap(function()
          assert.is_false(inside)
          inside = true
          assert(client:get(face.echo_get))
          inside = false
          n = n + 1
        end)
      end
      assert(loop:loop())
      assert.equal(2, n)
    end
    client:close()
  end)

  it('"cqueues" waits in a controller', function()
    local lacks = needs.module("cqueues", "lua-cqueues")
    if lacks then
      pending(lacks)
    end
    local cqueues = require "cqueues"
    local client = new "cqueues"
    sb:fault { kind = "hold", path = "api", times = 2 }
    local loop, n = cqueues.new(), 0
    for _ = 1, 2 do
      loop:wrap(function()
        assert(client:get(face.echo_get))
        n = n + 1
      end)
    end
    while sb:state().held < 2 do -- so neither blocked
      assert(loop:step(0))
    end
    sb:release()
    assert(loop:loop())
    assert.equal(2, n)
    client:close()
  end)

  it("says what is missing", function()
    local before, preload = package.loaded.luv, package.preload.luv
    package.loaded.luv, package.preload.luv = nil, function()
      error "not here"
    end
    local client, err = itrigger.new(face.options(sb, { transport = "luv" }))
    package.loaded.luv, package.preload.luv = before, preload
    assert.is_nil(client)
    assert.equal("config", err.kind)
    assert.truthy(err.message:find('option transport is "luv", but the module "luv" cannot be loaded', 1, true), err.message)
    client, err = itrigger.new(face.options(sb, { transport = "nginx" }))
    assert.is_nil(client)
    assert.truthy(err.message:find("this is not nginx", 1, true), err.message)
    client, err = itrigger.new(face.options(sb, { transport = "threads" }))
    assert.is_nil(client)
    assert.truthy(err.message:find('"luv", "cqueues", "nginx", "blocking"', 1, true), err.message)
  end)
end)
