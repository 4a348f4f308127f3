-- Tell whether the running coroutine can yield where it is. It cannot within a function that C called and that is to
-- return there: what string.gsub, table.sort or require call; on Lua 5.1 also what pcall calls.

local running = coroutine.running
local getinfo = debug and debug.getinfo

-- The C functions that Lua 5.2 yields across. On 5.1 there is none.
local YIELDS = {}
if _VERSION == "Lua 5.2" then
  YIELDS[pcall], YIELDS[xpcall] = true, true
end

-- Return whether there is a C function among those that the coroutine is in. Lua 5.1 has two places more that cannot
-- yield, which nothing shows: a metamethod and the iterator of a generic `for`; there a yield raises.
local function no_c_function()
  local level = 2
  local info = getinfo(level, "Sf")
  while info do
    if info.what == "C" and not YIELDS[info.func] then
      return false
    end
    level = level + 1
    info = getinfo(level, "Sf")
  end
  return true
end

local known = coroutine.isyieldable or getinfo and no_c_function or function()
  return true
end

local yieldable = {
  -- Whether a yield may raise although `here` said that it will not.
  unsure = not coroutine.isyieldable and _VERSION == "Lua 5.1",
}

-- Return whether a yield is possible here. The main coroutine never yields.
function yieldable.here()
  local co, is_main = running()
  return co ~= nil and not is_main and known()
end

return yieldable
