-- The documented endpoints for people: `itrigger endpoints`, `describe`, and the parameters in the help.

local exit = require "itrigger.cli.exit"
local later = require "itrigger.later"
local output = require "itrigger.cli.output"
local shell = require "itrigger.cli.shell"
local target = require "itrigger.cli.target"
local terminal = require "itrigger.cli.terminal"

local describe = {}

-- List the endpoints, or those that have a word in their name, path or description.
function describe.list(args)
  local word, found = (args.word or ""):lower(), false
  for _, name in ipairs(later.endpoint.names) do
    local entry = later.endpoint.documented[name].entry
    if (name .. " " .. entry.path .. " " .. entry.en .. " " .. entry.zh):lower():find(word, 1, true) then
      output.put(("%-26s  %-4s  %s\n"):format(name, entry.method, terminal.text_of(entry)))
      found = true
    end
  end
  if not found then
    exit.stop(1, 'no documented endpoint has "%s" in its name, path or description; see: itrigger endpoints', args.word)
  end
  return 0
end

-- Return the parameters of a documented endpoint, and a line to try, as text.
function describe.parameters(e)
  local entry, language, width, lines, words = e.entry, terminal.language(), 0, {}, {}
  for _, param in ipairs(entry.params) do
    width = math.max(width, #param[1])
  end
  for _, param in ipairs(entry.params) do
    local needed = param.required and (language == "zh" and "必填" or "required") or ""
    lines[#lines + 1] = ("  %-" .. width .. "s  %-8s  %-8s  %s"):format(param[1], param.type or "any", needed,
      terminal.text_of(param) or "")
    if param.required and param.example then
      words[#words + 1] = param[1] .. "=" .. shell.word(tostring(param.example)):gsub("^'([%w_.-]+)'$", "%1")
    end
  end
  for _, group in ipairs(entry.either or {}) do
    lines[#lines + 1] = (language == "zh" and "  或: " or "  either: ") .. table.concat(group, " + ")
  end
  lines[#lines + 1] = ("\n  itrigger %s %s %s"):format(e.group, e.short, table.concat(words, " "))
  return table.concat(lines, "\n")
end

-- Describe a documented endpoint in the user's language.
function describe.command(args)
  local e = target.endpoint(args["function"] and args.name .. "." .. args["function"] or args.name)
  output.put(("%s  %s %s\n%s\n\n%s\n"):format(e.name, e.method, e.path, terminal.text_of(e.entry),
    describe.parameters(e)))
  return 0
end

return describe
