-- A Debian of this machine's release, as small as debootstrap makes it, booted with a systemd of its own:
--
--   local m = machine.boot()          -- booted when this returns; what is changed in it is gone with it
--   m:copy("packaging/x", "/etc/x")   -- a file of ours
--   local said, code = m:run "systemctl start x"
--   m:stop()
--
-- It shares this machine's network. The tree that it boots from is made once, below the build directory,
-- from the mirror that this machine's apt uses.
local eventually = require "spec.support.eventually"
local guard = require "spec.support.guard"
local needs = require "spec.support.needs"

local machine = {}

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"exit $?\""))
  local text = pipe:read("*a")
  pipe:close()
  local said, code = text:match("^(.*)exit (%d+)\n$")
  return said, tonumber(code)
end

local function must(command)
  local said, code = run(command)
  if code ~= 0 then
    error(("%s: exit %s\n%s"):format(command, tostring(code), said), 2)
  end
  return said
end

-- Nil, or the reason for `pending` (needs.lua).
function machine.missing()
  return needs.program("debootstrap", "debootstrap") or needs.program("systemd-nspawn", "systemd-container")
    or needs.package("systemd-container", must "id -u" == "0\n", "only root can boot a machine")
end

-- The tree; made if it is not there.
local function tree()
  local dir = needs.itriggerd_program():match("^(.*)/bin/") .. "/boot"
  local debian = dir .. "/debian"
  if select(2, run("test -d " .. quote(debian))) == 0 then
    return debian
  end
  must(("rm -rf %s.new; mkdir -p %s; tools/debian %s.new systemd,systemd-sysv,dbus && mv %s.new %s"):format(quote(debian), quote(dir),
    quote(debian), quote(debian), quote(debian)))
  return debian
end

local Machine = {}
Machine.__index = Machine

-- A tmpfs hides that this machine may have no systemd of its own, or another one.
local BOOT = [[mount -t tmpfs tmpfs /run/systemd && SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --quiet --boot \
  --register=no --keep-unit --volatile=overlay --console=pipe --directory=%s]]

function machine.boot()
  local dir = must("mktemp -d"):match("%S+")
  local self = setmetatable({ dir = dir }, Machine)
  local script = BOOT:format(quote(tree()))
  local pid = must(("mkdir -p /run/systemd; unshare --mount --propagation private sh -c %s >%s/console 2>&1 </dev/null & echo $!")
    :format(quote(script), dir)):match("%d+")
  self.guard = guard(pid)
  eventually("the machine boots", function()
    if select(2, run("kill -0 " .. pid)) ~= 0 then
      error("the machine does not boot:\n" .. must("cat " .. dir .. "/console"))
    end
    local leader = must("pgrep -P " .. pid .. " || true"):match("%d+") -- its first process is a child of that one
    local comm = leader and must(("test / -ef /proc/%s/root || cat /proc/%s/comm || true"):format(leader, leader))
    self.leader = leader
    return comm == "systemd\n", comm
  end, function()
    return must("cat " .. dir .. "/console")
  end)
  self.pid = pid
  self:run "timeout 120 sh -c 'while ! test -S /run/systemd/private; do :; done; systemctl is-system-running --wait'"
  return self
end

-- Runs it in the machine, as root: what it said, and its exit code.
function Machine.run(self, command)
  return run(("nsenter --target %s --all sh -c %s"):format(self.leader, quote(command)))
end

-- The same; an error if it fails.
function Machine.must(self, command)
  local said, code = self:run(command)
  if code ~= 0 then
    error(("%s: exit %s\n%s"):format(command, tostring(code), said), 2)
  end
  return said
end

-- The path of the machine's file as we see it.
function Machine.path(self, path)
  return ("/proc/%s/root%s"):format(self.leader, path)
end

function Machine.copy(self, from, to, mode)
  must(("install -D -m %s %s %s"):format(mode or "644", quote(from), quote(self:path(to))))
end

function Machine.write(self, path, text, mode)
  local file = assert(io.open(self.dir .. "/text", "wb"))
  file:write(text)
  file:close()
  self:copy(self.dir .. "/text", path, mode)
end

-- A program of ours, with the libraries that it needs.
function Machine.install(self, program, to)
  self:copy(program, to, "755")
  for library in must("ldd " .. quote(program)):gmatch("=> (/%S+)") do
    if not library:find("/libc%.so") then
      self:copy(library, "/usr/local/lib/" .. library:match("[^/]+$"))
    end
  end
  self:must "ldconfig"
end

function Machine.stop(self)
  self:run "systemctl poweroff"
  run(("timeout 30 tail --pid=%s -f /dev/null || kill -9 %s"):format(self.pid, self.pid))
  self.guard:close()
  must("rm -rf " .. self.dir)
end

return machine
