-- The option on_call: a function of the program that is told of each call. The C side calls it, after the call's result was
-- made and where nothing can yield; what it raises is reported once and changes nothing.

local core = require "itrigger.core"

local error, getmetatable, pcall, rawget, tostring, type = error, getmetatable, pcall, rawget, tostring, type

local watch = {}

local ngx = rawget(_G, "ngx")
local io = rawget(_G, "io")

local function report(err)
  local is_text, text = pcall(tostring, err)
  text = "itrigger: on_call raised an error; the call is not affected, and later errors of this on_call are not reported: "
    .. (is_text and text or "a " .. type(err))
  if text:find("attempt to yield", 1, true) then
    text = text .. " (on_call cannot wait: make no call in it, and do not sleep)"
  end
  if type(ngx) == "table" and ngx.log then
    ngx.log(ngx.ERR, text)
  elseif io and io.stderr then
    io.stderr:write(text, "\n")
  end
end

-- Return the function that core.watch takes, for the program's.
function watch.guard(on_call)
  local is_reported = false
  return function(call)
    local ok, err = pcall(on_call, call)
    if ok then
      return
    elseif type(err) == "string" and err:find("interrupted!", -12, true) then
      error(err, 0) -- Ctrl-C ends the program
    elseif not is_reported then
      is_reported = true
      pcall(report, err)
    end
  end
end

-- Note a call that the Lua side refused before it was started. Returns err, which has `elapsed` then.
function watch.unstarted(client, err, method, path, endpoint)
  if getmetatable(client) == "itrigger.client" then
    return core.unstarted(client, err, method, path, endpoint)
  end
  return rawget(client, "unstarted")(err, method, path, endpoint) -- of itrigger.testing
end

return watch
