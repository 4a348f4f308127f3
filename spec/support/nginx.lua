-- An nginx with ngx_lua as a host of the library, for specs: real nginx, the library in its workers
-- (the LuaJIT build), no port taken (it listens on a Unix socket of its own directory).
--
--   local nginx = require "spec.support.nginx"
--   local host = nginx.start { init = "Lua", locations = "location ...", workers = 4, http = "", main = "" }
--   host:get("/ping").body
--   local many = host:many("/call", 200)  -- at once, in the background
--   many:counts()                          -- { ["200 0"] = 200 }: HTTP status, curl's exit code
--   host:stop()
--
-- It ends with `stop`, and at the latest with this process (as the sandbox does).
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

local nginx = {}

local Host = {}
Host.__index = Host

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/support/nginx%.lua$")
if root == "" then
  root = "./"
end

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local top = shell("cd " .. quote(root) .. " && pwd")

-- The sandbox is an nginx too, so that one is always there.
function nginx.missing()
  return needs.build "luajit"
end

-- Waits until a process is no more, or only waits to be told of.
local GONE = "while kill -0 %s 2>/dev/null && [ \"$(cut -d' ' -f3 /proc/%s/stat 2>/dev/null)\" != Z ]; do sleep 0.02; done"

function nginx.is_root()
  return shell("id -u") == "0"
end

local modules = "/usr/lib/nginx/modules"

local CONF = [[
load_module "@MODULES@/ndk_http_module.so";
load_module "@MODULES@/ngx_http_lua_module.so";
@USER@
worker_processes @WORKERS@;
pid "@DIR@/nginx.pid";
lock_file "@DIR@/nginx.lock";
error_log "@DIR@/error.log" notice;
@MAIN@
events { worker_connections 2000; }
http {
  access_log off;
  client_body_temp_path "@DIR@/tmp"; proxy_temp_path "@DIR@/tmp"; fastcgi_temp_path "@DIR@/tmp";
  uwsgi_temp_path "@DIR@/tmp"; scgi_temp_path "@DIR@/tmp";
  lua_package_path "@TOP@/lua/?.lua;@TOP@/lua/?/init.lua;/usr/share/lua/5.1/?.lua;;";
  lua_package_cpath "@TOP@/build/luajit/?.so;;";
  @HTTP@
  init_by_lua_block { @INIT@ }
  server {
    listen unix:@DIR@/socket;
    location = /ping { content_by_lua_block { ngx.say("pong") } }
    location = /pid { content_by_lua_block { ngx.say(ngx.worker.pid()) } }
    location = /collect { content_by_lua_block { collectgarbage() collectgarbage() ngx.say("done") } }
    @LOCATIONS@
  }
}
]]

local function fill(values)
  local function value(name)
    return assert(values[name], name)
  end
  return (CONF:gsub("@(%u+)@", value):gsub("@(DIR)@", value)) -- also in what was filled in
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- more.under: words before the command (valgrind ...), which then stays in the foreground.
function nginx.start(more)
  local self = setmetatable({ dir = shell("mktemp -d /tmp/itr-nginx.XXXXXX") }, Host)
  write(self.dir .. "/nginx.conf", fill {
    DIR = self.dir, TOP = top, MODULES = modules, USER = nginx.is_root() and "user " .. (more.user or "root root") .. ";" or "",
    WORKERS = tostring(more.workers or 1), MAIN = more.main or "", HTTP = more.http or "",
    INIT = more.init or "", LOCATIONS = more.locations or "",
  })
  self.command = "env -u LUA_PATH -u LUA_CPATH -u LUA_INIT PATH=$PATH:/usr/sbin " .. (more.under or "")
    .. " nginx -p " .. self.dir .. " -c " .. self.dir .. "/nginx.conf"
  shell("chmod 755 " .. self.dir)
  local pid = self.dir .. "/nginx.pid"
  if more.under then
    shell(("%s >%s/start.log 2>&1 & while [ ! -s %s ] && kill -0 $! 2>/dev/null; do sleep 0.1; done"):format(
      self.command, self.dir, pid))
  else
    local failed = shell(self.command .. " >" .. self.dir .. "/start.log 2>&1 || cat " .. self.dir .. "/start.log")
    assert(failed == "", failed)
  end
  self.guard = assert(io.popen(("cat >/dev/null; p=$(cat %s); kill $p 2>/dev/null; %s; rm -rf %s"):format(
    pid, GONE:format("$p", "$p"), self.dir), "w"))
  return self
end

-- A gateway with HTTP/2 on a port of its own, with the sandbox's certificate. Returns the host and its URL.
-- `server`: what else stands in its server block; `locations`: of the Unix socket; `http`: beside the servers.
function nginx.start_http2(sb, more)
  local server = [[
    server {
      listen 127.0.0.1:%d ssl http2;
      ssl_certificate "%s/certs/good.pem"; ssl_certificate_key "%s/certs/leaf.key";
      default_type application/json;
      %s
    }]]
  for port = 21000 + os.time() % 5000, 32000 do -- a port can be taken
    local started, host = pcall(nginx.start, {
      http = (more.http or "") .. server:format(port, sb.dir, sb.dir, more.server), locations = more.locations,
    })
    if started then
      return host, "https://localhost:" .. port
    end
    assert(tostring(host):find("bind", 1, true), host)
  end
end

-- Ends it and its files; returns when it is gone.
function Host.stop(self)
  local guard = self.guard
  self.guard = nil
  if guard then
    guard:close()
  end
end

-- Return whether its files are there, which go when it ends.
function Host.is_there(self)
  local file = io.open(self.dir .. "/nginx.conf")
  return file ~= nil and file:close()
end

-- ---- requests ----

local function base(self)
  return { "--unix-socket", self.dir .. "/socket", "--max-time", "60" }
end

-- One request; as sandbox.request answers.
function Host.get(self, path, more)
  local arguments = base(self)
  for _, argument in ipairs(more or {}) do
    arguments[#arguments + 1] = argument
  end
  return sandbox.request("http://host" .. path, arguments)
end

local Many = {}
Many.__index = Many

-- So many at once, in the background; each with its number as the parameter n.
function Host.many(self, path, count, more)
  local command = ("curl --silent --parallel --parallel-immediate --parallel-max 300 --max-time 60 "
    .. "--unix-socket %s/socket -o /dev/null -w '%%{http_code} %%{exitcode}\\n' %s %s"):format(self.dir,
    more or "", quote(("http://host%s?n=[1-%d]"):format(path, count)))
  return setmetatable({ pipe = assert(io.popen(command .. " 2>/dev/null")) }, Many)
end

-- Waits for all of them: "status exit" → how often.
function Many.counts(self)
  local counts = {}
  for line in self.pipe:lines() do
    counts[line] = (counts[line] or 0) + 1
  end
  self.pipe:close()
  return counts
end

-- A request whose client goes away by the function that is returned.
function Host.leave_soon(self, path)
  local pid = shell(("curl --silent --unix-socket %s/socket http://host%s >/dev/null 2>&1 & echo $!"):format(self.dir, path))
  return function()
    shell("kill -KILL " .. pid)
  end
end

-- ---- the process ----

function Host.signal(self, name)
  shell("kill -" .. name .. " $(cat " .. self.dir .. "/nginx.pid)")
end

-- The ids of its workers now.
function Host.workers(self)
  local pids = {}
  for pid in shell("pgrep -P $(cat " .. self.dir .. "/nginx.pid)"):gmatch("%d+") do
    pids[#pids + 1] = pid
  end
  return pids
end

-- As `nginx -s reload`; returns when the new workers answer.
function Host.reload(self)
  local before = {}
  for _, pid in ipairs(self:workers()) do
    before[pid] = true
  end
  self:signal "HUP"
  local pid
  repeat
    pid = self:get("/pid", { "--header", "Connection: close" }).body:match("%d+")
  until pid and not before[pid]
end

-- Returns when none of these processes is there any more: the test's time-out ends it otherwise.
function Host.wait_gone(self, pids)
  for pid in pairs(pids) do
    shell(GONE:format(pid, pid))
  end
  return self
end

-- SIGKILL.
function Host.kill_workers(self)
  for _, pid in ipairs(self:workers()) do
    shell("kill -KILL " .. pid)
  end
end

-- What its error log says above the level notice.
function Host.errors(self)
  return shell("grep -v '\\[notice\\]' " .. self.dir .. "/error.log")
end

return nginx
