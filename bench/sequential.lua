-- One member query after the other on a kept connection. Usage: sequential.lua GATEWAY COUNT [CA_FILE]
local itrigger = require "itrigger"

local gateway, count, ca_file = arg[1], tonumber(arg[2]), arg[3]
local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = gateway, ca_file = ca_file, token_store = "memory:",
})
for _ = 1, count do
  local res = assert(client:get("/itrigger-bff/v2/open/api/member/query", {
    mobile = "18899888899", storeNo = "1159374785466208256",
  }))
  assert(res.code == 200)
end
