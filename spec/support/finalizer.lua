-- Finalizers in the middle of everything: the most aggressive collector, and in each of its cycles a
-- finalizer of ours runs, wherever Lua allocates just then.
local set_collector = require "spec.support.collector"

local finalizer = {}

-- Lua 5.1 and LuaJIT finalize userdata only.
local newproxy = rawget(_G, "newproxy")

-- LuaJIT's traces are off meanwhile: under this collector one may be left and entered for ever, with nothing but LuaJIT
-- on the stack.
local jit = rawget(_G, "jit")

local function make(run)
  if newproxy then
    getmetatable(newproxy(true)).__gc = run
  else
    setmetatable({}, { __gc = run })
  end
end

local chains = {} -- what runs in each cycle
local alive = false

local function link()
  alive = next(chains) ~= nil
  if alive then
    make(link)
    for chain in pairs(chains) do
      chain()
    end
  end
end

-- Call act() once, from the n-th finalizer that runs while body() does. Returns what pcall(body) returns.
function finalizer.during(n, act, body)
  local count, inside = 0, false
  local function chain()
    if inside then
      count = count + 1
      if count == n then
        act()
      end
    end
  end
  local pause, step
  local function done(...)
    inside, chains[chain] = false, nil
    set_collector(pause, step)
    if jit then
      jit.on()
    end
    return ...
  end
  if jit then
    jit.off()
    jit.flush()
  end
  pause, step = set_collector(0, 1000)
  chains[chain] = true
  if not alive then
    make(link)
    alive = true
  end
  collectgarbage() -- the pause holds from the end of a cycle on
  inside = true
  return done(pcall(body))
end

return finalizer
