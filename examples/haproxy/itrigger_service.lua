-- HAProxy answers GET /member?mobile=...&storeNo=... by asking iTrigger, without blocking its thread:
-- core.httpclient carries the requests, core.msleep the pauses.

local itrigger = require "itrigger"

-- HAProxy counts a header's values from 0.
local function headers_of(answer)
  local headers = {}
  for name, values in pairs(answer.headers or {}) do
    headers[name] = values[0]
  end
  return headers
end

local function send(request)
  local headers = {}
  for name, value in pairs(request.headers) do
    headers[name] = { value }
  end
  local client = core.httpclient()
  local call = request.method == "POST" and client.post or client.get
  local answer = call(client, {
    url = request.url,
    headers = headers,
    body = request.body,
    timeout = math.ceil(request.deadline * 1000),
  })
  if not answer or not answer.status or answer.status == 0 then
    return nil, "core.httpclient got no answer"
  end
  return { status = answer.status, headers = headers_of(answer), body = answer.body }
end

local function sleep(seconds)
  core.msleep(math.ceil(seconds * 1000))
end

local client = assert(itrigger.new { transport = { send = send, sleep = sleep } })

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function parameters(query)
  local found = {}
  for name, value in (query or ""):gmatch("([^&=]+)=([^&]*)") do
    found[unescape(name)] = unescape(value)
  end
  return found
end

local function answer(applet, status, text)
  applet:set_status(status)
  applet:add_header("content-type", "text/plain; charset=utf-8")
  applet:add_header("content-length", tostring(#text))
  applet:start_response()
  applet:send(text)
end

core.register_service("member", "http", function(applet)
  local given = parameters(applet.qs)
  local res, err = client:get("/itrigger-bff/v2/open/api/member/query", given)
  if res then
    answer(applet, 200, res.data.realName .. "\n")
  else
    core.log(core.warning, tostring(err))
    answer(applet, err.kind == "usage" and 400 or 502, err.kind .. "\n")
  end
end)
