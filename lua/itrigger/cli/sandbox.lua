-- `itrigger sandbox`: a local gateway to try things on.

local exit = require "itrigger.cli.exit"
local output = require "itrigger.cli.output"
local shell = require "itrigger.cli.shell"

local sandbox = {}

-- Where the sandbox is: in the source tree, or installed beside the command.
local function sandbox_command()
  local source = debug.getinfo(1, "S").source
  local tree, prefix = source:match "^@(.*)lua/itrigger/cli/sandbox%.lua$", source:match "^@(.*)/share/lua/"
  local places = { os.getenv "ITRIGGER_SANDBOX" }
  if #places == 0 then
    places[1] = tree and tree .. "sandbox/run"
    places[#places + 1] = prefix and prefix .. "/share/itrigger/sandbox/run"
    places[#places + 1] = "/usr/local/share/itrigger/sandbox/run"
    places[#places + 1] = "/usr/share/itrigger/sandbox/run"
  end
  for _, place in ipairs(places) do
    local file = io.open(place, "rb")
    if file then
      file:close()
      return place
    end
  end
  exit.stop(2, "sandbox: its start script is not at %s; name it with ITRIGGER_SANDBOX", table.concat(places, ", "))
end

-- Print what a sandbox said and stay until it ends or somebody presses Ctrl-C; stop it then. A guard stops it when this
-- process is killed: it reads the end of a pipe, which what waits here does not inherit, because popen begins that, too.
-- directory: a word of the shell.
local function stay_with_sandbox(command, text, directory)
  local guard = io.popen(command .. " --guard " .. directory, "w")
  output.put(text)
  io.stdout:flush()
  local ok, wrong = pcall(shell.capture, ("exec 3<>%s/lifeline 4<%s/lifeline 3>&-; exec cat <&4"):format(directory, directory))
  shell.run(command .. " --stop " .. directory)
  guard:close()
  if not ok then
    error(wrong, 0)
  end
  return 0
end

-- The words are those of sandbox/run, but that it stays in the foreground unless --background says otherwise.
-- Run it with the words from the one at `first` on. Returns the exit status.
function sandbox.run(words, first)
  local command, line, stays = "sh " .. shell.word(sandbox_command()), {}, true
  for i = first, #words do
    local word = words[i]
    if word == "--stop" or word == "--guard" or word == "--background" or word == "--help" or word == "-h" then
      stays = false
    end
    if word ~= "--background" and word ~= "--foreground" then
      line[#line + 1] = shell.word(word)
    end
  end
  local start = command .. " " .. table.concat(line, " ")
  if not stays then
    local _, status = shell.run(start)
    return status
  end
  local pipe = io.popen(start)
  local text = pipe:read "*a"
  pipe:close()
  local directory = text:match "SANDBOX_DIR=([^\n]+)"
  if directory == nil then
    return 2 -- it said why
  end
  return stay_with_sandbox(command, text, directory)
end

return sandbox
