-- A real redis-server of a spec's own, on a Unix socket, that keeps nothing on the disk:
--
--   local redis = require "spec.support.redis"
--   local server = redis.start(dir)            -- dir exists; server.address is for token_store
--   assert.equal("OK", server:says("FLUSHALL"))
--   server:signal("STOP")                      -- KILL, CONT
--   server:start()                             -- again, empty, at the same address
--   server:set_password("other")               -- from now on; who is connected is thrown out
--   server:remove()
--
-- A server that is left behind ends after two minutes.
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

-- `password`: or nil, which is none.
function redis.start(dir, password)
  local self = setmetatable({ dir = dir, socket = dir .. "/redis.sock", password = password or "" }, Server)
  self.address = "redis+unix:" .. self.socket
  self:start()
  return self
end

-- Its own words say when it listens; reading them is the wait.
function Server.start(self)
  self.log = assert(io.popen(("exec timeout -s KILL 120 redis-server --port 0 --unixsocket %s --save '' --dir %s --requirepass %s 2>&1")
    :format(quote(self.socket), quote(self.dir), quote(self.password))))
  local said = {}
  repeat
    local line = self.log:read("*l")
    said[#said + 1] = line
    if not line then
      error("redis-server ended before it listened: " .. table.concat(said, "\n"))
    end
  until line:find("ready to accept connections", 1, true)
  self.pid = assert(self:says("INFO", "server"):match("process_id:(%d+)"))
end

-- One command by redis-cli; what it printed, without the last line's end.
function Server.says(self, ...)
  local words = { "redis-cli", "-s", quote(self.socket) }
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
  if name == "KILL" then
    self.log:close()
    self.log = nil
  end
end

function Server.remove(self)
  if self.log then
    self:signal("KILL")
  end
  os.remove(self.socket)
end

return redis
