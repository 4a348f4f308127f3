-- busted's results as TAP. Its own TAP writer dies of a spec file that does not parse, and a writer that dies hides
-- every result. The plan comes last: a run without one was cut short.
local busted = require "busted"
local new_handler = require "busted.outputHandlers.base"

local function text_of(message)
  if type(message) == "string" then
    return message
  elseif message == nil then
    return "no message"
  end
  local ok, text = pcall(require("pl.pretty").write, message)
  return ok and text or tostring(message)
end

local function write_comment(text)
  io.stdout:write("# ", (text:gsub("%s+$", ""):gsub("\r?\n", "\n# ")), "\n")
end

local function place_of(element)
  local trace = type(element.trace) == "table" and element.trace or {}
  return (trace.short_src or "?") .. ":" .. (trace.currentline or "?")
end

return function()
  local handler = new_handler()
  local count = 0

  local function write_result(word, name, suffix)
    count = count + 1
    io.stdout:write(word, " ", count, " - ", (name:gsub("[\r\n#]", " ")), suffix or "", "\n")
  end

  local function write_failure(failure)
    write_result("not ok", failure.name)
    write_comment(place_of(failure.element))
    write_comment(text_of(failure.message))
    local trace = type(failure.trace) == "table" and failure.trace.traceback
    if trace then
      write_comment(trace)
    end
  end

  function handler.testEnd(element, _, status)
    if status == "success" then
      write_result("ok", handler.getFullName(element))
    elseif status == "pending" then
      local pending = handler.pendings[#handler.pendings]
      write_result("ok", pending.name, " # SKIP " .. text_of(pending.message or ""))
    elseif status == "failure" then
      write_failure(handler.failures[#handler.failures])
    else
      write_failure(handler.errors[#handler.errors])
    end
    io.stdout:flush()
    return nil, true
  end

  -- What goes wrong outside a test: a file that does not load, a setup, a teardown.
  function handler.outerError(element)
    if element.descriptor ~= "it" then
      write_failure(handler.errors[#handler.errors])
      io.stdout:flush()
    end
    return nil, true
  end

  function handler.suiteEnd()
    if count == 0 then
      write_result("not ok", "no test ran: the files or the --filter have none")
      io.stdout:write("1..1\n")
      io.stdout:flush()
      os.exit(1)
    end
    io.stdout:write("1..", count, "\n")
    io.stdout:flush()
    return nil, true
  end

  busted.subscribe({ "test", "end" }, handler.testEnd)
  busted.subscribe({ "failure" }, handler.outerError)
  busted.subscribe({ "error" }, handler.outerError)
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
