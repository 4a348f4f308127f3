-- Writes to files. Each returns true | nil, why it failed; on LuaJIT, too.

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

-- LuaJIT repeats a write that fails in compiled code. The buffer is empty by then, so the second one succeeds.
local jit = rawget(_G, "jit")
if jit then
  jit.off(write.flushed)
  jit.off(write.buffered)
end

return write
