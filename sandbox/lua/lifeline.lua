-- luacheck: std ngx_lua
-- Tells `sandbox/run` that the gateway answers, and when it is gone: the write end of a FIFO,
-- opened by the worker as it starts, with the master's pid as its only line, open until it dies.
local ffi = require "ffi"

ffi.cdef [[ int getppid(void); ]]

local lifeline = {}

function lifeline.open(path)
  -- A worker that replaces a crashed one finds no reader, and must not wait for one.
  if lifeline.file or not os.rename(path, path) then
    return
  end
  lifeline.file = io.open(path, "r+")
  lifeline.file:write(tonumber(ffi.C.getppid()), "\n")
  lifeline.file:flush()
end

return lifeline
