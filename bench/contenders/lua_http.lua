-- lua-http's http.request and cjson, one call after the other, as its manual shows it: a connection for each.
local cjson = require "cjson"
local request = require "http.request"

local url, body, ca_file = os.getenv "URL", os.getenv "BODY", os.getenv "CA_FILE"
local context
if ca_file ~= "" then
  local store = require "openssl.x509.store".new()
  store:add(ca_file)
  context = require "http.tls".new_client_context()
  context:setStore(store)
end
for _ = 1, tonumber(os.getenv "COUNT") do
  local r = request.new_from_uri(url)
  r.ctx = context
  if body ~= "" then
    r.headers:upsert(":method", "POST")
    r.headers:append("content-type", "application/json")
    r:set_body(body)
  end
  local headers, stream = assert(r:go(30))
  assert(headers:get(":status") == "200")
  assert(cjson.decode(assert(stream:get_body_as_string())).code == 200)
end
