-- JSON in and out. lua-cjson reads; it cannot write what the vendor's answers hold (integers beyond
-- 2^53, an empty array, "code" before "data"), so the writing is here: int64 cdata (`1LL`) becomes
-- its digits, `json.array` an array whatever it holds, `json.raw` text that is JSON already.
local cjson = require "cjson.safe"

local json = { null = cjson.null }

local Array, Raw = {}, {}

function json.array(items)
  return setmetatable(items or {}, Array)
end

function json.raw(text)
  return setmetatable({ text = text }, Raw)
end

-- Returns the value, or nil and why not.
function json.decode(text)
  return cjson.decode(text)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(char)
  return escapes[char] or string.format("\\u%04x", char:byte())
end

local function write_string(text)
  return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

local function write_number(number)
  if number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    return string.format("%.0f", number)
  end
  local short = string.format("%.15g", number)
  return tonumber(short) == number and short or string.format("%.17g", number)
end

local write

local function write_array(items)
  local out = {}
  for i = 1, #items do
    out[i] = write(items[i])
  end
  return "[" .. table.concat(out, ",") .. "]"
end

local function write_object(members)
  local out = {}
  for name, value in pairs(members) do
    out[#out + 1] = write_string(tostring(name)) .. ":" .. write(value)
  end
  table.sort(out)
  return "{" .. table.concat(out, ",") .. "}"
end

local function write_table(value)
  local kind = getmetatable(value)
  if kind == Raw then
    return value.text
  elseif kind == Array or value[1] ~= nil then
    return write_array(value)
  end
  return write_object(value)
end

local writers = {
  ["nil"] = function() return "null" end,
  userdata = function() return "null" end,
  boolean = tostring,
  number = write_number,
  string = write_string,
  table = write_table,
  cdata = function(value) return (tostring(value):gsub("U?LL$", "")) end,
}

function write(value)
  return writers[type(value)](value)
end

json.encode = write

return json
