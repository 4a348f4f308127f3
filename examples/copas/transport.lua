-- A transport for itrigger in a copas loop (Lua 5.1 and later): requests go over copas's sockets, so
-- that other threads of the loop run meanwhile.
--
--   local itrigger = require "itrigger"
--   local transport = require "transport"
--   local client = assert(itrigger.new { transport = { send = transport.send, sleep = transport.sleep } })
--   copas.addthread(function() print(client:get(...)) end)
--
-- Plain http, so for a gateway behind a TLS terminator on this machine; with LuaSec the socket would
-- be wrapped by copas.dohandshake after it connected. HTTP/1.0 keeps it short: the server ends the
-- answer by closing.

local copas = require "copas"
local socket = require "socket"

local function connect(url)
  local host, port = url:match("^http://([^/:]+):?(%d*)/")
  if not host then
    return nil, "only http:// is spoken here"
  end
  local connection = socket.tcp()
  local ok, err = copas.connect(connection, host, tonumber(port) or 80)
  if not ok then
    connection:close()
    return nil, err
  end
  return connection
end

local function head(request)
  local authority, target = request.url:match("^http://([^/]+)(/.*)$")
  local lines = { request.method .. " " .. target .. " HTTP/1.0", "Host: " .. authority }
  for name, value in pairs(request.headers) do
    lines[#lines + 1] = name .. ": " .. value
  end
  if request.body then
    lines[#lines + 1] = "Content-Length: " .. #request.body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function parse(text)
  local status, headers, body = text:match("^HTTP/1%.%d (%d%d%d)[^\r\n]*\r\n(.-)\r\n\r\n(.*)$")
  if not status then
    return nil, "the answer is cut off"
  end
  local response = { status = tonumber(status), headers = {}, body = body }
  for name, value in ("\r\n" .. headers):gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    response.headers[name] = value
  end
  local length = tonumber(headers:lower():match("content%-length:[ \t]*(%d+)"))
  if length and length ~= #body then
    return nil, "the answer is cut off"
  end
  return response
end

local transport = {}

-- request.deadline is not looked at: copas 1 watches no time. A gateway that hangs holds its thread.
function transport.send(request)
  local connection, err = connect(request.url)
  if not connection then
    return nil, err
  end
  local ok, text, part
  ok, err = copas.send(connection, head(request) .. (request.body or ""))
  if ok then
    text, err, part = copas.receive(connection, "*a")
  end
  connection:close()
  if err == "closed" then
    text = part -- the end came alone, after the last bytes
  end
  if not text then
    return nil, err
  end
  return parse(text)
end

-- copas before 2.1 has no sleep: then who sleeps is kept here, and transport.loop wakes them.
local sleepers = {}

local function sleep(seconds)
  sleepers[coroutine.running()] = socket.gettime() + seconds
  coroutine.yield()
end

transport.sleep = copas.sleep or sleep

-- Seconds until the next one wakes, after those were woken whose time has come.
local function wake()
  local now, due, pause = socket.gettime(), {}, 0.05
  for thread, at in pairs(sleepers) do
    if at <= now then
      due[#due + 1] = thread
    else
      pause = math.min(pause, at - now)
    end
  end
  for _, thread in ipairs(due) do
    sleepers[thread] = nil
    copas.addthread(thread)
  end
  return due[1] and 0 or pause
end

-- Runs the loop until done() is true.
function transport.loop(done)
  while not done() do
    copas.step(wake())
  end
end

return transport
