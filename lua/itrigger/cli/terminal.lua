-- What the command line knows of the terminal: is there one, may it be coloured, how wide is a text.

local core = require "itrigger.core"
local shell = require "itrigger.cli.shell"

local terminal = {}

-- Is descriptor 0, 1 or 2 a terminal?
terminal.is_tty = core.isatty

-- May output to the descriptor be coloured? NO_COLOR (https://no-color.org) and TERM=dumb say no.
function terminal.has_colour(fd)
  local no = os.getenv "NO_COLOR"
  return terminal.is_tty(fd) and (no == nil or no == "") and os.getenv "TERM" ~= "dumb"
end

-- The user's language: "zh" or "en".
function terminal.language()
  for _, name in ipairs { "LC_ALL", "LC_MESSAGES", "LANG" } do
    local locale = os.getenv(name)
    if locale and locale ~= "" then
      return locale:find "^zh" and "zh" or "en"
    end
  end
  return "en"
end

-- Return the text of an endpoint or a parameter in that language.
function terminal.text_of(entry)
  return entry[terminal.language()] or entry.en
end

local function code_point(char)
  local first = char:byte()
  local code = first < 0xe0 and first % 0x20 or first < 0xf0 and first % 0x10 or first % 0x08
  for i = 2, #char do
    code = code * 64 + char:byte(i) % 64
  end
  return code
end

local function is_wide(code)
  return code >= 0x1100 and (code <= 0x115f or code >= 0x2e80 and code <= 0xa4cf or code >= 0xac00 and code <= 0xd7a3
    or code >= 0xf900 and code <= 0xfaff or code >= 0xfe30 and code <= 0xfe6f or code >= 0xff00 and code <= 0xff60
    or code >= 0xffe0 and code <= 0xffe6 or code >= 0x1f300 and code <= 0x1f9ff or code >= 0x20000 and code <= 0x3fffd)
end

-- Columns that UTF-8 text takes on a terminal.
function terminal.width(text)
  local width = 0
  for char in text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    width = width + (#char > 1 and is_wide(code_point(char)) and 2 or 1)
  end
  return width
end

-- Text without control characters, so that what a gateway says cannot steer the terminal.
function terminal.safe(text)
  return (text:gsub("[%z\1-\8\11-\31\127]", function(c)
    return ("\\x%02x"):format(c:byte())
  end):gsub("\194[\128-\159]", "?"))
end

-- A shell reads what must not be seen: it shows input again however it ends, also at Ctrl-C.
local HIDDEN = "stty -echo; trap 'stty echo' EXIT; trap 'exit 130' INT TERM HUP; IFS= read -r line && printf '%s\\n' \"$line\""

-- Read one line of the user, with a prompt; secret: without showing it. Returns nil at the end of the input.
function terminal.ask(prompt, secret)
  io.stderr:write(prompt)
  local line
  if secret and terminal.is_tty(0) then
    line = shell.capture(HIDDEN):match "^(.-)\n"
    io.stderr:write "\n"
  else
    line = io.read "*l"
  end
  return line and (line:gsub("\r$", ""))
end

return terminal
