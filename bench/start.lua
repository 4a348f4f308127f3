-- What it costs to have the library: a bare interpreter, the libraries alone, require, a client. Usage: start.lua STAGE
-- Prints the peak memory of the process in KB.
local stage = arg[1]
if stage == "cjson" then require "cjson" end
if stage == "require" or stage == "client" then
  local itrigger = require "itrigger"
  if stage == "client" then
    assert(itrigger.new {
      app_id = "bench", app_secret = "bench-secret", gateway = "https://gateway.example.com", token_store = "memory:",
    })
  end
end

for line in io.lines("/proc/self/status") do
  local kb = line:match("^VmHWM:%s*(%d+)")
  if kb then print(kb) end
end
