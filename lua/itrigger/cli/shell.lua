-- Commands of the shell: words quoted, and what a command prints.

local shell = {}

-- Return text as one word for sh.
function shell.word(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Run a command; return what it writes to standard output. Its standard error is discarded.
function shell.capture(command)
  local pipe = io.popen("{ " .. command .. "\n} 2>/dev/null")
  local text = pipe and pipe:read "*a" or ""
  if pipe then
    pipe:close()
  end
  return text
end

-- Run a command; return whether it succeeded, and its exit status where Lua knows it.
function shell.run(command)
  local ok, how, status = os.execute(command)
  if type(ok) == "number" then -- Lua 5.1: what wait() gives
    local code = ok > 255 and math.floor(ok / 256) or ok == 0 and 0 or 128 + ok % 128
    return ok == 0, code
  end
  return ok == true, how == "signal" and 128 + status or status
end

return shell
