-- Lua-cURL (Debian's lua-curl 0.3, Lua 5.1) and cjson, one call after the other on a kept connection. The URL is built
-- once.
local cjson = require "cjson"
local curl = require "curl"

local easy = curl.easy_init()
local parts, n
easy:setopt(curl.OPT_URL, os.getenv "URL")
easy:setopt(curl.OPT_HTTPHEADER, { "Accept: application/json", "Content-Type: application/json", "Expect:" })
if os.getenv "BODY" ~= "" then
  easy:setopt(curl.OPT_POSTFIELDS, os.getenv "BODY")
end
if os.getenv "CA_FILE" ~= "" then
  easy:setopt(curl.OPT_CAINFO, os.getenv "CA_FILE")
end
easy:setopt(curl.OPT_WRITEFUNCTION, function(bytes)
  n = n + 1
  parts[n] = bytes
  return #bytes
end)
for _ = 1, tonumber(os.getenv "COUNT") do
  parts, n = {}, 0
  easy:perform()
  assert(cjson.decode(table.concat(parts)).code == 200)
end
