-- Completion: what may come next on a command line, and the few lines of each shell that ask for it. A shell runs
-- `itrigger __complete -- WORD… CURRENT`, so what it offers is always what this version has.

local commands = require "itrigger.cli.commands"
local output = require "itrigger.cli.output"
local profile = require "itrigger.cli.profile"
local terminal = require "itrigger.cli.terminal"
local words = require "itrigger.cli.words"

local endpoint = require("itrigger.later").endpoint
local ipairs, pairs = ipairs, pairs

local complete = {}

-- The answer for a word that is the name of a file: the shell knows those.
complete.FILES = "FILES"

-- ---- lists of candidates: { text, description } ----

local function undescribed(texts)
  local list = {}
  for i, text in ipairs(texts) do
    list[i] = { text }
  end
  return list
end

-- One field of each documented endpoint; fits: of those for which it returns true.
local function endpoints(field, fits)
  local list = {}
  for _, name in ipairs(endpoint.names) do
    local e = endpoint.documented[name]
    if fits == nil or fits(e) then
      list[#list + 1] = { e[field], terminal.text_of(e.entry) }
    end
  end
  return list
end

local function endpoint_names()
  return endpoints "name"
end

local function paged_names()
  return endpoints("name", function(e) return e.entry.paged end)
end

local function paths(is_post)
  return endpoints("path", function(e) return e.is_post == is_post end)
end

local function endpoint_at(is_post, path)
  for _, name in ipairs(endpoint.names) do
    local e = endpoint.documented[name]
    if e.is_post == is_post and e.path == path then
      return e
    end
  end
end

local function profiles()
  return undescribed(profile.names())
end

-- The values of an enum by the names that the command takes.
local function values_of(param)
  local list = {}
  for name, value in pairs(param.values) do
    list[#list + 1] = { param[1] .. "=" .. name, name ~= value and tostring(value) or nil }
  end
  table.sort(list, function(a, b)
    return a[1] < b[1]
  end)
  return list
end

-- The parameters of an endpoint (nil: of an unknown path), of which given are there already.
local function parameters(e, given, current)
  if current:find "^[^=:@]+:?=@" or current:find "^@" then
    return complete.FILES
  elseif e == nil then
    return {}
  end
  local list, present = {}, {}
  for _, word in ipairs(given) do
    present[word:match "^([^=:]*)"] = true
  end
  for _, param in ipairs(e.entry.params) do
    if param.type == "enum" and current:sub(1, #param[1] + 1) == param[1] .. "=" then
      return values_of(param)
    elseif not present[param[1]] then
      list[#list + 1] = { param[1] .. "=", terminal.text_of(param) }
    end
  end
  return list
end

-- ---- where the current word stands ----

-- What argparse adds.
local ADDED = { { "-h --help", "Show this help message and exit.", flag = true } }

-- The groups of documented endpoints, in their order.
local function groups()
  local list, seen = {}, {}
  for _, name in ipairs(endpoint.names) do
    local group = endpoint.documented[name].group
    if not seen[group] then
      seen[group] = true
      list[#list + 1] = { group, ("Documented endpoints %s.*."):format(group) }
    end
  end
  return list
end

local function command_names()
  local list = {}
  for _, command in ipairs(commands.list) do
    if command.endpoints then
      for _, group in ipairs(groups()) do
        list[#list + 1] = group
      end
    else
      list[#list + 1] = command
    end
  end
  return list
end

-- The endpoints of a group, by their second word. Empty if there is no such group.
local function endpoints_of(group)
  local list = {}
  for _, name in ipairs(endpoint.names) do
    local e = endpoint.documented[name]
    if e.group == group then
      list[#list + 1] = { e.short, terminal.text_of(e.entry) }
    end
  end
  return list
end

-- The names of options, of several lists.
local function option_names(lists)
  local names = {}
  for _, list in ipairs(lists) do
    for _, option in ipairs(list) do
      for name in option[1]:gmatch "%S+" do
        names[#names + 1] = { name, option[2] }
      end
    end
  end
  return names
end

local function files()
  return complete.FILES
end

local OF_OPTION = {
  ["--profile"] = profiles,
  ["--to"] = endpoint_names,
  ["--failed"] = files,
  ["--journal"] = files,
  ["--dir"] = files,
  ["--stop"] = files,
}

local OF_COMMAND = {
  get = function(given, current)
    return given[1] and parameters(endpoint_at(false, given[1]), given, current) or paths(false)
  end,
  post = function(given, current)
    return given[1] and parameters(endpoint_at(true, given[1]), given, current) or paths(true)
  end,
  pages = function(given, current)
    return given[1] and parameters((endpoint.find(given[1])), given, current) or paged_names()
  end,
  batch = function(given) return given[1] and {} or complete.FILES end,
  describe = function(given) return given[1] and {} or endpoint_names() end,
  help = function(given) return given[2] and {} or given[1] and endpoints_of(given[1]) or command_names() end,
}

-- What may stand in a command's place of arguments.
local function arguments_of(place, current)
  local given, command = place.given, place.command
  if place.endpoint then
    return parameters(place.endpoint, given, current)
  elseif OF_COMMAND[command[1]] then
    return OF_COMMAND[command[1]](given, current)
  end
  local argument = command.arguments and command.arguments[1]
  return argument and #given == 0 and undescribed(argument.choices or {}) or {}
end

-- Go one word further.
local function pass(place, word)
  if place.option then
    place.option = nil
  elseif word:find "^%-" then
    local option = words.find_option(place.options, word)
    place.option = option and not option.flag and option or nil
  elseif place.command then
    table.insert(place.given, word)
  elseif place.group then
    place.endpoint = endpoint.documented[place.group .. "." .. word]
    place.command = place.endpoint and commands.endpoint
    place.is_unknown = place.command == nil
  else
    place.command = words.find_command(word)
    place.group = endpoints_of(word)[1] and word
    place.is_unknown = not (place.command or place.group)
  end
  if place.command and place.command.is_external then
    place.options = { place.command.options }
  elseif place.command then
    place.options[1] = place.command.options or {}
  end
end

-- Return what the current word may become: FILES, or an array of { text, description }. before: the words before it.
function complete.candidates(before, current)
  local place = { given = {}, options = { {}, commands.common, ADDED } }
  for _, word in ipairs(before) do
    pass(place, word)
  end
  local all
  if place.option then
    local of = OF_OPTION[place.option[1]]
    all = of and of() or undescribed(place.option.choices or {})
  elseif current:find "^%-" then
    all = option_names(place.options)
  elseif place.is_unknown then
    all = {}
  elseif place.command then
    all = arguments_of(place, current)
  elseif place.group then
    all = endpoints_of(place.group)
  else
    all = current:find(".", 1, true) and endpoint_names() or command_names()
  end
  if all == complete.FILES then
    return all
  end
  local fitting = {}
  for _, one in ipairs(all) do
    if one[1]:sub(1, #current) == current then
      fitting[#fitting + 1] = one
    end
  end
  return fitting
end

-- Answer a shell that asks with the words `__complete -- WORD… CURRENT`: lines of text, tab, description; or FILES.
function complete.answer(asked)
  local before = {}
  for i = 3, #asked - 1 do
    before[#before + 1] = asked[i]
  end
  local found = complete.candidates(words.split_name(before), asked[#asked])
  if found == complete.FILES then
    output.put(complete.FILES, "\n")
    return 0
  end
  for _, one in ipairs(found) do
    output.put(one[1], "\t", one[2] or "", "\n")
  end
  return 0
end

-- ---- the shells ----

-- bash breaks words at = and : and replaces what is behind the last of them; an @ there belongs to that.
local BASH = [==[
# Completion of itrigger for bash: eval "$(itrigger completion bash)"
_itrigger() {
    local line=${COMP_LINE:0:COMP_POINT} current='' text prefix
    local -a before
    read -ra before <<<"$line"
    if [[ $line != *[[:space:]] ]]; then
        current=${before[-1]}
        unset 'before[-1]'
    fi
    prefix=${current%"${current##*[=:]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r text _; do
        if [[ $text == FILES ]]; then
            _itrigger_files "$current"
        else
            if [[ $text == *= ]]; then compopt -o nospace; fi
            COMPREPLY+=("${text#"$prefix"}")
        fi
    done < <(itrigger __complete -- "${before[@]:1}" "$current" 2>/dev/null)
}
_itrigger_files() {
    local file
    if [[ $1 != *@* ]]; then
        compopt -o default
        return
    fi
    while IFS= read -r file; do
        if [[ -d $file ]]; then compopt -o nospace; fi
        printf -v file '@%q%s' "$file" "$([[ -d $file ]] && echo /)"
        COMPREPLY+=("$file")
    done < <(compgen -f -- "${1#*@}")
}
complete -F _itrigger itrigger
]==]

local ZSH = [==[
#compdef itrigger
# Completion of itrigger for zsh: eval "$(itrigger completion zsh)" after compinit, or a file _itrigger in $fpath.
_itrigger() {
    local line text
    local -a names shown open open_shown
    for line in "${(@f)$(itrigger __complete -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
        text=${line%%$'\t'*}
        if [[ $text == FILES ]]; then
            compset -P '*@'
            _files
            return
        elif [[ $text == *= ]]; then
            open+=("$text") open_shown+=("${line/$'\t'/  }")
        elif [[ -n $text ]]; then
            names+=("$text") shown+=("${line/$'\t'/  }")
        fi
    done
    compadd -l -d shown -a names
    compadd -S '' -l -d open_shown -a open
}
if [[ $funcstack[1] == _itrigger ]]; then _itrigger "$@"; else compdef _itrigger itrigger; fi
]==]

local FISH = [==[
# Completion of itrigger for fish: itrigger completion fish | source
function __itrigger_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (itrigger __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$found[1]" = FILES
        set -l prefix (string match -r '^.*@' -- $current)
        for file in (__fish_complete_path (string replace -r '^.*@' '' -- $current))
            echo $prefix$file
        end
    else if test (count $found) -gt 0
        printf '%s\n' $found
    end
end
complete -c itrigger -f -a '(__itrigger_complete)'
]==]

local SCRIPTS = { bash = BASH, zsh = ZSH, fish = FISH }

-- `itrigger completion SHELL`.
function complete.command(args)
  output.put(SCRIPTS[args.shell])
  return 0
end

return complete
