-- Runs busted on whatever Lua runs this file: `lua5.1 tools/busted.lua spec/json_spec.lua`.
-- Debian's command is tied to one Lua, and a LuaRocks wrapper is a shell script; the module is on every Lua's path.

-- The binding under a collector that runs all the time: a value that C forgot to anchor does not live long.
if os.getenv("BUSTED_GC") == "generational" and not pcall(collectgarbage, "generational") then
  dofile "spec/support/collector.lua"(1, 1000)
end

-- busted unloads after each file what that file loaded, but a Lua state can load luv only once: the second time it finds the
-- loop of the first, which was collected. So the first one stays.
local luv
function package.preload.luv(name)
  if luv == nil then
    local loader, path = (rawget(package, "searchers") or package.loaders)[3](name)
    if type(loader) ~= "function" then
      error(("module 'luv' not found:%s"):format(loader or ""), 0)
    end
    luv = loader(name, path)
  end
  return luv
end

require "busted.runner"({ standalone = false })
