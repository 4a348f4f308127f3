-- The parser of argparse, made of the table of commands: it has the help, and says what is wrong with a command line. What is
-- usual is read without it (words.lua).

local commands = require "itrigger.cli.commands"
local describe = require "itrigger.cli.describe"
local exit = require "itrigger.cli.exit"
local later = require "itrigger.later"
local output = require "itrigger.cli.output"
local terminal = require "itrigger.cli.terminal"
local words = require "itrigger.cli.words"

local parser = {}

local EXAMPLES = [[
Examples:
   itrigger member query mobile=18899888899 storeNo=1159374785466208256
   itrigger help member query         what an endpoint takes
   itrigger endpoints coupon          which endpoints there are
   itrigger doctor                    why a call fails]]

local function load_argparse()
  local found, argparse = pcall(require, "argparse")
  if not found then
    exit.stop(2, "help and the explanation of a wrong command line need lua-argparse (Debian: lua-argparse; luarocks install "
      .. "argparse): %s", tostring(argparse):match "^[^\n]*")
  end
  return argparse
end

local function to_number(option)
  return function(text)
    local number = tonumber(text)
    return number, not number and ('%s is "%s"; it must be a number'):format(option, text) or nil
  end
end

local function add_options(to, list)
  for _, option in ipairs(list or {}) do
    local made = option.flag and to:flag(option[1]) or to:option(option[1])
    for property, value in pairs { description = option[2], argname = option.argname, choices = option.choices } do
      made[property](made, value)
    end
    if option.number then
      made:convert(to_number(option[1]))
    end
    if option.required then
      made:count(1)
    end
  end
end

local function add_arguments(to, list)
  for _, argument in ipairs(list or {}) do
    local made = to:argument(argument[1])
    for property, value in pairs { description = argument[2], args = argument.count, choices = argument.choices } do
      made[property](made, value)
    end
  end
end

-- Add the documented endpoints, a group a command.
local function add_endpoints(to)
  local groups = {}
  for _, name in ipairs(later.endpoint.names) do
    local e = later.endpoint.documented[name]
    local text = ("Documented endpoints %s.*."):format(e.group)
    local group = groups[e.group] or to:command(e.group):summary(text):description(text):command_target "endpoint"
    groups[e.group] = group
    text = terminal.text_of(e.entry)
    local made = group:command(e.short):summary(text):description(text)
    made:epilog("Parameters:\n" .. describe.parameters(e))
    add_options(made, commands.endpoint.options)
    add_arguments(made, commands.endpoint.arguments)
  end
end

-- Return the parser of all commands.
function parser.new()
  local made = load_argparse()("itrigger", "Call the iTrigger OpenAPI from the shell."):epilog(EXAMPLES)
  made:command_target "command"
  made:require_command(false)
  add_options(made, commands.common)
  for _, command in ipairs(commands.list) do
    if command.endpoints then
      add_endpoints(made)
    else
      local one = made:command(command[1]):summary(command[2]):description(command[2])
      add_options(one, not command.is_external and command.options or nil)
      add_arguments(one, command.arguments)
    end
  end
  return made
end

-- The command of this name, or nil.
local function command_of(made, name)
  for _, command in ipairs(made._commands) do
    if command._name == name then
      return command
    end
  end
end

-- Read a command line that words.lua does not. Returns the arguments by name, and the command; ends the command where it is
-- wrong. at: where the command is among the words.
function parser.read(given, at)
  local made = parser.new()
  local ok, args = made:pparse(given)
  if not ok then
    exit.stop(2, "%s; see: itrigger help%s", args:gsub("\n", ". "), command_of(made, given[at]) and " " .. given[at] or "")
  elseif not (args.command or args.version) then
    output.put(made:get_help(), "\n")
    exit.stop(2)
  end
  return args, args.command and (words.find_command(args.command) or commands.endpoint)
end

-- `help`, `help batch`; `help member query` describes the endpoint in the user's language.
function parser.help(args)
  local topic = args.topic
  if topic[1] == "sandbox" then -- its words are those of another program
    return require("itrigger.cli.sandbox").run({ "--help" }, 1)
  elseif topic[2] then
    return describe.command { name = table.concat(topic, ".") }
  elseif topic[1] and topic[1]:find(".", 1, true) then
    return describe.command { name = topic[1] }
  end
  local made = parser.new()
  local command = topic[1] and command_of(made, topic[1])
  if topic[1] and not command then
    exit.stop(2, 'unknown command "%s"; see: itrigger help', topic[1])
  end
  output.put((command or made):get_help(), "\n")
  return 0
end

return parser
