-- luv: libuv's loop. A call waits in any coroutine but the main one while the loop runs; before
-- uv.run and in a callback of the loop itself there is nothing that could be yielded to, so it blocks.
-- A handle is active only while calls are out, so none keeps the loop alive.

local core = require "itrigger.core"

local LOOK_MS = 1000

local ceil = math.ceil
local running, resume, yield = coroutine.running, coroutine.resume, coroutine.yield
local is_yieldable = coroutine.isyieldable or running -- Lua 5.1, 5.2: cannot tell

-- uv: the library, as the program has loaded it.
return function(uv)
  local luv = { kind = "fd" }

  function luv.now()
    return uv.hrtime() / 1e9
  end

  function luv.here()
    local co, is_main = running()
    if co == nil or is_main or not is_yieldable() then
      return false
    end
    return uv.loop_mode ~= nil and uv.loop_mode() ~= nil -- an old luv cannot tell
  end

  -- ---- waiting ----

  -- An error of the program's coroutine reaches the loop as one of a callback does, from a turn of
  -- its own, so that it stops nobody else. As text: luv shows no other.
  local function fail(co, err)
    local timer = uv.new_timer()
    local message = debug.traceback(co, tostring(err))
    timer:start(0, 0, function()
      timer:close()
      error(message, 0)
    end)
  end

  -- In a turn of the loop: nobody else's coroutine is running then.
  local function go_on(party)
    local co = party.waiting
    if co then
      party.waiting = nil
      local ok, err = resume(co)
      if not ok then
        fail(co, err)
      end
    end
  end

  -- Whoever waits is held here; nothing else of the loop knows of it until a call of its is over.
  local held = {} -- luacheck: ignore 241

  local function timer_of(party)
    if not party.timer then
      party.timer = uv.new_timer()
    end
    return party.timer
  end

  function luv.wait(party, seconds)
    if party.woken then
      party.woken = nil
      return
    end
    local co, timer = running(), timer_of(party)
    if seconds then
      timer:start(ceil(seconds * 1000), 0, function()
        go_on(party)
      end)
    end
    party.waiting, held[party] = co, true
    yield()
    party.waiting, party.woken, held[party] = nil, nil, nil -- also when the program resumed it
    timer:stop()
  end

  function luv.wake(party)
    party.woken = true
    if party.waiting then
      timer_of(party):start(0, 0, function()
        go_on(party)
      end)
    end
  end

  local function close_timer(party)
    if party.timer then
      party.timer:close()
      party.timer = nil
    end
  end

  function luv.sleep(seconds)
    local party = {}
    luv.wait(party, seconds)
    close_timer(party)
  end

  -- ---- the notifier ----

  local poll, timer, fd
  local listening -- the notifier, while we listen to it

  local function stop_if_done()
    if listening and listening.out() == 0 then
      listening = nil
      poll:stop()
      timer:stop()
    end
  end

  function luv.left(party)
    close_timer(party)
    stop_if_done()
  end

  function luv.listen(notifier)
    if listening then
      return
    end
    local now_fd = assert(core.notifier(luv.kind))
    if fd ~= now_fd then
      fd, poll, timer = now_fd, assert(uv.new_poll(now_fd)), timer or uv.new_timer()
    end
    listening = notifier
    poll:start("r", notifier.answer)
    timer:start(LOOK_MS, LOOK_MS, function()
      notifier.tidy()
      stop_if_done()
    end)
    timer:unref() -- who waits has a timer of his own
  end

  return luv
end
