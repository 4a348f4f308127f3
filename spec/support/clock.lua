-- The wall clock of processes that a spec starts, stepped while they run. libfaketime shows every one
-- of them the real time and so many seconds more as one file says; their monotonic clocks stay real,
-- as they do where a machine's clock is set.
--
--   local clock = clock.new()               -- or nil and why not
--   local sb = sandbox.start(nil, clock:words())    -- a gateway by this clock
--   place:start(3, text, nil, clock:words())
--   clock:set(3600)
--   clock:remove()
local face = require "spec.support.face"
local needs = require "spec.support.needs"

local clock = {}

local Clock = {}
Clock.__index = Clock

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- A clock that is right. Nil and why, without libfaketime, or with an interpreter (of a sanitizer) that bears no
-- library before its own.
function clock.new()
  local lacks = needs.program("faketime", "faketime")
  if lacks then
    return nil, lacks
  end
  -- The command faketime would tell, but it fails if a process with the same id was once killed under it.
  local library = shell("ls /usr/lib*/faketime/libfaketimeMT.so.1 /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null"):match("%S+")
  assert(library, "libfaketimeMT.so.1 is not where the package faketime has it")
  local self = setmetatable({ library = library, file = os.tmpname() }, Clock)
  self:set(0)
  if shell(("%s '%s' -e 'print(42)' 2>/dev/null"):format(self:words(), face.interpreter())) ~= "42\n" then
    self:remove()
    return nil, "this interpreter does not run under faketime"
  end
  return self
end

-- So many seconds before (negative) or after the real time, for all who run and all who start.
-- Renamed into place: nobody reads half of it.
function Clock.set(self, seconds)
  self.seconds = seconds
  local file = assert(io.open(self.file .. ".new", "w"))
  file:write(("%+d\n"):format(seconds))
  file:close()
  assert(os.rename(self.file .. ".new", self.file))
end

-- Goes to the next beginning of a day at the gateway (UTC+8), and `seconds` more. So a spec that
-- counts over a day does not depend on when it runs.
function Clock.begin_day(self, seconds)
  self:set((16 * 3600 - os.time()) % 86400 + seconds)
end

-- The shell's words that have its variable `n` be the seconds; for a loop that needs no spec in between.
function Clock.set_to_n(self)
  return ("printf '+%%d\\n' $n >'%s.new' && mv '%s.new' '%s'"):format(self.file, self.file, self.file)
end

-- Words for the shell before a command.
function Clock.words(self)
  local words = "env LD_PRELOAD='%s' FAKETIME_TIMESTAMP_FILE='%s' FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"
  return words:format(self.library, self.file)
end

function Clock.remove(self)
  os.remove(self.file)
end

return clock
