-- In luv, a call where nothing can yield was sent, executed, and then raised "attempt to yield across a C-call boundary":
-- on Lua 5.1 in every pcall.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local luv = require "spec.support.luv"

local run, spawn, uv = luv.run, luv.spawn, luv.uv

describe("a call in luv where nothing can yield", function()
  local lacks = luv.missing()
  if lacks then
    pending(lacks)
    return
  end

  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  it("is answered in a pcall", function()
    local ok, res
    run(function()
      spawn(function()
        ok, res = pcall(client.post, client, face.echo_post, { n = 1 })
      end)
    end)
    assert.is_true(ok)
    assert.equal(200, res.code)
    assert.equal(1, sb:state().calls[face.echo_post])
  end)

  it("is answered, or raises and is not sent, in a metamethod and in the iterator of a for", function()
    local post = function()
      return assert(client:post(face.echo_post, { n = 1 }))
    end
    local bodies = {
      function()
        return setmetatable({}, { __index = post }).x
      end,
      function()
        for res in post do -- luacheck: ignore 512
          return res
        end
      end,
    }
    assert(client:token())
    local answered, raised = 0, 0
    for _, body in ipairs(bodies) do
      run(function()
        local co = coroutine.create(function()
          answered = answered + (body().code == 200 and 1 or 0)
        end)
        if not coroutine.resume(co) then
          raised = raised + 1
        end
      end)
    end
    assert.equal(2, answered + raised)
    assert.equal(answered, sb:state().calls[face.echo_post] or 0)
    assert.is_false(uv.loop_alive())
    if _VERSION ~= "Lua 5.1" or rawget(_G, "jit") then
      assert.equal(2, answered)
    end
  end)
end)
