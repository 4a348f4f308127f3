-- luacheck: std ngx_lua
-- What each kind of fault does. A kind has one of these moments:
--   arrive(fault)           only the head was read; does not return
--   before(fault)           all was read, nothing done; then the request goes on as usual
--   instead(fault)          gives an answer, nothing is executed
--   send(fault, answer)     the request was executed, its answer goes out this way
-- `fields` names what it takes, with its type.
local gzip = require "gzip"
local response = require "response"
local waits = require "waits"

local effects = {}

-- Closes the connection (HTTP/2: resets the stream) with what was sent until now.
local function close()
  return ngx.exit(444)
end

local function reset()
  return ngx.exec("@reset")
end

local function delay(fault)
  ngx.sleep((fault.ms or 100) / 1000)
end

local function status(fault)
  local code = fault.status or 500
  local answer
  if fault.json == false then
    answer = response.html(code, code .. " " .. (fault.message or "Sandbox Fault"))
  else
    answer = response.fail(fault.code or 500, fault.message or "系统异常", code)
  end
  answer.headers["Retry-After"] = fault.retry_after
  return answer
end

local function too_many(fault)
  local answer = response.fail(fault.code or 500, fault.message or "请求过于频繁", 429)
  answer.headers["Retry-After"] = fault.retry_after or 1
  return answer
end

local function redirect(fault)
  local answer = response.html(fault.status or 302, "Moved")
  answer.headers["Location"] = fault.location or "https://elsewhere.example/"
  return answer
end

local function html(fault)
  return response.html(fault.status or 200, "Welcome")
end

local function empty(fault)
  return response.new(fault.status or 200, "")
end

local function huge(fault)
  return response.new(200, {
    head = '{"code":200,"message":"操作成功","data":"',
    unit = "x",
    times = fault.bytes or 104857600,
    tail = '"}',
  })
end

local function invalid_utf8()
  return response.new(200, '{"code":200,"message":"\255\254\192\128","data":"ok"}')
end

local function deep(fault)
  local levels = fault.levels or 1000
  return response.new(200, {
    head = '{"code":200,"message":"操作成功","data":' .. ("["):rep(levels),
    unit = "",
    times = 0,
    tail = ("]"):rep(levels) .. "}",
  })
end

-- Exact bytes on the connection, status line and all, and its end. Not over HTTP/2.
local function raw(fault)
  local socket = assert(ngx.req.socket(true))
  local bytes = fault.body_base64 and ngx.decode_base64(fault.body_base64) or fault.body or ""
  assert(socket:send(bytes))
  return close()
end

-- The first `bytes` of the body under a Content-Length that promises all, then the end.
local function close_mid(fault, answer)
  local bytes = fault.bytes or math.floor(#answer.body / 2)
  response.send_head(answer, #answer.body)
  ngx.print(answer.body:sub(1, bytes))
  ngx.flush(true)
  return close()
end

-- Right HTTP, half the JSON.
local function truncated(fault, answer)
  answer.body = answer.body:sub(1, fault.bytes or math.floor(#answer.body / 2))
  return response.send(answer)
end

-- A Content-Length that is `by` more than the body has, or less.
local function wrong_length(fault, answer)
  response.send_head(answer, #answer.body + (fault.by or 10))
  ngx.print(answer.body)
  ngx.flush(true)
  return close()
end

local function drip(fault, answer)
  local bytes = fault.bytes or 1
  response.send_head(answer, nil)
  for at = 1, #answer.body, bytes do
    ngx.print(answer.body:sub(at, at + bytes - 1))
    if not ngx.flush(true) then
      return
    end
    ngx.sleep((fault.ms or 5) / 1000)
  end
end

local function send_gzip(fault, answer)
  answer.body = gzip.wrap(answer.body)
  if fault.corrupt then
    answer.body = answer.body:sub(1, 11) .. "\255\255" .. answer.body:sub(14)
  end
  answer.headers["Content-Encoding"] = "gzip"
  return response.send(answer)
end

local function after(wait)
  return function(fault, answer)
    wait(fault)
    return response.send(answer)
  end
end

local kinds = {
  close = { arrive = close },
  reset = { arrive = reset },
  delay = { before = delay, fields = { ms = "number" } },
  hold = { before = waits.hold },
  delay_answer = { send = after(delay), fields = { ms = "number" } },
  hold_answer = { send = after(waits.hold) },
  close_read = { instead = close },
  status = {
    instead = status,
    fields = { status = "number", json = "boolean", code = "number", message = "string", retry_after = "any" },
  },
  too_many = { instead = too_many, fields = { code = "number", message = "string", retry_after = "any" } },
  redirect = { instead = redirect, fields = { status = "number", location = "string" } },
  html = { instead = html, fields = { status = "number" } },
  empty = { instead = empty, fields = { status = "number" } },
  huge = { instead = huge, fields = { bytes = "number" } },
  invalid_utf8 = { instead = invalid_utf8 },
  deep = { instead = deep, fields = { levels = "number" } },
  raw = { instead = raw, fields = { body = "string", body_base64 = "string" } },
  close_after = { send = close },
  close_mid = { send = close_mid, fields = { bytes = "number" } },
  truncated = { send = truncated, fields = { bytes = "number" } },
  wrong_length = { send = wrong_length, fields = { by = "number" } },
  drip = { send = drip, fields = { bytes = "number", ms = "number" } },
  gzip = { send = send_gzip, fields = { corrupt = "boolean" } },
}

effects.kinds = kinds

local function moment(fault, name)
  return fault and kinds[fault.kind][name]
end

function effects.arrive(fault)
  local play = moment(fault, "arrive")
  return play and play(fault)
end

function effects.strikes_at_arrival(fault)
  return moment(fault, "arrive") and true or false
end

-- An answer instead of the real one, or nil: go on.
function effects.instead(fault)
  local wait, play = moment(fault, "before"), moment(fault, "instead")
  if wait then
    wait(fault)
  end
  return play and play(fault)
end

function effects.send(fault, answer)
  local play = moment(fault, "send")
  if play then
    return play(fault, answer)
  end
  return response.send(answer)
end

return effects
