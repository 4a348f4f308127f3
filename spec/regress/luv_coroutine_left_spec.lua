-- In luv, a coroutine that was closed during its call, or that went on without it, ended the process, was resumed at a
-- yield of its own, or kept the loop alive for ever.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local luv = require "spec.support.luv"

local each_turn, run, spawn, uv = luv.each_turn, luv.run, luv.spawn, luv.uv

describe("a coroutine in luv that its call was left by", function()
  local lacks = luv.missing()
  if lacks then
    pending(lacks)
    return
  end

  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  it("may be closed: the call is cancelled and the loop ends", function()
    if not coroutine.close then
      pending("coroutine.close is in Lua 5.4")
      return
    end
    assert(client:token())
    sb:fault { kind = "hold", path = "api" }
    run(function()
      local co = spawn(function()
        client:get(face.echo_get)
      end)
      each_turn(function()
        return sb:state().held == 1 and coroutine.close(co)
      end)
    end)
    assert.is_true(sb:wait({ gone = 1 }).reached)
    assert.is_false(uv.loop_alive())
  end)

  it("may be closed while it asks for a token", function()
    if not coroutine.close then
      pending("coroutine.close is in Lua 5.4")
      return
    end
    sb:fault { kind = "hold", path = "token" }
    run(function()
      local co = spawn(function()
        client:token()
      end)
      each_turn(function()
        return coroutine.close(co)
      end)
    end)
    assert.is_false(uv.loop_alive())
    sb:release()
  end)

  it("is resumed by its program alone after it caught that it cannot yield, and takes what came later", function()
    assert(client:get(face.echo_get))
    sb:fault { kind = "hold", path = "api", times = 1 }
    local caught, resumed, last
    run(function()
      local co = spawn(function()
        local batch = client:batch({ { "GET", face.echo_get }, { "GET", face.echo_get } }, { concurrency = 2 })
        assert(batch:next().response)
        caught = not pcall(string.gsub, "x", "x", function()
          batch:next()
        end)
        resumed = coroutine.yield()
        last = batch:next()
      end)
      local turns = 0
      each_turn(function()
        if not caught then
          return false
        elseif turns == 0 then
          sb:release()
        end
        turns = turns + 1
        if turns == 100 then
          assert(coroutine.resume(co, "by the program"))
          return true
        end
      end)
    end)
    assert.is_true(caught)
    assert.equal("by the program", resumed)
    assert.equal(200, last.response.code)
    assert.is_false(uv.loop_alive())
  end)
end)
