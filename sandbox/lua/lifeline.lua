-- luacheck: std ngx_lua
-- Tells `sandbox/run` that the gateway answers, and when it is gone: the write end of a FIFO, held
-- open by master and worker until they die. Its line is the master's pid, written by the worker.
local ffi = require "ffi"

ffi.cdef [[ int getppid(void); ]]

local lifeline = {}

-- In the master, before there are workers. Opened for both ways, it waits for no reader.
function lifeline.open(dir)
  lifeline.file = assert(io.open(dir .. "/lifeline", "r+"))
end

-- In the worker, as it starts.
function lifeline.announce()
  lifeline.file:write(tonumber(ffi.C.getppid()), "\n")
  lifeline.file:flush()
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- In the worker, as it ends: a directory that `sandbox/run` made for this one gateway goes with it,
-- however it was stopped.
function lifeline.cut(dir)
  if os.rename(dir .. "/temporary", dir .. "/temporary") then
    os.execute("rm -rf -- " .. quote(dir))
  end
end

return lifeline
