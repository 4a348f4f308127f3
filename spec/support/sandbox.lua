-- The sandbox gateway, for specs:
--
--   local sandbox = require "spec.support.sandbox"
--   local sb = sandbox.shared()            -- in setup; sandbox.start() for one of one's own
--   sb:reset()                             -- before each spec
--   sb:fault { kind = "status", status = 503, path = "api" }
--   assert.equal(1, sb:state().fetches)
--
-- Fields: gateway https wrong_host expired unknown_ca ca_file app_id app_secret dir pid; `socket`, where a
-- spec sets it, is how to reach it for control (from another network).
-- A gateway that was started here ends with `stop`, and at the latest with this process: a guard
-- (`sandbox/run --guard`) waits for the end of a pipe that only this process holds open.
-- Wants lua-cjson and the curl command. Lua 5.1 to 5.5, LuaJIT.
local cjson = require "cjson"

local sandbox = {}

local Sandbox = {}
Sandbox.__index = Sandbox

-- Line of `sandbox/run` → field.
local names = {
  ITRIGGER_GATEWAY = "gateway",
  ITRIGGER_APP_ID = "app_id",
  ITRIGGER_APP_SECRET = "app_secret",
  ITRIGGER_CA_FILE = "ca_file",
  SANDBOX_HTTPS = "https",
  SANDBOX_WRONG_HOST = "wrong_host",
  SANDBOX_EXPIRED = "expired",
  SANDBOX_UNKNOWN_CA = "unknown_ca",
  SANDBOX_GOAWAY = "goaway",
  SANDBOX_PID = "pid",
  SANDBOX_DIR = "dir",
}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function unquote(text)
  local inner = text:match("^'(.*)'$")
  return inner and inner:gsub("'\\''", "'") or text
end

-- Where `sandbox/run` is, seen from this file.
local function run_command()
  local here = debug.getinfo(1, "S").source:match("^@(.*)spec/support/sandbox%.lua$") or ""
  return quote((here == "" and "./" or here) .. "sandbox/run")
end

local function from_lines(lines)
  local self = setmetatable({}, Sandbox)
  for line in lines do
    local name, value = line:match("^([%w_]+)=(.*)$")
    if names[name] then
      self[names[name]] = unquote(value)
    end
  end
  return self
end

-- Starts a gateway of one's own. `options`: text for the command line of `sandbox/run`, or nil;
-- `before`: words for the shell before it (of a clock, of a network), or nil.
function sandbox.start(options, before)
  local pipe = assert(io.popen((before or "") .. " " .. run_command() .. " " .. (options or ""), "r"))
  local self = from_lines(pipe:lines())
  pipe:close()
  assert(self.gateway, "sandbox/run did not start a gateway; its complaint stands above")
  self.guard = assert(io.popen(run_command() .. " --guard " .. quote(self.dir), "w"))
  return self
end

-- The gateway that a runner has started (SANDBOX_DIR in the environment), or one for this process.
-- Nobody stops it: the runner does, or the guard.
function sandbox.shared()
  if not sandbox.one then
    local dir = os.getenv("SANDBOX_DIR")
    sandbox.one = dir and dir ~= "" and sandbox.attach(dir) or sandbox.start()
  end
  return sandbox.one
end

-- The gateway that runs in `dir`.
function sandbox.attach(dir)
  return from_lines(io.lines(dir .. "/env"))
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Runs curl with `arguments` (a list) and `more` text for the shell; returns what it printed.
function sandbox.curl(arguments, more)
  local words = { "curl", "--silent", "--show-error", "--noproxy", quote("*") }
  for _, argument in ipairs(arguments) do
    words[#words + 1] = quote(argument)
  end
  local pipe = assert(io.popen(table.concat(words, " ") .. " " .. (more or ""), "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- What curl printed with -i and the --write-out of `request`, taken apart.
local function parse(text)
  local answer, exit, version, connects = text:match("^(.*)\n(%d+) ([%d.]+) (%d+)$")
  local head, body = answer:match("^(HTTP/.-\r\n)\r\n(.*)$")
  head = head or ""
  return {
    exit = tonumber(exit), -- curl's exit code, 0: fine
    version = version, -- of HTTP: "1.1", "2"
    connects = tonumber(connects), -- connections that curl had to open
    status = tonumber(head:match("^HTTP/[%d.]+ (%d+)")), -- nil: no answer
    head = head:lower(), -- status line and headers, in lower case
    body = body or "", -- as far as it came
  }
end

-- One request by curl, with `more` arguments for it; returns its answer.
function sandbox.request(url, more)
  local arguments = { "-i", "--write-out", "\n%{exitcode} %{http_version} %{num_connects}", url }
  for _, argument in ipairs(more or {}) do
    arguments[#arguments + 1] = argument
  end
  return parse(sandbox.curl(arguments, "2>/dev/null"))
end

-- One control call: GET without a body, POST with one (a table, or JSON text). Returns the answer;
-- a mistake in the call is an error.
function Sandbox.control(self, path, body)
  local arguments = { self.gateway .. "/_sandbox/" .. path }
  local file
  if body then
    file = os.tmpname()
    local text = type(body) == "string" and body or next(body) and cjson.encode(body) or "{}"
    write_file(file, text)
    arguments[2], arguments[3] = "--data-binary", "@" .. file
  end
  local text = sandbox.curl(arguments, self.socket and "--unix-socket " .. quote(self.socket))
  if file then
    os.remove(file)
  end
  local answer = cjson.decode(text)
  if answer.error then
    error("sandbox: " .. answer.error, 2)
  end
  return answer
end

function Sandbox.state(self)
  return self:control("state")
end

-- The last 100 requests, the oldest first.
function Sandbox.requests(self)
  return self:control("requests").requests
end

for _, name in ipairs { "reset", "clear", "token", "app", "settings", "fault", "answer", "release", "wait" } do
  Sandbox[name] = function(self, fields)
    return self:control(name, fields or {})
  end
end

-- Ends a gateway that `start` made; returns when it is gone.
function Sandbox.stop(self)
  local guard = self.guard
  self.guard = nil
  if guard then
    guard:close()
  end
end

return sandbox
