-- nginx with ngx_lua (OpenResty): a call waits on a semaphore of its own; one light thread a worker
-- reads the notifier's cosocket. It runs in a zero-delay timer, which needs no directive, and lives only
-- while calls are out: a timer that reads would keep an old worker alive after a reload.

local core = require "itrigger.core"
local has_semaphore, semaphore = pcall(require, "ngx.semaphore")

local ngx = rawget(_G, "ngx")
local get_phase, now, sleep = ngx.get_phase, ngx.now, ngx.sleep

-- A look each 0.2 s tells whether calls are still out. The reader stays for one look after the last:
-- calls one after another need no new timer and connection each.
local LOOK_S, TIDY_S = 0.2, 1
local CONNECT_MS, READ_MS = 2000, 3600000 -- a read that times out is written to nginx's error log
-- While the reader is not there (it starts with the next turn of the loop, and nginx may be out of
-- timers), calls look for themselves.
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

local NO_SEMAPHORE = "nginx has no ngx.semaphore, which a call waits on: install lua-resty-core"

function nginx.here()
  if not has_semaphore then
    return nil, NO_SEMAPHORE
  end
  local phase = get_phase()
  if CAN_WAIT[phase] then
    return true
  end
  return nil, CANNOT:format(phase, WAY_OUT[phase] or "ngx.timer.at(0, function() ... end)")
end

-- ---- the reader ----

local reader -- nil; "starting"; "reading"
local started_at

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

-- A light thread. Returns when it is over (nil), or cannot go on (err).
local function read(state)
  local notifier = state.notifier
  while true do
    local bytes, err = state.socket:receiveany(64)
    if state.over then
      return nil
    elseif bytes then
      notifier.answer()
    elseif err ~= "timeout" then
      return err
    end
  end
end

-- Until nothing is out, and was not at the look before; or the reader gave up.
local function look_after(state)
  local notifier, idle, tidy_at = state.notifier, false, now() + TIDY_S
  while not state.err do
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

local function read_and_tell(state)
  state.err = read(state)
end

-- In a timer; also a premature one, when the worker ends with calls out.
local function run(_, notifier)
  local socket, err = connect()
  if socket then
    local state = { socket = socket, notifier = notifier }
    local thread = ngx.thread.spawn(read_and_tell, state)
    reader = "reading"
    look_after(state)
    reader = nil
    state.over = true
    core.notify() -- ends the read
    ngx.thread.wait(thread)
    socket:close()
    err = state.err
  else
    reader = nil
  end
  if err then
    report("the notifier cannot be heard", err)
    notifier.wake()
  end
end

function nginx.listen(notifier)
  if reader == "reading" or reader == "starting" and now() < started_at + START_S then
    return
  end
  reader, started_at = "starting", now()
  local ok, err = ngx.timer.at(0, run, notifier)
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
  local limit = reader == "reading" and LONG_S or PAUSE_S
  local notifier = party.notifier
  if notifier == nil then
    notifier = take()
    party.notifier = notifier
  end
  if seconds == nil or seconds > limit then
    seconds = limit
  end
  notifier:wait(seconds)
end

-- Of a party that does not wait the semaphore remembers it.
function nginx.wake(party)
  if party.notifier then
    party.notifier:post(1)
  end
end

-- One that was posted while nobody waited is not used again.
function nginx.left(party)
  local notifier = party.notifier
  party.notifier = nil
  if notifier and n_spare < SPARE_MAX and notifier:count() == 0 then
    n_spare = n_spare + 1
    spare[n_spare] = notifier
  end
end

return nginx
