-- libuv's loop in a spec. `missing()`: as needs.lua says.
local needs = require "spec.support.needs"

local found, uv = pcall(require, "luv")
local luv = { uv = found and uv or nil }

function luv.missing()
  return needs.module("luv", "lua-luv")
end

-- Run the loop to its end, with a start in it. An error in there is raised.
function luv.run(start)
  local failed
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    local ok, err = pcall(start)
    failed = not ok and err or nil
  end)
  uv.run()
  if failed then
    error(failed, 0)
  end
end

-- Start a coroutine; return it. An error before it waits is raised.
function luv.spawn(body)
  local co = coroutine.create(body)
  local ok, err = coroutine.resume(co)
  if not ok then
    error(err, 0)
  end
  return co
end

-- Call `turn` in each turn of the loop until it returns true.
function luv.each_turn(turn)
  local timer = uv.new_timer()
  timer:start(0, 1, function()
    if turn() then
      timer:close()
    end
  end)
end

return luv
