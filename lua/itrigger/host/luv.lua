-- luv: libuv's loop. A call waits in any coroutine but the main one while the loop runs; before uv.run and in a callback
-- of the loop itself there is nothing that could be yielded to, so it blocks. A handle is active only while a call is in
-- flight, so none keeps the loop alive.

local core = require "itrigger.core"
local yieldable = require("itrigger.later").yieldable

local LOOK_MS = 1000

local ceil = math.ceil
local running, resume, status, yield = coroutine.running, coroutine.resume, coroutine.status, coroutine.yield
local getinfo = debug and debug.getinfo

-- What a waiting coroutine yields. Whoever resumed it as a generator takes this for its value, so using it raises.
local WAITING = {}

local function misused()
  error("a generator of this program waits for an itrigger call and has no value yet; libuv cannot tell a generator from a "
    .. "task: give it to client:batch, which waits for it, or call from a client with transport = \"blocking\"", 2)
end

setmetatable(WAITING, {
  __index = misused,
  __newindex = misused,
  __call = misused,
  __concat = misused,
  __tostring = function()
    return "itrigger: waiting for a call"
  end,
})

-- uv: the library, as the program has loaded it.
return function(uv)
  local luv = { kind = "fd" }

  function luv.now()
    return uv.hrtime() / 1e9
  end

  -- always: in any coroutine, whether the loop runs or not.
  function luv.here(always)
    if not yieldable.here() then
      return false
    end
    return always or uv.loop_mode ~= nil and uv.loop_mode() ~= nil -- an old luv cannot tell
  end

  -- ---- waiting ----

  -- An error of the program's coroutine reaches the loop as one of a callback does, from a turn of its own, so that it
  -- stops nobody else. As text: luv shows no other.
  local function fail(co, err)
    local timer = uv.new_timer()
    local message = debug.traceback(co, tostring(err))
    timer:start(0, 0, function()
      timer:close()
      error(message, 0)
    end)
  end

  local held = {} -- luacheck: ignore 241 -- party → true: nothing else of the loop knows of who waits
  local wait_of = setmetatable({}, { __mode = "k" }) -- coroutine → the party it waits for, or waited for last
  local yielded -- the party that yielded last
  local listening -- the notifier, while we listen to it
  local tidy

  local function is_waiting(party)
    local co = party.co
    if co == nil or wait_of[co] ~= party or status(co) ~= "suspended" then
      return false
    end
    -- A yield that failed left it to its program, which may wait for something else in it.
    local info = getinfo and getinfo(co, 1, "f")
    return info == nil or info.func == luv.wait
  end

  -- Return why the party will not look again: "ended" with its coroutine, "away" where the coroutine went on without
  -- us; nil: it waits.
  function luv.gone(party)
    if is_waiting(party) then
      return nil
    end
    return party.co and status(party.co) == "dead" and "ended" or "away"
  end

  -- A program may close all handles of its loop, ours too; libuv ends the process where one is used after that.
  local function is_usable(handle)
    return handle ~= nil and not handle:is_closing()
  end

  local function close_timer(party)
    if is_usable(party.timer) then
      party.timer:close()
    end
    party.timer = nil
  end

  -- Resume the party's coroutine, in a turn of the loop: nobody else's coroutine runs then. Only from our own yield.
  local function go_on(party)
    local co = party.co
    if party.follower then
      luv.wake(party)
    elseif is_waiting(party) then
      local ok, err = resume(co)
      if not ok then
        fail(co, err)
      end
    elseif co == nil or status(co) ~= "running" and status(co) ~= "normal" then
      held[party] = nil
      close_timer(party)
      tidy()
    end
  end

  local function timer_of(party)
    if not is_usable(party.timer) then
      party.timer = uv.new_timer()
    end
    return party.timer
  end

  function luv.wait(party, seconds)
    if party.woken then
      party.woken = nil
      return
    end
    local co = running()
    if seconds then
      timer_of(party):start(ceil(seconds * 1000), 0, function()
        go_on(party)
      end)
    end
    party.co, wait_of[co], held[party], yielded = co, party, true, party
    yield(WAITING)
    party.woken, party.follower, held[party] = nil, nil, nil -- also when the program resumed it
    wait_of[co] = nil
    if party.timer then
      party.timer:stop()
    end
  end

  function luv.wake(party)
    party.woken = true
    local follower = party.follower
    if follower then
      follower.poked = true
      luv.wake(follower)
    elseif is_waiting(party) then
      timer_of(party):start(0, 0, function()
        go_on(party)
      end)
    end
  end

  -- Raise, before anything is sent, where the coroutine cannot yield though nothing showed it.
  if yieldable.unsure then
    function luv.probe()
      luv.sleep(0)
    end
  end

  function luv.sleep(seconds)
    local party = {}
    luv.wait(party, seconds)
    close_timer(party)
  end

  -- ---- generators ----

  -- Return the party that waits in the generator which gave this value; nil: the value is the generator's own.
  function luv.waiting_in(value)
    if value == WAITING then
      return yielded
    end
  end

  -- The generator that the party waits in is resumed by `follower`, which is woken in its place.
  function luv.follow(party, follower)
    party.follower, held[party] = follower, nil
  end

  -- ---- the notifier ----

  local poll, timer, fd

  local function stop_if_done()
    if listening and listening.out() == 0 then
      listening = nil
      if is_usable(poll) then
        poll:stop()
      end
      timer:stop()
    end
  end

  function tidy()
    if listening then
      listening.tidy()
      stop_if_done()
    end
  end

  function luv.left(party)
    close_timer(party)
    stop_if_done()
  end

  function luv.listen(notifier)
    if listening and is_usable(poll) and is_usable(timer) then
      return
    end
    local now_fd = assert(core.notifier(luv.kind))
    if fd ~= now_fd or not is_usable(poll) then
      fd, poll = now_fd, assert(uv.new_poll(now_fd))
    end
    if not is_usable(timer) then
      timer = uv.new_timer()
    end
    listening = notifier
    poll:start("r", notifier.answer)
    timer:start(LOOK_MS, LOOK_MS, tidy)
    timer:unref() -- who waits has a timer of his own
  end

  return luv
end
