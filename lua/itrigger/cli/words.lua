-- The words of a command line, read by the table of commands. Only the usual ones are: what is wrong or asks for help is left
-- to parser.lua, which has all the messages but needs argparse, and that takes longer to load than a call takes.

local commands = require "itrigger.cli.commands"
local later = require "itrigger.later"

local words = {}

-- Return the command of this name; nil: there is none, or it is a group of endpoints.
function words.find_command(name)
  for _, command in ipairs(commands.list) do
    if command[1] == name then
      return command
    end
  end
end

-- Return the option that has this name, of several lists; nil: none.
function words.find_option(lists, name)
  for _, list in ipairs(lists) do
    for _, option in ipairs(list) do
      for one in option[1]:gmatch "%S+" do
        if one == name then
          return option
        end
      end
    end
  end
end

-- Where the command is among the words: behind the options before it.
function words.command_at(list)
  local i = 1
  while list[i] and list[i]:find "^%-" do
    local option = words.find_option({ commands.common }, list[i])
    i = i + (option and not option.flag and 2 or 1)
  end
  return i
end

-- Return the words with an endpoint in place of the command, such as member.query, as two words.
function words.split_name(list)
  local at = words.command_at(list)
  if not (list[at] and list[at]:find(".", 1, true)) then
    return list
  end
  local made = {}
  for i, word in ipairs(list) do
    local e = i == at and later.endpoint.documented[word]
    made[#made + 1] = e and e.group or word
    made[#made + 1] = e and e.short or nil
  end
  return made
end

-- The field that an option sets: no_check of --no-check.
local function field_of(option)
  return (option[1]:match("%-%-(%S+)"):gsub("-", "_"))
end

local function is_option(word)
  return #word > 1 and word:sub(1, 1) == "-"
end

-- Return the value that an option makes of the word behind it; nil: it cannot be one.
local function value_of(option, word)
  if word == nil or is_option(word) then
    return nil
  elseif option.number then
    return tonumber(word)
  end
  local fits = option.choices == nil
  for _, choice in ipairs(option.choices or {}) do
    fits = fits or choice == word
  end
  return fits and word or nil
end

-- Put a word where the command's next argument is. Returns whether there is one.
local function pass(args, list, word)
  local argument = list and list[args.n + 1]
  if argument == nil or value_of(argument, word) == nil then
    return false
  elseif argument.count == "*" then
    args[argument[1]] = args[argument[1]] or {}
    table.insert(args[argument[1]], word)
  else
    args[argument[1]], args.n = word, args.n + 1
  end
  return true
end

-- Return whether all is there that must be; an argument that takes any number is then a table.
local function is_complete(args, command)
  for _, argument in ipairs(command.arguments or {}) do
    if argument.count == "*" then
      args[argument[1]] = args[argument[1]] or {}
    elseif args[argument[1]] == nil and argument.count ~= "?" then
      return false
    end
  end
  for _, option in ipairs(command.options or {}) do
    if option.required and args[field_of(option)] == nil then
      return false
    end
  end
  return true
end

-- Enter the command, or the endpoint of a group, that a word names. Returns it; nil: there is none.
local function enter(args, word)
  if args.command then
    args.endpoint = later.endpoint.documented[args.command .. "." .. word] and word
    return args.endpoint and commands.endpoint
  end
  args.command = word
  return words.find_command(word)
end

-- Read the words. Returns the arguments by name, with `command` (and `endpoint`, of a group), and the command | nil.
function words.read(list)
  local known, args, command, i = { commands.common }, { n = 0 }, nil, 1
  while list[i] do
    local word = list[i]
    if is_option(word) then
      local option = words.find_option(known, word)
      local value = option and (option.flag or value_of(option, list[i + 1]))
      if value == nil or value == false then
        return nil
      end
      args[field_of(option)] = value
      i = i + (option.flag and 0 or 1)
    elseif command then
      if not pass(args, command.arguments, word) then
        return nil
      end
    else
      local is_group = args.command ~= nil
      command = enter(args, word)
      if command then
        known[2] = command.options
      elseif is_group then
        return nil
      end
    end
    i = i + 1
  end
  if args.version then
    return args
  elseif command == nil or command.run == nil or not is_complete(args, command) then
    return nil
  end
  return args, command
end

return words
