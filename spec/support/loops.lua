-- The event loops that are modules of Lua, each with the same functions:
--
--   loop.missing()          -- as needs.lua says
--   loop.run(body, …)       -- each body in a coroutine, until the loop ends
--   loop.turn()             -- in a body: let the loop turn once
local luv = require "spec.support.luv"
local needs = require "spec.support.needs"

local loops = { { name = "luv", missing = luv.missing }, { name = "cqueues" } }

local on_luv, on_cqueues = loops[1], loops[2]

function on_luv.run(...)
  local bodies = { ... }
  luv.run(function()
    for _, body in ipairs(bodies) do
      luv.spawn(body)
    end
  end)
  assert(not luv.uv.loop_alive(), "the loop is alive")
end

function on_luv.turn()
  local co = coroutine.running()
  local timer = luv.uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    assert(coroutine.resume(co))
  end)
  coroutine.yield()
end

function on_cqueues.missing()
  return needs.module("cqueues", "lua-cqueues")
end

function on_cqueues.run(...)
  local loop = require("cqueues").new()
  for _, body in ipairs { ... } do
    loop:wrap(body)
  end
  assert(loop:loop())
  assert(loop:empty(), "the loop is not empty")
end

function on_cqueues.turn()
  require("cqueues").sleep(0)
end

return loops
