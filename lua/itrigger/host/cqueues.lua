-- cqueues: a call waits in a coroutine that a controller resumed; elsewhere it blocks. Each
-- controller with calls out has one coroutine of ours that polls the bell, and ends with them.

local core = require "itrigger.core"

local LOOK_S = 1

-- cqueues: the library, as the program has loaded it.
return function(cqueues)
  local condition = require "cqueues.condition"
  local host = { kind = "fd", now = cqueues.monotime, sleep = cqueues.sleep }

  function host.here()
    local _, may_wait = cqueues.running()
    return may_wait
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

  function host.left(party)
    party.waiting = nil
  end

  -- ---- the bell ----

  local listening = setmetatable({}, { __mode = "k" }) -- controller → true

  local function listen(controller, bell)
    local source = { pollfd = assert(core.bell(host.kind)), events = "r" }
    local tidy_at = host.now() + LOOK_S
    while bell.out() > 0 do
      if cqueues.poll(source, LOOK_S) == source then
        bell.answer()
      end
      if host.now() >= tidy_at then
        bell.tidy()
        tidy_at = host.now() + LOOK_S
      end
    end
    listening[controller] = nil
  end

  function host.listen(bell)
    local controller = cqueues.running()
    if not listening[controller] then
      listening[controller] = true
      controller:wrap(listen, controller, bell)
    end
  end

  return host
end
