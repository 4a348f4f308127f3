-- cqueues: a call waits in a coroutine that a controller resumed; elsewhere it blocks. Each
-- controller with calls out has one coroutine of ours that polls the notifier, and ends with them.

local core = require "itrigger.core"

local LOOK_S = 1

local is_yieldable = coroutine.isyieldable or coroutine.running -- Lua 5.1, 5.2: cannot tell

-- cqueues: the library, as the program has loaded it.
return function(cqueues)
  local condition = require "cqueues.condition"
  local host = { kind = "fd", now = cqueues.monotime, sleep = cqueues.sleep }

  function host.here()
    local _, may_wait = cqueues.running()
    return may_wait and is_yieldable()
  end

  -- ---- waiting ----

  function host.wait(party, seconds)
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

  -- ---- the notifier ----

  local listening = setmetatable({}, { __mode = "k" }) -- controller → true
  local over = condition.new() -- nothing is out any more
  local notifier

  local function listen(controller)
    local source = { pollfd = assert(core.notifier(host.kind)), events = "r" }
    local tidy_at = host.now() + LOOK_S
    while notifier.out() > 0 do
      if cqueues.poll(source, over, LOOK_S) == source then
        notifier.answer()
      end
      if host.now() >= tidy_at then
        notifier.tidy()
        tidy_at = host.now() + LOOK_S
      end
    end
    listening[controller] = nil
  end

  function host.listen(given)
    local controller = cqueues.running()
    notifier = given
    if not listening[controller] then
      listening[controller] = true
      controller:wrap(listen, controller)
    end
  end

  function host.left()
    if notifier.out() == 0 then
      over:signal()
    end
  end

  return host
end
