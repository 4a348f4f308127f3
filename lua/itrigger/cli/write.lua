-- Writes to files that tell whether they succeeded: true | nil, why not.

local write = {}

-- Write text, and with it what the file's buffer holds.
function write.flushed(file, text)
  local ok, err = file:write(text)
  if ok then
    ok, err = file:flush()
  end
  return ok, err
end

-- Write texts; they may stay in the buffer.
function write.buffered(file, ...)
  return file:write(...)
end

-- Where a write fails in code that LuaJIT has compiled, LuaJIT makes it again, and the buffer being empty then, it succeeds.
local jit = rawget(_G, "jit")
if jit then
  jit.off(write.flushed)
  jit.off(write.buffered)
end

return write
