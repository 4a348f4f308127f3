-- A cqueues controller that was given up with a call in flight, or merely did not run, kept every other controller that had
-- called from ending.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local needs = require "spec.support.needs"

describe("a cqueues controller with a call in flight", function()
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

  it("keeps no other controller from ending", function()
    assert(client:token())
    sb:fault { kind = "hold", path = "api", times = 1 }
    local waiting, other = cqueues.new(), cqueues.new()
    waiting:wrap(function()
      client:get(face.echo_get)
    end)
    while sb:state().held < 1 do
      assert(waiting:step(0))
    end
    local code
    other:wrap(function()
      code = assert(client:get(face.echo_get)).code
    end)
    while not other:empty() and (code == nil or sb:state().held == 1) do
      assert(other:step(0.01))
      if code then -- what is left of it ends without the other's answer
        assert(other:step(0))
        break
      end
    end
    assert.equal(200, code)
    assert.is_true(other:empty())
    assert.equal(1, sb:state().held)
    sb:release()
    assert(waiting:loop())
    assert.is_true(waiting:empty())
  end)
end)
