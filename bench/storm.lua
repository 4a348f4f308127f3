-- One process of a start storm: a client, one call, the end. Prints where its token came from.
-- Usage: storm.lua GATEWAY STORE
local itrigger = require "itrigger"

local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = arg[1], token_store = arg[2],
})
local _, _, source = assert(client:token())
assert(client:get("/itrigger-bff/v2/open/api/member/query", {
  mobile = "18899888899", storeNo = "1159374785466208256",
}))
print(source)
