-- luacheck: std ngx_lua
-- One answer: `status`, `headers`, `body`. A body is a string, or { head, unit, times, tail } for one
-- that is too big to be held.
local json = require "json"
local settings = require "settings"

local response = {}

local ok_message = "操作成功"

function response.new(status, body, content_type)
  return {
    status = status,
    body = body,
    headers = { ["Content-Type"] = content_type or "application/json;charset=UTF-8" },
  }
end

function response.html(status, title)
  local page = "<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"
  return response.new(status, page:format(title, title), "text/html;charset=UTF-8")
end

-- The vendor's documentation types `code` now as int, now as String.
local function write_code(code)
  return settings.get("code_as_string") and ('"%d"'):format(code) or tostring(code)
end

-- The envelope of every answer. `data` nil: no such member; `page`: what lists add beside it.
function response.envelope(code, message, data, page)
  local parts = { '"code":' .. write_code(code), '"message":' .. json.encode(message) }
  if data ~= nil then
    parts[#parts + 1] = '"data":' .. json.encode(data)
  end
  for _, name in ipairs { "total", "pageNum", "pageSize", "pageCount" } do
    if page then
      parts[#parts + 1] = ('"%s":%d'):format(name, page[name])
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function response.ok(data, page)
  return response.new(200, response.envelope(200, ok_message, data, page))
end

-- 204: done, nothing to tell.
function response.nothing()
  return response.new(200, response.envelope(204, ok_message, json.null))
end

function response.fail(code, message, status)
  return response.new(status or 200, response.envelope(code, message, json.null))
end

function response.length(self)
  local body = self.body
  if type(body) == "string" then
    return #body
  end
  return #body.head + #body.unit * body.times + #body.tail
end

function response.send_head(self, length)
  ngx.status = self.status
  for name, value in pairs(self.headers) do
    ngx.header[name] = value
  end
  ngx.header["Content-Length"] = length
end

-- Prints `unit` over and over in pieces of about 64 KB, at the pace of the reader.
local function print_repeated(unit, times)
  local per_piece = math.max(1, math.floor(65536 / math.max(1, #unit)))
  local piece = unit:rep(per_piece)
  for _ = 1, math.floor(times / per_piece) do
    ngx.print(piece)
    if not ngx.flush(true) then
      return
    end
  end
  ngx.print(unit:rep(times % per_piece))
end

function response.send(self)
  response.send_head(self, response.length(self))
  local body = self.body
  if type(body) == "string" then
    ngx.print(body)
    return
  end
  ngx.print(body.head)
  print_repeated(body.unit, body.times)
  ngx.print(body.tail)
end

return response
