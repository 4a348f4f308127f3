-- Many real processes that use the library for one app over one store, on the interpreter that runs
-- the specs:
--
--   local fleet = require "spec.support.fleet"
--   local place = fleet.place(sb, { token_timeout = 1 })  -- an app and a store of its own
--   local f = place:start(20, 'worker.gate "start" worker.say(worker.call())')
--   f:expect(20, "at start")              -- the next 20 lines, in whatever order
--   place:open "start"
--   assert.same({ ok = 20 }, f:rest())    -- all other lines, counted; returns when all have ended
--   place:remove()
--
-- What a process can do: worker.lua. Its errors come as lines too.
local busted = require "busted"
local face = require "spec.support.face"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

local fleet = {}

-- The stores that more than one process can share; a promise about them is shown on each.
local stores = { "file", "redis" }

-- Has busted's `it` run a spec once per store, and `pending` tell of one that this machine lacks:
-- `body` gets the name for `place`.
function fleet.on_each_store(it, pending, name, body)
  for _, store in ipairs(stores) do
    local lacks = store == "redis" and redis.missing()
    if lacks then
      pending(name .. " (redis): " .. lacks)
    else
      it(name .. " (" .. store .. ")", function() body(store) end)
    end
  end
end

-- As many processes as a spec can afford: the specs run on five Luas, so one of them gets the crowd.
function fleet.crowd(most, else_most)
  return _VERSION == "Lua 5.4" and most or else_most
end

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- What specs of fleets on servers of Redis begin with, in a describe: fixture.sb; after fixture:begin(options) also
-- fixture.place, whose calls take so many milliseconds, or loops of them would only heat the machine; and
-- fixture:start(options) starts a server.
function fleet.redis_fixture(ms)
  local f = {}
  busted.setup(function()
    f.sb = sandbox.shared()
  end)
  busted.after_each(function()
    for _, server in ipairs(f.servers) do
      if server.log then
        server:signal "CONT"
      end
    end
    f.place:remove()
    for _, server in ipairs(f.servers) do
      server:remove()
    end
    f.sb:reset()
  end)
  function f.begin(_, options)
    f.sb:reset()
    f.sb:fault { kind = "delay", ms = ms, path = "api", share = 1 }
    options.token_store = "later"
    f.place, f.servers = fleet.place(f.sb, options), {}
  end
  function f.start(_, options)
    f.servers[#f.servers + 1] = redis.start(options)
    return f.servers[#f.servers]
  end
  return f
end

-- ---- one fleet ----

local Fleet = {}
Fleet.__index = Fleet

-- The next line, or nil when all processes have ended.
function Fleet.line(self)
  return self.pipe:read("*l")
end

-- The next `count` lines must all be `text`.
function Fleet.expect(self, count, text)
  for i = 1, count do
    local line = self:line()
    if line ~= text then
      error(("line %d of %d: %q is expected, %q came"):format(i, count, text, tostring(line)), 2)
    end
  end
end

-- The next `count` lines: text → how often.
function Fleet.some(self, count)
  local counts = {}
  for _ = 1, count do
    local line = tostring(self:line())
    counts[line] = (counts[line] or 0) + 1
  end
  return counts
end

-- All that is still said, until the last process ends: text → how often.
function Fleet.rest(self)
  local counts = {}
  for line in self.pipe:lines() do
    counts[line] = (counts[line] or 0) + 1
  end
  self.pipe:close()
  self.pipe = nil
  return counts
end

-- ---- a place: one app, one store, one gateway ----

local Place = {}
Place.__index = Place

-- Makes the app known to the gateway. `options`: of the library, by name, for all processes; `store`:
-- "file" (also where it is nil) or "redis", unless the options name one.
function fleet.place(sb, options, store)
  local self = setmetatable({ fleets = {}, gates = {}, shut = {}, options = options or {} }, Place)
  self.dir = shell("mktemp -d"):match("%S+")
  self.options.gateway = self.options.gateway or sb.gateway
  local secret = self.options.app_secret
  self.options.app_id, self.options.app_secret = face.app(sb)
  if secret then
    sb:app { id = self.options.app_id, secret = secret }
    self.options.app_secret = secret
  end
  if store == "redis" then
    self.redis, self.prefix = redis.shared(), self.options.app_id .. ":"
    self.options.token_store = self.redis:url(self.prefix)
  end
  self.options.token_store = self.options.token_store or "file:" .. self.dir .. "/store"
  return self
end

-- The options as a client of the spec's own process wants them; `more` replaces some.
function Place.with(self, more)
  local options = {}
  for _, set in ipairs { self.options, more or {} } do
    for name, value in pairs(set) do
      options[name] = value
    end
  end
  return options
end

-- The shell's words that put the options into the environment of a process.
local function environment(options)
  local words = { "env" }
  for name, value in pairs(options) do
    words[#words + 1] = quote("ITRIGGER_" .. name:upper() .. "=" .. tostring(value))
  end
  return table.concat(words, " ")
end

-- Under a leak checker these processes are not asked for leaks: it cannot look at one that another process stops.
local function without_leak_check()
  local sanitizer = os.getenv("ASAN_OPTIONS")
  return sanitizer and "ASAN_OPTIONS=" .. quote(sanitizer .. ":detect_leaks=0") or ""
end

-- The shell's words for one process of the next fleet; its number is the shell's variable i.
local function process(self, text, more, before)
  local name = ("%s/worker%d.lua"):format(self.dir, #self.fleets + 1)
  local file = assert(io.open(name, "w"))
  file:write('local worker = require "spec.support.worker"\n', text, "\n")
  file:close()
  return ("%s FLEET_NUMBER=$i FLEET_DIR=%s FLEET_PATH=%s %s timeout -s KILL 60 %s %s %s 2>&1"):format(
    without_leak_check(),
    quote(self.dir),
    quote(face.echo_get),
    environment(self:with(more)),
    before or "",
    quote(face.interpreter()),
    quote(name)
  )
end

-- Runs a shell's command as a fleet of this place.
local function follow(self, command)
  local made = setmetatable({ pipe = assert(io.popen(command)) }, Fleet)
  self.fleets[#self.fleets + 1] = made
  return made
end

-- Starts `count` processes that run `text`, in which `worker` is worker.lua; `more`: options of
-- theirs only; `before`: words for the shell before each (of a clock, of a network). A process that
-- hangs is killed after a minute, and then its lines are missed.
function Place.start(self, count, text, more, before)
  local command = ("i=1; while [ $i -le %d ]; do %s & i=$((i + 1)); done; wait"):format(
    count,
    process(self, text, more, before)
  )
  return follow(self, command)
end

-- Starts one such process after another, `count` of them, each `step` seconds after the one before by
-- `clock`, which goes on from where it stands.
function Place.start_each(self, count, step, clock, text, more)
  local loop = "n=%d; i=1; while [ $i -le %d ]; do n=$((n + %d)); %s; %s; i=$((i + 1)); done"
  local one = process(self, text, more, clock:words())
  local command = loop:format(clock.seconds, count, step, clock:set_to_n(), one)
  clock.seconds = clock.seconds + count * step
  return follow(self, command)
end

-- One process at once; returns what it said, counted.
function Place.run(self, text, more, before)
  return self:start(1, text, more, before):rest()
end

-- Makes gates; before the processes that stand at them start.
function Place.make(self, ...)
  local words = { "mkfifo" }
  for _, name in ipairs { ... } do
    words[#words + 1] = quote(self.dir .. "/" .. name)
    self.shut[#self.shut + 1] = name
  end
  shell(table.concat(words, " "))
end

-- Opens a gate, for good. ("r+": a FIFO opened for both waits for nobody.)
function Place.open(self, name)
  self.gates[#self.gates + 1] = assert(io.open(self.dir .. "/" .. name, "r+"))
end

-- Puts a mark, for worker.marked.
function Place.mark(self, name)
  assert(io.open(self.dir .. "/" .. name, "w")):close()
end

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The file of the one record in the store.
local function record_file(self)
  local file = shell("find " .. quote(self.dir .. "/store") .. " -type f -size +0"):match("^([^\n]+)\n$")
  return assert(file, "not one record in the store")
end

local function record_text(self)
  return self.redis and self.redis:read(self.prefix) or read_file(record_file(self))
end

-- The record that the processes share: name → text, or number where it is one.
function Place.record(self)
  local fields = {}
  for name, value in record_text(self):gmatch("([%w_]+) ([^\n]*)\n") do
    fields[name] = tonumber(value) or value
  end
  return fields
end

-- Makes the token in the record due: its refresh time is moved back to its birth. While no process
-- runs: nobody's swap is in between.
function Place.make_due(self)
  local text = record_text(self)
  local born = text:match("\nborn (%d+)\n")
  text = text:gsub("\nrefresh %d+\n", "\nrefresh " .. born .. "\n")
  if self.redis then
    return self.redis:write(self.prefix, text)
  end
  local file = assert(io.open(record_file(self), "wb"))
  file:write(text)
  file:close()
end

-- Sends a signal to a process: the id is what worker.pid told.
function fleet.signal(name, pid)
  assert(pid:match("^%d+$"), pid)
  shell("kill -" .. name .. " " .. pid .. " 2>/dev/null")
end

-- Ends its processes and removes its files. Loops end by the mark "stop"; whoever stands at a gate
-- goes on.
function Place.remove(self)
  self:mark("stop")
  for _, name in ipairs(self.shut) do
    self:open(name)
  end
  for _, made in ipairs(self.fleets) do
    if made.pipe then
      made:rest()
    end
  end
  for _, gate in ipairs(self.gates) do
    gate:close()
  end
  shell("rm -rf " .. quote(self.dir))
end

return fleet
