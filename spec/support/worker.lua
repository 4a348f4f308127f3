-- What a process of a fleet does, seen from inside (fleet.lua is the other side): it tells its spec
-- each step in one line and waits at gates that the spec opens.
local worker = {
  number = tonumber(os.getenv("FLEET_NUMBER")), -- 1 for the first of its fleet
  path = os.getenv("FLEET_PATH"),
}

local dir = os.getenv("FLEET_DIR")

-- One line to the spec. One write, or the lines of many processes would mix in their pipe.
function worker.say(text)
  io.stdout:write((tostring(text):gsub("\n", " ")) .. "\n")
  io.stdout:flush()
end

-- Says that it is there, and waits until the spec opens the gate: a FIFO that nobody writes into
-- cannot be opened for reading.
function worker.gate(name)
  worker.say("at " .. name)
  assert(io.open(dir .. "/" .. name, "r")):close()
end

-- Has the spec put this mark? (Asked between two calls of a loop.)
function worker.marked(name)
  local file = io.open(dir .. "/" .. name, "r")
  return file ~= nil and file:close()
end

-- "ok", or what is wrong: one word for the kind, then the whole error.
function worker.outcome(res, err)
  if res then
    return "ok"
  end
  return ("%s: %s"):format(err.kind, tostring(err))
end

-- One call of `client`, or of the default one; returns its outcome.
function worker.call(client)
  local opts = { headers = { ["X-Worker"] = tostring(worker.number) } }
  if client then
    return worker.outcome(client:get(worker.path, nil, opts))
  end
  return worker.outcome(require "itrigger".get(worker.path, nil, opts))
end

-- Calls until the mark "stop", and ten times more. Tells every call that failed, and each change of what stands between
-- this process and a newer token: "behind: store", "behind: nothing". turn(call) has what is done in each turn.
function worker.call_until_stop(client, turn)
  local behind = "nothing"
  local function call()
    local outcome = worker.call(client)
    if outcome ~= "ok" then
      worker.say(outcome)
    end
    local failed = client:stats().last_error
    local now = failed and failed.kind or "nothing"
    if now ~= behind then
      behind = now
      worker.say("behind: " .. now)
    end
    return outcome
  end
  worker.say(worker.call(client))
  repeat
    turn(call)
  until worker.marked "stop"
  for _ = 1, 10 do
    call()
  end
  worker.say "served"
end

-- The process's id, to be killed by.
function worker.pid()
  local file = assert(io.open("/proc/self/stat", "r"))
  local pid = file:read("*l"):match("^%d+")
  file:close()
  return pid
end

return worker
