-- luacheck: std ngx_lua
-- One request as it arrived.
local json = require "json"

local request = {}

-- What the request line and the headers say. `uri` is untouched, `path` is decoded and without query.
-- Header names are in lower case, a repeated header is an array.
function request.head()
  local var = ngx.var
  return {
    method = var.request_method,
    uri = var.request_uri,
    path = var.uri,
    query = var.args or "",
    headers = ngx.req.get_headers(0),
    http_version = ngx.req.http_version(),
    scheme = var.scheme,
    port = tonumber(var.server_port),
    connection = tonumber(var.connection),
    connection_requests = tonumber(var.connection_requests),
    time_ms = math.floor(ngx.now() * 1000),
  }
end

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- What is sent as GET without a length has none. Newer Lua modules of nginx refuse to look for one over HTTP/2.
function request.read_body(self)
  if ngx.req.get_method() == "GET" and not (ngx.var.http_content_length or ngx.var.http_transfer_encoding) then
    self.body, self.body_bytes = "", 0
    return
  end
  ngx.req.read_body()
  local file = ngx.req.get_body_file()
  self.body = file and read_file(file) or ngx.req.get_body_data() or ""
  self.body_bytes = #self.body
end

-- The decoded query, each name with its last value.
function request.params(self)
  if not self.decoded then
    self.decoded = ngx.req.get_uri_args(0)
    for name, value in pairs(self.decoded) do
      if type(value) == "table" then
        self.decoded[name] = value[#value]
      end
    end
  end
  return self.decoded
end

local function is_utf8(text)
  local _, _, err = ngx.re.find(text, "^", "u")
  return err == nil
end

-- For the journal and the echo. A body that is no UTF-8 cannot stand in JSON: it is told in base64.
function request.describe(self, max_body)
  local body = self.body
  local shown = body and body:sub(1, max_body)
  local text = shown and is_utf8(shown)
  return {
    method = self.method,
    uri = self.uri,
    path = self.path,
    query = self.query,
    headers = self.headers,
    body = text and shown or nil,
    body_base64 = shown and not text and ngx.encode_base64(shown) or nil,
    body_bytes = self.body_bytes,
    http_version = self.http_version,
    scheme = self.scheme,
    port = self.port,
    connection = self.connection,
    connection_requests = self.connection_requests,
    time_ms = self.time_ms,
    fault = self.fault and self.fault.kind or nil,
    refused = self.refused,
    status = self.status,
  }
end

function request.is_json(self)
  local kind = self.headers["content-type"]
  return type(kind) == "string" and kind:lower():find("^application/json") ~= nil
end

-- The body as one JSON object, or nil.
function request.object(self)
  local value = json.decode(self.body)
  if type(value) ~= "table" or not self.body:find("^%s*{") then
    return nil
  end
  return value
end

return request
