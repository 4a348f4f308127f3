-- COUNT times client:token() from memory. Usage: token_hit.lua [bare]: bare calls a C function that returns a string of
-- the same length instead, the least that such a call can cost.
local itrigger = require "itrigger"

local count, bare = tonumber(os.getenv "COUNT"), arg[1]
local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = os.getenv "GATEWAY", token_store = "memory:",
})
local token = assert(client:token())
if bare then
  local rep = string.rep
  for _ = 1, count do assert(rep(token, 1)) end
else
  for _ = 1, count do assert(client:token()) end
end
