-- What a call by an endpoint's function takes more than the same call by its path: CPU time, without a network, as the median
-- of rounds in turn. Usage: endpoint.lua COUNT
local itrigger = require "itrigger"

local ROUNDS = 20
local count = math.floor(tonumber(arg[1]) / ROUNDS)
local file = assert(io.open "bench/member.json")
local body = file:read "a"
file:close()
local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = os.getenv "GATEWAY", token_store = "memory:",
  transport = { send = function() return { status = 200, headers = {}, body = body } end, sleep = function() end },
})
local path = os.getenv "API"

local function by_path()
  assert(client:get(path, { mobile = "18899888899", storeNo = "1159374785466208256" }))
end

local function by_function()
  assert(client.member.query { mobile = "18899888899", storeNo = "1159374785466208256" })
end

-- Microseconds of CPU time a call.
local function time_of(call)
  local from = os.clock()
  for _ = 1, count do
    call()
  end
  return (os.clock() - from) / count * 1e6
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

assert(client:token())
by_path()
by_function()
local paths, functions, more = {}, {}, {}
for i = 1, ROUNDS do
  paths[i], functions[i] = time_of(by_path), time_of(by_function)
  more[i] = functions[i] - paths[i]
end
print(("client.member.query { … } beside client:get(path, …): %.2f us more (%.2f : %.2f)"):format(median(more),
  median(functions), median(paths)))
