-- Tokens from memory, whatever the store behind. Usage: hit.lua GATEWAY STORE COUNT
local itrigger = require "itrigger"

local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = arg[1], token_store = arg[2],
})
for _ = 0, tonumber(arg[3]) do assert(client:token()) end
