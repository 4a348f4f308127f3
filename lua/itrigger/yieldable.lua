-- Tell whether the running coroutine can yield where it is. It cannot within a function that C called and that is to
-- return there: what string.gsub, table.sort or require call; on Lua 5.1 also what pcall calls.

local core = require "itrigger.core"

local running = coroutine.running
local getinfo = debug and debug.getinfo
local is_yieldable = core.is_yieldable

local yieldable = {}

-- Lua 5.1 and 5.2 cannot say it. Then no C function may be among those that the coroutine is in, but for those that Lua
-- 5.2 yields across.
if is_yieldable() == nil then
  local passed = _VERSION == "Lua 5.2" and { [pcall] = true, [xpcall] = true } or {}

  function is_yieldable()
    local level = 2
    local info = getinfo and getinfo(level, "Sf")
    while info do
      if info.what == "C" and not passed[info.func] then
        return false
      end
      level = level + 1
      info = getinfo(level, "Sf")
    end
    return true
  end

  -- Lua 5.1 has two places more that nothing shows, a metamethod and the iterator of a generic `for`: there a yield may
  -- raise although `here` said that it will not.
  yieldable.unsure = _VERSION == "Lua 5.1"
end

-- Return whether a yield is possible here. The main coroutine never yields.
function yieldable.here()
  local co, is_main = running()
  return co ~= nil and not is_main and is_yieldable()
end

return yieldable
