-- Machines with a network of their own each, as far as processes can tell: network namespaces, which
-- share nothing of it (no loopback, no port) but one link each to a hub.
--
--   local net = network.new(2)          -- or nil and why not
--   net.hub                             -- words for the shell, before what runs on the hub
--   net[1], net[2]                      -- and on each machine; it reaches the hub at network.address
--   net:remove()
--
-- A namespace is there as long as a process in it; each of ours ends with the end of a pipe that only
-- this process holds. Needs root.
local needs = require "spec.support.needs"

local network = {}

network.address = "10.0.0.1"

-- A label of more than 63 bytes: the resolver knows by itself that there is none, whatever name server the
-- machine has.
network.no_such_host = ("no-such-ho"):rep(7) .. ".invalid"

local Network = {}
Network.__index = Network

local function shell(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo $?"))
  local text, status = pipe:read("*a"):match("^(.-)(%d+)\n$")
  pipe:close()
  return status == "0", text
end

local function run(command)
  local done, text = shell(command)
  assert(done, command .. ": " .. text)
end

-- Nil, or why there can be none here: only root makes them.
function network.missing()
  local lacks = needs.program("unshare", "util-linux") or needs.program("ip", "iproute2")
  if lacks then
    return lacks
  end
  local done, text = shell("unshare -n sh -c 'ip link add name here type veth peer name there'")
  return not done and "no network namespaces here (root only): " .. text:gsub("%s+", " ") or nil
end

-- A namespace; returns the id of its process. The FIFO is how its first word is waited for.
local function new_machine(self)
  local fifo = os.tmpname()
  run(("rm '%s' && mkfifo '%s'"):format(fifo, fifo))
  local inside = ("exec unshare -n sh -c 'ip link set lo up; echo $$ >%s; exec cat >/dev/null'"):format(fifo)
  self.pipes[#self.pipes + 1] = assert(io.popen(inside, "w"))
  local file = assert(io.open(fifo, "r"))
  local pid = file:read("*l")
  file:close()
  os.remove(fifo)
  return pid
end

-- Under a leak checker what ends there is not asked for leaks: of OpenSSL, in the middle of an answer at a process's
-- end, it finds some, once in many runs.
local function words(pid)
  local sanitizer = os.getenv("ASAN_OPTIONS")
  local quiet = sanitizer and ("env ASAN_OPTIONS=%s:detect_leaks=0 "):format(sanitizer) or ""
  return quiet .. "nsenter -n -t " .. pid
end

-- A hub, and `count` machines that reach it and each other through it.
function network.new(count)
  local why = network.missing()
  if why then
    return nil, why
  end
  local self = setmetatable({ pipes = {} }, Network)
  self.hub = words(new_machine(self))
  run(("%s ip address add %s/32 dev lo"):format(self.hub, network.address))
  for i = 1, count do
    local pid = new_machine(self)
    self[i] = words(pid)
    run(("%s ip link add name to%d type veth peer name eth0 netns %s"):format(self.hub, i, pid))
    run(("%s ip address add 10.0.%d.1/24 dev to%d"):format(self.hub, i, i))
    run(("%s ip link set dev to%d up"):format(self.hub, i))
    run(("%s ip address add 10.0.%d.2/24 dev eth0"):format(self[i], i))
    run(("%s ip link set dev eth0 up"):format(self[i]))
    run(("%s ip route add default via 10.0.%d.1"):format(self[i], i))
  end
  return self
end

function Network.remove(self)
  for _, pipe in ipairs(self.pipes) do
    pipe:close()
  end
end

return network
