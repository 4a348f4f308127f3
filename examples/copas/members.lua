-- Three members asked for at once in a copas loop, while another thread of it goes on.
--
--   cd examples/copas && ITRIGGER_APP_ID=... ITRIGGER_APP_SECRET=... ITRIGGER_GATEWAY=... lua5.1 members.lua

local copas = require "copas"
local itrigger = require "itrigger"
local transport = require "transport"

local client = assert(itrigger.new { transport = { send = transport.send, sleep = transport.sleep } })
local query = "/itrigger-bff/v2/open/api/member/query"
local waiting = 3

for number = 1, 3 do
  copas.addthread(function()
    local res, err = client:get(query, { mobile = "18899888899", storeNo = "1159374785466208256" })
    print(number, res and res.data.realName or err)
    waiting = waiting - 1
  end)
end

local turns = 0
copas.addthread(function()
  while waiting > 0 do
    turns = turns + 1
    transport.sleep(0.001)
  end
end)

transport.loop(function()
  return waiting == 0
end)
print(turns > 1 and "the loop went on" or "the loop was blocked")
client:close()
