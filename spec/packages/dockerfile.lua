-- lua5.4 spec/packages/dockerfile.lua FILE BASE WORK: does what `docker build` of FILE would do in the folder of the
-- tree, with the machine in the folder BASE as the base of each stage that says FROM debian:N. Each stage becomes a
-- folder in WORK. Stages that the last does not need are left out, as Docker does. Prints lines for a shell: root, user,
-- environment and command of the image.
local file, base, work = table.unpack(arg)

local function die(...)
  io.stderr:write("dockerfile: ", string.format(...), "\n")
  os.exit(1)
end

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function run(...)
  local command = string.format(...)
  io.stderr:write("+ ", command, "\n")
  if not os.execute(command .. " >&2 </dev/null") then
    die("failed: %s", command)
  end
end

-- ---- reading ----

-- The instructions: { line =, word =, text = }, continued lines joined, comments gone.
local function instructions()
  local list, pending, number = {}, nil, 0
  for line in io.lines(file) do
    number = number + 1
    if not line:find "^%s*#" and (pending or line:find "%S") then
      pending = pending or { line = number, text = "" }
      local continued = line:match "^(.*)\\$"
      pending.text = pending.text .. (continued or line)
      if not continued then
        pending.word, pending.text = pending.text:match "^(%u+)%s+(.*)$"
        list[#list + 1] = pending.word and pending or die("%s:%d: no instruction", file, number)
        pending = nil
      end
    end
  end
  return pending and die("%s: ends in the middle of an instruction", file) or list
end

local function words_of(text)
  local words = {}
  for word in text:gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

-- ["a", "b"] of CMD and ENTRYPOINT. Nothing here needs more of JSON.
local function list_of(instruction)
  local inside = instruction.text:match "^%[(.*)%]%s*$" or die("%s:%d: not a list", file, instruction.line)
  local list = {}
  for word in inside:gmatch '"([^"\\]*)"' do
    list[#list + 1] = word
  end
  return list
end

-- In order, and by name. needs: the names of stages that are copied from.
local function stages()
  local list, by_name = {}, {}
  for _, instruction in ipairs(instructions()) do
    if instruction.word == "FROM" then
      local words = words_of(instruction.text)
      local stage = { image = words[1], line = instruction.line, name = words[3] or "last", needs = {} }
      list[#list + 1], by_name[stage.name] = stage, stage
    elseif #list == 0 then
      die("%s:%d: %s before FROM", file, instruction.line, instruction.word)
    else
      local stage = list[#list]
      stage[#stage + 1] = instruction
      stage.needs[#stage.needs + 1] = instruction.text:match "^%-%-from=(%S+)"
    end
  end
  return list, by_name
end

-- ---- doing ----

local function debian_of_base()
  for line in io.lines(base .. "/etc/os-release") do
    local version = line:match '^VERSION_ID="?(%d+)'
    if version then
      return version
    end
  end
end

local by_name
local DO = {}

function DO.RUN(stage, text)
  run("spec/packages/in_root %s 0:0 %s %s %s", quote(stage.root), quote(stage.directory), quote(text), table.concat(stage.environment, " "))
end

-- A folder's content, or files into the folder that ends with "/".
function DO.COPY(stage, text)
  local words = words_of(text)
  local from = words[1]:match "^%-%-from=(.*)"
  if from then
    table.remove(words, 1)
  end
  local top = from and by_name[from].root or "."
  local to = stage.root .. table.remove(words)
  run("mkdir -p %s", quote(to:match "^(.*/)"))
  for _, word in ipairs(words) do
    local source = top .. "/" .. word
    run("if [ -d %s ]; then mkdir -p %s; cp -RP %s/. %s; else cp %s %s; fi", quote(source), quote(to), quote(source), quote(to),
      quote(source), quote(to))
  end
end

function DO.ENV(stage, text)
  for name, value in text:gmatch "([%w_]+)=(%S+)" do
    table.insert(stage.environment, quote(name .. "=" .. value))
  end
end

function DO.USER(stage, text)
  stage.user = text
end

function DO.WORKDIR(stage, text)
  stage.directory = text
  run("mkdir -p %s", quote(stage.root .. text))
end

function DO.EXPOSE() end

function DO.ENTRYPOINT(stage, _, instruction)
  stage.entrypoint = list_of(instruction)
end

function DO.CMD(stage, _, instruction)
  stage.cmd = list_of(instruction)
end

local function build(stage)
  local version = stage.image:match "^debian:(%d+)"
  if not version or version ~= debian_of_base() then
    die("%s:%d: the base here is Debian %s, not %s", file, stage.line, debian_of_base(), stage.image)
  end
  stage.root, stage.user, stage.directory, stage.environment = work .. "/" .. stage.name, "0:0", "/", {}
  for _, name in ipairs(stage.needs) do
    if not by_name[name] then
      die("%s:%d: no stage %s", file, stage.line, name)
    elseif not by_name[name].root then
      build(by_name[name])
    end
  end
  run("mkdir -p %s && cp -a %s/. %s", quote(stage.root), quote(base), quote(stage.root))
  for _, instruction in ipairs(stage) do
    local act = DO[instruction.word] or die("%s:%d: %s is not known here", file, instruction.line, instruction.word)
    act(stage, instruction.text, instruction)
  end
end

local list
list, by_name = stages()
local image = list[#list]
build(image)
local command = {}
for _, part in ipairs { image.entrypoint or {}, image.cmd or {} } do
  for _, word in ipairs(part) do
    command[#command + 1] = quote(word)
  end
end
print("root=" .. quote(image.root))
print("user=" .. quote(image.user))
print("environment=" .. quote(table.concat(image.environment, " ")))
print("command=" .. quote(table.concat(command, " ")))
