-- The command `itrigger`: run(arguments) returns the exit status (exit.lua). A file of its own is loaded for what the command
-- does: most of the time that one call takes is that of loading and compiling Lua.

local core = require "itrigger.core"
local exit = require "itrigger.cli.exit"
local output = require "itrigger.cli.output"
local terminal = require "itrigger.cli.terminal"
local words = require "itrigger.cli.words"

local cli = {}

local function dispatch(given)
  if given[1] == "__complete" and given[2] == "--" then
    return require("itrigger.cli.complete").answer(given)
  end
  local at = words.command_at(given)
  if given[at] == "sandbox" then
    return require("itrigger.cli.sandbox").run(given, at + 1)
  end
  given = words.split_name(given)
  local args, command = words.read(given)
  if args == nil then
    args, command = require("itrigger.cli.parser").read(given, at)
  end
  if args.version then
    output.put("itrigger ", core.version, "\n")
    return 0
  end
  local file, name = command.run:match "^(.*)%.(.*)$"
  return require("itrigger.cli." .. file)[name](args)
end

local EBADF = 9 -- on Linux
local held = {}

-- The number of a closed standard file would go to the next file or connection, which input and output would then use.
-- Occupy it with a file opened in the other direction, so that using it fails.
local function hold_standard_files()
  for _, one in ipairs { { io.stdin, "wb" }, { io.stdout, "rb" }, { io.stderr, "rb" } } do
    if select(3, one[1]:seek()) == EBADF then
      held[#held + 1] = io.open("/dev/null", one[2])
    end
  end
end

-- Run the command with these words. Returns the exit status.
function cli.run(given)
  hold_standard_files()
  io.stdout:setvbuf "full"
  local ok, status = xpcall(function()
    return dispatch(given)
  end, exit.reason)
  local flushed, wrong = io.stdout:flush()
  if ok and flushed then
    return status
  end
  local reason = ok and { status = 2, message = "standard output cannot be written: " .. tostring(wrong) } or status
  if reason.message then
    io.stderr:write("itrigger: ", (terminal.safe(reason.message):gsub("^itrigger: ", "")), "\n")
  end
  return reason.status
end

return cli
