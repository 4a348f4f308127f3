-- A real redis-server of the specs' own, on a Unix socket, and how its records are read:
--
--   local server = redis.shared()   -- one for this process, or nil and why there is none
--   server:url("prefix")            -- a token_store
--   server:record("prefix")         -- the one value under that prefix
--
-- It ends when this process does: a guard waits for the end of a pipe that only this process holds.
local built = require "spec.support.built"

local redis = {}

local Redis = {}
Redis.__index = Redis

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- Nil, or what this machine lacks.
function redis.missing()
  local has_server = shell("command -v redis-server && command -v redis-cli") ~= ""
  return built.lacks_module "itrigger.redis" or not has_server and "no redis-server here" or nil
end

-- The guard starts it, ends it when its own standard input ends, and removes its directory. What the
-- server says goes through a FIFO: reading "ready" is the wait.
local start = [[
redis-server %s --save '' --dir "$dir" --daemonize no >"$dir/said" 2>&1 &
server=$!
trap '' INT HUP TERM
cat >/dev/null
kill -9 $server
rm -rf "$dir"
]]

-- Starts one. `arguments`: for the command line, instead of a Unix socket only; `before`: words of the
-- shell before redis-server.
function redis.start(arguments, before)
  local self = setmetatable({}, Redis)
  self.dir = shell("umask 077; mktemp -d"):match("%S+")
  self.socket = self.dir .. "/sock"
  shell("mkfifo " .. quote(self.dir .. "/said"))
  local words = ("--unixsocket %s %s"):format(quote(self.socket), arguments or "--port 0")
  local command = start:format(words):gsub("^redis%-server", (before or "") .. " redis-server")
  self.guard = assert(io.popen("dir=" .. quote(self.dir) .. "\n" .. command, "w"))
  self.said = assert(io.open(self.dir .. "/said", "r"))
  repeat
    local line = assert(self.said:read("*l"), "redis-server ended before it listened")
  until line:find("The server is now ready to accept connections at", 1, true)
  return self
end

function redis.shared()
  local why = redis.missing()
  if why then
    return nil, why
  end
  redis.one = redis.one or redis.start()
  return redis.one
end

-- As token_store; each prefix is a store of its own.
function Redis.url(self, prefix)
  return ("redis+unix:%s?prefix=%s"):format(self.socket, prefix)
end

function Redis.command(self, words)
  return shell(("redis-cli -s %s --raw %s"):format(quote(self.socket), words))
end

-- The key of the only record below `prefix`.
local function key(self, prefix)
  local found = self:command("--scan --pattern " .. quote(prefix .. "*"))
  return assert(found:match("^([^\n]+)\n$"), "not one record in Redis")
end

-- redis-cli ends what it prints with a newline of its own.
function Redis.read(self, prefix)
  return (self:command("GET " .. quote(key(self, prefix))):gsub("\n$", ""))
end

function Redis.write(self, prefix, text)
  self:command("SET " .. quote(key(self, prefix)) .. " " .. quote(text) .. " KEEPTTL")
end

function Redis.stop(self)
  local guard = self.guard
  self.guard = nil
  if guard then
    guard:close()
    self.said:close()
  end
end

return redis
