-- A program that closed all handles of its luv loop, as uv.walk lets it, was ended by libuv at the next call of the
-- library, which used a handle that was closed; and calls that were in flight then made all later ones wait for ever.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local luv = require "spec.support.luv"

describe("a luv loop whose handles the program closes", function()
  local lacks = luv.missing()
  if lacks then
    pending(lacks)
    return
  end

  local uv = luv.uv
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  local function close_all()
    uv.walk(function(handle)
      if not handle:is_closing() then
        handle:close()
      end
    end)
  end

  local function get(codes)
    luv.run(function()
      luv.spawn(function()
        local res = assert(client:get(face.echo_get))
        codes[#codes + 1] = res.code
      end)
    end)
  end

  it("answers calls after that", function()
    local codes = {}
    get(codes)
    close_all()
    get(codes)
    close_all()
    uv.run()
    get(codes)
    assert.same({ 200, 200, 200 }, codes)
    assert.is_false(uv.loop_alive())
  end)

  it("answers calls after that, and those that were in flight, too", function()
    local codes = {}
    assert(client:token())
    sb:fault { kind = "hold", path = "api", times = 1 }
    luv.run(function()
      luv.spawn(function()
        local res = assert(client:get(face.echo_get))
        codes[#codes + 1] = res.code
      end)
      luv.each_turn(function()
        if sb:state().held == 1 then
          close_all()
        end
      end)
    end)
    assert.same({}, codes)
    sb:release()
    get(codes)
    assert.same({ 200, 200 }, codes)
  end)
end)
