-- Calls that wait elsewhere than in the core: in the coroutine of an event loop, or over a transport of the program's own. A
-- party is a coroutine that waits for calls of its own; what a host is, async.lua says, which decides where a call waits.

local core = require "itrigger.core"
local errors = require "itrigger.errors"

local error, next, pairs, setmetatable, tostring, type = error, next, pairs, setmetatable, tostring, type
local max, min = math.max, math.min
local running, status = coroutine.running, coroutine.status
local core_cancel, core_group, core_left = core.cancel, core.group, core.left
local core_start, core_look = core.start, core.look
local core_pump, core_ready, core_unstarted = core.pump, core.ready, core.unstarted
local core_request, core_answer = core.request, core.answer

local parties = {}

-- Pauses where nothing signals that the answer is there: short at first, then longer.
local PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.05

-- ---- who waits ----

local last_id = 0
local present = setmetatable({}, { __mode = "v" }) -- id → party that waits; one of a collected coroutine goes by itself
local busy = {} -- client → how many of its parties count
local waiting = setmetatable({}, { __mode = "k" }) -- place → how many parties count there

local notifier = {}

-- `is_counted`: the party is in these two numbers.
local function count(party, n)
  local client, place = party.client, party.place
  n = n or 1
  local at_client, at_place = (busy[client] or 0) + n, (waiting[place] or 0) + n
  busy[client] = at_client > 0 and at_client or nil
  waiting[place] = at_place > 0 and at_place or nil
end

-- Count a party, and with it those that it follows, in generators: only their follower resumes them. Return whether a
-- followed one was not counted before.
local function count_all(party)
  local is_new = false
  local each = party
  while each do
    if each.id and not each.is_counted then -- one without an id only sleeps
      local host = each.host
      each.place = host.place and host.place() or host
      present[each.id] = each
      each.is_counted = true
      count(each)
      is_new = is_new or each ~= party
    end
    each = each.follows
  end
  return is_new
end

local function uncount_all(party)
  local each = party
  while each do
    if each.is_counted then
      each.is_counted = false
      count(each, -1)
    end
    each = each.follows
  end
end

-- Wake the parties whose calls completed, of a client that was just pumped or looked at.
local function wake_ready(client)
  local id = core_ready(client)
  while id do
    local party = present[id]
    if party then
      party.host.wake(party)
    end
    id = core_ready(client)
  end
end

-- Count the party while it waits. Parties that it follows and that were not counted may have missed the notifier: pump
-- their clients now.
local function enter(party)
  if count_all(party) then
    local each = party.follows
    while each do
      if each.id then
        core_pump(each.client)
        wake_ready(each.client)
      end
      each = each.follows
    end
  end
  party.host.listen(notifier, party.place)
end

-- Those that it follows wait on, and may be woken; they do not count.
local function leave(party)
  uncount_all(party)
  present[party.id] = nil
  party.host.left(party)
end

-- Return how many parties wait at a place; nil: at the only one.
function notifier.out(place)
  if place ~= nil then
    return waiting[place] or 0
  end
  local _, n = next(waiting)
  return n or 0
end

-- Answer the notifier. What completed is collected first: a host may resume a party within its wake, and that one may
-- start calls.
function notifier.answer()
  core.notifier_answered()
  local woken, n = {}, 0
  for client in pairs(busy) do
    core_pump(client)
    local id = core_ready(client)
    while id do
      n = n + 1
      woken[n] = present[id]
      id = core_ready(client)
    end
  end
  for i = 1, n do
    local party = woken[i]
    if party then
      party.host.wake(party)
    end
  end
end

-- Have all who wait look again, and decide anew how long they wait: the host does not hear the notifier any more.
function notifier.wake()
  local all = {}
  for _, party in pairs(present) do
    all[#all + 1] = party
  end
  for i = 1, #all do
    all[i].host.wake(all[i])
  end
end

-- Count anew: who ended without a word counts no more, and its calls are cancelled. That is a coroutine that its
-- program closed or nginx killed; one that was collected has taken its party with it.
function notifier.tidy()
  local gone = {}
  for _, party in pairs(present) do
    gone[party] = party.is_counted and party.host.gone(party) or nil
  end
  for party, why in pairs(gone) do
    uncount_all(party)
    present[party.id] = nil
    if why == "ended" then
      core_cancel(party.group)
    end
    party.host.left(party)
  end
  busy, waiting = {}, setmetatable({}, { __mode = "k" }) -- collected ones went without a word
  for _, party in pairs(present) do
    if party.is_counted then
      count(party)
    end
  end
end

-- ---- iterators that call ----

local SCRIPT = {} -- stands for the main coroutine
local pulling = setmetatable({}, { __mode = "k" }) -- coroutine → the party whose iterator runs in it

-- The program's iterator runs in the present coroutine for this party, until parties.pulled.
function parties.pull(party)
  pulling[running() or SCRIPT] = party
  party.nested, party.follows = nil, nil
end

-- A call over a transport of the program's own begins: notes in whose iterator it is, if that is a coroutine of its own.
-- Return whether there is one.
local function enter_nested()
  local here, is_main = running()
  local found = false
  if here == nil or is_main then
    return found
  end
  for co, party in pairs(pulling) do
    if co ~= here and (co == SCRIPT or status(co) == "normal") then
      party.nested = here
      found = true
    end
  end
  return found
end

local function leave_nested()
  local here = running()
  for _, party in pairs(pulling) do
    if party.nested == here then
      party.nested = nil
    end
  end
end

-- The iterator gave this value. Return whether it has none yet: it is a coroutine that waits for a call of its own, which
-- a host can tell. A transport of the program's own cannot: it yielded to us instead of the event loop. That raises.
function parties.pulled(party, value)
  local host = party.host
  pulling[running() or SCRIPT] = nil
  local other = host and host.waiting_in and host.waiting_in(value)
  if other then
    party.follows = other
    host.follow(other, party)
    if party.is_closed then -- meanwhile: nobody will resume the generator
      leave(party)
    end
    return true
  elseif party.nested and type(value) ~= "table" then
    error("the iterator of a batch waits for a call of its own, and its yield came to the batch instead of the event loop: "
      .. "make that call outside the iterator", 0)
  end
  return false
end

-- ---- parties ----

local notifier_kind

-- The notifier's kind must be known before the first call rings it.
local function ensure_notifier(host)
  if notifier_kind ~= host.kind then
    local made, why = core.notifier(host.kind)
    if not made then
      return nil, why
    end
    notifier_kind = host.kind
  end
  return true
end

-- Make a party with a group on the client's engine. It counts while it waits: what else of it is in flight completes
-- without it, and is found when it looks again. Returns party | nil, err.
function parties.join(host, client)
  local ok, why = ensure_notifier(host)
  if not ok then
    return nil, errors.new { kind = "network", retryable = true, message = why }
  elseif host.probe then
    host.probe()
  end
  local id = last_id + 1
  last_id = id
  local group, concurrency = core_group(client, id, true)
  if group == nil then
    return nil, concurrency
  end
  return { id = id, client = client, group = group, host = host, concurrency = concurrency }
end

local TWO_WAIT = "another coroutine is waiting for this batch or list; give each coroutine its own"

-- Return whether co waits and is not the present coroutine. nginx calls one that it will resume itself "running".
local function waits(co)
  local now = status(co)
  return co ~= running() and (now == "suspended" or now == "running")
end

-- Raise where another coroutine waits for the party.
local function check_alone(party)
  local waiter, host = party.waiter, party.host
  if waiter == nil or waiter == running() then
    return
  elseif host and party.is_counted and host.gone(party) == nil or not host and waits(waiter) then
    error(TWO_WAIT, 0)
  end
end

-- The same, also where the other one waits in the party's iterator.
function parties.check_alone(party)
  check_alone(party)
  for co, at in pairs(pulling) do
    if at == party and co ~= SCRIPT and waits(co) then
      error(TWO_WAIT, 0)
    end
  end
end

-- Wait for a call of the party's own group; returns as core.look does when one completed, nothing at the time `late`
-- (nil: there is none) or when a generator that it follows can go on. A call in flight must be looked at again when its
-- party is woken, and after `seconds` at the latest.
local function wait(party, late, seconds)
  local host, client, group = party.host, party.client, party.group
  check_alone(party)
  party.waiter = running()
  while true do
    local left = late and late - host.now()
    if party.poked or left and left <= 0 then
      party.poked = nil
      leave(party)
      return nil
    end
    enter(party)
    host.wait(party, left and min(seconds or left, left) or seconds)
    local slot, response, err, elapsed = core_look(group)
    wake_ready(client)
    if slot ~= nil then
      leave(party)
      return slot, response, err, elapsed
    end
    seconds = response
  end
end

local function await(party, late)
  local slot, response, err, elapsed = core_look(party.group)
  wake_ready(party.client)
  if slot ~= nil then
    if party.follows then -- those count since they began to wait
      leave(party)
    end
    return slot, response, err, elapsed
  end
  return wait(party, late, response)
end

-- ---- over a transport of the program's own ----

-- Over a transport of the program's own, which sends in the caller's coroutine. Whatever `send` raises
-- is raised here (it may have to yield, and on Lua 5.1 nothing that yields can be guarded): nobody knows whether it had
-- sent, which is what core.request has its call told when the party takes again.
local function carry_on(party, seconds)
  local transport, group = party.transport, party.group
  local pause = PAUSE_S
  local late = seconds and transport.now() + seconds
  while true do
    local slot, response, err, elapsed = core_look(group)
    if slot ~= nil then
      return slot, response, err, elapsed
    elseif late and transport.now() >= late or not late and core_left(group) == 0 then
      return nil
    end
    local request, number = core_request(group)
    if request then
      local answer, why = transport.send(request)
      core_answer(group, number, answer, why ~= nil and tostring(why) or nil)
      pause = PAUSE_S
    else
      local left = late and max(late - transport.now(), 0) or pause
      transport.sleep(min(response or pause, pause, left))
      pause = min(pause * 2, LONGEST_PAUSE_S)
    end
  end
end

local function carry(party, seconds)
  check_alone(party)
  party.waiter = running()
  local is_nested = next(pulling) ~= nil and enter_nested()
  local slot, response, err, elapsed = carry_on(party, seconds)
  party.waiter = nil
  if is_nested then
    leave_nested()
  end
  return slot, response, err, elapsed
end

-- As join, for a transport of the program's own.
function parties.join_own(transport, client)
  local group, err = core_group(client, 0, "own")
  return group and { group = group, transport = transport, concurrency = 1 }, err
end

-- Make one call of a party, and wait for it with `take`.
local function call_of(take, party, is_post, path, params, opts, endpoint)
  local ok, response, _
  local err
  ok, err = core_start(party.group, 1, is_post, path, params, opts, endpoint)
  if ok then
    _, response, err = take(party)
  end
  if err ~= nil then
    return nil, err
  end
  return response
end

-- As core.call: over the transport, or if that is nil in the host.
function parties.call(transport, host, client, is_post, path, params, opts, endpoint)
  local party, err
  if transport then
    party, err = parties.join_own(transport, client)
  else
    party, err = parties.join(host, client)
  end
  if party == nil then
    return nil, core_unstarted(client, err, is_post and "POST" or "GET", path, endpoint)
  end
  return call_of(transport and carry or await, party, is_post, path, params, opts, endpoint)
end

-- As async.take, of a party with a transport or a host.
function parties.take(party, seconds)
  if party.transport then
    return carry(party, seconds)
  elseif seconds then
    return await(party, party.host.now() + seconds)
  end
  return await(party)
end

-- End a party: cancel what is in flight, and wake the coroutine that waits for it, which then finds nothing left. Return the
-- slots of the calls that may have been executed.
function parties.close(party)
  local left = core_cancel(party.group)
  party.is_closed = true
  if party.is_counted then
    party.host.wake(party)
  end
  return left
end

-- ---- the token alone ----

-- Nobody is woken for it: it is looked at, since it comes seldom.
function parties.token(host, client, opts, is_refresh)
  local ask, seconds = core.ask(client, opts, is_refresh)
  if ask == nil then
    return nil, seconds
  end
  local late = host.now() + seconds
  local pause = PAUSE_S
  while true do
    local token, err, source = core.asked(ask, host.now() >= late)
    if token or err then
      return token, err, source
    end
    host.sleep(min(pause, max(late - host.now(), 0)))
    pause = min(pause * 2, LONGEST_PAUSE_S)
  end
end

return parties
