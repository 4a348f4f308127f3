-- LuaSocket's socket.http and cjson, one call after the other. It makes a connection for each, and knows no https.
local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"

local url, body = os.getenv "URL", os.getenv "BODY"
for _ = 1, tonumber(os.getenv "COUNT") do
  local parts = {}
  local ok, status = http.request {
    url = url,
    method = body ~= "" and "POST" or "GET",
    headers = { ["Content-Type"] = "application/json", ["Content-Length"] = body ~= "" and #body or nil },
    source = body ~= "" and ltn12.source.string(body) or nil,
    sink = ltn12.sink.table(parts),
  }
  assert(ok and status == 200, status)
  assert(cjson.decode(table.concat(parts)).code == 200)
end
