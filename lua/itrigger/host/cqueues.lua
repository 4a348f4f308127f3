-- cqueues: a call waits in a coroutine that a controller resumed; elsewhere it blocks. Each controller with a call in
-- flight has one coroutine of ours that polls the notifier, and ends with the last of them.

local core = require "itrigger.core"
local yieldable = require("itrigger.later").yieldable

local LOOK_S = 1

local running, status = coroutine.running, coroutine.status

-- cqueues: the library, as the program has loaded it.
return function(cqueues)
  local host = { kind = "fd", now = cqueues.monotime, sleep = cqueues.sleep }
  local condition, completed -- completed: nothing of some controller is in flight any more

  -- The one part of cqueues that the program may not have loaded. Returns true | nil, why it cannot be.
  local function load_condition()
    local found, made = pcall(require, "cqueues.condition")
    if not found then
      local file, why = io.open("/dev/null", "rb") -- the searchers of Lua do not say why they found none
      if file then
        file:close()
      end
      return nil, "the module cqueues.condition, which a call waits on, cannot be loaded: "
        .. (file and tostring(made):match "^[^\n]*" or why)
    end
    condition, completed = made, made.new()
    return true
  end

  function host.here()
    local _, may_wait = cqueues.running()
    if not (may_wait and yieldable.here()) then
      return false
    elseif condition then
      return true
    end
    return load_condition()
  end

  -- Parties are counted by their controller: one that is given up keeps no other from ending.
  function host.place()
    return (cqueues.running())
  end

  -- Raise, before anything is sent, where the coroutine cannot yield though nothing showed it.
  if yieldable.unsure then
    function host.probe()
      cqueues.sleep(0)
    end
  end

  -- ---- waiting ----

  function host.wait(party, seconds)
    party.co = running()
    party.waiting = party.waiting or condition.new()
    if not party.woken then
      cqueues.poll(party.waiting, seconds or LOOK_S)
    end
    party.woken = nil
  end

  function host.wake(party)
    party.woken = true
    if party.waiting then
      party.waiting:signal()
    end
  end

  function host.gone(party)
    return party.co and status(party.co) == "dead" and "ended" or nil
  end

  -- ---- the notifier ----

  local listening = setmetatable({}, { __mode = "k" }) -- controller → true
  local notifier

  local function listen(controller)
    local source = { pollfd = assert(core.notifier(host.kind)), events = "r" }
    local tidy_at = host.now() + LOOK_S
    while notifier.out(controller) > 0 do
      if cqueues.poll(source, completed, LOOK_S) == source then
        notifier.answer()
      end
      if host.now() >= tidy_at then
        notifier.tidy()
        tidy_at = host.now() + LOOK_S
      end
    end
    listening[controller] = nil
  end

  function host.listen(given, controller)
    notifier = given
    if not listening[controller] then
      listening[controller] = true
      controller:wrap(listen, controller)
    end
  end

  function host.left(party)
    if notifier.out(party.place) == 0 then
      completed:signal()
    end
  end

  return host
end
