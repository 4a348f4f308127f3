-- Parameters on the command line: name=text, name:=JSON, name=@file, name:=@file.json; a name that comes again makes an
-- array. For documented endpoints a channel may be given by name, and counts become numbers.

local json = require "itrigger.json"

local arguments = {}

local function read_file(name)
  if name == "" then
    return nil, "a file name is missing after @"
  end
  local file, err = io.open(name, "rb")
  if not file then
    return nil, err
  end
  local text, wrong = file:read "*a"
  file:close()
  if text == nil then
    return nil, name .. ": " .. tostring(wrong)
  end
  return text
end

local function read_value(operator, text)
  if text:sub(1, 1) == "@" then
    local content, err = read_file(text:sub(2))
    if content == nil then
      return nil, err
    end
    text = content
  end
  if operator == "=" then
    return text
  end
  local value, err = json.decode(text, { null = "keep" })
  if err then
    return nil, "not JSON: " .. err.message
  end
  return value
end

-- What a documented parameter makes of text.
local function typed(param, value)
  if param == nil or type(value) ~= "string" then
    return value
  elseif param.type == "enum" then
    local named = param.values[value]
    for _, allowed in pairs(param.values) do
      named = named or tostring(allowed) == value and allowed
    end
    return named or value
  elseif param.type == "count" then
    return tonumber(value) or value
  end
  return value
end

-- Read words into a table of parameters. params: those of a documented endpoint by name, or nil. Returns table | nil,
-- what is wrong.
function arguments.read(words, params)
  local made, is_list = {}, {}
  for _, word in ipairs(words) do
    local name, operator, text = word:match "^([^=:@][^=:]*)(:?=)(.*)$"
    if name == nil then
      return nil, ('"%s" is not name=value, name:=JSON or name=@file'):format(word)
    end
    local value, err = read_value(operator, text)
    if value == nil then
      return nil, name .. ": " .. err
    end
    value = typed(params and params[name], value)
    if made[name] == nil then
      made[name] = value
    elseif is_list[name] then
      table.insert(made[name], value)
    else
      made[name], is_list[name] = { made[name], value }, true
    end
  end
  return made
end

-- Read the body of a POST: words as above, or one word @file.json or - (standard input). Returns table | nil, what is
-- wrong.
function arguments.body(words, params)
  local only = #words == 1 and words[1]
  if only and (only == "-" or only:sub(1, 1) == "@") then
    local text, err
    if only == "-" then
      text, err = io.read "*a"
      err = err and "standard input cannot be read: " .. err
    else
      text, err = read_file(only:sub(2))
    end
    if text == nil then
      return nil, err
    end
    local value, wrong = json.decode(text, { null = "keep" })
    if wrong then
      return nil, "the body is not JSON: " .. wrong.message
    elseif type(value) ~= "table" then
      return nil, "the body must be a JSON object or array"
    end
    return value
  end
  return arguments.read(words, params)
end

return arguments
