-- Many calls side by side: client:batch and client:all. Requests are taken from an array or an iterator only as fast as
-- calls complete; results come in that order. async.lua knows where to wait: a script blocks, in an event loop only the
-- coroutine waits.
--
-- A batch has one slot for each call in flight, a small number that is used again; so its memory does not grow, however
-- many requests there are.

local async = require "itrigger.async"
local check = require "itrigger.check"
local core = require "itrigger.core"
local later = require "itrigger.later"

local calls, requests = later.calls, later.requests
local error, next, pairs, setmetatable, tostring, type = error, next, pairs, setmetatable, tostring, type
local core_left, core_pace, core_slow, core_start = core.left, core.pace, core.slow, core.start
local core_unstarted = core.unstarted
local pull, pulled, take = async.pull, async.pulled, async.take
local is_callable = check.is_callable

local batch = {}
local methods = {}
local metatable = { __index = methods, __name = "itrigger.batch" }

-- ---- results ----

-- Make the table of a result before the call is taken: afterwards nothing may fail for want of memory.
local function blank()
  return { index = nil, tag = nil, response = nil, error = nil, elapsed = nil }
end

-- Fill in what came of the request in a slot, which is free again then. If on_progress raises, the next
-- step hands the result out.
local function result_of(self, result, slot, response, err, elapsed)
  result.index, result.tag = self.indexes[slot], self.tags[slot]
  result.response, result.error, result.elapsed = response, err, elapsed
  self.kept = result
  self.indexes[slot], self.tags[slot] = nil, nil
  self.free[#self.free + 1] = slot
  self.done = self.done + 1
  local on_progress = self.on_progress
  if on_progress then
    on_progress(self.done, self.total)
  end
  self.kept = false
  return result
end

local function may_be_executed(result)
  local err = result.error
  return err == nil or not err.retryable and err.kind ~= "usage"
end

-- ---- requests ----

local function free_slot(self)
  local free = self.free
  local slot = free[#free]
  if slot then
    free[#free] = nil
    return slot
  end
  self.slots = self.slots + 1
  return self.slots
end

-- Start a request. Returns nothing | the slot of one that failed at once, err.
local function start(self, group, request)
  local slot = free_slot(self)
  self.index = self.index + 1
  self.indexes[slot] = self.index
  local is_post, path, params, opts, name = requests.read(request, self.opts)
  local err = is_post == nil and path or nil
  self.tags[slot] = type(request) == "table" and request.tag or nil
  if err == nil then
    local _
    _, err = core_start(group, slot, is_post, path, params, opts, name)
  else
    core_unstarted(self.client, err, err.method, err.path, requests.endpoint_name(request))
  end
  if err ~= nil then
    return slot, err
  end
end

-- Starts as many as may be in flight. `pulling` stays set when the program's iterator raises, or a finalizer before
-- its request was started: then the batch is over.
local function fill(self, party)
  local group = party.group
  while not self.ended and core_left(group) < self.concurrency and core_slow(group) == 0 do
    self.pulling = true
    pull(party)
    local request = self.pull()
    local is_waiting = pulled(party, request)
    local slot, err
    if request == nil then
      self.ended = not is_waiting
    elseif not is_waiting and not self.closed then -- the iterator may have closed this batch
      slot, err = start(self, group, request)
    end
    self.pulling = false
    if slot or is_waiting or self.closed then
      return slot, err
    end
  end
end

-- ---- the object ----

-- Cancel what is in flight. Returns the requests that were sent and whose result was not handed out, as
-- { index =, tag = }: they may have been executed. May be called again.
function methods:close()
  local left = {}
  for i, slot in pairs(calls.close(self)) do
    left[i] = { index = self.indexes[slot], tag = self.tags[slot] }
  end
  local kept = self.kept
  self.ended, self.kept = true, false
  if kept and may_be_executed(kept) then
    left[#left + 1] = { index = kept.index, tag = kept.tag }
  end
  table.sort(left, function(a, b) return a.index < b.index end)
  return left
end

-- Return how long the next request must wait because the gateway or opts.rate said so; nil: it need not, or none can start.
local function pause(self, group)
  if not self.ended and core_left(group) < self.concurrency then
    local seconds = core_slow(group)
    return seconds > 0 and seconds or nil
  end
end

-- Return the next result; nil at the end. Raises what the program's iterator or on_progress raises; the result that
-- on_progress was told of comes with the next step.
function methods:next()
  local kept = self.kept
  if kept then
    self.kept = false
    return kept
  elseif self.pulling then -- it raised last time, and the program went on
    if self.party then
      async.check_alone(self.party)
    end
    self:close()
  end
  while not self.closed do
    local party = self.party -- a finalizer may close the batch anywhere here
    if party == nil then
      party = calls.begin(self)
      self.concurrency = party.transport and 1 or self.wanted or party.concurrency
      if self.rate then
        core_pace(party.group, self.rate)
      end
    end
    local group = party.group
    local slot, err = fill(self, party)
    if slot then
      return result_of(self, blank(), slot, nil, err, 0)
    elseif self.closed or self.ended and core_left(group) == 0 then
      self:close()
      break
    end
    local seconds, response, elapsed = pause(self, group), nil, nil
    local result = blank()
    if seconds or core_left(group) > 0 or party.follows then -- or the pause ended just now: nothing would wake us
      slot, response, err, elapsed = take(party, seconds)
    end
    if slot then
      return result_of(self, result, slot, response, err, elapsed)
    elseif slot == false and not self.closed then -- the client was closed
      self:close()
      error(err, 0)
    end
  end
  return nil
end

metatable.__call = methods.next
metatable.__close = methods.close

-- ---- making one ----

local function make(client, given, opts)
  local self = {
    client = client,
    pull = requests.each(given),
    total = not is_callable(given) and #given or nil,
    wanted = opts and opts.concurrency,
    rate = opts and opts.rate,
    on_progress = opts and opts.on_progress,
    opts = requests.shared_opts(opts),
    slots = 0,
    free = {},
    indexes = {}, -- slot → index
    tags = {}, -- slot → tag
    index = 0,
    done = 0,
    kept = false, -- a result that on_progress was called for and that was not handed out
    ended = false, -- no more requests
    closed = false, -- no more results
  }
  return setmetatable(self, metatable)
end

-- client:batch, its arguments checked. Returns what a generic for wants: the batch itself is the
-- iterator, and from Lua 5.4 on the value to be closed.
function batch.new(client, given, opts)
  local self = make(client, given, opts)
  return self, nil, nil, self
end

local function gather(self, results)
  local result = self:next()
  while result do -- no generic for: in one Lua 5.1 cannot yield
    results[result.index] = result
    result = self:next()
  end
end

-- What `all` raises in place of what the program's iterator or on_progress raised, once something was sent.
local stopped = { __name = "itrigger.stopped" }

function stopped.__tostring(it)
  local n = 0
  for _ in pairs(it.results) do
    n = n + 1
  end
  return ("%s (client:all was stopped: %d results are in the field `results` of this error, and %d requests that may have "
    .. "been executed in `left`)"):format(tostring(it.reason), n, #it.left)
end

function stopped.__concat(a, b)
  return tostring(a) .. tostring(b)
end

-- In a pcall Lua 5.1 cannot yield either; there what is in flight is cancelled when it is collected.
local function can_guard()
  return _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil or coroutine.running() == nil
end

-- client:all: the results in the order of the requests. Nobody else could close what is in flight when the
-- program's functions raise, or knew what was sent.
function batch.all(client, given, opts)
  local self, results = make(client, given, opts), {}
  if not can_guard() then
    gather(self, results)
    return results
  end
  local ok, reason = pcall(gather, self, results)
  if not ok then
    local kept = self.kept
    if kept then
      results[kept.index], self.kept = kept, false
    end
    local left = self:close()
    if next(results) ~= nil or left[1] ~= nil then
      reason = setmetatable({ reason = reason, results = results, left = left }, stopped)
    end
    error(reason, 0)
  end
  return results
end

return batch
