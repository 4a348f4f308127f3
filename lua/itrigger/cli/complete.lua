-- Completion: what may come next on a command line, and the few lines of each shell that ask for it. A shell runs
-- `itrigger __complete -- WORD… CURRENT`, so what it offers is always what this version has.

local endpoint = require "itrigger.endpoint"
local profile = require "itrigger.cli.profile"
local terminal = require "itrigger.cli.terminal"

local concat, ipairs, pairs = table.concat, ipairs, pairs

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

-- The commands of a node of the parser.
local function commands_of(node)
  local list = {}
  for _, command in ipairs(node._commands) do
    list[#list + 1] = { command._name, command._summary or command._description }
  end
  return list
end

local function options_of(node)
  local list = {}
  while node do
    for _, option in ipairs(node._options) do
      for _, name in ipairs(option._aliases) do
        list[#list + 1] = { name, option._description }
      end
    end
    node = node._parent
  end
  return list
end

-- The option of a node, or of one above it, by its name on the command line.
local function find(node, field, name)
  while node do
    for _, element in ipairs(node[field]) do
      for _, alias in ipairs(element._aliases) do
        if alias == name then
          return element
        end
      end
    end
    node = field == "_options" and node._parent or nil
  end
end

local function choices_of(element)
  return undescribed(element._choices or {})
end

local OF_OPTION = {
  ["--profile"] = profiles,
  ["--to"] = endpoint_names,
  ["--failed"] = function() return complete.FILES end,
  ["--journal"] = function() return complete.FILES end,
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
}

-- What may stand in a command's place of arguments.
local function arguments_of(node, given, current, parser)
  local group = node._parent and node._parent._name
  local e = endpoint.find((group or "") .. "." .. node._name)
  if e then
    return parameters(e, given, current)
  elseif node._name == "help" then
    local of = given[1] and find(parser, "_commands", given[1])
    return commands_of(of and of ~= node and of or parser)
  elseif OF_COMMAND[node._name] then
    return OF_COMMAND[node._name](given, current)
  end
  return node._arguments[1] and #given == 0 and choices_of(node._arguments[1]) or {}
end

-- Return what the current word may become: FILES, or an array of { text, description }. words: those before it.
function complete.candidates(parser, words, current)
  local node, given, option = parser, {}, nil
  for _, word in ipairs(words) do
    if option then
      option = nil
    elseif word:find "^%-" then
      local found = find(node, "_options", word)
      option = found and found._maxargs > 0 and found or nil
    else
      local command = find(node, "_commands", word)
      if command then
        node = command
      else
        given[#given + 1] = word
      end
    end
  end
  local all
  if option then
    local of = OF_OPTION[option._aliases[1]]
    all = of and of() or choices_of(option)
  elseif current:find "^%-" then
    all = options_of(node)
  elseif #node._commands > 0 then
    all = given[1] and {} or commands_of(node) -- after an unknown command: nothing
  else
    all = arguments_of(node, given, current, parser)
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

-- The same as lines for a shell: text, tab, description; or FILES.
function complete.lines(parser, words, current)
  local found = complete.candidates(parser, words, current)
  if found == complete.FILES then
    return complete.FILES .. "\n"
  end
  local lines = {}
  for i, one in ipairs(found) do
    lines[i] = one[1] .. "\t" .. (one[2] or "") .. "\n"
  end
  return concat(lines)
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

complete.scripts = { bash = BASH, zsh = ZSH, fish = FISH }

return complete
