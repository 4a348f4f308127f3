-- A nightly sync: posts the orders of a file, one JSON object a line, many at once; writes those that can be sent again
-- into another file, which can be given to the next run.
--
--   ITRIGGER_APP_ID=… ITRIGGER_APP_SECRET=… ITRIGGER_GATEWAY=https://… lua examples/nightly_sync.lua orders.jsonl again.jsonl
--
-- Every line is accounted for on standard error, by its number: one that is not an order; one that the gateway refused;
-- one that is unsure, since its answer was lost: sending it again might make the order twice, so a person must look.
-- Exits with 0 when all orders were taken, with 1 when not, with 2 when it was stopped.

local itrigger = require "itrigger"

if jit then
  jit.off() -- compiled code takes a write that failed (a full disk) for one that succeeded
end

local TRADES = "/itrigger-bff/v2/open/api/order/platform/trades"

local orders, again_name = arg[1], arg[2]
if not again_name then
  io.stderr:write("usage: nightly_sync.lua ORDERS AGAIN\n")
  os.exit(1)
end
local again = assert(io.open(again_name, "w"))
local n = { taken = 0, again = 0, refused = 0, unsure = 0, bad = 0 }

local function complain(line, what)
  io.stderr:write(("line %d: %s\n"):format(line.number, what))
end

-- The orders of a file, as requests. Only as many lines are read as are sent. The library's own decoder changes no digit.
local function requests(lines)
  local number = 0
  return function()
    for text in lines do
      number = number + 1
      local line = { number = number, text = text }
      local order, err = itrigger.decode(text, { null = "keep" })
      if type(order) == "table" then
        return { "POST", TRADES, order, tag = line }
      elseif text:find("%S") then
        n.bad = n.bad + 1
        complain(line, "not an order: " .. tostring(err or text))
      end
    end
  end
end

local function account(result)
  local line, err = result.tag, result.error
  if not err then
    n.taken = n.taken + 1
  elseif err.retryable then
    n.again = n.again + 1
    complain(line, "can be sent again: " .. tostring(err))
    assert(again:write(line.text, "\n"))
  elseif err.code or err.kind == "usage" then -- the gateway's own word, or ours before it was sent
    n.refused = n.refused + 1
    complain(line, "refused: " .. tostring(err))
  else
    n.unsure = n.unsure + 1
    complain(line, "may have been taken all the same: " .. tostring(err))
  end
end

-- Progress on standard error, each thousand.
local function tell(done)
  if done % 1000 == 0 then
    io.stderr:write(done, " orders\n")
  end
end

local batch = itrigger.batch(requests(io.lines(orders)), { concurrency = 32, on_progress = tell })

-- Whatever stops it (a full disk, Ctrl-C), what is in flight then is accounted for, too.
local went, why = pcall(function()
  for result in batch do
    account(result)
  end
  assert(again:close())
end)
for _, request in ipairs(batch:close()) do
  n.unsure = n.unsure + 1
  complain(request.tag, "may have been taken all the same: its answer was not waited for")
end
if not went then
  io.stderr:write("stopped: ", tostring(why), "\n")
end
print(("%d taken, %d to be sent again, %d refused, %d unsure, %d lines that are not orders"):format(n.taken, n.again,
  n.refused, n.unsure, n.bad))
itrigger.close()
os.exit(went and (n.again + n.refused + n.unsure + n.bad == 0 and 0 or 1) or 2)
