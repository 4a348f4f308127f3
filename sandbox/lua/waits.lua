-- luacheck: std ngx_lua
-- Requests that stand still: those held until `POST release`, and control calls that wait until
-- something is so, which spares specs their sleeps.
local semaphore = require "ngx.semaphore"

local waits = {}

local held, watchers = {}, {}

-- Held requests whose client went away.
local gone = 0

function waits.reset()
  gone = 0
end

local function remove(list, item)
  for i, other in ipairs(list) do
    if other == item then
      return table.remove(list, i)
    end
  end
end

-- Waits for the semaphore; also a client that goes away ends it.
local function wait_in(list, item, seconds)
  list[#list + 1] = item
  ngx.on_abort(function()
    gone = gone + (remove(list, item) and list == held and 1 or 0)
    waits.changed()
    ngx.exit(499)
  end)
  waits.changed()
  item.semaphore:wait(seconds)
  remove(list, item)
end

-- Stands until released, a minute at most.
function waits.hold()
  wait_in(held, { semaphore = semaphore.new(0) }, 60)
end

function waits.held()
  return #held
end

function waits.gone()
  return gone
end

-- Lets the first `count` of the held requests go on; returns how many there were.
function waits.release(count)
  local released = math.min(count or #held, #held)
  for _ = 1, released do
    table.remove(held, 1).semaphore:post(1)
  end
  return released
end

-- Called after every change that somebody may wait for.
function waits.changed()
  for _, watcher in ipairs(watchers) do
    if watcher.is_so() then
      watcher.semaphore:post(1)
    end
  end
end

-- Waits until is_so(), or not longer than timeout_ms; returns whether it is.
function waits.until_so(is_so, timeout_ms)
  if not is_so() then
    wait_in(watchers, { semaphore = semaphore.new(0), is_so = is_so }, timeout_ms / 1000)
  end
  return is_so()
end

return waits
