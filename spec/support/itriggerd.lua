-- The daemon itriggerd, for specs:
--
--   local itriggerd = require "spec.support.itriggerd"
--   local place = itriggerd.place(sb)              -- a directory, an app, a key
--   local d = place:start { app = { token_ttl = 2 } }   -- ready when this returns
--   d:await "token app=one"                        -- the next log line with that in it; more texts: all of them
--   d:get("/v1/apps/" .. place.app_id .. "/token") -- one request; status, head, body, json
--   assert.equal(0, d:stop())
--   place:remove()
--
-- What the daemon logs is read line by line, so nothing is waited for by sleeping.
local await_lines = require "spec.support.await_lines"
local busted = require "busted"
local cjson = require "cjson"
local eventually = require "spec.support.eventually"
local face = require "spec.support.face"
local guard = require "spec.support.guard"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

local itriggerd = {}

itriggerd.key = "key-of-a-client-0123456789abcdef"
itriggerd.vendor = "/itrigger-tenant/v1/basic/accessTokenOpen/token"

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

itriggerd.shell = shell

itriggerd.program = needs.itriggerd_program
itriggerd.missing = needs.itriggerd

-- ---- one daemon ----

local Daemon = {}
Daemon.__index = Daemon

-- Reads the log on until each of the texts was said, in whatever order; returns the last of those
-- lines. An error if the daemon ends before.
function Daemon.await(self, ...)
  local next_of_pipe = self.pipe:lines()
  local line, missing = await_lines(function()
    local line = self.log[self.awaited + 1] or next_of_pipe()
    if line then
      self.awaited = self.awaited + 1
      self.log[self.awaited] = line
    end
    return line
  end, { ... })
  return line or error(("itriggerd ended before it said %q:\n%s"):format(missing, table.concat(self.log, "\n")), 2)
end

-- One request to it. `more`: arguments of curl. Without `key = false` it shows the key.
function Daemon.get(self, path, more, key)
  local arguments = { "--max-time", "20" }
  if key ~= false then
    arguments[3], arguments[4] = "-H", "Authorization: Bearer " .. (key or itriggerd.key)
  end
  for _, argument in ipairs(more or {}) do
    arguments[#arguments + 1] = argument
  end
  local answer = sandbox.request(self.url .. path, arguments)
  local good, json = pcall(cjson.decode, answer.body)
  answer.json = good and json or nil
  return answer
end

-- A request that goes on while the spec does; its `answer()` waits for it.
function Daemon.begin(self, path, more, key)
  local words = { "curl", "-s", "-i", "--noproxy", "'*'", "--max-time", "40", "-H",
    quote("Authorization: Bearer " .. (key or itriggerd.key)) }
  for _, argument in ipairs(more or {}) do
    words[#words + 1] = quote(argument)
  end
  local pipe = assert(io.popen(table.concat(words, " ") .. " " .. quote(self.url .. path)))
  return function()
    local text = pipe:read("*a")
    pipe:close()
    local head, body = text:match("^(HTTP/.-\r\n)\r\n(.*)$")
    local good, json = pcall(cjson.decode, body)
    return { status = tonumber((head or ""):match("^HTTP/[%d.]+ (%d+)")), head = head or "", body = body or text,
      json = good and json or nil }
  end
end

-- The value of one sample of /metrics, as Prometheus would read it.
function Daemon.metric(self, sample, key)
  local text = "\n" .. self:get("/metrics", nil, key).body
  local at, to = text:find("\n" .. sample .. " ", 1, true)
  return at and tonumber(text:match("^%S+", to + 1))
end

-- Asks again until `ask` says that it is so (spec/support/eventually.lua); an error shows the whole log, and ends the
-- daemon for that.
function Daemon.eventually(self, what, ask)
  return eventually(what, ask, function()
    self:stop "KILL"
    return table.concat(self.log, "\n")
  end)
end

-- Asks for a sample of /metrics until it has this value.
function Daemon.await_metric(self, sample, value, key)
  self:eventually(sample .. " is " .. value, function()
    local now = self:metric(sample, key)
    return now == value, now
  end)
end

function Daemon.post(self, path, body, key)
  return self:get(path, { "--data-binary", body }, key)
end

function Daemon.signal(self, name)
  shell("kill -" .. name .. " " .. self.pid)
end

-- What its process ended with, once it has; all that it logged is in `log`.
function Daemon.wait(self)
  for line in self.pipe:lines() do
    self.log[#self.log + 1] = line
  end
  self.pipe:close()
  self.pipe = nil
  if self.guard then
    self.guard:close()
  end
  return tonumber(self.log[#self.log]:match("^exit (%d+)$"))
end

function Daemon.stop(self, name)
  if not self.pipe then
    return nil
  end
  if self.pid then -- else it never began to serve, and has ended
    self:signal(name or "TERM")
  end
  return self:wait()
end

-- ---- a place ----

local Place = {}
Place.__index = Place

function itriggerd.place(sb)
  local self = setmetatable({ daemons = {}, sb = sb }, Place)
  self.dir = shell("mktemp -d"):match("%S+")
  self.app_id, self.app_secret = face.app(sb)
  self:write("secret", self.app_secret .. "\n")
  self:write("key", itriggerd.key .. "\n")
  return self
end

-- A private file in its directory; returns its path.
function Place.write(self, name, text)
  local path = self.dir .. "/" .. name
  shell("umask 077; : >" .. quote(path))
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

function Place.read(self, name)
  local file = assert(io.open(self.dir .. "/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function section(title, fields)
  local lines = { "[" .. title .. "]" }
  for name, value in pairs(fields) do
    if value ~= "" then
      lines[#lines + 1] = name .. " = " .. tostring(value)
    end
  end
  return table.concat(lines, "\n")
end

local function merged(standard, more)
  for name, value in pairs(more or {}) do
    standard[name] = value
  end
  return standard
end

-- The text of a configuration: one server, one app "one", one client "shop". "" leaves a name out.
function Place.config(self, more)
  more = more or {}
  return table.concat({
    section("server", merged({ listen = "127.0.0.1:0", token_store = "file:" .. self.dir .. "/store" }, more.server)),
    section("app one", merged({ app_id = self.app_id, app_secret_file = self.dir .. "/secret",
      gateway = self.sb.gateway }, more.app)),
    section("client shop", merged({ key_file = self.dir .. "/key", apps = "one" }, more.client)),
    more.text or "",
  }, "\n") .. "\n"
end

-- Runs the program with `arguments` (text for the shell) and waits for its end: what it said, and
-- its exit code.
function Place.run(_, arguments, environment)
  local text = shell(("env %s %s %s 2>&1; echo \"exit $?\""):format(environment or "",
    quote(itriggerd.program()), arguments))
  local said, code = text:match("^(.*)exit (%d+)\n$")
  return said, tonumber(code)
end

-- A daemon with that command line; `until_line`: what it says when it is ready.
function Place.launch(self, arguments, environment, program)
  local name = ("%s/pid%d"):format(self.dir, #self.daemons + 1)
  -- Ten minutes are its end in any case: so a line that never comes is an error that shows those that came.
  local command = ("{ env %s %s %s 2>&1 </dev/null & pid=$!; echo $pid >%s; { timeout 600 tail --pid=$pid -f /dev/null || kill -9 $pid; } "
    .. ">/dev/null & wait $pid; echo \"exit $?\"; } 2>/dev/null"):format(
    environment or "", quote(program or itriggerd.program()), arguments, quote(name))
  local d = setmetatable({ log = {}, awaited = 0, pipe = assert(io.popen(command)) }, Daemon)
  self.daemons[#self.daemons + 1] = d
  local listen = d:await("info listen: ")
  d:await("info start: ready")
  d.awaited = 0 -- a token that was there already may be told of before
  d.address = listen:match("info listen: (%S+)")
  d.url = "http://" .. d.address
  d.pid = self:read(name:match("[^/]+$")):match("%d+")
  d.guard = guard(d.pid)
  return d
end

-- A daemon that serves self:config(more), rewritten by d.place:write and SIGHUP.
function Place.start(self, more)
  local path = self:write(more and more.name or "itriggerd.ini", self:config(more))
  return self:launch("--config " .. quote(path))
end

-- Options of a Lua client of daemon `d`.
function Place.client_options(self, d, more)
  return merged({ gateway = self.sb.gateway, app_id = self.app_id, token_store = d.url,
    token_store_key = itriggerd.key }, more)
end

function Place.remove(self)
  for _, d in ipairs(self.daemons) do
    d:stop("KILL")
  end
  shell("rm -rf " .. quote(self.dir))
end

-- ---- what most specs begin with, in a describe ----

local Fixture = {}
Fixture.__index = Fixture

-- The data of an answer that has a token.
function Fixture.granted(answer)
  assert(answer.status == 200 and answer.json and answer.json.data, answer.body)
  return answer.json.data
end

function Fixture.fetches(self)
  return self.sb:state().fetches
end

-- A token of this app that another program takes from the gateway itself, past the daemon.
function Fixture.fetch_past_it(self)
  local answer = sandbox.request(("%s%s?appId=%s&appSecret=%s"):format(self.sb.gateway, itriggerd.vendor,
    self.place.app_id, self.place.app_secret))
  return assert(cjson.decode(answer.body).data.accessToken, answer.body)
end

-- Whether the gateway takes a token.
function Fixture.is_good(self, token)
  local answer = sandbox.request(self.sb.gateway .. face.echo_get .. "?accessToken=" .. token)
  return cjson.decode(answer.body).code == 200
end

-- One place for all specs of a describe; `give` gets it.
function itriggerd.place_for_all(give)
  local place
  busted.setup(function()
    place = itriggerd.place(sandbox.shared())
    give(place)
  end)
  busted.teardown(function()
    place:remove()
  end)
end

-- A sandbox that is reset and a place of its own before each spec: f.sb, f.place, and the paths of its app.
function itriggerd.fixture()
  local f = setmetatable({}, Fixture)
  busted.setup(function()
    f.sb = sandbox.shared()
  end)
  busted.before_each(function()
    f.sb:reset()
    f.place = itriggerd.place(f.sb)
    f.token_path = "/v1/apps/" .. f.place.app_id .. "/token"
    f.refresh_path = "/v1/apps/" .. f.place.app_id .. "/refresh"
  end)
  busted.after_each(function()
    f.sb:release {}
    f.place:remove()
    f.sb:reset()
  end)
  return f
end

return itriggerd
