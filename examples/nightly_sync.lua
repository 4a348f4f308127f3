-- A nightly sync: posts the orders of a file, one JSON object a line, many at once; writes those that failed into
-- another file, to be sent again or looked at.
--
--   ITRIGGER_APP_ID=… ITRIGGER_APP_SECRET=… ITRIGGER_GATEWAY=https://… lua examples/nightly_sync.lua orders.jsonl failed.jsonl
--
-- Exits with 1 when an order failed. A line of the file of failures is the order's own, so that the file can be given
-- to the next run; orders that the gateway may have executed (their answer was lost) are told apart on standard error,
-- since sending them again might make them twice.

local cjson = require "cjson"
local itrigger = require "itrigger"

local TRADES = "/itrigger-bff/v2/open/api/order/platform/trades"

-- The orders of a file, as requests. Only as many are read as are sent.
local function requests(lines)
  return function()
    local line = lines()
    return line and { "POST", TRADES, cjson.decode(line), tag = line }
  end
end

-- Progress on standard error, each thousand.
local function tell(done)
  if done % 1000 == 0 then
    io.stderr:write(done, " orders\n")
  end
end

local orders, failures = assert(arg[1], "which file?"), assert(arg[2], "where to write what failed?")
local failed = assert(io.open(failures, "w"))
local n_sent, n_failed, n_unsure = 0, 0, 0

for result in itrigger.batch(requests(io.lines(orders)), { concurrency = 32, on_progress = tell }) do
  n_sent = n_sent + 1
  local err = result.error
  if err then
    n_failed = n_failed + 1
    io.stderr:write(tostring(err), "\n")
    -- An answer with a code is the gateway's own word that it did not take the order.
    if err.retryable or err.code then
      failed:write(result.tag, "\n")
    else
      n_unsure = n_unsure + 1
      io.stderr:write("  may have been taken all the same: ", result.tag, "\n")
    end
  end
end

assert(failed:close())
print(("%d orders, %d failed, %d of them unsure"):format(n_sent, n_failed, n_unsure))
os.exit(n_failed == 0 and 0 or 1)
