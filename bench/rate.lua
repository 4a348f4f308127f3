-- A batch with opts.rate for ten seconds, in a script and in a luv loop: calls a second, of the rate. Usage: rate.lua RATE…
local itrigger = require "itrigger"
local core = require "itrigger.core"

local SECONDS = 10
local client = assert(itrigger.new {
  app_id = "bench", app_secret = "bench-secret", gateway = os.getenv "GATEWAY", token_store = "memory:",
})
local path = os.getenv "API"

-- Return how many calls a second started in those ten seconds.
local function run(rate)
  assert(client:get(path))
  local from, n = core.now(), 0
  local function requests()
    if core.now() - from < SECONDS then
      n = n + 1
      return { "GET", path }
    end
  end
  for result in client:batch(requests, { rate = rate }) do
    assert(result.response, result.error)
  end
  return n / SECONDS
end

local function tell(where, rate, measured)
  print(("rate %g in %s: %.1f calls a second, %.3f of it"):format(rate, where, measured, measured / rate))
end

local found, uv = pcall(require, "luv")
for i = 1, #arg do
  local rate = tonumber(arg[i])
  tell("a script", rate, run(rate))
  if found then
    coroutine.wrap(function()
      tell("luv", rate, run(rate))
    end)()
    uv.run()
  end
end
