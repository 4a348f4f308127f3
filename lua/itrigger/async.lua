-- How a call is carried out where it is made (docs/design.md 6): in a script it blocks; in the
-- coroutine of an event loop only that coroutine waits; with a transport of the program's own, that
-- one sends. One driver for all hosts; a host is one small file in itrigger/host:
--
--   kind                   "socket" or "fd": how its loop hears the notifier, see core.notifier
--   here()                 may the present coroutine wait? true | false: block as in a script |
--                          nil, message: neither
--   wait(party, seconds)   the present coroutine waits until wake(party), for so long at most (nil:
--                          without a time); may return early
--   wake(party)            from any coroutine, also of a party that does not wait now
--   left(party)            the party waits no more
--   listen(notifier)           a party is about to wait: from now on call notifier.answer() whenever the notifier
--                          rings, and notifier.tidy() about each second, as long as notifier.out() > 0
--   sleep(seconds)         the present coroutine does something else so long
--   now()                  seconds, of any clock that only goes forward
--
-- A party is a coroutine that waits for calls of its own: a table, in which a host may keep what it
-- needs under names of its own.

local core = require "itrigger.core"
local errors = require "itrigger.errors"

local pairs, rawget, setmetatable, tostring, type = pairs, rawget, setmetatable, tostring, type
local max, min = math.max, math.min
local loaded = package.loaded
local core_call, core_token = core.call, core.token
local core_group, core_start, core_look, core_take = core.group, core.start, core.look, core.take
local core_pump, core_ready = core.pump, core.ready
local core_request, core_answer = core.request, core.answer

local async = {}

-- Pauses where nothing tells that the answer is there: short at first, then longer.
local PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.05

-- ---- where are we? ----

-- nginx is there before any Lua is; the others when the program has loaded them.
local ngx = rawget(_G, "ngx")
local nginx = type(ngx) == "table" and ngx.get_phase and require "itrigger.host.nginx"
local hosts = {}

local function other_host(name, library)
  local host = hosts[name]
  if host == nil then
    host = require("itrigger.host." .. name)(library)
    hosts[name] = host
  end
  return host.here() and host
end

-- The host whose coroutine this is; false: none, block; nil, message: here nobody can wait.
local function host_here()
  if nginx then
    local here, message = nginx.here()
    return here and nginx, message
  end
  local luv = loaded.luv or loaded.uv
  if luv then
    local host = other_host("luv", luv)
    if host then
      return host
    end
  end
  local cqueues = loaded.cqueues
  return cqueues and other_host("cqueues", cqueues) or false
end

-- ---- transports of the program's own ----

-- Client → { send, sleep, now }.
local own = setmetatable({}, { __mode = "k" })

-- transport: the option, checked.
function async.use(client, transport)
  own[client] = { send = transport.send, sleep = transport.sleep, now = core.now }
end

-- ---- who waits ----

local last_id = 0
local parties = setmetatable({}, { __mode = "v" }) -- id → party; a dead coroutine's goes by itself
local busy = {} -- client → how many of its parties wait
local waiting = 0 -- all of them

local notifier = {}

local function enter(party)
  local client = party.client
  parties[party.id] = party
  busy[client] = (busy[client] or 0) + 1
  waiting = waiting + 1
  party.host.listen(notifier)
end

local function leave(party)
  local client = party.client
  parties[party.id] = nil
  waiting = waiting - 1
  local n = busy[client] - 1
  busy[client] = n > 0 and n or nil
  party.host.left(party)
end

-- Wakes whose calls are over, of a client that was just pumped or looked at.
local function wake_ready(client)
  local id = core_ready(client)
  while id do
    local party = parties[id]
    if party then
      party.host.wake(party)
    end
    id = core_ready(client)
  end
end

function notifier.out()
  return waiting
end

-- The loop's answer to the notifier. What is over is collected first: a host may resume a party within
-- its wake, and that one may start calls.
function notifier.answer()
  core.notifier_answered()
  local woken, n = {}, 0
  for client in pairs(busy) do
    core_pump(client)
    local id = core_ready(client)
    while id do
      n = n + 1
      woken[n] = parties[id]
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

-- Has all who wait look again, and say anew how long they wait: the host does not hear the notifier any more.
function notifier.wake()
  local all = {}
  for _, party in pairs(parties) do
    all[#all + 1] = party
  end
  for i = 1, #all do
    all[i].host.wake(all[i])
  end
end

-- A party whose coroutine ended without a word (nginx kills those of a client that went away) is gone
-- from `parties` as soon as it is collected, and its calls are cancelled with its group: counts who is
-- left.
function notifier.tidy()
  local n, counts = 0, {}
  for _, party in pairs(parties) do
    n = n + 1
    counts[party.client] = (counts[party.client] or 0) + 1
  end
  waiting, busy = n, counts
end

-- ---- parties ----

local notifier_kind

-- The notifier's kind must be known before the first call rings it.
local function ready(host)
  if notifier_kind ~= host.kind then
    local made, why = core.notifier(host.kind)
    if not made then
      return nil, why
    end
    notifier_kind = host.kind
  end
  return true
end

-- A party with a group on the client's engine. It counts while it waits: what else is out of it ends
-- without it, and is found when it looks again. Returns party | nil, err.
local function join(host, client)
  local ok, why = ready(host)
  if not ok then
    return nil, errors.new { kind = "network", retryable = true, message = why }
  end
  local id = last_id + 1
  last_id = id
  local group, concurrency = core_group(client, id, true)
  if group == nil then
    return nil, concurrency
  end
  return { id = id, client = client, group = group, host = host, concurrency = concurrency }
end

-- Waits for a call of the party's own group; returns as core.look does when one is over, nothing at
-- the time `late` (nil: there is none). A call that is not over wants another look when its party is
-- woken, and after `seconds` at the latest.
local function wait(party, late, seconds)
  local host, client, group = party.host, party.client, party.group
  enter(party)
  while true do
    local left = late and late - host.now()
    if left and left <= 0 then
      leave(party)
      return nil
    end
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
    return slot, response, err, elapsed
  end
  return wait(party, late, response)
end

-- ---- a call ----

local function nowhere(message, method, path)
  return nil, errors.new {
    kind = "usage",
    retryable = false,
    message = message,
    method = method,
    path = path,
  }
end

local function call_on(host, client, is_post, path, params, opts)
  local party, err = join(host, client)
  if party == nil then
    return nil, err
  end
  local ok, response, _
  ok, err = core_start(party.group, 1, is_post, path, params, opts)
  if ok then
    _, response, err = await(party)
  end
  if err ~= nil then
    return nil, err
  end
  return response
end

-- Over a transport of the program's own, which sends in the caller's coroutine. Whatever `send` raises
-- is raised here (it may have to yield, and on Lua 5.1 nothing that yields can be guarded); the call
-- goes with its group.
local function carry(transport, group, seconds)
  local pause = PAUSE_S
  local late = seconds and transport.now() + seconds
  while true do
    local slot, response, err, elapsed = core_look(group)
    if slot ~= nil then
      return slot, response, err, elapsed
    elseif late and transport.now() >= late then
      return nil
    end
    local request = core_request(group)
    if request then
      local answer, why = transport.send(request)
      core_answer(group, answer, why ~= nil and tostring(why) or nil)
      pause = PAUSE_S
    else
      transport.sleep(response and min(response, pause) or pause)
      pause = min(pause * 2, LONGEST_PAUSE_S)
    end
  end
end

local function call_over(transport, client, is_post, path, params, opts)
  local group, err = core_group(client, 0, "own")
  if group == nil then
    return nil, err
  end
  local ok, response, _
  ok, err = core_start(group, 1, is_post, path, params, opts)
  if ok then
    _, response, err = carry(transport, group)
  end
  if err ~= nil then
    return nil, err
  end
  return response
end

-- As core.call, wherever it is made.
function async.call(client, is_post, path, params, opts)
  local transport = own[client]
  if transport then
    return call_over(transport, client, is_post, path, params, opts)
  elseif not (nginx or loaded.luv or loaded.uv or loaded.cqueues) then -- the usual case pays for no more
    return core_call(client, is_post, path, params, opts)
  end
  local host, message = host_here()
  if host then
    return call_on(host, client, is_post, path, params, opts)
  elseif message then
    return nowhere(message, is_post and "POST" or "GET", path)
  end
  return core_call(client, is_post, path, params, opts)
end

-- ---- many calls ----

-- A party for many calls, wherever it is opened; with a `group` for core.start. Returns party |
-- nil, err.
function async.open(client)
  local group, err, host, message, party
  if own[client] then
    group, err = core_group(client, 0, "own")
    return group and { group = group, transport = own[client], concurrency = 1 }, err
  end
  host, message = host_here()
  if message then
    return nowhere(message)
  elseif host then
    party, err = join(host, client)
    return party, err
  end
  group, err = core_group(client, 0)
  return group and { group = group, concurrency = err }, not group and err or nil
end

-- Waits until one of its calls is over and returns as core.take does; nothing after `seconds` (nil: no
-- such time, and at least one call must be out).
function async.take(party, seconds)
  if party.transport then
    return carry(party.transport, party.group, seconds)
  elseif not party.host then
    return core_take(party.group, seconds)
  elseif seconds then
    return await(party, party.host.now() + seconds)
  end
  return await(party)
end

-- ---- the token alone ----

-- Nobody is woken for it: it is looked at, since it comes seldom.
local function token_on(host, client, opts, is_refresh)
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

-- As core.token, wherever it is called.
function async.token(client, opts, is_refresh)
  if own[client] then
    return token_on(own[client], client, opts, is_refresh)
  elseif not (nginx or loaded.luv or loaded.uv or loaded.cqueues) then
    return core_token(client, opts, is_refresh)
  end
  local host, message = host_here()
  if host then
    return token_on(host, client, opts, is_refresh)
  elseif message then
    return nowhere(message)
  end
  return core_token(client, opts, is_refresh)
end

return async
