-- COUNT calls through an iterator, AT_ONCE at once: does memory grow? Prints the process's resident KB and Lua's own
-- after a tenth of them and at the end, and the most in between.
local itrigger = require "itrigger"

local count, at_once = tonumber(os.getenv "COUNT"), tonumber(os.getenv "AT_ONCE")
local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = os.getenv "GATEWAY", token_store = "memory:",
})
local path = os.getenv "API"

local function resident_kb()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmRSS:%s*(%d+)")
    if kb then
      return tonumber(kb)
    end
  end
end

local started, done = 0, 0
local first, most, lua_first = nil, 0, nil
local function requests()
  if started < count then
    started = started + 1
    return { "GET", path, { mobile = "18899888899", storeNo = tostring(started) } }
  end
end
local step = math.max(1, count // 10)
for result in client:batch(requests, { concurrency = at_once }) do
  assert(result.response, result.error)
  done = done + 1
  if done % step == 0 then
    collectgarbage()
    local kb = resident_kb()
    if not first then
      first, lua_first = kb, collectgarbage("count")
    end
    most = math.max(most, kb)
  end
end
assert(done == count)
collectgarbage()
print(("%d calls, %d at once: resident %d KB after a tenth of them, at most %d KB after, %d KB at the end; Lua's own "
  .. "%.0f KB and %.0f KB; grew by %d KB"):format(done, at_once, first, most, resident_kb(), lua_first,
  collectgarbage("count"), most - first))
