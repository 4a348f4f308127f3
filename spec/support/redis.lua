-- Real redis-servers (and Sentinels) of a spec's own, on a Unix socket and, if asked for, on a free port:
--
--   local redis = require "spec.support.redis"
--   local lacks = redis.missing()              -- as needs.lua says
--   local server = redis.start()               -- server.address is for token_store
--   local server = redis.start { password = "word", port = true, config = { "appendonly no" } }
--   local one = redis.shared()                 -- one for all specs of this process
--   assert.equal("OK", server:says("FLUSHALL"))
--   server:signal("STOP")                      -- KILL, CONT
--   server:start()                             -- again, empty, at the same address
--   server:set_password("other")               -- from now on; clients are disconnected
--   server:url("prefix"), server:read("prefix"), server:write("prefix", text)  -- a store for one app, its record
--   server:await("+switch-master")             -- until a line of its log has this in it; more texts: all
--   server:remove()
--
-- Each ends when this process does: a guard waits for the end of a pipe that only this process holds. It ends after
-- two minutes in any case (the shared one after an hour), so that nobody waits for its log for ever.
local await_lines = require "spec.support.await_lines"
local needs = require "spec.support.needs"

local redis = {}

local Server = {}
Server.__index = Server

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- The output of a command of the shell.
local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

function redis.missing()
  return needs.redis_store() or needs.program("redis-server", "redis-server")
end

-- A port that is probably free, and the one 10000 above it, for the bus of a cluster: both are below those that
-- the system gives to clients.
local function some_port()
  local file = assert(io.open("/dev/urandom", "rb"))
  local high, low = file:read(2):byte(1, 2)
  file:close()
  return 10000 + (high * 256 + low) % 10000
end

-- options: lifetime: in seconds; password; port: a number, or true for a free one; tls_port: true for a free one, with
-- TLS; config: lines of its configuration; sentinel: it is one; before: words of the shell before it.
function redis.start(options)
  options = options or {}
  local self = setmetatable({ options = options, password = options.password or "" }, Server)
  self.dir = shell("umask 077; mktemp -d"):match("%S+")
  self.socket = self.dir .. "/sock"
  self.address = "redis+unix:" .. self.socket
  shell("mkfifo " .. quote(self.dir .. "/said"))
  for attempt = 1, 20 do
    self.port = (options.port == true or options.tls_port) and some_port() or options.port
    local started, why = self:launch()
    if started then
      return self
    elseif attempt == 20 or not why:find("already in use", 1, true) then
      self:remove()
      error("redis-server ended before it listened: " .. why)
    end
  end
end

function redis.shared()
  local why = redis.missing()
  if why then
    return nil, why
  end
  redis.one = redis.one or redis.start { lifetime = 3600 }
  return redis.one
end

local function write_config(self)
  local file = assert(io.open(self.dir .. "/redis.conf", "w"))
  file:write("bind 127.0.0.1\ndir ", self.dir, "\n")
  file:write(self.options.tls_port and "port 0\ntls-port " or "port ", tostring(self.port or 0), "\n")
  if not self.options.sentinel then
    file:write('save ""\nunixsocket ', self.socket, "\n")
  end
  if self.password ~= "" then
    file:write("requirepass ", self.password, "\n")
  end
  for _, line in ipairs(self.options.config or {}) do
    file:write(line, "\n")
  end
  file:close()
end

-- Starts it, ends it when its own standard input ends, and removes its directory unless told to keep it. What the
-- server says goes through a FIFO: reading that it is ready is the wait.
local guard = [[
%s timeout -s KILL %d sh -c 'echo pid $$; exec redis-server "$1/redis.conf" %s' sh "$dir" >"$dir/said" 2>&1 &
server=$!
trap '' INT HUP TERM
cat >/dev/null
kill $server 2>/dev/null
wait
[ -e "$dir/keep" ] || rm -rf "$dir"
]]

-- True, or false and what it said.
function Server.launch(self)
  write_config(self)
  local command = guard:format(self.options.before or "", self.options.lifetime or 120, self.options.sentinel and "--sentinel" or "")
  self.guard = assert(io.popen("dir=" .. quote(self.dir) .. "\n" .. command, "w"))
  self.log = assert(io.open(self.dir .. "/said", "r"))
  -- "The server is now ready to accept connections at" in 7.0, "Ready to accept connections unix" since 7.2.
  local ready = self.options.sentinel and "Sentinel ID is" or "eady to accept connections"
  local said = {}
  repeat
    local line = self.log:read("*l")
    if not line then
      self:stop(true)
      return false, table.concat(said, "\n")
    end
    said[#said + 1] = line
    self.pid = self.pid or line:match("^pid (%d+)")
  until line:find(ready, 1, true)
  if self.reader then
    self:leave_log()
  end
  return true
end

-- Nobody awaits anything of its log from now on, also after another start. For a server that says more than the 64 KB
-- that a FIFO takes: it would wait in the middle of a line, with all its clients, for somebody to read.
function Server.leave_log(self)
  self.reader = assert(io.popen("exec cat " .. quote(self.dir .. "/said") .. " >/dev/null"))
  self.log:close()
  self.log = nil
end

-- Starts it again, at the same address, and without what it held.
function Server.start(self)
  self:stop(true)
  local started, why = self:launch()
  assert(started, why)
end

-- Ends it; its directory stays if `keep`.
function Server.stop(self, keep)
  if not self.guard then
    return
  end
  if keep then
    assert(io.open(self.dir .. "/keep", "w")):close()
  end
  self.guard:close()
  os.remove(self.dir .. "/keep")
  if self.log then
    self.log:close()
  end
  if self.reader and io.type(self.reader) == "file" then
    self.reader:close()
  end
  self.guard, self.log, self.pid = nil, nil, nil
end

function Server.remove(self)
  self:stop()
  shell("rm -rf " .. quote(self.dir))
end

-- As token_store; each prefix is a store of its own.
function Server.url(self, prefix)
  return ("%s?prefix=%s"):format(self.address, prefix)
end

-- One command by redis-cli, words or options of it; what it printed, without the last line's end.
function Server.says(self, ...)
  local words = { "redis-cli" }
  if self.options.sentinel then
    words[#words + 1] = "-p " .. self.port
  else
    words[#words + 1] = "-s " .. quote(self.socket)
  end
  if self.password ~= "" then
    table.insert(words, 1, "REDISCLI_AUTH=" .. quote(self.password))
  end
  for _, word in ipairs { ... } do
    words[#words + 1] = quote(word)
  end
  return (shell(table.concat(words, " ") .. " 2>&1"):gsub("\r?\n$", ""))
end

function Server.set_password(self, password)
  assert(self:says("CONFIG", "SET", "requirepass", password) == "OK")
  self.password = password
  self:says("CLIENT", "KILL", "TYPE", "normal")
end

-- After KILL it is gone when this returns.
function Server.signal(self, name)
  shell("kill -" .. name .. " " .. self.pid)
  if name == "KILL" and self.reader then
    self.reader:close()
  elseif name == "KILL" then
    self.log:read("*a")
    self.log:close()
    self.log = nil
  end
end

-- Reads its log until each of the texts has come, in whatever order.
function Server.await(self, ...)
  assert(await_lines(self.log:lines(), { ... }), "redis-server ended")
end

-- The key of the only record below `prefix`.
local function key(self, prefix)
  local found = self:says("--scan", "--pattern", prefix .. "*")
  return (assert(found:match("^([^\n]+)$"), "not one record in Redis"))
end

function Server.read(self, prefix)
  return self:says("--raw", "GET", key(self, prefix))
end

function Server.write(self, prefix, text)
  assert(self:says("SET", key(self, prefix), text, "KEEPTTL") == "OK")
end

return redis
