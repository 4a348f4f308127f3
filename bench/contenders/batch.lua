-- itrigger, AT_ONCE calls side by side, from an iterator.
local itrigger = require "itrigger"
local env = os.getenv

local function given(name)
  local value = env(name)
  return value ~= "" and value or nil
end

local at_once, count = tonumber(env "AT_ONCE"), tonumber(env "COUNT")
local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = env "GATEWAY", ca_file = given "CA_FILE",
  token_store = "memory:", max_host_connections = at_once,
})
local path, method = env "API", given "BODY" and "POST" or "GET"

local function requests()
  if count > 0 then
    count = count - 1
    return { method, path, { mobile = "18899888899", storeNo = "1159374785466208256" } }
  end
end

for result in client:batch(requests, { concurrency = at_once }) do
  assert(result.response, result.error)
end
assert(count == 0)
