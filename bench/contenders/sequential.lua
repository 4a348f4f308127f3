-- itrigger, one call after the other.
local itrigger = require "itrigger"
local env = os.getenv

local function given(name)
  local value = env(name)
  return value ~= "" and value or nil
end

local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = env "GATEWAY", ca_file = given "CA_FILE",
  token_store = "memory:",
})
local path, is_post = env "API", given "BODY"
for _ = 1, tonumber(env "COUNT") do
  local params = { mobile = "18899888899", storeNo = "1159374785466208256" }
  local res = assert(is_post and client:post(path, params) or client:get(path, params))
  assert(res.code == 200)
end
