-- Where a call waits (docs/design.md 6): in a script it blocks; in the coroutine of an event loop only that coroutine
-- waits; with a transport of the program's own, that one sends. One driver for all hosts; a host is one small file in
-- itrigger/host:
--
--   kind                   "socket" or "fd": how its loop hears the notifier, see core.notifier
--   here(always)           may the present coroutine wait? true | false: block as in a script | nil, message: neither.
--                          always: the program said that it runs in this host
--   probe()                optional: raise where the coroutine cannot yield though `here` could not know
--   place()                optional: of what in the host the present coroutine is; parties are counted by it
--   wait(party, seconds)   the present coroutine waits until wake(party), for so long at most (nil:
--                          without a time); may return early
--   wake(party)            from any coroutine, also of a party that does not wait now
--   gone(party)            of a party that entered: why it will not look again: "ended" with its coroutine, "away";
--                          nil: it will
--   left(party)            the party waits no more
--   listen(notifier, place)    a party is about to wait: from now on call notifier.answer() whenever the notifier
--                          rings, and notifier.tidy() about each second, as long as notifier.out(place) > 0
--   waiting_in(value)      optional: the party that waits in the generator which gave this value, or nil
--   follow(party, other)   with it: `other` is woken in place of the party, and resumes its generator
--   sleep(seconds)         the present coroutine does something else so long
--   now()                  seconds, of any clock that only goes forward
--
-- A party is a coroutine that waits for calls of its own: a table, in which a host may keep what it
-- needs under names of its own.

local core = require "itrigger.core"
local errors = require "itrigger.errors"
local later = require "itrigger.later"

local pairs, rawget, setmetatable, type = pairs, rawget, setmetatable, type
local loaded = package.loaded
local core_call, core_cancel, core_group = core.call, core.cancel, core.group
local core_take, core_token = core.take, core.token

local async = {}

-- ---- where are we? ----

-- nginx is there before any Lua is; the others when the program has loaded them.
local ngx = rawget(_G, "ngx")
local nginx = type(ngx) == "table" and ngx.get_phase and require "itrigger.host.nginx"
local hosts = {} -- library → its host; false: a module of this name that is another one

-- A module called "uv" or "cqueues" may be the program's own.
local MUST_HAVE = {
  luv = { "hrtime", "new_poll", "new_timer", "run" },
  cqueues = { "monotime", "poll", "running", "sleep" },
}

local function host_of(name, library)
  local host = hosts[library]
  if host == nil then
    host = type(library) == "table"
    for _, field in pairs(MUST_HAVE[name]) do
      host = host and library[field] ~= nil
    end
    host = host and later["host." .. name](library)
    hosts[library] = host
  end
  return host
end

-- What the program chose for a client, where it is not "auto": "blocking", a host, or an own transport
-- { send =, sleep =, now = }.
local chosen = setmetatable({}, { __mode = "k" })

-- The host whose coroutine this is; false: none, block; nil, message: here nobody can wait.
local function host_here(client)
  local choice = chosen[client]
  if choice == "blocking" then
    return false
  elseif choice then
    local here, message = choice.here(true)
    return here and choice, message
  elseif nginx then
    local here, message = nginx.here()
    return here and nginx, message
  end
  local host = loaded.luv and host_of("luv", loaded.luv) or loaded.uv and host_of("luv", loaded.uv)
  if host and host.here() then
    return host
  end
  host = loaded.cqueues and host_of("cqueues", loaded.cqueues)
  if not host then
    return false
  end
  local here, message = host.here()
  return here and host, message
end

-- A word of the option transport. Returns what is to be chosen | nil, what is missing.
local function named(word)
  if word == "blocking" then
    return word
  elseif word == "nginx" then
    return nginx or nil, "this is not nginx with ngx_lua"
  end
  local found, library = pcall(require, word)
  if word == "luv" and not found and loaded.uv then
    library = loaded.uv
  end
  return type(library) == "table" and host_of(word, library) or nil, ('the module "%s" cannot be loaded'):format(word)
end

-- May a token that is in memory be given without asking where we are? Not in nginx, which has phases that cannot wait: what
-- works there only until the token is due would be a trap.
async.is_anywhere = not nginx

-- Have the client's calls carried by what the option says, checked: a word, or an own transport. Returns true |
-- nil, what is missing.
function async.use(client, transport)
  if transport == "auto" then
    return true
  elseif type(transport) == "table" then
    chosen[client] = { send = transport.send, sleep = transport.sleep, now = core.now }
    return true
  end
  local choice, missing = named(transport)
  if not choice then
    return nil, missing
  end
  chosen[client] = choice
  return true
end

local function own_transport(client)
  local choice = chosen[client]
  return type(choice) == "table" and choice.send and choice
end

-- ---- a call ----

local function nowhere(message, method, path)
  return errors.new {
    kind = "usage",
    retryable = false,
    message = message,
    method = method,
    path = path,
  }
end

-- As core.call, wherever it is made.
function async.call(client, is_post, path, params, opts, endpoint)
  if chosen[client] == nil and not (nginx or loaded.luv or loaded.uv or loaded.cqueues) then
    return core_call(client, is_post, path, params, opts, endpoint) -- the usual case pays for no more
  end
  local transport, host, message = own_transport(client), nil, nil
  if not transport then
    host, message = host_here(client)
  end
  if transport or host then
    return later.parties.call(transport, host, client, is_post, path, params, opts, endpoint)
  elseif not message then
    return core_call(client, is_post, path, params, opts, endpoint)
  end
  local method = is_post and "POST" or "GET"
  return nil, core.unstarted(client, nowhere(message, method, path), method, path, endpoint)
end

-- ---- many calls ----

-- Open a party for many calls, wherever that is; with a `group` for core.start. Returns party | nil, err.
function async.open(client)
  local transport = own_transport(client)
  if transport then
    return later.parties.join_own(transport, client)
  end
  local host, message = host_here(client)
  if message then
    return nil, nowhere(message)
  elseif host then
    return later.parties.join(host, client)
  end
  local group, concurrency = core_group(client, 0)
  if group == nil then
    return nil, concurrency
  end
  return { group = group, concurrency = concurrency }
end

-- Wait until one of its calls completes; returns as core.take does. Nothing after `seconds` (nil: no such time, and at least
-- one call must be in flight), or when a generator that it follows can go on.
function async.take(party, seconds)
  if party.transport or party.host then
    return later.parties.take(party, seconds)
  end
  return core_take(party.group, seconds)
end

-- Raise where another coroutine waits for it, or in its iterator.
function async.check_alone(party)
  if party.transport or party.host then
    later.parties.check_alone(party)
  end
end

-- Cancel what is in flight of it. Return the slots of the calls that may have been executed.
function async.close(party)
  if party.host then
    return later.parties.close(party)
  end
  return core_cancel(party.group)
end

-- The program's iterator runs in the present coroutine for this party, until async.pulled.
function async.pull(party)
  if party.transport or party.host then
    later.parties.pull(party)
  end
end

-- The iterator gave this value. Return whether it has none yet: it is a coroutine that waits for a call of its own.
function async.pulled(party, value)
  return (party.transport or party.host) and later.parties.pulled(party, value) or false
end

-- ---- the token alone ----

-- As core.token, wherever it is called.
function async.token(client, opts, is_refresh)
  if chosen[client] == nil and not (nginx or loaded.luv or loaded.uv or loaded.cqueues) then
    return core_token(client, opts, is_refresh)
  end
  local transport = own_transport(client)
  if transport then
    return later.parties.token(transport, client, opts, is_refresh)
  end
  local host, message = host_here(client)
  if host then
    return later.parties.token(host, client, opts, is_refresh)
  elseif message then
    return nil, nowhere(message)
  end
  return core_token(client, opts, is_refresh)
end

return async
