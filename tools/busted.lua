-- Runs busted on whatever Lua runs this file: `lua5.1 tools/busted.lua spec/json_spec.lua`.
-- Debian's command is tied to one Lua, and a LuaRocks wrapper is a shell script; the module is on every Lua's path.

-- The binding under a collector that runs all the time: a value that C forgot to anchor does not live long.
if os.getenv("BUSTED_GC") == "generational" and not pcall(collectgarbage, "generational") then
  collectgarbage("setpause", 1)
  collectgarbage("setstepmul", 1000)
end

require "busted.runner"({ standalone = false })
