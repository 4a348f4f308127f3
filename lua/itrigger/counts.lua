-- Counts of calls in a dictionary that several processes or Lua states share, such as an ngx.shared.DICT of nginx:
--
--   local counts = require "itrigger.counts"
--   local shared = counts.shared(ngx.shared.itrigger)
--   itrigger.configure { on_call = shared.on_call }
--   ngx.print(itrigger.metrics(shared)) -- of all workers
--
-- Each call is added as it ends, by the dictionary's own atomic `incr`. So the sums are exact: nothing waits in a worker
-- to be collected, and what a worker counted stays when it ends.

local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"

local next = next
local bounds = core.call_bounds

local counts = {}

-- Return the number of the bucket for a duration in seconds.
local function bucket_of(elapsed)
  local i = 1
  while i <= #bounds and elapsed > bounds[i] do
    i = i + 1
  end
  return i
end

-- Counts in dict, which has the methods incr(key, by, initial) and get(key). name: the beginning of its keys, for counts
-- beside others in one dict; "itrigger". Returns { on_call =, read = }; read() returns what core.counts does.
function counts.shared(dict, name)
  if type(dict) ~= "table" and type(dict) ~= "userdata" then
    check.wrong_type("shared", "dict", "a shared dictionary (nginx: lua_shared_dict)", dict)
  elseif name ~= nil and type(name) ~= "string" then
    check.wrong_type("shared", "name", "string or nil", name)
  end
  name = (name or "itrigger") .. ":"
  local self, keys, buckets = {}, { ok = name .. "ok" }, {}
  for kind in next, errors.kinds do
    keys[kind] = name .. kind
  end
  for i = 1, #bounds + 1 do
    buckets[i] = name .. i
  end
  local elapsed, requests, refused = name .. "elapsed", name .. "requests", name .. "refused"

  function self.on_call(call)
    dict:incr(keys[call.kind or "ok"], 1, 0)
    if call.kind == "usage" then
      return
    end
    dict:incr(buckets[bucket_of(call.elapsed)], 1, 0)
    dict:incr(elapsed, call.elapsed, 0)
    dict:incr(requests, call.attempts, 0)
    if call.refused > 0 then
      dict:incr(refused, call.refused, 0)
    end
  end

  local function get(key)
    return dict:get(key) or 0
  end

  function self.read()
    local sums = { outcomes = {}, buckets = {}, elapsed = get(elapsed), requests = get(requests), refused = get(refused) }
    for kind, key in next, keys do
      sums.outcomes[kind] = get(key)
    end
    for i = 1, #buckets do
      sums.buckets[i] = get(buckets[i])
    end
    return sums
  end

  return self
end

return counts
