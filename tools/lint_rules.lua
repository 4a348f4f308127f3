-- The rules that a compiler does not know: who may include whom (the tower of src/README.md), the functions
-- that are banned, columns. Reads file names, relative to the tree's root, from standard input; prints file:line
-- and the rule that is broken.
--   tools/sources all | lua5.4 tools/lint_rules.lua [ROOT]
local root = (arg[1] or ".") .. "/"
local found = 0

local MAX_COLUMNS = 100

local BANNED = {}
for word in ("sprintf strcpy strcat strtok gmtime localtime atoi system popen gets"):gmatch("%S+") do
  BANNED[word] = true
end

-- Deciding only: these get time and randomness as arguments.
local PURE = {
  "^src/core/call/call%.", "^src/core/call/envelope%.", "^src/core/source/cache%.", "^src/core/source/state%.", "^src/core/record/record%.",
  "^src/core/record/hold%.", "^src/core/record/view%.", "^src/core/record/sound%.", "^src/core/record/text%.",
  "^src/core/fetch/machine%.", "^src/core/fetch/answer%.", "^src/core/fetch/gateway_answer%.", "^src/core/fetch/server_answer%.",
}
local IMPURE_HEADERS = {
  "^pthread%.h$", "^threads%.h$", "^stdatomic%.h$", "^time%.h$", "^unistd%.h$", "^fcntl%.h$", "^poll%.h$", "^signal%.h$",
  "^sys/", "^netdb%.h$", "^arpa/", "^netinet/", "^core/base/clock%.h$", "^core/os/",
}
local IMPURE_WORDS = {}
for word in ([[time clock clock_gettime gettimeofday nanosleep sleep usleep rand random srand getrandom getentropy
    open openat read write close fopen fread fwrite fclose fgets fputs puts printf fprintf perror getenv secure_getenv
    socket send recv poll select fork]]):gmatch("%S+") do
  IMPURE_WORDS[word] = true
end

local function report(file, line, rule)
  found = found + 1
  io.stdout:write(file, ":", line, ": ", rule, "\n")
end

local function read_file(name)
  local file = assert(io.open(root .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- C without comments and strings, line for line.
local function bare_c(text)
  local function blank(part)
    return (part:gsub("[^\n]", " "))
  end
  local out, at = {}, 1
  while true do
    local start = text:find("[\"'/]", at)
    if not start then
      break
    end
    local two, finish = text:sub(start, start + 1), nil
    if two == "/*" then
      finish = select(2, text:find("*/", start + 2, true)) or #text
    elseif two == "//" then
      finish = (text:find("\n", start, true) or #text + 1) - 1
    elseif text:sub(start, start) ~= "/" then
      local quote, stop = text:sub(start, start), start + 1
      while stop <= #text and text:sub(stop, stop) ~= quote do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
      finish = stop
    end
    out[#out + 1] = text:sub(at, start - 1)
    if finish then
      out[#out + 1] = blank(text:sub(start, finish))
      at = finish + 1
    else
      out[#out + 1] = text:sub(start, start)
      at = start + 1
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

local function each_line(text, visit)
  local number = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    visit(line, number)
  end
end

local function matches_any(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then
      return true
    end
  end
  return false
end

-- The tower, from the top. A folder includes itself and the floors below it; two folders on one floor never include each
-- other.
local FLOORS = {
  { "bind", "itriggerd" },
  { "core/call" },
  { "core/source" },
  { "core/fetch" },
  { "core/config" },
  { "store", "transport" },
  { "core/record" },
  { "core/http" },
  { "core/json" },
  { "core/os" },
  { "core/base" },
}
local FLOOR_OF = {}
for number, folders in ipairs(FLOORS) do
  for _, folder in ipairs(folders) do
    FLOOR_OF[folder] = number
  end
end

-- Which files may include which foreign headers, and who may name what stands behind an interface.
local INCLUDE_RULES = {
  { "^src/", "^src/bind/", { "^lua%.h", "^lauxlib%.h", "^lualib%.h", "^luajit%.h", "^luaconf%.h", "^lua[%d.]+/" },
    "lua.h outside src/bind" },
  { "^src/", "^src/transport/", { "^curl/" }, "curl/ outside src/transport" },
  { "^src/", "^src/store/redis", { "hiredis" }, "hiredis outside src/store/redis*" },
  { "^src/core/", nil, { "^store/", "^transport/" }, "core includes a concrete store or transport" },
  { "^src/itriggerd/", "^src/itriggerd/parts%.c$", { "^store/", "^transport/" },
    "a concrete store or transport named outside src/itriggerd/parts.c" },
  { "^src/", nil, { "spec/", "sandbox/" }, "shipped code includes spec or sandbox" },
  { "^src/", nil, { "^%.%.?/" }, "an include path that is not from src/" },
}

local function folder_of(path)
  return path:match("^(.*)/[^/]*$") or ""
end

local function check_floor(file, line, header)
  local from, to = file:match("^src/(.*)/[^/]*$"), folder_of(header)
  if not from or not FLOOR_OF[to] then
    return
  end
  if not FLOOR_OF[from] then
    report(file, line, "src/" .. from .. " is on no floor of the tower (tools/lint_rules.lua)")
  elseif from ~= to and FLOOR_OF[to] <= FLOOR_OF[from] then
    report(file, line, "src/" .. from .. " includes " .. to .. ", which is not below it")
  end
end

local function check_include(file, line, header)
  check_floor(file, line, header)
  for _, rule in ipairs(INCLUDE_RULES) do
    local bound, spared, headers, text = rule[1], rule[2], rule[3], rule[4]
    if file:find(bound) and not (spared and file:find(spared)) and matches_any(header, headers) then
      report(file, line, text)
    end
  end
  if matches_any(file, PURE) and matches_any(header, IMPURE_HEADERS) then
    report(file, line, "a pure file includes " .. header)
  end
end

local function check_own_header_first(file, text, names)
  local own = file:gsub("^src/", ""):gsub("%.c$", ".h")
  local first = text:match('#include%s+["<]([^">]+)')
  if file:find("^src/.*%.c$") and names["src/" .. own] and first ~= own then
    report(file, 1, "its own header is not its first include")
  end
end

local function check_calls(file, bare)
  local pure = matches_any(file, PURE)
  each_line(bare, function(line, number)
    for word in line:gmatch("([%a_][%w_]*)%s*%(") do
      if BANNED[word] then
        report(file, number, "banned function " .. word)
      elseif pure and (IMPURE_WORDS[word] or word:find("^pthread_") or word:find("^itr_clock_")) then
        report(file, number, "a pure file calls " .. word)
      end
    end
  end)
end

local function check_columns(file, text)
  each_line(text, function(line, number)
    -- clang-format indents the members below such a comment as far as it reaches.
    if line:find("^enum [%w_]+ {%s*/%*") then
      report(file, number, "a comment behind the brace of an enum")
    end
    if file:find("^src/") and #line:gsub("[\128-\191]", "") > MAX_COLUMNS then
      report(file, number, "more than " .. MAX_COLUMNS .. " columns")
    end
  end)
end

local function check_c(file, names)
  local text = read_file(file)
  each_line(text, function(line, number)
    local header = line:match('^%s*#%s*include%s*["<]([^">]+)')
    if header then
      check_include(file, number, header)
    end
  end)
  check_own_header_first(file, text, names)
  check_columns(file, text)
  check_calls(file, bare_c(text))
end

local function check_lua(file)
  local text = read_file(file)
  each_line(text, function(line, number)
    for module in line:gsub("%-%-.*", ""):gmatch("require%s*%(?%s*[\"']([^\"']+)[\"']") do
      if file ~= "lua/itrigger/init.lua" and (module == "itrigger" or module == "itrigger.init") then
        report(file, number, "a Lua submodule requires init")
      elseif module:find("^spec[./]") or module:find("^sandbox[./]") then
        report(file, number, "shipped Lua requires spec or sandbox")
      end
    end
  end)
end

local files, names = {}, {}
for name in io.lines() do
  files[#files + 1] = name
  names[name] = true
end
for _, name in ipairs(files) do
  if name:find("%.[ch]$") then
    check_c(name, names)
  elseif name:find("^lua/.*%.lua$") then
    check_lua(name)
  end
end
os.exit(found == 0 and 0 or 1)
