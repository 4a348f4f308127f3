-- nginx with ngx_lua (OpenResty): a call waits on a semaphore of its own; one light thread a worker reads the notifier's
-- cosocket. It runs in a zero-delay timer, which needs no directive, and lives only while calls are in flight: a timer
-- that reads would keep an old worker alive after a reload.

local core = require "itrigger.core"
local yieldable = require("itrigger.later").yieldable
local has_semaphore, semaphore = pcall(require, "ngx.semaphore")

local ngx = rawget(_G, "ngx")
local get_phase, now, sleep = ngx.get_phase, ngx.now, ngx.sleep

-- A look each 0.2 s tells whether calls are still in flight. The reader stays for one look after the last:
-- calls one after another need no new timer and connection each.
local LOOK_S, TIDY_S = 0.2, 1
local CONNECT_MS, READ_MS = 2000, 3600000 -- a read that times out is written to nginx's error log
-- While the reader is not there (it starts with the next turn of the loop, and nginx may have no timer
-- left), calls look for themselves.
local PAUSE_S, LONG_S = 0.05, 3600
-- A reader that has not come after this will not.
local START_S = 2

local nginx = { now = now, sleep = sleep }

-- ---- where ----

local CAN_WAIT = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  timer = true,
  preread = true,
  ssl_cert = true,
  ssl_client_hello = true,
  ssl_session_fetch = true,
}

local CANNOT = "nginx cannot wait in its %s phase: make the call in the rewrite, access or content "
  .. "phase, or in a timer: %s"
local WAY_OUT = {
  init = "in init_worker_by_lua, ngx.timer.at(0, function() ... end)",
  exit_worker = "there is none when a worker ends",
}

local IN_C = "nginx cannot wait here: the call is made within a function that C called, as string.gsub, table.sort and "
  .. "require do, and that can only go on to its end; make the call before or after it"
local NO_SEMAPHORE = "nginx has no ngx.semaphore, which a call waits on: install lua-resty-core"

function nginx.here()
  if not has_semaphore then
    return nil, NO_SEMAPHORE
  end
  local phase = get_phase()
  if CAN_WAIT[phase] then
    if yieldable.here() then
      return true
    end
    return nil, IN_C
  end
  return nil, CANNOT:format(phase, WAY_OUT[phase] or "ngx.timer.at(0, function() ... end)")
end

-- ---- the reader ----

local reader -- the one there is: { notifier =, started_at =, is_reading =, over =, err = }; nil: none

local function report(what, err)
  ngx.log(ngx.ERR, "itrigger: ", what, ": ", err, "; calls look for their answers themselves")
end

-- Returns the connected cosocket | nil, err.
local function connect()
  local path, err = core.notifier(nginx.kind)
  if not path then
    return nil, err
  end
  local socket = ngx.socket.tcp()
  socket:settimeouts(CONNECT_MS, CONNECT_MS, READ_MS)
  local ok
  ok, err = socket:connect("unix:" .. path)
  if not ok then
    return nil, err
  end
  ok, err = core.notifier_accept()
  if not ok then
    socket:close()
    return nil, err
  end
  return socket
end

-- Return when the reader is done, or cannot go on: then me.err says why.
local function read_on(me)
  while true do
    local bytes, err = me.socket:receiveany(64)
    if me.over then
      return
    elseif bytes then
      me.notifier.answer()
    elseif err ~= "timeout" then
      me.err = err
      return
    end
  end
end

-- A light thread. What raises (there may be no memory) must not go unnoticed: everybody waits for this one.
local function read(me)
  local ok, err = pcall(read_on, me)
  if not ok then
    me.err = err
  end
end

-- Until nothing is in flight, and was not at the look before; or the reader gave up.
local function look_after(me)
  local notifier, idle, tidy_at = me.notifier, false, now() + TIDY_S
  while not me.err do
    sleep(LOOK_S)
    if now() >= tidy_at then
      if ngx.worker.exiting() then
        collectgarbage() -- nothing else might, and killed calls would hold the worker
      end
      notifier.tidy()
      tidy_at = now() + TIDY_S
    end
    if notifier.out() > 0 then
      idle = false
    elseif idle or ngx.worker.exiting() then
      return
    else
      idle = true
    end
  end
end

-- In a timer; also a premature one, when the worker ends with calls in flight. One that comes late, after the loop was
-- blocked, may have been replaced: there is one reader, for there is one connection.
local function run(_, me)
  if reader ~= me then
    return
  end
  me.started_at = now()
  local err, raised, _
  me.socket, err = connect()
  if me.socket then
    local thread = ngx.thread.spawn(read, me)
    me.is_reading = true
    _, raised = pcall(look_after, me)
    if reader == me then
      reader = nil
    end
    me.over = true
    core.notify() -- ends the read
    ngx.thread.wait(thread)
    me.socket:close()
    err = raised or me.err
  elseif reader == me then
    reader = nil
  end
  if raised or err and (reader == nil or reader == me) then
    report("the notifier cannot be heard", err)
    me.notifier.wake()
  end
end

function nginx.listen(notifier)
  if reader and (reader.is_reading or now() < reader.started_at + START_S) then
    return
  end
  reader = { notifier = notifier, started_at = now() }
  local ok, err = ngx.timer.at(0, run, reader)
  if not ok then
    reader = nil
    report("no timer", err)
  end
end

-- ---- waiting ----

nginx.kind = "socket"

-- Semaphores that nobody waits on.
local spare, n_spare, SPARE_MAX = {}, 0, 256

local function take()
  if n_spare == 0 then
    return assert(semaphore.new(0))
  end
  local one = spare[n_spare]
  spare[n_spare] = nil
  n_spare = n_spare - 1
  return one
end

function nginx.wait(party, seconds)
  local limit = reader and reader.is_reading and LONG_S or PAUSE_S
  local own = party.semaphore
  if own == nil then
    own = take()
    party.semaphore = own
  end
  if seconds == nil or seconds > limit then
    seconds = limit
  end
  party.is_waiting, party.is_woken = true, false
  own:wait(seconds)
  party.is_waiting = false
end

-- Of a party that does not wait the semaphore remembers it.
function nginx.wake(party)
  party.is_woken = true
  if party.semaphore then
    party.semaphore:post(1)
  end
end

-- A light thread that nginx killed does not wait on its semaphore any more, though nobody woke it.
function nginx.gone(party)
  return party.is_waiting and not party.is_woken and party.semaphore:count() >= 0 and "ended" or nil
end

-- One that was posted while nobody waited is not used again.
function nginx.left(party)
  local own = party.semaphore
  party.semaphore = nil
  if own and n_spare < SPARE_MAX and own:count() == 0 then
    n_spare = n_spare + 1
    spare[n_spare] = own
  end
end

return nginx
