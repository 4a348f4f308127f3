-- A TCP forwarder that can be switched, as the address that moves between two servers of a failover (a VIP) is: each
-- connection goes to the target of the moment at which it is made, and stays there.
--
--   local forwarder = require "spec.support.forwarder"
--   local lacks = forwarder.missing()   -- as needs.lua says
--   local f = forwarder.start(port)     -- to 127.0.0.1:port; f.port is its own
--   f:switch(other_port)
--   f:stop()
--
-- Run as a program, with the name of the file that holds the target, it is that forwarder.
local forwarder = {}

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function write_file(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

function forwarder.missing()
  return require("spec.support.needs").module("cqueues", "lua-cqueues")
end

local Forwarder = {}
Forwarder.__index = Forwarder

function forwarder.start(port)
  local self = setmetatable({ target = os.tmpname() }, Forwarder)
  self:switch(port)
  local source = debug.getinfo(1, "S").source:match("^@(.*)$")
  local interpreter = require("spec.support.face").interpreter()
  self.pipe = assert(io.popen(("exec timeout -s KILL 120 %s %s %s"):format(quote(interpreter), quote(source), quote(self.target))))
  self.port, self.pid = assert(self.pipe:read("*l"), "the forwarder ended"):match("^(%d+) (%d+)$")
  return self
end

-- By rename, so that nobody reads half of it.
function Forwarder.switch(self, port)
  write_file(self.target .. ".new", tostring(port))
  assert(os.rename(self.target .. ".new", self.target))
end

function Forwarder.stop(self)
  os.execute("kill " .. self.pid)
  self.pipe:close()
  os.remove(self.target)
end

-- ---- the program ----

local function read_file(name)
  local file = assert(io.open(name, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

-- What comes from one side goes to the other, until one of them ends.
local function pump(from, to)
  repeat
    local bytes = from:read(-4096)
  until not bytes or not to:xwrite(bytes, "n")
  from:shutdown("r")
  to:shutdown("w")
end

local function run(target)
  local cqueues, socket = require "cqueues", require "cqueues.socket"
  local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
  assert(server:listen())
  local _, _, port = server:localname()
  io.stdout:write(("%d %s\n"):format(port, read_file("/proc/self/stat"):match("^%d+")))
  io.stdout:flush()
  local loop = cqueues.new()
  loop:wrap(function()
    for client in server:clients() do
      local peer = socket.connect { host = "127.0.0.1", port = tonumber(read_file(target)) }
      for _, side in ipairs { client, peer } do
        side:setmode("bn", "bn")
        side:onerror(function(_, _, why) return why end)
      end
      loop:wrap(pump, client, peer)
      loop:wrap(pump, peer, client)
    end
  end)
  assert(loop:loop())
end

if ... == "spec.support.forwarder" then
  return forwarder
end
run((...))
